//! No more questions in a minute than the upstream answers.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// So many questions a minute, of the upstream's hundred for a key (apis.md P7).
const QUESTIONS: usize = 90;

/// What the upstream counts by.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// When questions were asked within the last minute.
#[derive(Debug, Default)]
pub(super) struct RateLimiter(VecDeque<Instant>);

impl RateLimiter {
    /// Waits until one more question may be asked, and counts it.
    pub async fn acquire(&mut self) {
        let now = Instant::now();
        while self.0.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.0.pop_front();
        }
        if self.0.len() >= QUESTIONS
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
    async fn in_no_minute_are_there_more_questions_than_allowed() {
        let (mut pace, mut asked) = (RateLimiter::default(), Vec::new());
        for _ in 0..400 {
            pace.acquire().await;
            asked.push(Instant::now());
        }
        for window in asked.windows(QUESTIONS + 1) {
            assert!(window[QUESTIONS].duration_since(window[0]) >= MINUTE);
        }
        assert!(asked[399].duration_since(asked[0]) < MINUTE * 5, "and nobody waits for longer than is needed");
    }
}
