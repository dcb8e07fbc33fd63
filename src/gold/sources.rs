//! Tells how well a source can be heard. Whoever listens to a source, or speaks to it, holds its [`Reporter`].

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Gold;
use crate::base::Clock;
use crate::base::metrics::Metrics;
use crate::domain::{Fact, Health, SourceName, SourceState};

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
}

impl Reporter {
    /// A source that has not been heard of yet.
    #[must_use]
    pub fn new(name: SourceName, gold: Gold, metrics: Metrics, clock: Clock) -> Self {
        let mut health = Health::new(SourceState::Down, clock.now());
        health.reason = Some("Not connected yet.".into());
        Self { name, gold, metrics, health, told: None, told_at: clock.now(), heard: None, clock }
    }

    /// What time it is for this source.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How it is now.
    #[must_use]
    pub fn state(&self) -> SourceState {
        self.health.state
    }

    /// The source is in this state, for this reason. The same state for another reason began when it began.
    pub fn set(&mut self, state: SourceState, reason: Option<&str>) {
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

    /// The source told us something.
    pub fn heard(&mut self, events: u64) {
        self.heard_at(self.clock.now(), events);
    }

    /// The source told us something at that time.
    pub fn heard_at(&mut self, at: Timestamp, events: u64) {
        self.heard = self.heard.max(Some(at));
        self.metrics.source_heard(self.name.as_str(), events);
    }

    /// When the source last told us something.
    #[must_use]
    pub fn last_heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// Something worth counting happened.
    pub fn count(&mut self, what: &'static str) {
        self.count_many(what, 1);
    }

    /// Something worth counting happened several times.
    pub fn count_many(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.health.counters.entry(what).or_default() += times;
        }
    }

    /// The source is read afresh.
    pub fn resync(&mut self, reason: &'static str) {
        self.count("resyncs");
        self.metrics.source_resync(self.name.as_str(), reason);
    }

    /// Tells gold, if there is anything to tell now. A change of state is told at once; counts and "last heard of" wait
    /// until it is time, so whoever counts calls this again within a second or two.
    pub async fn tell(&mut self) {
        if let Some(heard) = self.heard
            && self.health.last_data.is_none_or(|known| heard.duration_since(known) >= HEARD_EVERY)
        {
            self.health.last_data = Some(heard);
        }
        let Some(told) = &self.told else { return self.tell_now().await };
        let now = self.clock.now();
        let counted = told.counters != self.health.counters;
        let changed = (told.state, &told.reason, &told.transport, told.last_data)
            != (self.health.state, &self.health.reason, &self.health.transport, self.health.last_data);
        if changed || (counted && now.duration_since(self.told_at) >= COUNTED_EVERY) {
            self.tell_now().await;
        }
    }

    /// Whether something has been counted that gold has not been told.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.told.as_ref() != Some(&self.health)
    }

    async fn tell_now(&mut self) {
        let up = matches!(self.health.state, SourceState::Live | SourceState::Polling);
        self.metrics.source_up(self.name.as_str(), up);
        self.told = Some(self.health.clone());
        self.told_at = self.clock.now();
        self.gold.tell(Fact::Source(self.name, self.health.clone())).await;
    }
}
