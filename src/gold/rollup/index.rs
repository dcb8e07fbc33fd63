//! Which voices belong to which group, and which groups are to be counted again.

#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;

use super::aggregate::{Aggregate, GroupContribution};
use super::contribution::Contribution;
use super::stats::{Change, Mean};
use super::{AttributedTo, FeedbackTotals, RollupGroup, Windows};
use crate::domain::{ResponseId, SessionId, SurveyId};

/// A record that has a voice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RollupItem {
    /// A customer's response.
    Response(ResponseId),
    /// A survey: our request and what the upstream tells of it.
    Survey(SurveyId),
    /// An interaction whose customer is not asked, by its name.
    SkippedSurvey(Arc<str>),
}

/// What is written down of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupEntry {
    /// Where it counts. The whole floor is always among them.
    pub groups: BTreeSet<RollupGroup>,
    /// What it says.
    pub voice: Contribution,
    /// The session that decided on its groups, known or not.
    pub session: Option<SessionId>,
}

/// How ratings with a tag compare to all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagEffect {
    /// Stars of what bears the tag.
    pub with: Mean,
    /// Stars of what does not.
    pub without: Mean,
}

impl RollupEntry {
    /// Whose it is.
    fn about(&self) -> AttributedTo {
        let mut about = AttributedTo::default();
        for group in &self.groups {
            match group {
                RollupGroup::Agent(id) => about.agent = Some(*id),
                RollupGroup::Queue(id) => about.queue = Some(*id),
                RollupGroup::Team(id) => about.team = Some(*id),
                RollupGroup::Floor | RollupGroup::Place(_) | RollupGroup::Tag(_) => {}
            }
        }
        about
    }
}

impl TagEffect {
    /// Fewer ratings than this on either side show no effect.
    pub const FEWEST: u64 = 10;

    /// By how many stars ratings with the tag differ, to one decimal. `None`: there are too few.
    #[must_use]
    pub fn lift(&self) -> Option<f64> {
        let is_enough = self.with.n >= Self::FEWEST && self.without.n >= Self::FEWEST;
        let difference = self.with.exact()? - self.without.exact()?;
        // Not minus nought.
        is_enough.then_some((difference * 10.0).round() / 10.0 + 0.0)
    }
}

/// An entry, and as of when it is counted: nothing in it counts differently until its next instant.
#[derive(Debug)]
struct Counted {
    entry: RollupEntry,
    as_of: Timestamp,
}

/// The voices of one group, by the last instant at which they count, and what they amount to.
#[derive(Debug, Default)]
struct Members {
    by_time: BTreeSet<(Option<Timestamp>, RollupItem)>,
    tally: Aggregate,
}

/// All voices by the groups that they belong to, and what is counted of each.
#[derive(Debug)]
pub struct RollupIndex {
    windows: Windows,
    now: Timestamp,
    entries: HashMap<RollupItem, Counted>,
    groups: HashMap<RollupGroup, Members>,
    by_session: HashMap<SessionId, BTreeSet<RollupItem>>,
    /// When somebody's voice will count differently though nobody says anything.
    instants: BTreeSet<(Timestamp, RollupItem)>,
    totals: HashMap<RollupGroup, Arc<FeedbackTotals>>,
    stale: BTreeSet<RollupGroup>,
}

impl RollupIndex {
    /// An empty one.
    #[must_use]
    pub fn new(windows: Windows, now: Timestamp) -> Self {
        Self {
            windows,
            now,
            entries: HashMap::default(),
            groups: HashMap::default(),
            by_session: HashMap::default(),
            instants: BTreeSet::new(),
            totals: HashMap::default(),
            stale: BTreeSet::new(),
        }
    }

    /// Writes a record down, in place of what was written of it. The same once more is nothing new.
    pub fn put(&mut self, item: RollupItem, entry: RollupEntry) {
        if self.entries.get(&item).is_some_and(|known| known.entry == entry) {
            return;
        }
        self.remove(&item);
        let latest = entry.voice.latest();
        for group in &entry.groups {
            self.groups.entry(group.clone()).or_default().by_time.insert((latest, item.clone()));
        }
        if let Some(session) = entry.session {
            self.by_session.entry(session).or_default().insert(item.clone());
        }
        let now = self.now;
        self.instants.extend(entry.voice.instants().filter(|at| *at > now).map(|at| (at, item.clone())));
        let counted = Counted { entry, as_of: now };
        self.tally(&counted, Change::Put);
        self.entries.insert(item, counted);
    }

    /// Crosses a record out.
    pub fn remove(&mut self, item: &RollupItem) {
        let Some(counted) = self.entries.remove(item) else { return };
        self.tally(&counted, Change::Take);
        let entry = counted.entry;
        let latest = entry.voice.latest();
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
        for at in entry.voice.instants() {
            self.instants.remove(&(at, item.clone()));
        }
    }

