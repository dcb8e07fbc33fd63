//! How pushes come: the state of the SignalR connection, its subscriptions, and the connection that is to replace it.

use std::time::Duration;

use tokio::time::Instant;

use super::push_watchdog::Kinds;
use super::subscriptions::Subscriptions;
use classic_signalr::{Connection, Event};

/// How long pushes may take to come over a new connection that replaces one over which they came.
const TAKEOVER_TIME: Duration = Duration::from_secs(5);

/// Whether pushes come.
#[derive(Debug)]
pub(super) enum PushState {
    /// There is no connection, for this reason.
    Down(String),
    /// The connection is open, and not everything is subscribed over it yet.
    Opened { transport: &'static str },
    /// The connection is open, and everything is subscribed.
    Subscribed { transport: &'static str },
}

/// The connection over which Clarity pushes.
pub(super) struct PushConnection {
    pub state: PushState,
    pub subscriptions: Subscriptions,
    /// The kinds that have members without a subscription: they are new, or must be dated anew.
    pub unsubscribed: Kinds,
    /// Whether the open connection has been silent for longer than its keep-alives promise.
    pub is_quiet: bool,
    /// The connection that replaces this one once it is open.
    pub successor: Option<Connection>,
    takeover_until: Option<Instant>,
}

impl PushConnection {
    /// A connection that has not been opened.
    pub fn new() -> Self {
        Self {
            state: PushState::Down("it has not been opened yet".to_owned()),
            subscriptions: Subscriptions::default(),
            unsubscribed: Kinds::default(),
            is_quiet: false,
            successor: None,
            takeover_until: None,
        }
    }

    /// A new connection is open.
    pub fn opened(&mut self, connection_id: String, transport: &'static str) {
        self.subscriptions = Subscriptions::of_new_connection(connection_id);
        self.state = PushState::Opened { transport };
        self.is_quiet = false;
    }

    /// The transport has resumed. A connection with the same id has kept its subscriptions: others beside them would
    /// push everything twice.
    pub fn resumed(&mut self, connection_id: &str, transport: &'static str) {
        let is_subscribed =
            self.subscriptions.complete == Kinds::ALL && self.subscriptions.connection_id == connection_id;
        self.state = if is_subscribed { PushState::Subscribed { transport } } else { PushState::Opened { transport } };
        self.is_quiet = false;
    }

    /// The connection is lost, or could not be opened. Returns whether it was open.
    pub fn lost(&mut self, reason: &str) -> bool {
        let was_open = !matches!(self.state, PushState::Down(_));
        self.state = PushState::Down(reason.trim_end_matches('.').to_owned());
        self.is_quiet = false;
        was_open
    }

    /// Subscriptions were renewed. They may belong to an earlier connection; whatever has become of the transport
    /// meanwhile does not matter.
    pub fn subscribed(&mut self, subscriptions: Subscriptions) {
        if subscriptions.connection_id != self.subscriptions.connection_id {
            return;
        }
        self.subscriptions = subscriptions;
        if let PushState::Opened { transport } = self.state
            && self.subscriptions.complete == Kinds::ALL
        {
            self.state = PushState::Subscribed { transport };
        }
    }

    pub fn is_subscribed(&self) -> bool {
        matches!(self.state, PushState::Subscribed { .. })
    }

    /// Whether pushes come over a connection that is not silent.
    pub fn is_delivering(&self) -> bool {
        self.is_subscribed() && !self.is_quiet
    }

    /// Whether the next snapshot is to subscribe over this connection for the first time.
    pub fn awaits_subscription(&self) -> bool {
        matches!(self.state, PushState::Opened { .. })
            && !self.subscriptions.has_unremovable
            && self.successor.is_none()
    }

    /// The successor is open and replaces this connection.
    pub fn begin_takeover(&mut self, now: Instant) {
        self.takeover_until = self.is_delivering().then(|| now + TAKEOVER_TIME);
    }

    /// Whether pushes came until a moment ago and have yet to come over the new connection.
    pub fn is_taking_over(&self, now: Instant) -> bool {
        self.takeover_until.is_some_and(|until| now < until)
    }

    /// The next event of the successor; pending without one.
    pub async fn successor_event(&mut self) -> Event {
        match &mut self.successor {
            Some(successor) => successor.next().await,
            None => std::future::pending().await,
        }
    }
}
