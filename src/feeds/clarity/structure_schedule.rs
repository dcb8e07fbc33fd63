//! When the structure is read, and what of it is known.

use std::time::Duration;

use tokio::time::Instant;

use super::push_watchdog::Kinds;
use super::roster::Roster;
use super::schedule::{MAX_PAUSE, POLL_INTERVAL};
use super::structure_watch::StructureWatch;
use base::Backoff;

/// The time between two reads of the structure where nothing shows that it has changed.
const INTERVAL: Duration = Duration::from_secs(60);

/// The time between two reads of what belongs to an unchanged structure: addresses, labels, status histories.
const DETAILS_INTERVAL: Duration = Duration::from_secs(300);

/// The schedule of reads of the structure.
pub(super) struct StructureSchedule {
    /// `None`: never read.
    pub roster: Option<Roster>,
    due: Instant,
    details_due: Instant,
    /// Signs that it has changed.
    pub watch: StructureWatch,
    /// Pauses while the structure cannot be read and agents can.
    backoff: Backoff,
}

impl StructureSchedule {
    /// The first read is due at once.
    pub fn new(now: Instant) -> Self {
        Self {
            roster: None,
            due: now,
            details_due: now,
            watch: StructureWatch::default(),
            backoff: Backoff::new(POLL_INTERVAL, MAX_PAUSE),
        }
    }

    /// Whether the next snapshot is to read the structure, and whether its details, too.
    pub fn begin(&mut self, now: Instant) -> (bool, bool) {
        let is_wanted = self.watch.due().is_some_and(|due| due <= now);
        let structure_due = self.roster.is_none() || self.due <= now || is_wanted;
        if structure_due {
            self.watch.requested(now);
        }
        (structure_due, structure_due && self.details_due <= now)
    }

    /// The structure was read. Returns whether it differs from the known one.
    pub fn update(&mut self, roster: Roster, now: Instant) -> bool {
        self.due = now + INTERVAL;
        self.backoff.reset();
        let has_changed = self.roster.as_ref().is_some_and(|known| *known != roster);
        self.roster = Some(roster);
        has_changed
    }

    pub fn details_read(&mut self, now: Instant) {
        self.details_due = now + DETAILS_INTERVAL;
    }

    pub fn failed(&mut self, now: Instant) {
        self.due = now + POLL_INTERVAL + self.backoff.next_wait();
    }

    /// Of which kinds there is anything to subscribe to; both as long as nothing is known.
    pub fn kinds(&self) -> Kinds {
        self.roster.as_ref().map_or(Kinds::ALL, Roster::kinds)
    }
}
