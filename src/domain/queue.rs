//! Queues.

use std::sync::Arc;

use super::metric::MetricPath;
use super::{Change, Metrics, QueueId, SessionListUpdates, TeamId, Unclassified};

/// What one message reports of one queue: an update or a snapshot, as the [`Fact`](super::Fact) around it says.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueUpdate {
    /// The queue's id.
    pub id: QueueId,
    /// The name.
    pub name: Option<Arc<str>>,
    /// The teams that answer it.
    pub teams: Option<Vec<TeamId>>,
    /// Whether it is open now.
    pub open: Change<bool>,
    /// Agents logged in to it.
    pub agents_online: Change<i64>,
    /// Agents available to it.
    pub agents_available: Change<i64>,
    /// Clarity's estimate of how long a new customer would wait, in seconds.
    pub estimated_wait_seconds: Change<i64>,
    /// Calls of Clarity's day.
    pub calls_today: Change<i64>,
    /// Metrics by modality and name.
    pub metrics: Metrics,
    /// Metrics that an update removes.
    pub cleared_metrics: Vec<MetricPath>,
    /// Sessions that wait in it or are being handled.
    pub sessions: SessionListUpdates,
    /// Fields that have no type of ours.
    pub other: Unclassified,
    /// How many entries of the message were invalid and dropped.
    pub dropped: u64,
}

impl QueueUpdate {
    /// An update without any field.
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
