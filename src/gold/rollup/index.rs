//! Which contributions belong to which group, and which groups must be counted again.

#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;

use super::aggregate::{Aggregate, WindowedContribution};
use super::contribution::Contribution;
use super::group::{AttributedTo, RollupGroup};
use super::stats::{Mean, Operation};
use super::totals::FeedbackTotals;
use super::windows::Windows;
use crate::domain::{ResponseId, SessionId, SurveyId};

/// The key of a record that contributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RollupItem {
    /// A customer's response.
    Response(ResponseId),
    /// A survey: our request and the upstream's result.
    Survey(SurveyId),
    /// An interaction whose customer is not surveyed, by its interaction key.
    SkippedSurvey(Arc<str>),
}

/// What the index holds of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupEntry {
    /// The groups it counts for. [`RollupGroup::Floor`] is always one of them.
    pub groups: BTreeSet<RollupGroup>,
    /// What it adds.
    pub contribution: Contribution,
    /// The session that its groups depend on, known or not.
    pub session: Option<SessionId>,
}

/// How ratings with a tag compare to all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagEffect {
    /// Star ratings with the tag.
    pub with: Mean,
    /// Star ratings without it.
    pub without: Mean,
}

impl TagEffect {
    /// With fewer ratings than this on either side no lift is shown.
    pub const FEWEST: u64 = 10;

    /// By how many stars ratings with the tag are higher, to one decimal. `None`: there are too few.
    #[must_use]
    pub fn lift(&self) -> Option<f64> {
        let is_enough = self.with.n >= Self::FEWEST && self.without.n >= Self::FEWEST;
        let difference = self.with.exact()? - self.without.exact()?;
        // Adding zero turns -0.0 into 0.0.
        is_enough.then_some((difference * 10.0).round() / 10.0 + 0.0)
    }
}

/// An entry, and the time as of which it is counted. It counts the same until its next transition.
#[derive(Debug)]
struct Counted {
    entry: RollupEntry,
    as_of: Timestamp,
}

/// The entries of one group by their last instant, and their sum.
#[derive(Debug, Default)]
struct Members {
    by_time: BTreeSet<(Option<Timestamp>, RollupItem)>,
    aggregate: Aggregate,
}

/// All contributions by group, and the totals of each group.
#[derive(Debug)]
pub struct RollupIndex {
    windows: Windows,
    now: Timestamp,
    entries: HashMap<RollupItem, Counted>,
    groups: HashMap<RollupGroup, Members>,
    by_session: HashMap<SessionId, BTreeSet<RollupItem>>,
    /// When contributions will count differently without any new fact.
    transitions: BTreeSet<(Timestamp, RollupItem)>,
    totals: HashMap<RollupGroup, Arc<FeedbackTotals>>,
    stale: BTreeSet<RollupGroup>,
}

impl RollupIndex {
    /// An empty index.
    #[must_use]
    pub fn new(windows: Windows, now: Timestamp) -> Self {
        Self {
            windows,
            now,
            entries: HashMap::default(),
            groups: HashMap::default(),
            by_session: HashMap::default(),
            transitions: BTreeSet::new(),
            totals: HashMap::default(),
            stale: BTreeSet::new(),
        }
    }

    /// Inserts or replaces an entry. An equal entry changes nothing.
    pub fn put(&mut self, item: RollupItem, entry: RollupEntry) {
        if self.entries.get(&item).is_some_and(|known| known.entry == entry) {
            return;
        }
        self.remove(&item);
        let latest = entry.contribution.last_instant();
        for group in &entry.groups {
            self.groups.entry(group.clone()).or_default().by_time.insert((latest, item.clone()));
        }
        if let Some(session) = entry.session {
            self.by_session.entry(session).or_default().insert(item.clone());
        }
        let now = self.now;
        self.transitions.extend(entry.contribution.transitions().filter(|at| *at > now).map(|at| (at, item.clone())));
        let counted = Counted { entry, as_of: now };
        self.sum(&counted, Operation::Add);
        self.entries.insert(item, counted);
    }

    /// Removes an entry.
    pub fn remove(&mut self, item: &RollupItem) {
        let Some(counted) = self.entries.remove(item) else { return };
        self.sum(&counted, Operation::Remove);
        let entry = counted.entry;
        let latest = entry.contribution.last_instant();
        for group in &entry.groups {
            if let Some(members) = self.groups.get_mut(group) {
                members.by_time.remove(&(latest, item.clone()));
                if members.by_time.is_empty() {
                    self.groups.remove(group);
                }
            }
        }
        if let Some(session) = entry.session
            && let Some(items) = self.by_session.get_mut(&session)
        {
            items.remove(item);
            if items.is_empty() {
                self.by_session.remove(&session);
            }
        }
        for at in entry.contribution.transitions() {
            self.transitions.remove(&(at, item.clone()));
        }
    }

