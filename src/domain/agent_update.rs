//! Updates of agents.

use std::sync::Arc;

use jiff::Timestamp;

use super::agent::AgentStatus;
use super::change::{Change, Unclassified};
use super::ids::{AgentId, TeamId};
use super::metric::{MetricPath, Metrics, QueueMetricsUpdate};
use super::session::SessionListUpdates;
use super::status_history::StatusHistory;

/// What one message reports of an agent's status. A field that an update leaves out is unchanged, except that the
/// reason and the beginning belong to a status: they are cleared when an update names another status without them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentStatusUpdate {
    /// The status.
    pub status: Change<AgentStatus>,
    /// The status name that Clarity sent, if its status number means another one. The number counts (apis.md B63).
    pub contradicting: Option<Arc<str>>,
    /// The reason code, in the site's own words.
    pub reason: Change<Arc<str>>,
    /// When the status began.
    pub since: Change<Timestamp>,
    /// Suspended agents get no contacts.
    pub suspended: Change<bool>,
}

impl AgentStatusUpdate {
    /// An update of the status alone.
    #[must_use]
    pub fn new(status: AgentStatus) -> Self {
        Self { status: Change::Set(status), ..Self::default() }
    }

    /// Whether the update mentions anything.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.status.is_something()
            || self.reason.is_something()
            || self.since.is_something()
            || self.suspended.is_something()
    }
}

/// What one message reports of one agent. A field that it leaves out is `None` or empty, which means "unchanged" in a
/// pushed update and "no value" in a snapshot: the two are merged by different functions (apis.md B77).
#[derive(Debug, Clone, PartialEq)]
pub struct AgentUpdate {
    /// The agent's id.
    pub id: AgentId,
    /// The name shown to colleagues.
    pub name: Option<Arc<str>>,
    /// The team. Only the structure decides; another team in an update is a sign that the structure has changed.
    pub team: Option<TeamId>,
    /// The e-mail address, by which Agent Connect knows agents.
    pub email: Option<Arc<str>>,
    /// The login name. Other systems may know agents by it (apis.md J26).
    pub login: Option<Arc<str>>,
    /// The SIP address. Other systems may know agents by it (apis.md J26).
    pub sip: Option<Arc<str>>,
    /// Whether our account may not see the agent. Nothing else is known then.
    pub not_permitted: bool,
    /// The status.
    pub status: Option<AgentStatusUpdate>,
    /// Metrics by modality and name.
    pub metrics: Metrics,
    /// Metrics that an update removes.
    pub cleared_metrics: Vec<MetricPath>,
    /// Sessions in hand.
    pub sessions: SessionListUpdates,
    /// The status history of the last 24 hours. Clarity sends it only on request, so `None` means unchanged in a
    /// snapshot, too.
    pub history: Option<StatusHistory>,
    /// Metrics by queue.
    pub by_queue: Option<Box<QueueMetricsUpdate>>,
    /// Fields that have no type of ours.
    pub other: Unclassified,
    /// How many entries of the message were invalid and dropped.
    pub dropped: u64,
}

impl AgentUpdate {
    /// An update without any field.
    #[must_use]
    pub fn new(id: AgentId) -> Self {
        Self {
            id,
            name: None,
            team: None,
            email: None,
            login: None,
            sip: None,
            not_permitted: false,
            status: None,
            metrics: Metrics::new(),
            cleared_metrics: Vec::new(),
            sessions: SessionListUpdates::default(),
            history: None,
            by_queue: None,
            other: Unclassified::new(),
            dropped: 0,
        }
    }
}