    /// It is that late: whatever counts differently by now will be counted again.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while self.instants.first().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, item)) = self.instants.pop_first() else { return };
            if let Some(mut counted) = self.entries.remove(&item) {
                self.tally(&counted, Change::Take);
                counted.as_of = self.now;
                self.tally(&counted, Change::Put);
                self.entries.insert(item, counted);
            }
        }
    }

    /// When something will next count differently though nobody says anything.
    #[must_use]
    pub fn next_instant(&self) -> Option<Timestamp> {
        self.instants.first().map(|(at, _)| *at)
    }

    /// A new day: everything is counted again.
    pub fn begin(&mut self, windows: Windows) {
        self.windows = windows;
        self.groups.values_mut().for_each(|members| members.tally = Aggregate::default());
        let (now, mut entries) = (self.now, std::mem::take(&mut self.entries));
        for counted in entries.values_mut() {
            counted.as_of = now;
            self.tally(counted, Change::Put);
        }
        self.entries = entries;
    }

    /// Since when is counted.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Counts again whatever may count differently now, and says of which groups anything changed.
    pub fn count(&mut self) -> BTreeSet<RollupGroup> {
        let mut changed = BTreeSet::new();
        let all_stars = |book: &Self| book.total(&RollupGroup::Floor).map(|total| total.month.stars);
        let before = all_stars(self);
        for group in std::mem::take(&mut self.stale) {
            let total = self.counted(&group);
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
            // A tag is compared with everything that does not bear it.
            changed.extend(self.groups().filter(|group| matches!(group, RollupGroup::Tag(_))).cloned());
        }
        changed
    }

    /// What is counted of a group. `None`: there is nothing to count.
    #[must_use]
    pub fn total(&self, group: &RollupGroup) -> Option<Arc<FeedbackTotals>> {
        self.totals.get(group).cloned()
    }

    /// How ratings with a tag compare to all others of the month.
    #[must_use]
    pub fn effect(&self, tag: &RollupGroup) -> Option<TagEffect> {
        let (with, all) = (self.totals.get(tag)?.month.stars, self.totals.get(&RollupGroup::Floor)?.month.stars);
        (with.n > 0).then(|| TagEffect { with, without: all.without(&with) })
    }

    /// Every group that anything is counted of.
    pub fn groups(&self) -> impl Iterator<Item = &RollupGroup> {
        self.totals.keys()
    }

    /// The records of a group.
    pub fn of_group(&self, group: &RollupGroup) -> impl DoubleEndedIterator<Item = &RollupItem> {
        self.groups.get(group).into_iter().flat_map(|members| &members.by_time).map(|(_, item)| item)
    }

    /// The records whose groups hang on a session.
    pub fn of_session(&self, session: SessionId) -> impl Iterator<Item = &RollupItem> {
        self.by_session.get(&session).into_iter().flatten()
    }

    /// Counts a record in each of its groups, or takes back what it was counted for.
    fn tally(&mut self, counted: &Counted, change: Change) {
        let Counted { entry, as_of } = counted;
        let part = GroupContribution::of(&entry.voice, entry.about(), &self.windows, *as_of);
        for group in &entry.groups {
            if let Some(members) = self.groups.get_mut(group) {
                members.tally.change(&part, change);
                self.stale.insert(group.clone());
            }
        }
    }

    fn counted(&mut self, group: &RollupGroup) -> Option<FeedbackTotals> {
        self.groups.get_mut(group)?.tally.total(&self.windows)
    }

    /// What is to be counted again.
    #[cfg(test)]
    pub fn stale(&self) -> BTreeSet<RollupGroup> {
        self.stale.clone()
    }

    /// What time it is here.
    #[cfg(test)]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Everything counted anew from nothing but the entries.
    #[cfg(test)]
    pub fn from_scratch(&self) -> BTreeMap<RollupGroup, FeedbackTotals> {
        let entries = || self.entries.values().map(|counted| &counted.entry);
        let groups: BTreeSet<&RollupGroup> = entries().flat_map(|entry| &entry.groups).collect();
        let total = |group: &RollupGroup| {
            let of_group = entries().filter(|entry| entry.groups.contains(group));
            FeedbackTotals::of(of_group.map(|entry| (&entry.voice, entry.about())), &self.windows, self.now)
        };
        groups.into_iter().filter_map(|group| Some((group.clone(), total(group)?))).collect()
    }

    /// Everything as it is counted.
    #[cfg(test)]
    pub fn as_counted(&self) -> BTreeMap<RollupGroup, FeedbackTotals> {
        self.totals.iter().map(|(group, total)| (group.clone(), FeedbackTotals::clone(total))).collect()
    }
}
