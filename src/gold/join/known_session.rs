//! What is known of sessions, as the match rules look it up.

use std::sync::Arc;

use jiff::Timestamp;

use super::match_key::MatchKey;
use crate::domain::{AgentId, CustomerIdentity, QueueId, ResponseId, SessionId, TeamId};

/// What is known of a session, also after it has ended: feedback comes later than the call (apis.md J60).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// The first queue it was in, to which feedback is attributed (apis.md J43).
    pub queue: Option<QueueId>,
    /// The last primary agent.
    pub agent: Option<AgentId>,
    /// When it began, or when we first saw it.
    pub began: Timestamp,
    /// When it ended, if that was reported.
    pub ended: Option<Timestamp>,
    /// The customer.
    pub customer: CustomerIdentity,
    /// The Kustomer conversation that it belongs to (apis.md J17).
    pub conversation: Option<Arc<str>>,
}

/// What the match rules look up.
pub trait SessionLookup {
    /// What is known of a session.
    fn session(&self, id: SessionId) -> Option<&KnownSession>;
    /// The sessions with a match key that began between `from` and `to`, oldest first.
    fn sessions_by_key(&self, key: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId>;
    /// The session that a user pinned the response to, and the user's name.
    fn pinned(&self, response: &ResponseId) -> Option<(SessionId, &str)>;
    /// When the business day began: ages are measured at that instant, so that they change once a day.
    fn day_began(&self) -> Timestamp;
    /// An agent's team.
    fn team_of_agent(&self, agent: AgentId) -> Option<TeamId>;
    /// A queue's team, if it has exactly one.
    fn team_of_queue(&self, queue: QueueId) -> Option<TeamId>;
}
