//! The health of each source, reported by the tasks that read from it or send to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::owner::Gold;
use crate::domain::{AgentId, Fact, Health, SourceName, SourceState};
use base::metrics::Metrics;
use base::{Clock, SourceClock};

/// How old the published time of the last data may be. Without this limit it would be a change of every page several
/// times a second.
const PUBLISH_DATA_TIME_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// How old published counts may be, for the same reason.
const PUBLISH_COUNTS_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// Keeps a source's health as one task sees it, and publishes it when it changes.
#[derive(Debug)]
pub struct Reporter {
    name: SourceName,
    gold: Gold,
    metrics: Metrics,
    clock: Clock,
    health: Health,
    published: Option<Health>,
    published_at: Timestamp,
    last_data: Option<Timestamp>,
    /// The health as each reporter of this source last published it, and the index of this reporter in it.
    shared: Arc<Shared>,
    index: usize,
    /// The source's own clock, if it is measured.
    source_clock: Option<SourceClock>,
}

/// What the reporters of one source share.
#[derive(Debug, Default)]
struct Shared {
    healths: Mutex<Vec<Health>>,
    /// Held while a combined health is on its way to gold, so that an older one never arrives after a newer one.
    publishing: tokio::sync::Mutex<()>,
}

impl Reporter {
    /// The first reporter of a source, which is not connected yet.
    #[must_use]
    pub fn new(name: SourceName, gold: Gold, metrics: Metrics, clock: Clock) -> Self {
        Self::sharing(Arc::default(), name, gold, metrics, clock)
    }

    /// Also reports how far the source's clock is from ours.
    #[must_use]
    pub fn with(mut self, source_clock: SourceClock) -> Self {
        self.source_clock = Some(source_clock);
        self
    }

    /// Another reporter of the same source, such as one for reading beside one for sending. Pages show the worst state
    /// of them, and the sum of their counts.
    #[must_use]
    pub fn sibling(&self) -> Self {
        let (gold, metrics, clock) = (self.gold.clone(), self.metrics.clone(), self.clock.clone());
        let source_clock = self.source_clock.clone();
        Self { source_clock, ..Self::sharing(Arc::clone(&self.shared), self.name, gold, metrics, clock) }
    }

    fn sharing(shared: Arc<Shared>, name: SourceName, gold: Gold, metrics: Metrics, clock: Clock) -> Self {
        let mut health = Health::new(SourceState::Down, clock.now());
        health.reason = Some("Not connected yet.".into());
        let index = {
            let mut healths = shared.healths.lock();
            healths.push(health.clone());
            healths.len() - 1
        };
        let published_at = clock.now();
        Self {
            name,
            gold,
            metrics,
            clock,
            health,
            published: None,
            published_at,
            last_data: None,
            shared,
            index,
            source_clock: None,
        }
    }

    /// The clock of this process.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Converts a time by the source's clock into one by ours.
    #[must_use]
    pub fn to_ours(&self, theirs: Timestamp) -> Timestamp {
        self.source_clock.as_ref().map_or(theirs, |clock| clock.to_ours(theirs))
    }

    /// The current state.
    #[must_use]
    pub fn state(&self) -> SourceState {
        self.health.state
    }

    /// Sets the state and its reason. Another reason for the same state does not change when the state began.
    pub fn set_state(&mut self, state: SourceState, reason: Option<&str>) {
        if self.health.state != state {
            self.health.state = state;
            self.health.since = self.clock.now();
        }
        if self.health.reason.as_deref() != reason {
            self.health.reason = reason.map(Arc::from);
        }
    }

    /// Sets the transport.
    pub fn transport(&mut self, transport: Option<&str>) {
        if self.health.transport.as_deref() != transport {
            self.health.transport = transport.map(Arc::from);
        }
    }

    /// Credentials were refused, and are tried again at this time. `None`: none were refused.
    pub fn next_try(&mut self, at: Option<Timestamp>) {
        self.health.next_try = at;
    }

    /// The source sent data with so many events.
    pub fn received(&mut self, events: u64) {
        self.received_at(self.clock.now(), events);
    }

    /// The source sent data at that time.
    pub fn received_at(&mut self, at: Timestamp, events: u64) {
        self.last_data = self.last_data.max(Some(at));
        self.metrics.source_events(self.name.as_str(), events);
    }

    /// The agents that the service account may not see.
    pub fn not_permitted(&mut self, agents: BTreeMap<AgentId, Arc<str>>) {
        self.metrics.agents_not_permitted(agents.len());
        self.health.not_permitted = agents;
    }

    /// Adds one to a counter.
    pub fn count(&mut self, counter: &'static str) {
        self.count_many(counter, 1);
    }

    /// Adds several to a counter.
    pub fn count_many(&mut self, counter: &'static str, times: u64) {
        if times > 0 {
            *self.health.counters.entry(counter).or_default() += times;
            self.metrics.source_count(self.name.as_str(), counter, times);
        }
    }

