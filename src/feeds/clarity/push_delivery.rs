//! Whether pushes deliver changes, and since when that is known.

use tokio::time::Instant;

use super::push_watchdog::{Differences, PushWatchdog, QueueExpiry};
use crate::domain::Ordinal;

/// What is known of the delivery of pushes.
#[derive(Debug)]
pub(super) struct PushDelivery {
    pub watchdog: PushWatchdog,
    pub queue_expiry: QueueExpiry,
    /// Snapshots requested from here on are compared with pushes. Earlier ones show what was lost while there were
    /// none.
    comparable_from: Ordinal,
    /// Whether changes may have been missed since the last good snapshot.
    pub may_have_missed: bool,
}

impl PushDelivery {
    /// Nothing has been delivered yet.
    pub fn new() -> Self {
        Self {
            watchdog: PushWatchdog::default(),
            queue_expiry: QueueExpiry::default(),
            comparable_from: Ordinal::default(),
            may_have_missed: true,
        }
    }

    /// Pushes begin, or begin again, at this place in the order of events.
    pub fn restart(&mut self, at: Ordinal) {
        self.may_have_missed = true;
        self.watchdog.restart();
        self.comparable_from = at;
    }

    /// Compares a snapshot with what was pushed. Returns how many agents were shown wrongly until then.
    pub fn compare(&mut self, asked: Ordinal, differences: &Differences, now: Instant) -> u64 {
        if asked > self.comparable_from { self.watchdog.compare(asked, differences, now) } else { 0 }
    }

    /// A good snapshot was requested at this place: nothing from before it is missing any more.
    pub fn caught_up(&mut self, asked: Ordinal) {
        self.may_have_missed &= asked <= self.comparable_from;
    }
}