    /// Advances the time and sums again what counts differently by now.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while self.transitions.first().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, item)) = self.transitions.pop_first() else { return };
            if let Some(mut counted) = self.entries.remove(&item) {
                self.sum(&counted, Operation::Remove);
                counted.as_of = self.now;
                self.sum(&counted, Operation::Add);
                self.entries.insert(item, counted);
            }
        }
    }

    /// When something will next count differently without any new fact.
    #[must_use]
    pub fn next_instant(&self) -> Option<Timestamp> {
        self.transitions.first().map(|(at, _)| *at)
    }

    /// Begins a new day: everything is summed again.
    pub fn begin_day(&mut self, windows: Windows) {
        self.windows = windows;
        self.groups.values_mut().for_each(|members| members.aggregate = Aggregate::default());
        let (now, mut entries) = (self.now, std::mem::take(&mut self.entries));
        for counted in entries.values_mut() {
            counted.as_of = now;
            self.sum(counted, Operation::Add);
        }
        self.entries = entries;
    }

    /// The current windows.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Updates the totals of all stale groups. Returns the groups whose totals changed.
    pub fn recount(&mut self) -> BTreeSet<RollupGroup> {
        let mut changed = BTreeSet::new();
        let all_stars = |index: &Self| index.total(&RollupGroup::Floor).map(|total| total.month.stars);
        let before = all_stars(self);
        for group in std::mem::take(&mut self.stale) {
            let total = self.totals_of(&group);
            if self.totals.get(&group).map(|known| &**known) == total.as_ref() {
                continue;
            }
            match total {
                Some(total) => self.totals.insert(group.clone(), Arc::new(total)),
                None => self.totals.remove(&group),
            };
            changed.insert(group);
        }
        if all_stars(self) != before {
            // The effect of a tag compares it with all ratings without it.
            changed.extend(self.groups().filter(|group| matches!(group, RollupGroup::Tag(_))).cloned());
        }
        changed
    }

    /// The totals of a group. `None`: there is nothing to count.
    #[must_use]
    pub fn total(&self, group: &RollupGroup) -> Option<Arc<FeedbackTotals>> {
        self.totals.get(group).cloned()
    }

    /// How ratings with a tag compare to all others, in the month.
    #[must_use]
    pub fn effect(&self, tag: &RollupGroup) -> Option<TagEffect> {
        let (with, all) = (self.totals.get(tag)?.month.stars, self.totals.get(&RollupGroup::Floor)?.month.stars);
        (with.n > 0).then(|| TagEffect { with, without: all.without(&with) })
    }

    /// All groups with totals.
    pub fn groups(&self) -> impl Iterator<Item = &RollupGroup> {
        self.totals.keys()
    }

    /// The records of a group, by their last instant.
    pub fn of_group(&self, group: &RollupGroup) -> impl DoubleEndedIterator<Item = &RollupItem> {
        self.groups.get(group).into_iter().flat_map(|members| &members.by_time).map(|(_, item)| item)
    }

    /// The records whose groups depend on a session.
    pub fn of_session(&self, session: SessionId) -> impl Iterator<Item = &RollupItem> {
        self.by_session.get(&session).into_iter().flatten()
    }

    /// Adds an entry to the sum of each of its groups, or removes it.
    fn sum(&mut self, counted: &Counted, operation: Operation) {
        let Counted { entry, as_of } = counted;
        let part =
            WindowedContribution::of(&entry.contribution, AttributedTo::of(&entry.groups), &self.windows, *as_of);
        for group in &entry.groups {
            if let Some(members) = self.groups.get_mut(group) {
                members.aggregate.change(&part, operation);
                self.stale.insert(group.clone());
            }
        }
    }

    fn totals_of(&mut self, group: &RollupGroup) -> Option<FeedbackTotals> {
        self.groups.get_mut(group)?.aggregate.totals(&self.windows)
    }

    /// The groups that must be counted again.
    #[cfg(test)]
    pub fn stale(&self) -> BTreeSet<RollupGroup> {
        self.stale.clone()
    }

    /// The time of the index.
    #[cfg(test)]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// All totals, counted again from the entries alone.
    #[cfg(test)]
    pub fn from_scratch(&self) -> BTreeMap<RollupGroup, FeedbackTotals> {
        let entries = || self.entries.values().map(|counted| &counted.entry);
        let groups: BTreeSet<&RollupGroup> = entries().flat_map(|entry| &entry.groups).collect();
        let total = |group: &RollupGroup| {
            let of_group = entries().filter(|entry| entry.groups.contains(group));
            FeedbackTotals::of(
                of_group.map(|entry| (&entry.contribution, AttributedTo::of(&entry.groups))),
                &self.windows,
                self.now,
            )
        };
        groups.into_iter().filter_map(|group| Some((group.clone(), total(group)?))).collect()
    }

    /// All totals as they are.
    #[cfg(test)]
    pub fn as_counted(&self) -> BTreeMap<RollupGroup, FeedbackTotals> {
        self.totals.iter().map(|(group, total)| (group.clone(), FeedbackTotals::clone(total))).collect()
    }
}
