//! Retry backoff: exponential, with full jitter and a cap.

use std::time::Duration;

/// Retry backoff: a random wait between zero and a ceiling that doubles with each failure up to a cap (full jitter).
///
/// The cap applies before the jitter, so that clients which all reached the cap still retry at different times.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// The first wait is at most `first`; the ceiling doubles up to `cap`.
    #[must_use]
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap: cap.max(first), failures: 0 }
    }

    /// The upper bound of the next wait.
    #[must_use]
    pub fn ceiling(&self) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.cap)
    }

    /// Counts a failure and returns how long to wait.
    pub fn next_wait(&mut self) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(rand::random::<f64>())
    }

    /// Starts again from the first wait, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceiling_doubles_up_to_the_cap_and_resets_after_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let mut ceilings = Vec::new();
        for _ in 0..4 {
            let ceiling = backoff.ceiling();
            assert!(backoff.next_wait() <= ceiling);
            ceilings.push(ceiling.as_secs());
        }
        assert_eq!(ceilings, [1, 2, 4, 5]);
        backoff.reset();
        assert_eq!(backoff.ceiling(), Duration::from_secs(1));
    }

    #[test]
    fn thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for _ in 0..1000 {
            assert!(backoff.next_wait() <= Duration::from_secs(60));
        }
    }
}
