//! The sum of the contributions of one group. Contributions can be removed again, so that a change costs as much as
//! what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::backlog::BacklogByAge;
use super::contribution::Contribution;
use super::group::AttributedTo;
use super::period::{PeriodAggregate, PeriodContribution};
use super::stats::{Coverage, Operation};
use super::totals::FeedbackTotals;
use super::windows::Windows;
use crate::domain::SkipReason;

/// What a contribution adds to each window at one time.
#[derive(Debug)]
pub(super) struct WindowedContribution {
    day: PeriodContribution,
    month: PeriodContribution,
    /// Of an interaction that ended today: why its customer was not surveyed.
    ended: Option<Option<SkipReason>>,
    open: BacklogByAge,
    overdue: u64,
    /// What the record is attributed to, if it counts in any window.
    attributed_to: Option<AttributedTo>,
}

/// The sum of the contributions of one group.
#[derive(Debug, Default)]
pub(super) struct Aggregate {
    day: PeriodAggregate,
    month: PeriodAggregate,
    coverage: Coverage,
    open: BacklogByAge,
    overdue: u64,
    /// How many records are attributed to each combination.
    attributed_to: BTreeMap<AttributedTo, u64>,
    /// The keys of that, until they change.
    combinations: Option<Arc<BTreeSet<AttributedTo>>>,
}

impl WindowedContribution {
    pub fn of(contribution: &Contribution, attributed_to: AttributedTo, windows: &Windows, now: Timestamp) -> Self {
        let ended = contribution.ended.filter(|(at, _)| *at >= windows.coverage).map(|(_, reason)| reason);
        let waiting = contribution.thread.and_then(|thread| Some((thread, thread.needs_reply_since?)));
        let (mut open, mut overdue) = (BacklogByAge::default(), 0);
        if let Some((thread, since)) = waiting {
            open.add(since, now);
            overdue = u64::from(thread.is_overdue(now));
        }
        let counts = waiting.is_some() || contribution.last_instant() >= Some(windows.month);
        Self {
            day: PeriodContribution::of(contribution, windows.day, now),
            month: PeriodContribution::of(contribution, windows.month, now),
            ended,
            open,
            overdue,
            attributed_to: counts.then_some(attributed_to),
        }
    }
}

impl Aggregate {
    /// Adds or removes a contribution.
    pub fn change(&mut self, part: &WindowedContribution, operation: Operation) {
        self.day.change(&part.day, operation);
        self.month.change(&part.month, operation);
        if let Some(reason) = part.ended {
            self.coverage.change(reason, operation);
        }
        self.open.change(part.open, operation);
        operation.count(&mut self.overdue, part.overdue);
        if let Some(attributed_to) = part.attributed_to {
            let count = self.attributed_to.entry(attributed_to).or_default();
            let before = *count;
            operation.count(count, 1);
            let after = *count;
            if after == 0 {
                self.attributed_to.remove(&attributed_to);
            }
            if before == 0 || after == 0 {
                self.combinations = None;
            }
        }
    }

    /// The totals. `None`: there is nothing to count.
    pub fn totals(&mut self, windows: &Windows) -> Option<FeedbackTotals> {
        let (day, month) = (self.day.totals(windows.day), self.month.totals(windows.month));
        let coverage =
            (self.coverage.ended() > 0).then(|| Coverage { since: windows.coverage, ..self.coverage.clone() });
        let is_empty = day.is_empty() && month.is_empty() && self.open.all() == 0 && coverage.is_none();
        let about = self.combinations.get_or_insert_with(|| Arc::new(self.attributed_to.keys().copied().collect()));
        let (open, overdue, about) = (self.open, self.overdue, Arc::clone(about));
        (!is_empty).then_some(FeedbackTotals { open, overdue, day, month, coverage, about })
    }
}

#[cfg(test)]
impl FeedbackTotals {
    /// The totals of these contributions, counted in one go.
    pub(super) fn of<'a>(
        contributions: impl Iterator<Item = (&'a Contribution, AttributedTo)>,
        windows: &Windows,
        now: Timestamp,
    ) -> Option<Self> {
        let mut aggregate = Aggregate::default();
        for (contribution, attributed_to) in contributions {
            let part = WindowedContribution::of(contribution, attributed_to, windows, now);
            aggregate.change(&part, Operation::Add);
        }
        aggregate.totals(windows)
    }
}
