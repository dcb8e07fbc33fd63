//! The one task that turns facts into deltas.
//!
//! It drains the channel, applies the facts, rederives the touched entities, raises the version once, writes the copy
//! and publishes the delta. A thousand facts in one turn cost one version; facts that change nothing publish nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::copy::{Change, Delta, GoldCopy};
use super::entity::{Entity, Key};
use super::join::MatchRules;
use super::records::Records;
use super::rollup::ReplyTargets;
use crate::domain::{Fact, Ordinal, SessionRecord};
use base::{Clock, Lifecycle};

/// Capacity of the fact channel. Senders wait when it is full: memory stays bounded, and nothing is dropped.
const FACT_CAPACITY: usize = 8192;

/// How many facts are applied before a version is published.
const BATCH: usize = 4096;

/// How many deltas a subscriber may lag behind before it must read the whole copy again.
const DELTA_CAPACITY: usize = 1024;

/// The handle to the gold copy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gold {
    copy: Arc<GoldCopy>,
    messages: mpsc::Sender<Message>,
    deltas: broadcast::Sender<Arc<Delta>>,
    ordinals: Arc<AtomicU64>,
}

/// The business day: counters of "today" begin with it.
#[derive(Debug, Clone)]
pub struct BusinessDay {
    /// The site's time zone.
    pub zone: TimeZone,
    /// The local time at which the day begins.
    pub starts: Time,
}

/// What roll-ups depend on.
#[derive(Debug, Clone, Default)]
pub struct RollupSettings {
    /// The business day.
    pub day: BusinessDay,
    /// How soon responses must be replied to.
    pub reply_targets: ReplyTargets,
}

impl From<BusinessDay> for RollupSettings {
    fn from(day: BusinessDay) -> Self {
        Self { day, reply_targets: ReplyTargets::default() }
    }
}

impl Default for BusinessDay {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, starts: Time::midnight() }
    }
}

/// A message to the owner task.
#[derive(Debug)]
enum Message {
    Fact(Fact, Instant),
    Flush(oneshot::Sender<u64>),
    TakeUnsavedSessions(usize, oneshot::Sender<Vec<SessionRecord>>),
}

impl Gold {
    /// Starts the owner task.
    #[must_use]
    pub fn start(rules: MatchRules, settings: impl Into<RollupSettings>, clock: Clock, life: &Lifecycle) -> Self {
        let RollupSettings { day, reply_targets } = settings.into();
        let (messages, received) = mpsc::channel(FACT_CAPACITY);
        let (deltas, _) = broadcast::channel(DELTA_CAPACITY);
        let copy = Arc::new(GoldCopy::default());
        let gold = Self { copy: Arc::clone(&copy), messages, deltas: deltas.clone(), ordinals: Arc::default() };
        let now = clock.now();
        let (records, day_ends) = (
            Records::new(rules, day.began(now)).with_rollup_settings(reply_targets, day.zone.clone(), now),
            day.ends(now),
        );
        life.spawn_service(Owner { records, copy, deltas, day, day_ends, clock }.run(received));
        gold
    }

    /// Sends a fact to the owner task. Waits while the channel is full.
    pub async fn apply(&self, fact: Fact) {
        // The owner task runs until the process stops; after that no one reads the fact.
        let _ = self.messages.send(Message::Fact(fact, Instant::now())).await;
    }

    /// The next position in the order of pushes and requests. Take it when a push is received, and before a request is
    /// sent.
    #[must_use]
    pub fn next_ordinal(&self) -> Ordinal {
        Ordinal(self.ordinals.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The entities.
    #[must_use]
    pub fn copy(&self) -> &GoldCopy {
        &self.copy
    }

    /// All deltas from now on. A subscriber that lags gets an error and must read the whole copy again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Delta>> {
        self.deltas.subscribe()
    }

    /// Waits until all facts sent so far are in the copy. Returns its version then.
    pub async fn flush(&self) -> u64 {
        let (done, flushed) = oneshot::channel();
        if self.messages.send(Message::Flush(done)).await.is_err() {
            return self.copy.version();
        }
        flushed.await.unwrap_or_else(|_| self.copy.version())
    }

    /// At most `limit` sessions that changed since they were last taken, for the store. A session that could not be
    /// saved must be sent again as a fact.
    pub async fn take_unsaved_sessions(&self, limit: usize) -> Vec<SessionRecord> {
        let (done, taken) = oneshot::channel();
        if self.messages.send(Message::TakeUnsavedSessions(limit, done)).await.is_err() {
            return Vec::new();
        }
        taken.await.unwrap_or_default()
    }
}

impl BusinessDay {
    /// When the business day of `now` began.
    #[must_use]
    pub fn began(&self, now: Timestamp) -> Timestamp {
        let today = now.to_zoned(self.zone.clone()).date().to_datetime(self.starts);
        let begin = |start: jiff::civil::DateTime| {
            // A start that daylight saving time skips is the first instant after the gap.
            start.to_zoned(self.zone.clone()).map_or(now, |zoned| zoned.timestamp())
        };
        let began = begin(today);
        if began <= now { began } else { today.checked_sub(1.day()).map_or(now, begin) }
    }

