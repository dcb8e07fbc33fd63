//! The share of requests that went wrong in the last hour. Agent Connect raises its own alarm at five percent
//! (`apis.md` R18); this is the same figure, seen here first.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Requests that ended, and how.
#[derive(Debug, Default)]
pub(super) struct ErrorRate(VecDeque<(Timestamp, bool)>);

impl ErrorRate {
    /// One more has ended. Returns the share of those of the last hour that went wrong, between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "requests of an hour are far below 2^52")]
    pub fn ended(&mut self, now: Timestamp, wrong: bool) -> f64 {
        self.0.push_back((now, wrong));
        while self.0.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.0.pop_front();
        }
        self.0.iter().filter(|(_, wrong)| *wrong).count() as f64 / self.0.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_hour_counts() {
        let at = |minutes: i64| Timestamp::from_second(1_795_000_000 + 60 * minutes).expect("a time");
        let near = |rate: f64, expected: f64| assert!((rate - expected).abs() < 1e-9, "{rate} is not {expected}");
        let mut rate = ErrorRate::default();
        near(rate.ended(at(0), true), 1.0);
        near(rate.ended(at(30), false), 0.5);
        near(rate.ended(at(61), false), 0.0);
    }
}
