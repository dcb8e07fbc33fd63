//! What the match rules look up.

use jiff::Timestamp;

use super::known_session::KnownSession;
use super::match_key::MatchKey;
use crate::domain::{AgentId, QueueId, ResponseId, SessionId, TeamId};

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
