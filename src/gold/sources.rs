//! Tells how well a source can be heard. Whoever listens to a source, or speaks to it, holds its [`Reporter`].

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Gold;
use crate::base::Clock;
use crate::base::metrics::Metrics;
use crate::domain::{Fact, Health, SourceName, SourceState};

/// How stale "last heard of" may be. It would otherwise be a change by itself, several times a second, on every page.
const HEARD_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// Keeps a source's health and tells gold when it changes.
#[derive(Debug)]
pub struct Reporter {
    name: SourceName,
    gold: Gold,
    metrics: Metrics,
    clock: Clock,
    health: Health,
    told: Option<Health>,
    heard: Option<Timestamp>,
}

impl Reporter {
    /// A source that has not been heard of yet.
    #[must_use]
    pub fn new(name: SourceName, gold: Gold, metrics: Metrics, clock: Clock) -> Self {
        let mut health = Health::new(SourceState::Down, clock.now());
        health.reason = Some("Not connected yet.".into());
        Self { name, gold, metrics, clock, health, told: None, heard: None }
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

    /// Tells gold, if there is anything to tell.
    pub async fn tell(&mut self) {
        if let Some(heard) = self.heard
            && self.health.last_data.is_none_or(|known| heard.duration_since(known) >= HEARD_EVERY)
        {
            self.health.last_data = Some(heard);
        }
        if self.told.as_ref() != Some(&self.health) {
            let up = matches!(self.health.state, SourceState::Live | SourceState::Polling);
            self.metrics.source_up(self.name.as_str(), up);
            self.told = Some(self.health.clone());
            self.gold.tell(Fact::Source(self.name, self.health.clone())).await;
        }
    }
}
