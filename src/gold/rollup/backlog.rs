//! The open backlog by age. Ages change at known instants: the owner task wakes then, so that no
//! viewer computes an age.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::business_hours::BusinessHours;
use super::stats::Operation;

/// How soon the first action on a response is due, from the moment the customer wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTargets {
    /// For a response with an alert.
    pub alert: SignedDuration,
    /// For a problem.
    pub problem: SignedDuration,
    /// For any other response.
    pub rest: SignedDuration,
    /// The hours in which reply and action times count. `None`: around the clock. The targets count around the clock
    /// always.
    pub hours: Option<Arc<BusinessHours>>,
}

impl Default for ReplyTargets {
    fn default() -> Self {
        let [alert, problem, rest] = [4, 8, 48].map(SignedDuration::from_hours);
        Self { alert, problem, rest, hours: None }
    }
}

/// The ages at which a response moves to the next bucket, in hours.
const AGE_LIMITS_HOURS: [i64; 3] = [4, 24, 72];

/// Responses that need a reply, by how long they have needed it.
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
    /// Adds a response that has needed a reply since `since`.
    pub fn add(&mut self, since: Timestamp, now: Timestamp) {
        let passed = age_limits(since).filter(|edge| *edge <= now).count();
        let bucket = match passed {
            0 => &mut self.under_4_hours,
            1 => &mut self.under_24_hours,
            2 => &mut self.under_3_days,
            _ => &mut self.older,
        };
        *bucket += 1;
    }

    pub(super) fn change(&mut self, part: Self, operation: Operation) {
        operation.count(&mut self.under_4_hours, part.under_4_hours);
        operation.count(&mut self.under_24_hours, part.under_24_hours);
        operation.count(&mut self.under_3_days, part.under_3_days);
        operation.count(&mut self.older, part.older);
    }

    /// The counts by age, with the ages' names in metrics.
    #[must_use]
    pub fn by_age(&self) -> [(&'static str, u64); 4] {
        [("4h", self.under_4_hours), ("1d", self.under_24_hours), ("3d", self.under_3_days), ("older", self.older)]
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.under_4_hours + self.under_24_hours + self.under_3_days + self.older
    }
}

/// When a response that has needed a reply since `since` moves to the next age.
pub(super) fn age_limits(since: Timestamp) -> impl Iterator<Item = Timestamp> {
    AGE_LIMITS_HOURS.into_iter().filter_map(move |hours| since.checked_add(SignedDuration::from_hours(hours)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backlog_age_changes_at_its_exact_instant() {
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
