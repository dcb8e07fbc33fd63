//! A classic ASP.NET SignalR server for tests (`signalr.md` section 9): no more of it than a client can notice.
//!
//! A connection is a ring of messages with a cursor; a transport is a [`feed::Feed`] that follows the ring. What the messages
//! say is not known here: whoever has something to say calls [`Hub::send`].

mod connection;
mod feed;
mod routes;
#[cfg(test)]
mod tests;
mod token;
mod whims;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::sync::broadcast;

use super::floor::lock;
use base::Lifecycle;
use connection::Connection;
pub use routes::router;
pub use whims::Whims;

/// The server's promises about time, as negotiate announces them.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// How often a silent transport gets `{}`.
    pub keep_alive: Duration,
    /// After how much silence the client should worry.
    pub keep_alive_timeout: Duration,
    /// How long a connection without a transport is kept.
    pub disconnect: Duration,
    /// How long a poll is held.
    pub connection: Duration,
    /// How long to wait between two polls.
    pub poll_delay: Duration,
    /// How long a transport may take to come up.
    pub transport_connect: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(20),
            disconnect: Duration::from_secs(30),
            connection: Duration::from_secs(110),
            poll_delay: Duration::ZERO,
            transport_connect: Duration::from_secs(5),
        }
    }
}

/// What the steering wheel tells all transports at once.
#[derive(Debug, Clone)]
enum Signal {
    Cut,
    Raw(String),
}

/// All connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connections: Mutex<HashMap<String, Connection>>,
    chance: Mutex<StdRng>,
    timeouts: Timeouts,
    signals: broadcast::Sender<Signal>,
    whims: Mutex<Whims>,
    life: Lifecycle,
}

impl Hub {
    /// A server without connections.
    #[must_use]
    pub fn new(seed: u64, timeouts: Timeouts, life: Lifecycle) -> Self {
        Self(Arc::new(Inner {
            connections: Mutex::new(HashMap::new()),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            timeouts,
            signals: broadcast::channel(64).0,
            whims: Mutex::default(),
            life,
        }))
    }

    /// Sends one hub message to one connection, which gets it as soon as it can, or after it has come back.
    pub fn send(&self, connection: &str, message: &Value) {
        let Whims { doubling, shuffling, .. } = *self.whims();
        if let Some(found) = lock(&self.0.connections).get_mut(connection) {
            found.push(message.to_string(), shuffling);
            if doubling {
                found.push(message.to_string(), false);
            }
        }
    }

    /// Whether there is such a connection.
    #[must_use]
    pub fn knows(&self, connection: &str) -> bool {
        lock(&self.0.connections).contains_key(connection)
    }

    /// Whether pushes to this connection have begun.
    #[must_use]
    pub fn is_started(&self, connection: &str) -> bool {
        lock(&self.0.connections).get(connection).is_some_and(Connection::is_started)
    }

    /// Puts a connection into the group of those that get pushes; it is told its new groups token.
    pub fn join(&self, connection: &str) {
        let groups_token = token::plain(&mut *lock(&self.0.chance));
        if let Some(found) = lock(&self.0.connections).get_mut(connection) {
            found.join(groups_token);
        }
    }

    /// Forgets connections that have been without a transport for too long.
    pub fn sweep(&self) {
        let patience = self.0.timeouts.disconnect;
        lock(&self.0.connections).retain(|_, connection| !connection.is_forsaken(patience));
    }

    /// How many connections have a transport.
    #[must_use]
    pub fn connected(&self) -> usize {
        lock(&self.0.connections).values().filter(|connection| connection.has_transport()).count()
    }

    /// How many connections are remembered, with or without a transport.
    #[must_use]
    pub fn remembered(&self) -> usize {
        lock(&self.0.connections).len()
    }

    /// Breaks every transport off without a word.
    pub fn cut(&self) {
        let _ = self.0.signals.send(Signal::Cut);
    }

    /// Sends a text to every transport as it is.
    pub fn push_raw(&self, text: String) {
        let _ = self.0.signals.send(Signal::Raw(text));
    }

    /// What the server does wrong, to be looked at and changed.
    pub fn whims(&self) -> MutexGuard<'_, Whims> {
        lock(&self.0.whims)
    }

    /// Loses all groups: connections stay and keep-alives go on, but nothing more arrives (`signalr.md` 8).
    pub fn drop_groups(&self) {
        for connection in lock(&self.0.connections).values_mut() {
            connection.leave_groups();
        }
    }

    /// Makes all connections of now deaf: whatever is subscribed over them, nothing arrives. Only new ones hear again.
    pub fn deafen(&self) {
        for connection in lock(&self.0.connections).values_mut() {
            connection.deafen();
        }
    }

    /// Forgets all connections: whoever comes back with an old token is refused.
    pub fn forget_connections(&self) {
        lock(&self.0.connections).clear();
    }

    fn open(&self, user: i64) -> (String, String) {
        let mut chance = lock(&self.0.chance);
        let id = token::guid(&mut *chance);
        let token = token::awkward(&mut *chance);
        let tag = format!("{:06X}", chance.random_range(0x10_0000..0xFF_FFFF_u32));
        drop(chance);
        lock(&self.0.connections).insert(id.clone(), Connection::new(token.clone(), tag, user));
        (id, token)
    }
}
