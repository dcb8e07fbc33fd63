//! A classic ASP.NET SignalR server (signalr.md section 9), as far as a client can observe it.
//!
//! A connection is a ring of messages with a cursor; a transport reads the ring through [`outgoing::Outgoing`]. The
//! messages themselves come from the callers of [`Hub::send`].

mod connection;
mod faults;
mod outgoing;
mod routes;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::sync::broadcast;

use base::Lifecycle;
use connection::Connection;
pub use faults::SignalrFaults;
pub use routes::router;

/// The timeouts that negotiate announces.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Time between two keep-alives (`{}`) on an idle transport.
    pub keep_alive: Duration,
    /// Time without a message after which a client treats the connection as slow.
    pub keep_alive_timeout: Duration,
    /// Time for which a connection without a transport is kept.
    pub disconnect: Duration,
    /// Time for which a poll is held.
    pub connection: Duration,
    /// Pause between two polls.
    pub poll_delay: Duration,
    /// Time within which a transport must connect.
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

/// A signal from the control API to all transports.
#[derive(Debug, Clone)]
enum Signal {
    Disconnect,
    Raw(String),
}

/// All connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connections: Mutex<HashMap<String, Connection>>,
    rng: Mutex<StdRng>,
    timeouts: Timeouts,
    signals: broadcast::Sender<Signal>,
    faults: Mutex<SignalrFaults>,
    life: Lifecycle,
}

impl Hub {
    /// A server without connections.
    #[must_use]
    pub fn new(seed: u64, timeouts: Timeouts, life: Lifecycle) -> Self {
        Self(Arc::new(Inner {
            connections: Mutex::new(HashMap::new()),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            timeouts,
            signals: broadcast::channel(64).0,
            faults: Mutex::default(),
            life,
        }))
    }

    /// Sends a hub message to a connection, which gets it at once or after its reconnect.
    pub fn send(&self, connection: &str, message: &Value) {
        let SignalrFaults { duplicate, reorder, .. } = *self.faults();
        if let Some(found) = self.0.connections.lock().get_mut(connection) {
            found.push(message.to_string(), reorder);
            if duplicate {
                found.push(message.to_string(), false);
            }
        }
    }

    /// Whether the connection exists.
    #[must_use]
    pub fn knows(&self, connection: &str) -> bool {
        self.0.connections.lock().contains_key(connection)
    }

    /// Whether the client has sent `start`.
    #[must_use]
    pub fn is_started(&self, connection: &str) -> bool {
        self.0.connections.lock().get(connection).is_some_and(Connection::is_started)
    }

    /// Adds a connection to the group that gets pushes and gives it a new groups token.
    pub fn join(&self, connection: &str) {
        let groups_token = token::plain(&mut *self.0.rng.lock());
        if let Some(found) = self.0.connections.lock().get_mut(connection) {
            found.join(groups_token);
        }
    }

    /// Removes connections that have had no transport for the disconnect timeout.
    pub fn sweep(&self) {
        let timeout = self.0.timeouts.disconnect;
        self.0.connections.lock().retain(|_, connection| !connection.is_expired(timeout));
    }

    /// Number of connections with a transport.
    #[must_use]
    pub fn connected_count(&self) -> usize {
        self.0.connections.lock().values().filter(|connection| connection.has_transport()).count()
    }

    /// Number of connections, with or without a transport.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.0.connections.lock().len()
    }

    /// Drops every transport without a close frame.
    pub fn disconnect(&self) {
        let _ = self.0.signals.send(Signal::Disconnect);
    }

    /// Sends a text to every transport unchanged.
    pub fn send_raw_frame(&self, text: String) {
        let _ = self.0.signals.send(Signal::Raw(text));
    }

    /// The injected faults, to read and to change.
    pub fn faults(&self) -> MutexGuard<'_, SignalrFaults> {
        self.0.faults.lock()
    }

    /// Removes all connections from their groups: they get keep-alives and no more pushes (signalr.md 8).
    pub fn drop_groups(&self) {
        for connection in self.0.connections.lock().values_mut() {
            connection.leave_groups();
        }
    }

    /// Makes all current connections silent: whatever is subscribed over them, nothing is pushed. Only new ones get
    /// pushes again.
    pub fn withhold_pushes(&self) {
        for connection in self.0.connections.lock().values_mut() {
            connection.withhold_pushes();
        }
    }

    /// Forgets all connections and refuses their tokens.
    pub fn forget_connections(&self) {
        self.0.connections.lock().clear();
    }

    fn open(&self, user: i64) -> (String, String) {
        let mut rng = self.0.rng.lock();
        let id = token::guid(&mut *rng);
        let token = token::with_reserved_characters(&mut *rng);
        let tag = format!("{:06X}", rng.random_range(0x10_0000..0xFF_FFFF_u32));
        drop(rng);
        self.0.connections.lock().insert(id.clone(), Connection::new(token.clone(), tag, user));
        (id, token)
    }
}
