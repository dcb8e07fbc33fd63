//! The outgoing messages of one transport of any kind.

use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::{Hub, Signal};

/// Reads the messages of a connection for one transport; detaches from it when dropped.
#[derive(Debug)]
pub struct Outgoing {
    hub: Hub,
    connection: String,
    cursor: u64,
    init_frame: Option<String>,
    latest: watch::Receiver<u64>,
    signals: broadcast::Receiver<Signal>,
    next_keep_alive: Instant,
}

/// A chunk of the answer to a poll.
#[derive(Debug)]
pub enum PollChunk {
    /// A blank, the keep-alive of long polling (signalr.md 6).
    KeepAlive,
    /// The frame that ends the answer.
    Frame(String),
}

impl Outgoing {
    /// Attaches to a connection: without a message id it starts with the init frame, with one it resumes there, and
    /// with an empty one it starts now. `None` if the connection is gone or the id is not one of its own.
    pub fn new(hub: &Hub, connection: &str, message_id: Option<&str>) -> Option<Self> {
        let mut connections = hub.0.connections.lock();
        let found = connections.get_mut(connection)?;
        let cursor = match message_id {
            Some(text) if !text.is_empty() => found.parse_cursor(text)?,
            _ => found.last(),
        };
        Some(Self {
            hub: hub.clone(),
            connection: connection.to_owned(),
            cursor,
            init_frame: message_id.is_none().then(|| found.init_frame()),
            latest: found.attach(),
            signals: hub.0.signals.subscribe(),
            next_keep_alive: Instant::now() + hub.0.timeouts.keep_alive,
        })
    }

    /// The next text, keep-alives included; `None` when the transport has to end. Cancel safe.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(frame) = self.ready() {
                self.next_keep_alive = Instant::now() + self.hub.0.timeouts.keep_alive;
                return Some(frame);
            }
            let life = self.hub.0.life.clone();
            tokio::select! {
                biased;
                () = life.stopping() => return None,
                signal = self.signals.recv() => match signal {
                    Ok(Signal::Raw(text)) => return Some(text),
                    Ok(Signal::Disconnect) | Err(broadcast::error::RecvError::Closed) => return None,
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                },
                changed = self.latest.changed() => changed.ok()?,
                () = sleep_until(self.next_keep_alive) => {
                    self.next_keep_alive = Instant::now() + self.hub.0.timeouts.keep_alive;
                    if !self.hub.faults().suppress_keep_alives {
                        return Some("{}".to_owned());
                    }
                }
            }
        }
    }

    /// The next chunk of the answer to a poll: blanks until a frame comes, or an empty frame at `deadline`. `None` when
    /// the transport has to end.
    pub async fn poll(&mut self, deadline: Instant) -> Option<PollChunk> {
        match tokio::time::timeout_at(deadline, self.next()).await {
            Ok(Some(text)) if text == "{}" => Some(PollChunk::KeepAlive),
            Ok(Some(frame)) => Some(PollChunk::Frame(frame)),
            Ok(None) => None,
            Err(_) => {
                let delay = self.hub.0.timeouts.poll_delay;
                let connections = self.hub.0.connections.lock();
                let found = connections.get(&self.connection)?;
                Some(PollChunk::Frame(found.empty_frame(self.cursor, delay)))
            }
        }
    }

    fn ready(&mut self) -> Option<String> {
        if let Some(frame) = self.init_frame.take() {
            return Some(frame);
        }
        let (cursor, frame) = self.hub.0.connections.lock().get_mut(&self.connection)?.frame_after(self.cursor)?;
        self.cursor = cursor;
        Some(frame)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(found) = self.hub.0.connections.lock().get_mut(&self.connection) {
            found.detach();
        }
    }
}
