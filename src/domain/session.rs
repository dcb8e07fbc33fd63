//! Sessions: one visit of one customer to one queue, or one direct call.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, Change, Modality, QueueId, SessionId, Unclassified};

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionStatus {
    /// It has just begun.
    New,
    /// The customer waits.
    Queued,
    /// The customer waits and an agent's phone rings.
    Offered,
    /// It is being put through.
    Connecting,
    /// Customer and agent are in contact.
    Active,
    /// The agent wraps up.
    AfterCall,
    /// The customer gave up while waiting.
    Abandoned,
    /// It is over.
    Ended,
    /// One that nobody here has a word for: shown as it came.
    Other(Arc<str>),
}

impl SessionStatus {
    /// The name in documents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Queued => "queued",
            Self::Offered => "offered",
            Self::Connecting => "connecting",
            Self::Active => "active",
            Self::AfterCall => "afterCall",
            Self::Abandoned => "abandoned",
            Self::Ended => "ended",
            Self::Other(name) => name,
        }
    }

    /// Whether a customer is waiting for an answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::New | Self::Queued | Self::Offered)
    }

    /// Whether nothing more will come of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Abandoned | Self::Ended)
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a session came about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// Through a queue.
    Queued,
    /// Straight to an agent.
    DirectInbound,
    /// From an agent to somebody.
    DirectOutbound,
    /// One that nobody here has a word for: shown as it came.
    Other(Arc<str>),
}

impl SessionKind {
    /// The name in documents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::DirectInbound => "directInbound",
            Self::DirectOutbound => "directOutbound",
            Self::Other(name) => name,
        }
    }
}

/// What one message said about one session. What it left out is as it was.
///
/// Times are instants, never running durations: a duration would change with every poll (`apis.md` B76).
#[derive(Debug, Clone, PartialEq)]
pub struct SessionUpdate {
    /// Which.
    pub id: SessionId,
    /// How it came about.
    pub kind: Option<SessionKind>,
    /// Where the customer waits or waited.
    pub queue: Change<QueueId>,
    /// Who answers: the primary agent now.
    pub agent: Change<AgentId>,
    /// Where it stands. A session always stands somewhere: it is not cleared.
    pub status: Option<SessionStatus>,
    /// When the customer began to wait. It counts only while the customer waits.
    pub queued_since: Option<Timestamp>,
    /// When agent and customer were put together. It counts only while they are.
    pub active_since: Option<Timestamp>,
    /// The customer's name, as the telephony system knows it. A name is only filled in, never cleared.
    pub customer: Option<Arc<str>>,
    /// Whether it is being recorded.
    pub recording: Change<bool>,
    /// Whether the customer is on hold.
    pub on_hold: Change<bool>,
    /// Since when.
    pub hold_since: Change<Timestamp>,
    /// Fields without a word. In an update a null takes one away.
    pub other: Unclassified,
}

impl SessionUpdate {
    /// A reading that says nothing yet.
    #[must_use]
    pub fn new(id: SessionId) -> Self {
        Self {
            id,
            kind: None,
            queue: Change::Keep,
            agent: Change::Keep,
            status: None,
            queued_since: None,
            active_since: None,
            customer: None,
            recording: Change::Keep,
            on_hold: Change::Keep,
            hold_since: Change::Keep,
            other: Unclassified::new(),
        }
    }
}

/// What one message said about the sessions of one agent or queue, by kind of contact: one or two kinds, too few for a map.
pub type SessionListUpdates = Vec<(Modality, SessionListUpdate)>;

/// The sessions of one kind of contact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionListUpdate {
    /// All there are: replaces what was known.
    pub all: Option<Vec<SessionUpdate>>,
    /// New or changed ones.
    pub added: Vec<SessionUpdate>,
    /// Ones that are gone.
    pub removed: Vec<SessionId>,
}
