//! The pause that Clarity asks for with 429. While it lasts no request is sent.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use base::Backoff;

/// The longest pause, whatever Clarity asks for: the display must not be blind for hours.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// The first pause where Clarity does not say how long; it doubles up to [`MAX_GUESS`].
const FIRST_GUESS: Duration = Duration::from_secs(5);

/// A longer guess would miss a Clarity that answers again.
const MAX_GUESS: Duration = Duration::from_secs(30);

/// The pause, shared by all calls.
#[derive(Debug)]
pub struct RateLimitPause(Mutex<PauseState>);

#[derive(Debug)]
struct PauseState {
    until: Option<Instant>,
    backoff: Backoff,
}

impl Default for RateLimitPause {
    fn default() -> Self {
        Self(Mutex::new(PauseState { until: None, backoff: Backoff::new(FIRST_GUESS, MAX_GUESS) }))
    }
}

impl RateLimitPause {
    /// How long it still lasts.
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.held().until?.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }

    /// Begins a pause as long as Clarity asked for, or else twice as long as the last one, with jitter. Returns its
    /// length.
    pub fn pause(&self, requested: Option<Duration>) -> Duration {
        let mut held = self.held();
        let least = held.backoff.ceiling() / 2;
        let grown = least + held.backoff.next_wait() / 2;
        let wait = requested.unwrap_or(grown).min(MAX_PAUSE);
        held.until = held.until.max(Some(Instant::now() + wait));
        wait
    }

    /// Clarity has answered: the next pause is short again.
    pub fn reset(&self) {
        self.held().backoff.reset();
    }

    fn held(&self) -> MutexGuard<'_, PauseState> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pause_is_as_requested_and_at_most_five_minutes() {
        for (requested, given) in [(30, 30), (86_400, 300)] {
            let limit = RateLimitPause::default();
            assert_eq!(limit.pause(Some(Duration::from_secs(requested))), Duration::from_secs(given));
            tokio::time::advance(Duration::from_secs(given - 1)).await;
            assert!(limit.remaining().is_some());
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(limit.remaining(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn unspecified_pause_grows_until_an_answer() {
        let limit = RateLimitPause::default();
        for ceiling in [5000, 10_000, 20_000, 30_000, 30_000] {
            let wait = limit.pause(None).as_millis();
            assert!((ceiling / 2..=ceiling).contains(&wait), "{wait} of {ceiling}");
        }
        limit.reset();
        assert!(limit.pause(None) <= FIRST_GUESS);
    }
}
