//! Which voices belong to which group, and which groups are to be counted again.

#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;

use super::sample::Mean;
use super::voice::Voice;
use super::{About, Group, Total, Windows};
use crate::domain::{ResponseId, SessionId, SurveyId};

/// A record that has a voice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A customer's response.
    Response(ResponseId),
    /// A survey: our request and what the vendor tells of it.
    Survey(SurveyId),
    /// An interaction whose customer is not asked, by its name.
    NotAsked(Arc<str>),
}

/// What is written down of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it counts. The whole floor is always among them.
    pub groups: BTreeSet<Group>,
    /// What it says.
    pub voice: Voice,
    /// The session that decided on its groups, known or not.
    pub session: Option<SessionId>,
}

/// How ratings with a tag compare to all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Stars of what bears the tag.
    pub with: Mean,
    /// Stars of what does not.
    pub without: Mean,
}

impl Entry {
    /// Whose it is.
    fn about(&self) -> About {
        let mut about = About::default();
        for group in &self.groups {
            match group {
                Group::Agent(id) => about.agent = Some(*id),
                Group::Queue(id) => about.queue = Some(*id),
                Group::Team(id) => about.team = Some(*id),
                Group::Floor | Group::Place(_) | Group::Tag(_) => {}
            }
        }
        about
    }
}

impl Effect {
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

/// The voices of one group, by the last instant at which they count, so that nobody looks at what is long over.
#[derive(Debug, Default)]
struct Members {
    by_time: BTreeSet<(Option<Timestamp>, Item)>,
    waiting: BTreeSet<Item>,
}

/// All voices by the groups that they belong to, and what is counted of each.
#[derive(Debug)]
pub struct Book {
    windows: Windows,
    now: Timestamp,
    entries: HashMap<Item, Entry>,
    groups: HashMap<Group, Members>,
    by_session: HashMap<SessionId, BTreeSet<Item>>,
    /// When somebody's voice will count differently though nobody says anything.
    instants: BTreeSet<(Timestamp, Item)>,
    totals: HashMap<Group, Arc<Total>>,
    stale: BTreeSet<Group>,
}

impl Book {
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
    pub fn put(&mut self, item: Item, entry: Entry) {
        if self.entries.get(&item) == Some(&entry) {
            return;
        }
        self.remove(&item);
        let (latest, waits) = (entry.voice.latest(), waits(&entry.voice));
        for group in &entry.groups {
            let members = self.groups.entry(group.clone()).or_default();
            members.by_time.insert((latest, item.clone()));
            if waits {
                members.waiting.insert(item.clone());
            }
        }
        if let Some(session) = entry.session {
            self.by_session.entry(session).or_default().insert(item.clone());
        }
        let now = self.now;
        self.instants.extend(entry.voice.instants().filter(|at| *at > now).map(|at| (at, item.clone())));
        self.stale.extend(entry.groups.iter().cloned());
        self.entries.insert(item, entry);
    }

    /// Crosses a record out.
    pub fn remove(&mut self, item: &Item) {
        let Some(entry) = self.entries.remove(item) else { return };
        let latest = entry.voice.latest();
        for group in &entry.groups {
            if let Some(members) = self.groups.get_mut(group) {
                members.by_time.remove(&(latest, item.clone()));
                members.waiting.remove(item);
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
        self.stale.extend(entry.groups);
    }

    /// It is that late: whatever counts differently by now will be counted again.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while self.instants.first().is_some_and(|(at, _)| *at <= self.now) {
            let Some((_, item)) = self.instants.pop_first() else { return };
            if let Some(entry) = self.entries.get(&item) {
                self.stale.extend(entry.groups.iter().cloned());
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
        self.stale.extend(self.groups.keys().cloned());
    }

    /// Since when is counted.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Counts again whatever may count differently now, and says of which groups anything changed.
    pub fn count(&mut self) -> BTreeSet<Group> {
        let mut changed = BTreeSet::new();
        let all_stars = |book: &Self| book.total(&Group::Floor).map(|total| total.month.stars);
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
            changed.extend(self.groups().filter(|group| matches!(group, Group::Tag(_))).cloned());
        }
        changed
    }

    /// What is counted of a group. `None`: there is nothing to count.
    #[must_use]
    pub fn total(&self, group: &Group) -> Option<Arc<Total>> {
        self.totals.get(group).cloned()
    }

    /// How ratings with a tag compare to all others of the month.
    #[must_use]
    pub fn effect(&self, tag: &Group) -> Option<Effect> {
        let (with, all) = (self.totals.get(tag)?.month.stars, self.totals.get(&Group::Floor)?.month.stars);
        (with.n > 0).then(|| Effect { with, without: all.without(&with) })
    }

    /// Every group that anything is counted of.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.totals.keys()
    }

    /// The records of a group.
    pub fn of_group(&self, group: &Group) -> impl DoubleEndedIterator<Item = &Item> {
        self.groups.get(group).into_iter().flat_map(|members| &members.by_time).map(|(_, item)| item)
    }

    /// The records whose groups hang on a session.
    pub fn of_session(&self, session: SessionId) -> impl Iterator<Item = &Item> {
        self.by_session.get(&session).into_iter().flatten()
    }

    fn counted(&self, group: &Group) -> Option<Total> {
        let members = self.groups.get(group)?;
        let recent = members.by_time.iter().rev().take_while(|(latest, _)| *latest >= Some(self.windows.month));
        let recent = recent.filter_map(|(_, item)| self.entries.get(item));
        let waiting = members.waiting.iter().filter_map(|item| self.entries.get(item));
        let (said, waits) = (recent.clone().map(|it| &it.voice), waiting.clone().map(|it| &it.voice));
        let total = Total::of(said, waits, &self.windows, self.now)?;
        Some(Total { about: recent.chain(waiting).map(Entry::about).collect(), ..total })
    }

    /// What is to be counted again.
    #[cfg(test)]
    pub fn stale(&self) -> BTreeSet<Group> {
        self.stale.clone()
    }

    /// What time it is here.
    #[cfg(test)]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Everything counted anew from nothing but the entries.
    #[cfg(test)]
    pub fn from_scratch(&self) -> BTreeMap<Group, Total> {
        let groups: BTreeSet<&Group> = self.entries.values().flat_map(|entry| &entry.groups).collect();
        let total = |group: &Group| {
            let of_group = || self.entries.values().filter(|entry| entry.groups.contains(group));
            let voices = || of_group().map(|it| &it.voice);
            let counts = |it: &&Entry| it.voice.latest() >= Some(self.windows.month) || waits(&it.voice);
            let about = of_group().filter(counts).map(Entry::about).collect();
            Some(Total { about, ..Total::of(voices(), voices(), &self.windows, self.now)? })
        };
        groups.into_iter().filter_map(|group| Some((group.clone(), total(group)?))).collect()
    }

    /// Everything as it is counted.
    #[cfg(test)]
    pub fn as_counted(&self) -> BTreeMap<Group, Total> {
        self.totals.iter().map(|(group, total)| (group.clone(), Total::clone(total))).collect()
    }
}

fn waits(voice: &Voice) -> bool {
    voice.treatment.is_some_and(|treatment| treatment.waits_since.is_some())
}
