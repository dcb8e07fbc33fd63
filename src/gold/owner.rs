//! The one task that turns facts into deltas.
//!
//! It drains what has arrived, applies it, settles, raises the version once, writes the copy and publishes the delta. A
//! thousand facts between two turns cost one version; a fact that changes nothing wakes nobody.

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

/// How many facts may wait for the owner. Whoever tells more waits: memory stays bounded, and nothing is dropped.
const WAITING_FACTS: usize = 8192;

/// How many facts are merged before a version is published, however many more wait.
const BATCH: usize = 4096;

/// How many deltas a follower may be behind before it has to read the copy afresh.
const WAITING_DELTAS: usize = 1024;

/// The handle to the gold copy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gold {
    copy: Arc<GoldCopy>,
    facts: mpsc::Sender<Heard>,
    deltas: broadcast::Sender<Arc<Delta>>,
    ordinals: Arc<AtomicU64>,
}

/// When the board's day begins.
#[derive(Debug, Clone)]
pub struct BusinessDay {
    /// Where the board hangs.
    pub zone: TimeZone,
    /// The hour at which its day begins.
    pub starts: Time,
}

/// When the board's day begins, and how soon answers were promised: what counts depend on.
#[derive(Debug, Clone, Default)]
pub struct RollupSettings {
    /// When the board's day begins.
    pub day: BusinessDay,
    /// How soon answers were promised.
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

#[derive(Debug)]
enum Heard {
    Fact(Fact, Instant),
    Settled(oneshot::Sender<u64>),
    Unkept(usize, oneshot::Sender<Vec<SessionRecord>>),
}

impl Gold {
    /// Starts the owner.
    #[must_use]
    pub fn start(rules: MatchRules, reckoning: impl Into<RollupSettings>, clock: Clock, life: &Lifecycle) -> Self {
        let RollupSettings { day, reply_targets: limits } = reckoning.into();
        let (facts, heard) = mpsc::channel(WAITING_FACTS);
        let (deltas, _) = broadcast::channel(WAITING_DELTAS);
        let copy = Arc::new(GoldCopy::default());
        let gold = Self { copy: Arc::clone(&copy), facts, deltas: deltas.clone(), ordinals: Arc::default() };
        let now = clock.now();
        let (records, day_ends) =
            (Records::new(rules, day.began(now)).counting(limits, day.zone.clone(), now), day.ends(now));
        life.spawn_service(Owner { records, copy, deltas, day, day_ends, clock }.run(heard));
        gold
    }

    /// Tells the owner a fact. Waits while too many are waiting already.
    pub async fn apply(&self, fact: Fact) {
        // The owner lives as long as the process: if it is gone we are stopping, and nobody will read the fact.
        let _ = self.facts.send(Heard::Fact(fact, Instant::now())).await;
    }

    /// The next place in the order in which we hear and ask. Take it when a change is heard, and before a question is sent.
    #[must_use]
    pub fn next_ordinal(&self) -> Ordinal {
        Ordinal(self.ordinals.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The entities, to be read without waiting.
    #[must_use]
    pub fn copy(&self) -> &GoldCopy {
        &self.copy
    }

    /// All deltas from here on. A follower that lags is told so and reads the copy afresh.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Delta>> {
        self.deltas.subscribe()
    }

    /// Resolves once everything told so far is in the copy, with the version that it has then.
    pub async fn flush(&self) -> u64 {
        let (done, settled) = oneshot::channel();
        if self.facts.send(Heard::Settled(done)).await.is_err() {
            return self.copy.version();
        }
        settled.await.unwrap_or_else(|_| self.copy.version())
    }

    /// What is known of sessions and has not been taken before, at most so many: for whoever keeps it. What is not written
    /// down in the end is to be told again.
    pub async fn take_unsaved_sessions(&self, limit: usize) -> Vec<SessionRecord> {
        let (done, taken) = oneshot::channel();
        if self.facts.send(Heard::Unkept(limit, done)).await.is_err() {
            return Vec::new();
        }
        taken.await.unwrap_or_default()
    }
}

impl BusinessDay {
    /// When the day began that it is.
    #[must_use]
    pub fn began(&self, now: Timestamp) -> Timestamp {
        let here = now.to_zoned(self.zone.clone());
        let today = here.date().to_datetime(self.starts);
        let begin = |start: jiff::civil::DateTime| {
            // A start that the change to summer time skips is the first instant after the gap.
            start.to_zoned(self.zone.clone()).map_or(now, |zoned| zoned.timestamp())
        };
        let began = begin(today);
        if began <= now { began } else { today.checked_sub(1.day()).map_or(now, begin) }
    }

    /// When the next day begins.
    #[must_use]
    pub fn ends(&self, now: Timestamp) -> Timestamp {
        // Twenty-six hours after its beginning every day is over, also the one that has an hour twice.
        let later = self.began(now).saturating_add(SignedDuration::from_hours(26)).unwrap_or(Timestamp::MAX);
        self.began(later)
    }
}

struct Owner {
    records: Records,
    copy: Arc<GoldCopy>,
    deltas: broadcast::Sender<Arc<Delta>>,
    day: BusinessDay,
    /// When the board's day ends that it is.
    day_ends: Timestamp,
    clock: Clock,
}

impl Owner {
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>) {
        let mut batch = Vec::new();
        loop {
            let now = self.clock.now();
            if now >= self.day_ends {
                self.begin_day(now);
            }
            let next = self.records.next_instant();
            if next.is_some_and(|next| next <= now) {
                self.records.pass(now);
                self.publish(Instant::now());
                continue;
            }
            // Only a reminder: whoever wakes us for another reason looks at the clock as well.
            let next = next.map_or(self.day_ends, |next| next.min(self.day_ends));
            let reminder = next.duration_since(now).unsigned_abs();
            tokio::select! {
                received = heard.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    self.turn(batch.drain(..));
                }
                () = tokio::time::sleep(reminder) => {}
            }
        }
    }

    fn begin_day(&mut self, now: Timestamp) {
        self.day_ends = self.day.ends(now);
        self.records.begin_day(self.day.began(now));
        self.records.pass(now);
        self.publish(Instant::now());
    }

    fn turn(&mut self, batch: impl Iterator<Item = Heard>) {
        let now = self.clock.now();
        let mut first_heard = None;
        let mut waiting = Vec::new();
        for heard in batch {
            match heard {
                Heard::Fact(fact, at) => {
                    first_heard.get_or_insert(at);
                    self.records.apply(fact, now);
                }
                Heard::Settled(done) => waiting.push(done),
                Heard::Unkept(limit, done) => {
                    // Whoever asked may be gone; then nobody keeps anything any more.
                    let _ = done.send(self.records.take_unsaved_sessions(limit));
                }
            }
        }
        if let Some(at) = first_heard {
            self.publish(at);
        }
        for done in waiting {
            // Whoever asked may have given up.
            let _ = done.send(self.copy.version());
        }
    }

    fn publish(&mut self, heard: Instant) {
        let changes: Vec<Change> =
            self.records.rederive().into_iter().filter_map(|(key, entity)| self.change(key, entity)).collect();
        if changes.is_empty() {
            return;
        }
        let version = self.copy.version() + 1;
        self.copy.write(version, &changes);
        // Nobody may be following yet.
        let _ = self.deltas.send(Arc::new(Delta { version, changes, received: heard }));
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
    async fn an_age_begins_though_nobody_says_anything() {
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
            // Nothing is told: the owner wakes by itself.
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
    fn the_day_begins_where_the_board_hangs() {
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
