//! To which session, agent, queue and team a response is attributed, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{AgentId, QueueId, SessionId, TeamId};

/// The rule that decided, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchRule {
    /// A user pinned the response to a session.
    Pinned,
    /// The response names a known session.
    ExtraSession,
    /// The response names a conversation that exactly one session belongs to.
    ExtraConversation,
    /// The customer had exactly one session at the time of the visit that the response names.
    CustomerVisit,
    /// The response names a session or conversation that is not known yet.
    Pending,
    /// The response's place is in the site's table.
    Place,
    /// Nothing attributes the response.
    Unlinked,
}

/// How reliable an attribution is (apis.md D.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Likely, without an alternative.
    Medium,
    /// Certain.
    Certain,
}

/// What a response is attributed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// The rule that decided.
    pub rule: MatchRule,
    /// The evidence, in words.
    pub evidence: Option<String>,
    /// The session.
    pub session: Option<SessionId>,
    /// The agent who handled the session.
    pub agent: Option<AgentId>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The team.
    pub team: Option<TeamId>,
    /// Other sessions that the response may be about.
    pub candidates: BTreeMap<SessionId, Candidate>,
    /// What a weaker rule says instead, in words (apis.md J51).
    pub conflict: Option<String>,
}

/// A session that a response may be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The evidence, in words.
    pub evidence: String,
    /// When the session began.
    pub began: Option<Timestamp>,
    /// The agent who handled it.
    pub agent: Option<AgentId>,
    /// Its first queue.
    pub queue: Option<QueueId>,
}

impl MatchRule {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::ExtraSession => "extra.session",
            Self::ExtraConversation => "extra.conversation",
            Self::CustomerVisit => "customer.visit",
            Self::Pending => "pending",
            Self::Place => "place",
            Self::Unlinked => "unlinked",
        }
    }

    /// How reliable the attribution is. `None`: there is none.
    #[must_use]
    pub fn confidence(self) -> Option<Confidence> {
        match self {
            // What the site's tables say is certain (apis.md J19, J24).
            Self::Pinned | Self::ExtraSession | Self::ExtraConversation | Self::Place => Some(Confidence::Certain),
            Self::CustomerVisit => Some(Confidence::Medium),
            Self::Pending | Self::Unlinked => None,
        }
    }
}

impl Confidence {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::Certain => "certain",
        }
    }
}
