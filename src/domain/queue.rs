//! Queues: where customers wait.

use std::sync::Arc;

use super::{Metrics, QueueId, SessionsReading, TeamId, Unclassified};

/// What one message said about one queue. What it left out is `None` or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueReading {
    /// Which.
    pub id: QueueId,
    /// The name.
    pub name: Option<Arc<str>>,
    /// The teams that answer it.
    pub teams: Option<Vec<TeamId>>,
    /// Whether it takes contacts now.
    pub open: Option<bool>,
    /// Agents logged in to it.
    pub agents_online: Option<i64>,
    /// Agents ready for its next contact.
    pub agents_available: Option<i64>,
    /// How long a new customer would wait, in seconds, by the telephony system's own estimate.
    pub estimated_wait_seconds: Option<i64>,
    /// Calls of the telephony system's day.
    pub calls_today: Option<i64>,
    /// Counts and measures.
    pub metrics: Metrics,
    /// Who waits and who is being answered.
    pub sessions: SessionsReading,
    /// Fields without a word.
    pub other: Unclassified,
}

impl QueueReading {
    /// A reading that says nothing yet.
    #[must_use]
    pub fn new(id: QueueId) -> Self {
        Self {
            id,
            name: None,
            teams: None,
            open: None,
            agents_online: None,
            agents_available: None,
            estimated_wait_seconds: None,
            calls_today: None,
            metrics: Metrics::new(),
            sessions: SessionsReading::default(),
            other: Unclassified::new(),
        }
    }
}
