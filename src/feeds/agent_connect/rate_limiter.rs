//! Limits requests to what Agent Connect allows for a key.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Requests per minute, of the hundred that a key has (apis.md P7).
const MAX_REQUESTS: usize = 90;

/// The period in which requests are counted.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// The times of the requests within the last minute.
#[derive(Debug, Default)]
pub(super) struct RateLimiter(VecDeque<Instant>);

impl RateLimiter {
    /// Waits until another request is allowed, and counts it.
    pub async fn acquire(&mut self) {
        let now = Instant::now();
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.0.pop_front();
        }
        if self.0.len() >= MAX_REQUESTS
            && let Some(oldest) = self.0.pop_front()
        {
            sleep_until(oldest + MINUTE).await;
        }
        self.0.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_has_more_requests_than_allowed() {
        let (mut pace, mut asked) = (RateLimiter::default(), Vec::new());
        for _ in 0..400 {
            pace.acquire().await;
            asked.push(Instant::now());
        }
        for window in asked.windows(MAX_REQUESTS + 1) {
            assert!(window[MAX_REQUESTS].duration_since(window[0]) >= MINUTE);
        }
        assert!(asked[399].duration_since(asked[0]) < MINUTE * 5, "and no request waits longer than needed");
    }
}
