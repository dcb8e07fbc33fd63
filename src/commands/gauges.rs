//! Keeps the metrics up to date that nobody reports by themselves, because they say how much there is and not what
//! happened.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::base::{Clock, Metrics};
use crate::domain::Thread;
use crate::gold::{Entity, Gold};
use crate::store::Store;

/// How old these figures may be.
const EVERY: Duration = Duration::from_secs(10);

/// Open feedback by age: the label, and the age at which it ends.
const AGES: [(&str, SignedDuration); 4] = [
    ("4h", SignedDuration::from_hours(4)),
    ("1d", SignedDuration::from_hours(24)),
    ("3d", SignedDuration::from_hours(72)),
    ("older", SignedDuration::MAX),
];

/// Looks again and again.
pub(super) async fn keep(gold: Gold, store: Store, metrics: Metrics, clock: Clock) {
    let mut rounds = tokio::time::interval(EVERY);
    loop {
        rounds.tick().await;
        metrics.store_bytes(store.bytes());
        if let Some(at) = store.last_backup() {
            metrics.backup_age(clock.now().duration_since(at).as_secs_f64());
        }
        for ((age, _), open) in AGES.iter().zip(open_feedback(&gold, clock.now())) {
            metrics.feedback_open(age, open);
        }
    }
}

fn open_feedback(gold: &Gold, now: Timestamp) -> [usize; AGES.len()] {
    let mut open = [0; AGES.len()];
    gold.copy().each(|_, _, entity| {
        if let Entity::Response(response) = &**entity
            && matches!(response.reading.thread, Thread::Open | Thread::Pending)
        {
            let age = response.reading.created.map_or(SignedDuration::ZERO, |created| now.duration_since(created));
            let place = AGES.iter().position(|(_, end)| age < *end).unwrap_or(AGES.len() - 1);
            open[place] += 1;
        }
    });
    open
}
