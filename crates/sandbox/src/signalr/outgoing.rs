//! What a transport has to send next, whichever transport it is.

use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::{Hub, Signal};
use crate::floor::lock;

/// Follows one connection for one transport; leaves it when dropped.
#[derive(Debug)]
pub struct Feed {
    hub: Hub,
    connection: String,
    cursor: u64,
    greeting: Option<String>,
    news: watch::Receiver<u64>,
    signals: broadcast::Receiver<Signal>,
    next_beat: Instant,
}

/// A piece of an answer to a poll.
#[derive(Debug)]
pub enum Piece {
    /// A sign of life (`signalr.md` 6).
    Blank,
    /// The frame, which ends the answer.
    Frame(String),
}

impl Feed {
    /// Follows a connection: without a message id with a greeting, with one from there on, and with an empty one from now on.
    /// None if the connection is gone or the id is not one of its own.
    pub fn new(hub: &Hub, connection: &str, message_id: Option<&str>) -> Option<Self> {
        let mut connections = lock(&hub.0.connections);
        let found = connections.get_mut(connection)?;
        let cursor = match message_id {
            Some(text) if !text.is_empty() => found.read_cursor(text)?,
            _ => found.last(),
        };
        Some(Self {
            hub: hub.clone(),
            connection: connection.to_owned(),
            cursor,
            greeting: message_id.is_none().then(|| found.greeting()),
            news: found.follow(),
            signals: hub.0.signals.subscribe(),
            next_beat: Instant::now() + hub.0.timeouts.keep_alive,
        })
    }

    /// The next text, keep-alives included; none when the transport has to end. Nothing is lost if the wait is dropped.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(frame) = self.ready() {
                self.next_beat = Instant::now() + self.hub.0.timeouts.keep_alive;
                return Some(frame);
            }
            let life = self.hub.0.life.clone();
            tokio::select! {
                biased;
                () = life.stopping() => return None,
                signal = self.signals.recv() => match signal {
                    Ok(Signal::Raw(text)) => return Some(text),
                    Ok(Signal::Cut) | Err(broadcast::error::RecvError::Closed) => return None,
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                },
                changed = self.news.changed() => changed.ok()?,
                () = sleep_until(self.next_beat) => {
                    self.next_beat = Instant::now() + self.hub.0.timeouts.keep_alive;
                    if !self.hub.whims().mute {
                        return Some("{}".to_owned());
                    }
                }
            }
        }
    }

    /// The next piece of one answer to a poll, until `deadline`: a blank while there is nothing to say, then whatever
    /// comes first, or silence. None when the transport has to end.
    pub async fn poll(&mut self, deadline: Instant) -> Option<Piece> {
        match tokio::time::timeout_at(deadline, self.next()).await {
            Ok(Some(beat)) if beat == "{}" => Some(Piece::Blank),
            Ok(Some(frame)) => Some(Piece::Frame(frame)),
            Ok(None) => None,
            Err(_) => {
                let delay = self.hub.0.timeouts.poll_delay;
                let connections = lock(&self.hub.0.connections);
                let found = connections.get(&self.connection)?;
                Some(Piece::Frame(found.silence(self.cursor, delay)))
            }
        }
    }

    fn ready(&mut self) -> Option<String> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        let (cursor, frame) = lock(&self.hub.0.connections).get_mut(&self.connection)?.frame_after(self.cursor)?;
        self.cursor = cursor;
        Some(frame)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(found) = lock(&self.hub.0.connections).get_mut(&self.connection) {
            found.unfollow();
        }
    }
}
