//! Keeps from knocking at a door that nobody opens: after a few failures in a row everything waits, then one tries alone
//! (`reliability.md` O3).

use jiff::{SignedDuration, Timestamp};

/// So many failures in a row are no accident.
const ENOUGH: u32 = 3;

/// The first pause, and the longest.
const PAUSE: (SignedDuration, SignedDuration) = (SignedDuration::from_secs(15), SignedDuration::from_mins(5));

/// Whether a destination is worth a try.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker {
    failures: u32,
    closed_until: Option<Timestamp>,
}

impl CircuitBreaker {
    /// Whether somebody may try now.
    pub fn lets_through(&self, now: Timestamp) -> bool {
        self.closed_until.is_none_or(|until| now >= until)
    }

    /// A try has ended. One success is enough to open the way again.
    pub fn ended(&mut self, now: Timestamp, trouble: bool) {
        if !trouble {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(ENOUGH) {
            let pause = PAUSE.0.checked_mul(2_i32.saturating_pow(more)).unwrap_or(PAUSE.1).min(PAUSE.1);
            self.closed_until = now.checked_add(pause).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_make_everybody_wait_longer_and_longer_and_one_success_opens_the_way() {
        let at = |seconds: i64| Timestamp::from_second(1_795_000_000 + seconds).expect("an instant");
        let mut breaker = CircuitBreaker::default();
        for _ in 0..2 {
            breaker.ended(at(0), true);
            assert!(breaker.lets_through(at(0)), "two failures may be an accident");
        }
        let mut now = 0;
        for pause in [15, 30, 60, 120, 240, 300, 300] {
            breaker.ended(at(now), true);
            assert!(!breaker.lets_through(at(now + pause - 1)), "{pause}");
            now += pause;
            assert!(breaker.lets_through(at(now)), "{pause}");
        }
        breaker.ended(at(now), false);
        breaker.ended(at(now), true);
        assert!(breaker.lets_through(at(now)));
    }
}
