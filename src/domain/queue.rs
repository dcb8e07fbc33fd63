//! Queues: where customers wait.

use std::sync::Arc;

use super::metric::MetricPath;
use super::{Change, Metrics, QueueId, SessionListUpdates, TeamId, Unclassified};

/// What one message said about one queue. What it left out is `None` or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueUpdate {
    /// Which.
    pub id: QueueId,
    /// The name.
    pub name: Option<Arc<str>>,
    /// The teams that answer it.
    pub teams: Option<Vec<TeamId>>,
    /// Whether it takes contacts now.
    pub open: Change<bool>,
    /// Agents logged in to it.
    pub agents_online: Change<i64>,
    /// Agents ready for its next contact.
    pub agents_available: Change<i64>,
    /// How long a new customer would wait, in seconds, by the telephony system's own estimate.
    pub estimated_wait_seconds: Change<i64>,
    /// Calls of the telephony system's day.
    pub calls_today: Change<i64>,
    /// Counts and measures.
    pub metrics: Metrics,
    /// Metrics that an update says are there no longer.
    pub cleared_metrics: Vec<MetricPath>,
    /// Who waits and who is being answered.
    pub sessions: SessionListUpdates,
    /// Fields without a word. In an update a null takes one away.
    pub other: Unclassified,
    /// How many entries in the message made no sense and were left out.
    pub dropped: u64,
}

impl QueueUpdate {
    /// A reading that says nothing yet.
    #[must_use]
    pub fn new(id: QueueId) -> Self {
        Self {
            id,
            name: None,
            teams: None,
            open: Change::Keep,
            agents_online: Change::Keep,
            agents_available: Change::Keep,
            estimated_wait_seconds: Change::Keep,
            calls_today: Change::Keep,
            metrics: Metrics::new(),
            cleared_metrics: Vec::new(),
            sessions: SessionListUpdates::default(),
            other: Unclassified::new(),
            dropped: 0,
        }
    }
}
