//! A circuit breaker for one destination (reliability.md O3). Closed: calls pass. Open, after a few failures in a row:
//! calls are refused. Half-open, once the pause is over: the next call is a trial, which closes it again or opens it
//! for longer.

use jiff::{SignedDuration, Timestamp};

/// How many failures in a row open it.
const FAILURES_TO_OPEN: u32 = 3;

/// The first and the longest pause. Each failed trial doubles the pause.
const PAUSE: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(15), SignedDuration::from_mins(5));

/// Closed by default.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    consecutive_failures: u32,
    /// `None`: closed. In the future: open. In the past: half-open.
    open_until: Option<Timestamp>,
}

impl CircuitBreaker {
    /// Whether it is closed or half-open.
    pub fn allows_call(&self, now: Timestamp) -> bool {
        self.open_until.is_none_or(|until| now >= until)
    }

    /// Counts a call. `is_failure`: the destination failed, and not only this request.
    pub fn record_call(&mut self, now: Timestamp, is_failure: bool) {
        if !is_failure {
            *self = Self::default();
            return;
        }
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        if let Some(doublings) = self.consecutive_failures.checked_sub(FAILURES_TO_OPEN) {
            let pause = PAUSE.0.checked_mul(2_i32.saturating_pow(doublings)).unwrap_or(PAUSE.1).min(PAUSE.1);
            self.open_until = now.checked_add(pause).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circuit_breaker_opens_after_three_failures_and_closes_after_one_success() {
        let at = |seconds: i64| Timestamp::from_second(1_795_000_000 + seconds).expect("an instant");
        let mut breaker = CircuitBreaker::default();
        for _ in 0..2 {
            breaker.record_call(at(0), true);
            assert!(breaker.allows_call(at(0)), "closed after two failures");
        }
        let mut now = 0;
        for pause in [15, 30, 60, 120, 240, 300, 300] {
            breaker.record_call(at(now), true);
            assert!(!breaker.allows_call(at(now + pause - 1)), "open for {pause} s");
            now += pause;
            assert!(breaker.allows_call(at(now)), "half-open after {pause} s");
        }
        breaker.record_call(at(now), false);
        breaker.record_call(at(now), true);
        assert!(breaker.allows_call(at(now)), "closed by the success");
    }
}
