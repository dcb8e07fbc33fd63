//! The error rate of survey requests over the last hour. Agent Connect raises its own alarm at five percent (apis.md
//! R18, B184); this is the same figure, seen here first.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// The error rate of fewer requests than this says nothing.
const MIN_REQUESTS: usize = 20;

/// The error rate with fewer errors than this says nothing.
const MIN_ERRORS: usize = 3;

/// Where Agent Connect raises its alarm.
const LIMIT: f64 = 0.05;

/// The requests of the last hour, each once with the result of its last attempt.
#[derive(Debug, Default)]
pub(super) struct ErrorRate(VecDeque<(Timestamp, String, bool)>);

impl ErrorRate {
    /// Counts an attempt.
    pub fn record(&mut self, now: Timestamp, request: &str, is_error: bool) {
        self.0.retain(|(_, known, _)| known != request);
        self.0.push_back((now, request.to_owned(), is_error));
        self.forget(now);
    }

    /// Between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "requests of an hour are far below 2^52")]
    pub fn ratio(&mut self, now: Timestamp) -> f64 {
        self.forget(now);
        if self.0.is_empty() { 0.0 } else { self.wrong() as f64 / self.0.len() as f64 }
    }

    /// A sentence, if Agent Connect is about to raise its alarm and there is enough data to say so.
    pub fn alarm(&mut self, now: Timestamp) -> Option<String> {
        let ratio = self.ratio(now);
        let (wrong, all) = (self.wrong(), self.0.len());
        (ratio > LIMIT && wrong >= MIN_ERRORS && all >= MIN_REQUESTS).then(|| {
            format!("{wrong} of {all} survey requests of the last hour failed; Agent Connect's own alarm is at 5 %.")
        })
    }

    fn wrong(&self) -> usize {
        self.0.iter().filter(|(_, _, wrong)| *wrong).count()
    }

    fn forget(&mut self, now: Timestamp) {
        while self.0.front().is_some_and(|(at, ..)| now.duration_since(*at) > WINDOW) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + 60 * minutes).expect("a time")
    }

    #[test]
    fn error_rate_counts_the_last_hour_and_each_request_once() {
        let near = |share: f64, expected: f64| assert!((share - expected).abs() < 1e-9, "{share} is not {expected}");
        let mut rate = ErrorRate::default();
        rate.record(at(0), "a", true);
        near(rate.ratio(at(0)), 1.0);
        rate.record(at(1), "a", true);
        rate.record(at(30), "b", false);
        near(rate.ratio(at(30)), 0.5);
        rate.record(at(31), "a", false);
        near(rate.ratio(at(31)), 0.0);
        near(rate.ratio(at(200)), 0.0);
    }

    #[test]
    fn error_rate_of_few_requests_or_errors_is_no_alarm() {
        let rate = |wrong: usize, all: usize| {
            let mut rate = ErrorRate::default();
            (0..all).for_each(|number| rate.record(at(0), &number.to_string(), number < wrong));
            rate.alarm(at(1))
        };
        assert!(rate(3, 19).is_none(), "too few requests");
        assert!(rate(2, 30).is_none(), "too few errors");
        assert!(rate(3, 100).is_none(), "too small a share");
        let sentence = rate(3, 20).expect("an alarm");
        assert!(sentence.starts_with("3 of 20 survey requests"), "{sentence}");
    }
}
