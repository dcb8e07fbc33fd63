//! Tells how well a source can be heard. Whoever listens to a source, or speaks to it, holds its [`Reporter`].

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::Gold;
use crate::domain::{AgentId, Fact, Health, SourceName, SourceState};
use base::metrics::Metrics;
use base::{Clock, SourceClock};

/// How stale "last heard of" may be. It would otherwise be a change by itself, several times a second, on every page.
const HEARD_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// How stale counts may be, for the same reason.
const COUNTED_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// Keeps a source's health and tells gold when it changes.
#[derive(Debug)]
pub struct Reporter {
    name: SourceName,
    gold: Gold,
    metrics: Metrics,
    clock: Clock,
    health: Health,
    told: Option<Health>,
    told_at: Timestamp,
    heard: Option<Timestamp>,
    /// What each of those says who know the same source, and which of them this one is.
    others: Option<(Arc<Mutex<Vec<Health>>>, usize)>,
    /// The source's own clock, if it is measured.
    measured: Option<SourceClock>,
}

impl Reporter {
    /// A source that has not been heard of yet.
    #[must_use]
    pub fn new(name: SourceName, gold: Gold, metrics: Metrics, clock: Clock) -> Self {
        let mut health = Health::new(SourceState::Down, clock.now());
        health.reason = Some("Not connected yet.".into());
        let (told, told_at, heard) = (None, clock.now(), None);
        Self { name, gold, metrics, health, told, told_at, heard, others: None, measured: None, clock }
    }

    /// The same, telling how far the source's clock is from ours.
    #[must_use]
    pub fn with(mut self, measured: SourceClock) -> Self {
        self.measured = Some(measured);
        self
    }

    /// Another who knows the same source in another way, such as by asking where this one sends. Pages show the worst that
    /// either of them says, and what both have counted.
    #[must_use]
    pub fn sibling(&mut self) -> Self {
        let mut other = Self::new(self.name, self.gold.clone(), self.metrics.clone(), self.clock.clone());
        other.measured.clone_from(&self.measured);
        let (all, _) = self.others.get_or_insert_with(|| (Arc::new(Mutex::new(vec![self.health.clone()])), 0));
        if let Ok(mut known) = all.try_lock() {
            other.others = Some((Arc::clone(all), known.len()));
            known.push(other.health.clone());
        }
        other
    }

    /// What time it is for this source.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// When by our clock something was that the source gives a time for.
    #[must_use]
    pub fn to_ours(&self, theirs: Timestamp) -> Timestamp {
        self.measured.as_ref().map_or(theirs, |measured| measured.to_ours(theirs))
    }

    /// How it is now.
    #[must_use]
    pub fn state(&self) -> SourceState {
        self.health.state
    }

    /// The source is in this state, for this reason. The same state for another reason began when it began.
    pub fn set_state(&mut self, state: SourceState, reason: Option<&str>) {
        if self.health.state != state {
            self.health.state = state;
            self.health.since = self.clock.now();
        }
        if self.health.reason.as_deref() != reason {
            self.health.reason = reason.map(Arc::from);
        }
    }

    /// The source is heard in this way.
    pub fn transport(&mut self, transport: Option<&str>) {
        if self.health.transport.as_deref() != transport {
            self.health.transport = transport.map(Arc::from);
        }
    }

    /// Credentials were refused, and are shown again at this time. `None`: none were refused.
    pub fn next_try(&mut self, at: Option<Timestamp>) {
        self.health.next_try = at;
    }

    /// The source told us something.
    pub fn received(&mut self, events: u64) {
        self.received_at(self.clock.now(), events);
    }

    /// The source told us something at that time.
    pub fn received_at(&mut self, at: Timestamp, events: u64) {
        self.heard = self.heard.max(Some(at));
        self.metrics.source_events(self.name.as_str(), events);
    }

    /// The source refuses to show these agents to our account.
    pub fn not_permitted(&mut self, agents: BTreeMap<AgentId, Arc<str>>) {
        self.metrics.agents_not_permitted(agents.len());
        self.health.not_permitted = agents;
    }

    /// Something worth counting happened.
    pub fn count(&mut self, what: &'static str) {
        self.count_many(what, 1);
    }

