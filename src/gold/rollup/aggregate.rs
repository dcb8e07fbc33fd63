//! What the voices of one group amount to, put together from what each of them says. A part can be taken out again as it
//! was put in, so that a change costs what changed and not what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::contribution::Contribution;
use super::period::{PeriodAggregate, PeriodContribution};
use super::stats::{Change, Coverage};
use super::{AttributedTo, BacklogByAge, FeedbackTotals, Windows};
use crate::domain::SkipReason;

/// What one voice says at one time.
#[derive(Debug)]
pub(super) struct GroupContribution {
    day: PeriodContribution,
    month: PeriodContribution,
    /// Of an interaction that is over: why its customer was not asked.
    ended: Option<Option<SkipReason>>,
    open: BacklogByAge,
    overdue: u64,
    /// Whose it is, if there is anything of it that counts.
    about: Option<AttributedTo>,
}

/// The parts of one group, added up.
#[derive(Debug, Default)]
pub(super) struct Aggregate {
    day: PeriodAggregate,
    month: PeriodAggregate,
    coverage: Coverage,
    open: BacklogByAge,
    overdue: u64,
    about: BTreeMap<AttributedTo, u64>,
    /// The keys of that, until they change.
    told: Option<Arc<BTreeSet<AttributedTo>>>,
}

impl GroupContribution {
    /// What a voice says of the windows at that time.
    pub fn of(voice: &Contribution, about: AttributedTo, windows: &Windows, now: Timestamp) -> Self {
        let ended = voice.ended.filter(|(at, _)| *at >= windows.heard).map(|(_, reason)| reason);
        let waits = voice.treatment.and_then(|thread| Some((thread, thread.waits_since?)));
        let (mut open, mut overdue) = (BacklogByAge::default(), 0);
        if let Some((thread, since)) = waits {
            open.add(since, now);
            overdue = u64::from(thread.is_overdue(now));
        }
        let counts = waits.is_some() || voice.latest() >= Some(windows.month);
        Self {
            day: PeriodContribution::of(voice, windows.day, now),
            month: PeriodContribution::of(voice, windows.month, now),
            ended,
            open,
            overdue,
            about: counts.then_some(about),
        }
    }
}

impl Aggregate {
    /// One part more or fewer.
    pub fn change(&mut self, part: &GroupContribution, change: Change) {
        self.day.change(&part.day, change);
        self.month.change(&part.month, change);
        if let Some(reason) = part.ended {
            self.coverage.change(reason, change);
        }
        self.open.change(part.open, change);
        change.count(&mut self.overdue, part.overdue);
        if let Some(about) = part.about {
            let count = self.about.entry(about).or_default();
            let before = *count;
            change.count(count, 1);
            if *count == 0 {
                self.about.remove(&about);
            }
            if before == 0 || !self.about.contains_key(&about) {
                self.told = None;
            }
        }
    }

    /// The whole. `None`: there is nothing to count.
    pub fn total(&mut self, windows: &Windows) -> Option<FeedbackTotals> {
        let (day, month) = (self.day.period(windows.day), self.month.period(windows.month));
        let coverage = (self.coverage.ended() > 0).then(|| Coverage { since: windows.heard, ..self.coverage.clone() });
        let is_empty = day.is_empty() && month.is_empty() && self.open.all() == 0 && coverage.is_none();
        let about = self.told.get_or_insert_with(|| Arc::new(self.about.keys().copied().collect()));
        let (open, overdue, about) = (self.open, self.overdue, Arc::clone(about));
        (!is_empty).then_some(FeedbackTotals { open, overdue, day, month, coverage, about })
    }
}

#[cfg(test)]
impl FeedbackTotals {
    /// All of them, counted in one go.
    pub(super) fn of<'a>(
        voices: impl Iterator<Item = (&'a Contribution, AttributedTo)>,
        windows: &Windows,
        now: Timestamp,
    ) -> Option<Self> {
        let mut tally = Aggregate::default();
        voices.for_each(|(voice, about)| tally.change(&GroupContribution::of(voice, about, windows, now), Change::Put));
        tally.total(windows)
    }
}
