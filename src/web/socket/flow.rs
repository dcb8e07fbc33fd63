//! How much a viewer has been sent and has not read.
//!
//! The kernel on either side, and a proxy in between, buffer bytes that the viewer has not read. A pong says that the
//! viewer has read all that came before the ping, because a viewer answers pings in their place among the frames (RFC
//! 6455, 5.5.2). A viewer that has never answered is given the time that a slow one needs for its first frame, and is
//! then judged by what the kernel has sent.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::web::serve::Tcp;

/// What a viewer may have unread when it is given another frame. At 200 bytes a second this is under three seconds.
const UNREAD: u64 = 512;

/// No viewer that reads at least so many bytes a second is given up.
const SLOWEST: u64 = 100;

/// So many bytes a second a viewer is thought to read before it has answered for the first time.
const SLOW: u64 = 200;

/// What a frame may be waiting in that we do not see: the receive buffer that Linux begins with.
const UNSEEN: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct Flow {
    tcp: Option<Tcp>,
    written: u64,
    read: u64,
    /// How much had been written when the ping was sent that has not been answered.
    asked: Option<u64>,
    /// When a viewer that has never answered may be given another frame all the same.
    held_until: Option<Instant>,
    answers: bool,
    /// When the viewer last showed that it reads, or that it is there.
    sign: Instant,
    drain_count: u64,
}

impl Flow {
    pub(super) fn new(tcp: Option<Tcp>) -> Self {
        Self {
            tcp,
            written: 0,
            read: 0,
            asked: None,
            held_until: None,
            answers: false,
            sign: Instant::now(),
            drain_count: 0,
        }
    }

    /// Something was written, with so many bytes.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    /// What to ask the viewer with, if it must be asked how far it is. One question at a time.
    pub(super) fn question(&mut self, is_due: bool) -> Option<Bytes> {
        if self.asked.is_some() || !(is_due || self.unread() >= UNREAD) {
            return None;
        }
        self.asked = Some(self.written);
        if !self.answers {
            self.held_until = Some(Instant::now() + Duration::from_secs(self.unread() / SLOW));
        }
        Some(Bytes::copy_from_slice(self.written.to_string().as_bytes()))
    }

    /// Something came from the viewer.
    pub(super) fn received(&mut self) {
        self.sign = Instant::now();
    }

    /// Whether a pong answers a ping of ours. Other pongs are ignored.
    pub(super) fn is_answer(&mut self, pong: &[u8]) -> bool {
        match self.asked {
            Some(asked) if asked.to_string().as_bytes() == pong => {
                (self.asked, self.read, self.held_until, self.answers) = (None, asked, None, true);
                true
            }
            _ => false,
        }
    }

    /// Whether the viewer may be given another frame, as far as it says.
    pub(super) fn is_open(&self) -> bool {
        !self.answers || self.unread() < UNREAD
    }

    /// Resolves when it may be given another frame, as far as the time and the kernel say.
    pub(super) async fn drained(&self) {
        // Even a timer that has run out takes a turn of the clock.
        if let Some(until) = self.held_until.filter(|until| Instant::now() < *until) {
            sleep_until(until).await;
        }
        if let Some(tcp) = &self.tcp {
            tcp.drained().await;
        }
    }

    /// Whether the viewer has given no sign for so long, and no less than since then. One that answers may take the
    /// time that it needs for what it has not read; one that never did shows that it reads by making room.
    pub(super) fn is_silent(&mut self, since: Instant, limit: Duration) -> bool {
        if let Some(drain_count) = self.tcp.as_ref().map(Tcp::drain_count) {
            self.notice(drain_count);
        }
        let reading = if self.answers { self.unread().min(UNSEEN) / SLOWEST } else { 0 };
        self.sign.max(since).elapsed() > limit + Duration::from_secs(reading)
    }

    fn notice(&mut self, drain_count: u64) {
        if drain_count != self.drain_count {
            self.drain_count = drain_count;
            self.sign = Instant::now();
        }
    }

    fn unread(&self) -> u64 {
        self.written - self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn silent(flow: &mut Flow) -> bool {
        flow.is_silent(Instant::now() - Duration::from_hours(1), LIMIT)
    }

    fn answering() -> Flow {
        let mut flow = Flow::new(None);
        let question = flow.question(true).expect("it is due");
        assert!(flow.is_answer(&question));
        flow
    }

    #[tokio::test(start_paused = true)]
    async fn frame_waits_for_the_answer_once_enough_is_unread() {
        let mut flow = answering();
        flow.wrote(100);
        assert!(flow.is_open() && flow.question(false).is_none());
        flow.wrote(5_000);
        let question = flow.question(false).expect("how far are you?");
        assert!(!flow.is_open() && flow.question(true).is_none(), "one question at a time");
        flow.wrote(600);
        assert!(!flow.is_answer(b"something else") && !flow.is_open());
        assert!(flow.is_answer(&question) && !flow.is_open());
        assert!(!flow.is_answer(&question), "once");
        let question = flow.question(false).expect("of what was written after the question before");
        assert!(flow.is_answer(&question) && flow.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn viewer_that_never_answers_is_given_the_time_for_its_first_frame() {
        let began = Instant::now();
        let mut flow = Flow::new(None);
        flow.drained().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "nothing has been written");
        flow.wrote(5_000);
        let question = flow.question(false).expect("how far are you?");
        flow.drained().await;
        assert!(flow.is_open() && began.elapsed() >= Duration::from_secs(25), "5,000 bytes at 200 a second");
        flow.wrote(5_000);
        flow.drained().await;
        assert!(began.elapsed() < Duration::from_secs(26), "once");

        assert!(flow.is_answer(&question), "late, and from now on it is waited for");
        assert!(!flow.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reader_gets_the_time_that_its_frame_takes() {
        let mut flow = answering();
        flow.wrote(20_000);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(!silent(&mut flow), "20,000 bytes at 200 a second");
        tokio::time::advance(Duration::from_secs(131)).await;
        assert!(silent(&mut flow));
        flow.received();
        assert!(!silent(&mut flow));
    }

    #[tokio::test(start_paused = true)]
    async fn reader_that_makes_room_reads_and_others_do_not() {
        let mut flow = Flow::new(None);
        flow.wrote(20_000);
        tokio::time::advance(Duration::from_secs(29)).await;
        flow.notice(1);
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(!silent(&mut flow), "it made room");
        flow.notice(1);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(silent(&mut flow), "it never answered and made no more room");
    }
}
