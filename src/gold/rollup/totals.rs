//! The totals of one group, as viewers see them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::backlog::BacklogByAge;
use super::group::AttributedTo;
use super::period::PeriodTotals;
use super::stats::Coverage;
use crate::domain::Permission;

/// Feedback about one agent, team, queue or place, with one tag, or of the whole floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackTotals {
    /// The open backlog: responses that need a reply, however old, by age.
    pub open: BacklogByAge,
    /// How many of them are overdue.
    pub overdue: u64,
    /// The business day.
    pub day: PeriodTotals,
    /// The business day and the 29 days before it.
    pub month: PeriodTotals,
    /// Survey coverage of the interactions that ended today. `None`: none has ended.
    pub coverage: Option<Coverage>,
    /// What the counted records are attributed to, each combination once.
    pub about: Arc<BTreeSet<AttributedTo>>,
}

impl FeedbackTotals {
    /// Whether the viewer may see every record that is counted here. Totals with other records are not shown at all,
    /// because those could be computed from the difference.
    #[must_use]
    pub fn is_seen_by(&self, permission: &Permission) -> bool {
        self.about.iter().all(|it| permission.sees_attributed_to(it.agent, it.queue, it.team))
    }
}