    /// When the next business day begins.
    #[must_use]
    pub fn ends(&self, now: Timestamp) -> Timestamp {
        // 26 hours after its beginning every day has ended, also the one with 25 hours.
        let later = self.began(now).saturating_add(SignedDuration::from_hours(26)).unwrap_or(Timestamp::MAX);
        self.began(later)
    }
}

struct Owner {
    records: Records,
    copy: Arc<GoldCopy>,
    deltas: broadcast::Sender<Arc<Delta>>,
    day: BusinessDay,
    /// When the current business day ends.
    day_ends: Timestamp,
    clock: Clock,
}

impl Owner {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::new();
        loop {
            let now = self.clock.now();
            if now >= self.day_ends {
                self.begin_day(now);
            }
            let next = self.records.next_instant();
            if next.is_some_and(|next| next <= now) {
                self.records.advance(now);
                self.publish(Instant::now());
                continue;
            }
            let next = next.map_or(self.day_ends, |next| next.min(self.day_ends));
            let timeout = next.duration_since(now).unsigned_abs();
            tokio::select! {
                received = messages.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    self.turn(batch.drain(..));
                }
                () = tokio::time::sleep(timeout) => {}
            }
        }
    }

    fn begin_day(&mut self, now: Timestamp) {
        self.day_ends = self.day.ends(now);
        self.records.begin_day(self.day.began(now));
        self.records.advance(now);
        self.publish(Instant::now());
    }

    fn turn(&mut self, batch: impl Iterator<Item = Message>) {
        let now = self.clock.now();
        let mut first_received = None;
        let mut flushes = Vec::new();
        for message in batch {
            match message {
                Message::Fact(fact, at) => {
                    first_received.get_or_insert(at);
                    self.records.apply(fact, now);
                }
                Message::Flush(done) => flushes.push(done),
                Message::TakeUnsavedSessions(limit, done) => {
                    // The caller may be gone: then the process is stopping.
                    let _ = done.send(self.records.take_unsaved_sessions(limit));
                }
            }
        }
        if let Some(at) = first_received {
            self.publish(at);
        }
        for done in flushes {
            // The caller may have stopped waiting.
            let _ = done.send(self.copy.version());
        }
    }

    fn publish(&mut self, received: Instant) {
        let changes: Vec<Change> =
            self.records.rederive().into_iter().filter_map(|(key, entity)| self.change(key, entity)).collect();
        if changes.is_empty() {
            return;
        }
        let version = self.copy.version() + 1;
        self.copy.write(version, &changes);
        // There may be no subscriber.
        let _ = self.deltas.send(Arc::new(Delta { version, changes, received }));
    }

    fn change(&self, key: Key, entity: Option<Entity>) -> Option<Change> {
        let before = self.copy.get(&key);
        if before.as_deref() == entity.as_ref() {
            return None;
        }
        Some(Change { key, before, after: entity.map(Arc::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn backlog_age_changes_without_any_fact() {
        let began: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
        let (clock, life) = (Clock::manual(began), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock.clone(), &life);
        let event = serde_json::json!({"id": "r", "created": began, "thread": "open", "answers": [], "messages": {},
            "customer": {}, "extra": {}, "actions": [], "alert": false});
        let reading = serde_json::from_value(event).expect("a response");
        gold.apply(Fact::Response(Box::new(reading))).await;
        gold.flush().await;
        let mut deltas = gold.subscribe();
        for (hours, expected) in [(4, [0, 1, 0, 0]), (24, [0, 0, 1, 0])] {
            clock.advance(began.duration_since(clock.now()) + SignedDuration::from_hours(hours));
            // No fact is sent: the owner task wakes by itself.
            let delta = deltas.recv().await.expect("a delta");
            let floor = delta.changes.iter().find(|change| change.key == Key::Floor).expect("the floor");
            let Some(Entity::Floor(floor)) = floor.after.as_deref() else { panic!("there is a total") };
            let open = floor.feedback.open;
            let found = [open.under_4_hours, open.under_24_hours, open.under_3_days, open.older];
            assert_eq!(found, expected, "after {hours} h");
        }
    }

    fn day(zone: &str, starts: &str) -> BusinessDay {
        BusinessDay { zone: TimeZone::get(zone).expect("a zone"), starts: starts.parse().expect("a time") }
    }

    #[test]
    fn business_day_begins_in_the_sites_time_zone() {
        let cases = [
            // An ordinary day, and the moment before and at its beginning.
            ("America/Chicago", "00:00", "2026-11-21T09:00:00Z", "2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z"),
            ("America/Chicago", "00:00", "2026-11-21T05:59:59Z", "2026-11-20T06:00:00Z", "2026-11-21T06:00:00Z"),
            ("America/Chicago", "00:00", "2026-11-21T06:00:00Z", "2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z"),
            // Summer time begins and ends: 23 and 25 hours.
            ("Europe/Berlin", "00:00", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("Europe/Berlin", "00:00", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // A zone with 45 minutes, and a site that works through midnight.
            ("Asia/Kathmandu", "06:00", "2026-11-21T00:00:00Z", "2026-11-20T00:15:00Z", "2026-11-21T00:15:00Z"),
        ];
        for (zone, starts, now, began, ends) in cases {
            let day = day(zone, starts);
            let now: Timestamp = now.parse().expect("a time");
            assert_eq!(day.began(now).to_string(), began, "{zone} at {now}");
            assert_eq!(day.ends(now).to_string(), ends, "{zone} at {now}");
        }
    }
}
