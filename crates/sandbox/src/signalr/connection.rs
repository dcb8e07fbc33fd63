//! One connection: a bounded ring of messages that transports read with a cursor.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Number of messages that are kept. A client that comes back later loses the older ones without notice (signalr.md 8).
const RING: usize = 1000;

/// The most messages in one frame.
const FRAME: usize = 50;

#[derive(Debug)]
pub struct Connection {
    token: String,
    tag: String,
    user: i64,
    ring: VecDeque<(u64, String)>,
    last: u64,
    started: bool,
    pushes_withheld: bool,
    held_back: Option<String>,
    groups: Groups,
    transports: usize,
    idle_since: Instant,
    latest: watch::Sender<u64>,
}

/// Membership in the group that gets pushes.
#[derive(Debug, Default)]
struct Groups {
    token: Option<String>,
    member: bool,
    announced: bool,
}

impl Connection {
    pub fn new(token: String, tag: String, user: i64) -> Self {
        Self {
            token,
            tag,
            user,
            ring: VecDeque::new(),
            last: 0,
            started: false,
            pushes_withheld: false,
            held_back: None,
            groups: Groups::default(),
            transports: 0,
            idle_since: Instant::now(),
            latest: watch::channel(0).0,
        }
    }

    /// The next frame for a transport that has read up to `cursor`, and the cursor after it.
    pub fn frame_after(&mut self, cursor: u64) -> Option<(u64, String)> {
        if !self.started {
            return None;
        }
        let unread: Vec<_> = self.ring.iter().filter(|(number, _)| *number > cursor).take(FRAME).collect();
        let (last, _) = unread.last()?;
        let messages: Vec<&str> = unread.iter().map(|(_, message)| message.as_str()).collect();
        let groups = match &self.groups.token {
            Some(token) if !self.groups.announced => format!(r#""G":"{token}","#),
            _ => String::new(),
        };
        let frame = format!(r#"{{"C":"{}",{groups}"M":[{}]}}"#, self.cursor(*last), messages.join(","));
        self.groups.announced = true;
        Some((*last, frame))
    }

    /// The first frame of a connection.
    pub fn init_frame(&self) -> String {
        format!(r#"{{"C":"{}","S":1,"M":[]}}"#, self.cursor(self.last))
    }

    /// The frame that ends a poll without messages. `L` asks the client to wait before the next poll.
    pub fn empty_frame(&self, cursor: u64, delay: Duration) -> String {
        let delay = if delay.is_zero() { String::new() } else { format!(r#","L":{}"#, delay.as_millis()) };
        format!(r#"{{"C":"{}","M":[]{delay}}}"#, self.cursor(cursor))
    }

    fn cursor(&self, number: u64) -> String {
        format!("d-{}-B,0|C,{number:X}|D,0", self.tag)
    }

    /// Parses a `messageId` of this connection.
    pub fn parse_cursor(&self, text: &str) -> Option<u64> {
        let signals = text.strip_prefix("d-")?.strip_prefix(&self.tag)?.strip_prefix('-')?;
        let number = signals.split('|').find_map(|signal| signal.strip_prefix("C,"))?;
        u64::from_str_radix(number, 16).ok()
    }

    /// Adds a message to the ring; with `reordered`, behind the next one.
    pub fn push(&mut self, message: String, reordered: bool) {
        if !self.groups.member || self.pushes_withheld {
            return;
        }
        if reordered && self.held_back.is_none() {
            self.held_back = Some(message);
            return;
        }
        let delayed = self.held_back.take();
        for message in [Some(message), delayed].into_iter().flatten() {
            self.last += 1;
            self.ring.push_back((self.last, message));
            if self.ring.len() > RING {
                self.ring.pop_front();
            }
        }
        self.latest.send_replace(self.last);
    }

    pub fn start(&mut self) {
        self.started = true;
        self.latest.send_replace(self.last);
    }

    pub fn is_started(&self) -> bool {
        self.started
    }

    pub fn has_token(&self, token: &str) -> bool {
        self.token == token
    }

    pub fn user(&self) -> i64 {
        self.user
    }

    pub fn last(&self) -> u64 {
        self.last
    }

    pub fn attach(&mut self) -> watch::Receiver<u64> {
        self.transports += 1;
        self.latest.subscribe()
    }

    pub fn detach(&mut self) {
        self.transports = self.transports.saturating_sub(1);
        self.idle_since = Instant::now();
    }

    pub fn has_transport(&self) -> bool {
        self.transports > 0
    }

    pub fn is_expired(&self, timeout: Duration) -> bool {
        self.transports == 0 && self.idle_since.elapsed() > timeout
    }

    pub fn join(&mut self, token: String) {
        if !self.groups.member {
            self.groups = Groups { token: Some(token), member: true, announced: false };
        }
    }

    pub fn withhold_pushes(&mut self) {
        self.pushes_withheld = true;
    }

    pub fn leave_groups(&mut self) {
        self.groups.member = false;
    }

    /// A client that reconnects without its groups token has left its groups, without notice (signalr.md 8).
    pub fn verify_groups(&mut self, token: Option<&str>) {
        if self.groups.announced && self.groups.token.as_deref() != token {
            self.leave_groups();
        }
    }
}