    /// Something worth counting happened several times.
    pub fn count_many(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.health.counters.entry(what).or_default() += times;
            self.metrics.source_count(self.name.as_str(), what, times);
        }
    }

    /// The source is read afresh.
    pub fn resync(&mut self, reason: &'static str) {
        self.count("resyncs");
        self.metrics.source_resync(self.name.as_str(), reason);
    }

    /// Tells gold, if there is anything to publish now. A change of state is told at once; counts and "last heard of" wait
    /// until it is time, so whoever counts calls this again within a second or two.
    pub async fn publish(&mut self) {
        if let Some(heard) = self.heard
            && self.health.last_data.is_none_or(|known| heard.duration_since(known) >= HEARD_EVERY)
        {
            self.health.last_data = Some(heard);
        }
        if let Some(measured) = &self.measured {
            self.health.clock_offset = measured.noteworthy_offset();
        }
        let Some(told) = &self.told else { return self.tell_now().await };
        let now = self.clock.now();
        let counted = told.counters != self.health.counters;
        let what = |health: &Health| {
            (health.state, health.reason.clone(), health.transport.clone(), health.last_data, health.next_try)
        };
        let changed = what(told) != what(&self.health)
            || told.not_permitted != self.health.not_permitted
            || told.clock_offset != self.health.clock_offset;
        if changed || (counted && now.duration_since(self.told_at) >= COUNTED_EVERY) {
            self.tell_now().await;
        }
    }

    /// Whether something has been counted that gold has not been told.
    #[must_use]
    pub fn has_unpublished(&self) -> bool {
        self.told.as_ref() != Some(&self.health)
    }

    async fn tell_now(&mut self) {
        self.told = Some(self.health.clone());
        self.told_at = self.clock.now();
        // Held until it is told: what is told last must be what is known last.
        let mut all = match &self.others {
            Some((all, place)) => {
                let mut all = all.lock().await;
                all[*place] = self.health.clone();
                Some(all)
            }
            None => None,
        };
        let health = all.as_mut().map_or_else(|| self.health.clone(), |all| together(all));
        if let Some(measured) = &self.measured {
            self.metrics.source_clock_offset(self.name.as_str(), measured.offset().as_secs_f64());
        }
        self.metrics.source_up(self.name.as_str(), matches!(health.state, SourceState::Live | SourceState::Polling));
        self.gold.apply(Fact::Source(self.name, health)).await;
    }
}

/// The worst of several, with everything that was heard and counted.
fn together(all: &[Health]) -> Health {
    let Some(mut health) = all.iter().min_by_key(|health| rank(health.state)).cloned() else {
        return Health::new(SourceState::Off, Timestamp::UNIX_EPOCH);
    };
    health.last_data = all.iter().filter_map(|health| health.last_data).max();
    health.clock_offset = all.iter().find_map(|health| health.clock_offset);
    health.next_try = all.iter().filter_map(|health| health.next_try).min();
    let mut reasons: Vec<&str> = Vec::new();
    let mut worst_first: Vec<&Health> = all.iter().collect();
    worst_first.sort_by_key(|health| rank(health.state));
    for reason in worst_first.into_iter().filter_map(|health| health.reason.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    health.reason = (!reasons.is_empty()).then(|| reasons.join(" ").into());
    health.not_permitted = all.iter().flat_map(|health| health.not_permitted.clone()).collect();
    health.counters.clear();
    for (name, count) in all.iter().flat_map(|health| &health.counters) {
        *health.counters.entry(name).or_default() += count;
    }
    health
}

/// The worst first. That one of them only asks is no trouble where another is live, but more than that cannot be said.
fn rank(state: SourceState) -> u8 {
    match state {
        SourceState::Down => 0,
        SourceState::Stale => 1,
        SourceState::Polling => 2,
        SourceState::Live => 3,
        SourceState::Off => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_who_know_a_source_the_worse_is_shown_with_the_counts_of_both() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut one = Health::new(SourceState::Live, at(1));
        one.counters.insert("accepted", 2);
        let mut other = Health::new(SourceState::Down, at(2));
        other.reason = Some("It is closed.".into());
        (other.last_data, one.last_data) = (Some(at(3)), Some(at(4)));
        other.counters.extend([("accepted", 1), ("polls", 7)]);
        let shown = together(&[one, other]);
        assert_eq!((shown.state, shown.reason.as_deref()), (SourceState::Down, Some("It is closed.")));
        assert_eq!((shown.last_data, shown.counters["accepted"], shown.counters["polls"]), (Some(at(4)), 3, 7));
    }
}
