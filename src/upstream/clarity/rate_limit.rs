//! The rest that Clarity asks for with 429. While it lasts nothing is sent, whoever wants to know whatever.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use base::Backoff;

/// Whoever asks for a longer rest than this is asked again all the same: a floor unseen for hours is no service to anybody.
const LONGEST: Duration = Duration::from_secs(300);

/// Where nobody says how long, this much at first, and then no more than [`LONGEST_GUESS`].
const FIRST: Duration = Duration::from_secs(5);

/// Longer, and a Clarity that would answer again is not asked.
const LONGEST_GUESS: Duration = Duration::from_secs(30);

/// Until when Clarity rests.
#[derive(Debug)]
pub struct RateLimit(Mutex<Held>);

#[derive(Debug)]
struct Held {
    until: Option<Instant>,
    backoff: Backoff,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self(Mutex::new(Held { until: None, backoff: Backoff::new(FIRST, LONGEST_GUESS) }))
    }
}

impl RateLimit {
    /// How much of it is left.
    pub fn left(&self) -> Option<Duration> {
        let left = self.held().until?.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    /// Clarity wants this much; without a word, twice as much as the last time, jittered. Returns how much it gets.
    pub fn begin(&self, wanted: Option<Duration>) -> Duration {
        let mut held = self.held();
        let least = held.backoff.ceiling() / 2;
        let grown = least + held.backoff.next_wait() / 2;
        let wait = wanted.unwrap_or(grown).min(LONGEST);
        held.until = held.until.max(Some(Instant::now() + wait));
        wait
    }

    /// Clarity has answered: the next rest is a short one.
    pub fn end(&self) {
        self.held().backoff.reset();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rest_is_as_long_as_wanted_and_no_longer_than_five_minutes() {
        for (wanted, given) in [(30, 30), (86_400, 300)] {
            let rest = RateLimit::default();
            assert_eq!(rest.begin(Some(Duration::from_secs(wanted))), Duration::from_secs(given));
            tokio::time::advance(Duration::from_secs(given - 1)).await;
            assert!(rest.left().is_some());
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(rest.left(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_it_grows_until_an_answer_comes() {
        let rest = RateLimit::default();
        for ceiling in [5000, 10_000, 20_000, 30_000, 30_000] {
            let wait = rest.begin(None).as_millis();
            assert!((ceiling / 2..=ceiling).contains(&wait), "{wait} of {ceiling}");
        }
        rest.end();
        assert!(rest.begin(None) <= FIRST);
    }
}
