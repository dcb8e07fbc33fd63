//! Leaves a destination alone that has failed several times in a row, and then tries it with one request
//! (`reliability.md` O3).

use jiff::{SignedDuration, Timestamp};

/// So many failures in a row and it is left alone.
const FAILURES: u32 = 3;

const FIRST_REST: SignedDuration = SignedDuration::from_secs(30);

const LONGEST_REST: SignedDuration = SignedDuration::from_mins(5);

/// Whether a destination may be bothered.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    rests_until: Option<Timestamp>,
}

impl Breaker {
    /// Whether one more request may go there now.
    pub fn may(&self, now: Timestamp) -> bool {
        self.rests_until.is_none_or(|until| now >= until)
    }

    /// A request got through, or did not.
    pub fn ended(&mut self, now: Timestamp, got_through: bool) {
        if got_through {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(rests) = self.failures.checked_sub(FAILURES) {
            let rest = FIRST_REST.saturating_mul(2_i32.saturating_pow(rests)).min(LONGEST_REST);
            self.rests_until = now.checked_add(rest).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_make_a_rest_that_grows_and_one_success_ends_it() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            breaker.ended(at(0), false);
            assert!(breaker.may(at(0)));
        }
        breaker.ended(at(0), false);
        assert!(!breaker.may(at(29)) && breaker.may(at(30)));
        breaker.ended(at(30), false);
        assert!(!breaker.may(at(89)) && breaker.may(at(90)));
        (0..50).for_each(|_| breaker.ended(at(100), false));
        assert!(breaker.may(at(400)), "no rest is longer than five minutes");
        breaker.ended(at(400), true);
        breaker.ended(at(401), false);
        assert!(breaker.may(at(401)));
    }
}
