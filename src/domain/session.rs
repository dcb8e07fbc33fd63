//! Sessions: one visit of one customer to one queue, or one direct call.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, Change, Modality, QueueId, SessionId, Unclassified};

/// The status of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionStatus {
    /// It has just begun.
    New,
    /// The customer waits.
    Queued,
    /// The customer waits and the contact is offered to an agent.
    Offered,
    /// It is being connected to the agent.
    Connecting,
    /// Customer and agent are in contact.
    Active,
    /// The agent is in after-call work.
    AfterCall,
    /// The customer left the queue before an answer.
    Abandoned,
    /// It ended.
    Ended,
    /// Another status, shown as Clarity names it.
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

    /// Whether it has ended.
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

/// How a session began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// Through a queue.
    Queued,
    /// Straight to an agent.
    DirectInbound,
    /// From an agent outwards.
    DirectOutbound,
    /// Another kind, shown as Clarity names it.
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

/// What one message reports of one session. A field that it leaves out is unchanged.
///
/// Times are instants, never running durations: a duration would change with every poll (apis.md B76).
#[derive(Debug, Clone, PartialEq)]
pub struct SessionUpdate {
    /// The session's id.
    pub id: SessionId,
    /// How it began.
    pub kind: Option<SessionKind>,
    /// The queue in which the customer waits or waited.
    pub queue: Change<QueueId>,
    /// The current primary agent.
    pub agent: Change<AgentId>,
    /// The status. It is never cleared.
    pub status: Option<SessionStatus>,
    /// When the customer began to wait. Valid only while the customer waits.
    pub queued_since: Option<Timestamp>,
    /// When agent and customer were connected. Valid only while they are.
    pub active_since: Option<Timestamp>,
    /// The customer's name, as Clarity knows it. Never cleared.
    pub customer: Option<Arc<str>>,
    /// Whether it is being recorded.
    pub recording: Change<bool>,
    /// Whether the customer is on hold.
    pub on_hold: Change<bool>,
    /// When the hold began.
    pub hold_since: Change<Timestamp>,
    /// Fields that have no type of ours.
    pub other: Unclassified,
}

impl SessionUpdate {
    /// An update without any field.
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

/// What one message reports of the sessions of one agent or queue, by modality: one or two of them, too few for a map.
pub type SessionListUpdates = Vec<(Modality, SessionListUpdate)>;

/// Changes of the sessions of one modality.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionListUpdate {
    /// All of them: replaces what was known.
    pub all: Option<Vec<SessionUpdate>>,
    /// Added or changed ones.
    pub added: Vec<SessionUpdate>,
    /// Removed ones.
    pub removed: Vec<SessionId>,
}