    /// The source is read from the beginning.
    pub fn resync(&mut self, reason: &'static str) {
        self.count("resyncs");
        self.metrics.source_resync(self.name.as_str(), reason);
    }

    /// Publishes the health if that is due: a change of state at once, counts and the time of the last data after a
    /// while. Callers that count call this again within a second or two.
    pub async fn publish(&mut self) {
        if let Some(last_data) = self.last_data
            && self.health.last_data.is_none_or(|known| last_data.duration_since(known) >= PUBLISH_DATA_TIME_EVERY)
        {
            self.health.last_data = Some(last_data);
        }
        if let Some(clock) = &self.source_clock {
            self.health.clock_offset = clock.noteworthy_offset();
        }
        let Some(published) = &self.published else { return self.publish_now().await };
        let counts_changed = published.counters != self.health.counters;
        let rest_changed = differ_besides_counts(published, &self.health);
        let counts_are_due = self.clock.now().duration_since(self.published_at) >= PUBLISH_COUNTS_EVERY;
        if rest_changed || (counts_changed && counts_are_due) {
            self.publish_now().await;
        }
    }

    /// Whether anything has changed that is not published yet.
    #[must_use]
    pub fn has_unpublished(&self) -> bool {
        self.published.as_ref() != Some(&self.health)
    }

    async fn publish_now(&mut self) {
        self.published = Some(self.health.clone());
        self.published_at = self.clock.now();
        let _in_order = self.shared.publishing.lock().await;
        let health = {
            let mut healths = self.shared.healths.lock();
            healths[self.index].clone_from(&self.health);
            combined(&healths)
        };
        if let Some(clock) = &self.source_clock {
            self.metrics.source_clock_offset(self.name.as_str(), clock.offset().as_secs_f64());
        }
        self.metrics.source_up(self.name.as_str(), matches!(health.state, SourceState::Live | SourceState::Polling));
        self.gold.apply(Fact::Source(self.name, health)).await;
    }
}

fn differ_besides_counts(one: &Health, other: &Health) -> bool {
    one.state != other.state
        || one.reason != other.reason
        || one.transport != other.transport
        || one.last_data != other.last_data
        || one.next_try != other.next_try
        || one.not_permitted != other.not_permitted
        || one.clock_offset != other.clock_offset
}

/// The worst state of several reporters, with the newest data, all reasons and the sums of all counters.
fn combined(all: &[Health]) -> Health {
    let mut worst_first: Vec<&Health> = all.iter().collect();
    worst_first.sort_by_key(|health| rank(health.state));
    let Some(worst) = worst_first.first() else { return Health::new(SourceState::Off, Timestamp::UNIX_EPOCH) };
    let mut health = Health::clone(worst);
    health.last_data = all.iter().filter_map(|health| health.last_data).max();
    health.clock_offset = all.iter().find_map(|health| health.clock_offset);
    health.next_try = all.iter().filter_map(|health| health.next_try).min();
    let mut reasons: Vec<&str> = Vec::new();
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

/// The worst state first. Of a source that one task polls and another receives pushes from, only polling can be
/// promised.
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
    use base::Lifecycle;

    use super::*;
    use crate::gold::{BusinessDay, Entity, Key, MatchRules};

    #[test]
    fn two_reporters_show_the_worse_state_and_both_counts() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut one = Health::new(SourceState::Live, at(1));
        one.counters.insert("accepted", 2);
        let mut other = Health::new(SourceState::Down, at(2));
        other.reason = Some("It is closed.".into());
        (other.last_data, one.last_data) = (Some(at(3)), Some(at(4)));
        other.counters.extend([("accepted", 1), ("polls", 7)]);
        let shown = combined(&[one, other]);
        assert_eq!((shown.state, shown.reason.as_deref()), (SourceState::Down, Some("It is closed.")));
        assert_eq!((shown.last_data, shown.counters["accepted"], shown.counters["polls"]), (Some(at(4)), 3, 7));
    }

    #[tokio::test]
    async fn sibling_made_while_another_publishes_is_counted() {
        let (clock, life) = (Clock::system(), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock.clone(), &life);
        let mut first = Reporter::new(SourceName::Goodays, gold.clone(), Metrics::new(clock.clone()), clock);
        let mut siblings = Vec::new();
        {
            let _publishing = first.shared.publishing.lock().await;
            siblings.extend((0..3).map(|_| first.sibling()));
        }
        first.count("accepted");
        first.publish().await;
        for sibling in &mut siblings {
            sibling.set_state(SourceState::Live, None);
            sibling.count_many("accepted", 2);
            sibling.publish().await;
        }
        gold.flush().await;
        let Some(Entity::Source(health)) = gold.copy().get(&Key::Source(SourceName::Goodays)).as_deref().cloned()
        else {
            panic!("the source is published")
        };
        assert_eq!((health.counters["accepted"], health.state), (7, SourceState::Down));
    }
}
