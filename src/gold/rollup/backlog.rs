//! How long those have waited who wait for an answer. Ages change at instants that are known beforehand: the owner wakes
//! then, so that no viewer computes an age.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::business_hours::BusinessHours;
use super::stats::Change;

/// How soon the first answer was promised, from the moment the customer wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTargets {
    /// To a response for which the upstream raised an alert.
    pub alert: SignedDuration,
    /// To a problem.
    pub problem: SignedDuration,
    /// To anything else.
    pub rest: SignedDuration,
    /// The hours in which the time to the first answer and deed counts. `None`: around the clock. Promises count so always.
    pub hours: Option<Arc<BusinessHours>>,
}

impl Default for ReplyTargets {
    fn default() -> Self {
        let [alert, problem, rest] = [4, 8, 48].map(SignedDuration::from_hours);
        Self { alert, problem, rest, hours: None }
    }
}

/// Where one age ends and the next begins, in hours.
const EDGES: [i64; 3] = [4, 24, 72];

/// Those who wait, by how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BacklogByAge {
    /// Less than 4 hours.
    pub under_4_hours: u64,
    /// 4 hours, but less than 24.
    pub under_24_hours: u64,
    /// A day, but less than three.
    pub under_3_days: u64,
    /// Three days and more.
    pub older: u64,
}

impl BacklogByAge {
    /// One more, who has waited since then.
    pub fn add(&mut self, since: Timestamp, now: Timestamp) {
        let passed = edges(since).filter(|edge| *edge <= now).count();
        let bucket = match passed {
            0 => &mut self.under_4_hours,
            1 => &mut self.under_24_hours,
            2 => &mut self.under_3_days,
            _ => &mut self.older,
        };
        *bucket += 1;
    }

    pub(super) fn change(&mut self, part: Self, change: Change) {
        change.count(&mut self.under_4_hours, part.under_4_hours);
        change.count(&mut self.under_24_hours, part.under_24_hours);
        change.count(&mut self.under_3_days, part.under_3_days);
        change.count(&mut self.older, part.older);
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.under_4_hours + self.under_24_hours + self.under_3_days + self.older
    }
}

/// When somebody who has waited since then passes from one age to the next.
pub(super) fn edges(since: Timestamp) -> impl Iterator<Item = Timestamp> {
    EDGES.into_iter().filter_map(move |hours| since.checked_add(SignedDuration::from_hours(hours)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_begins_at_its_very_instant() {
        let since: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
        let hour = 3600;
        let cases = [
            (-5, [1, 0, 0, 0]),
            (0, [1, 0, 0, 0]),
            (4 * hour - 1, [1, 0, 0, 0]),
            (4 * hour, [0, 1, 0, 0]),
            (24 * hour - 1, [0, 1, 0, 0]),
            (24 * hour, [0, 0, 1, 0]),
            (72 * hour - 1, [0, 0, 1, 0]),
            (72 * hour, [0, 0, 0, 1]),
            (720 * hour, [0, 0, 0, 1]),
        ];
        for (seconds, expected) in cases {
            let mut open = BacklogByAge::default();
            open.add(since, since + SignedDuration::from_secs(seconds));
            let found = [open.under_4_hours, open.under_24_hours, open.under_3_days, open.older];
            assert_eq!((found, open.all()), (expected, 1), "after {seconds} s");
        }
    }
}
