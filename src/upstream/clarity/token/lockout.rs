//! When refused credentials may be tried again: Windows locks an account that is tried too often.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Attempts within [`WINDOW`], whatever starts them; the last one is reserved for other credentials.
const MAX_ATTEMPTS: usize = 4;

/// Attempts with credentials that were refused already.
const MAX_ATTEMPTS_WITH_SAME: usize = MAX_ATTEMPTS - 1;

/// Domains that lock accounts count wrong passwords over about this time.
const WINDOW: Duration = Duration::from_secs(30 * 60);

/// The pauses after the first, the second, and each further refusal: of the attempts within [`WINDOW`] one is always
/// left for an administrator, and one for other credentials.
const PAUSES: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(29 * 60), WINDOW];

/// The refusals of one account. Only a success resets them; an outage in between does not.
#[derive(Debug, Default)]
pub struct LockoutGuard {
    at: VecDeque<Instant>,
    in_a_row: usize,
}

impl LockoutGuard {
    /// Notes a refusal. Returns the pause before the next automatic attempt.
    pub fn note(&mut self, now: Instant) -> Duration {
        self.at.push_back(now);
        let pause = PAUSES[self.in_a_row.min(PAUSES.len() - 1)];
        self.in_a_row += 1;
        self.left(now).map_or(pause, |left| left.max(pause))
    }

    /// For how long not even an administrator may try the same credentials again. `None`: now.
    pub fn left(&mut self, now: Instant) -> Option<Duration> {
        self.left_of(MAX_ATTEMPTS_WITH_SAME, now)
    }

    /// For how long not even other credentials may be tried. `None`: now.
    pub fn left_for_others(&mut self, now: Instant) -> Option<Duration> {
        self.left_of(MAX_ATTEMPTS, now)
    }

    fn left_of(&mut self, tries: usize, now: Instant) -> Option<Duration> {
        while self.at.front().is_some_and(|first| now >= *first + WINDOW) {
            self.at.pop_front();
        }
        let nth = self.at.len().checked_sub(tries)?;
        Some((self.at[nth] + WINDOW).saturating_duration_since(now))
    }

    /// There are other credentials: the pauses begin anew, and the attempts still count.
    pub fn credentials_changed(&mut self) {
        self.in_a_row = 0;
    }

    /// They were taken.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    #[test]
    fn pauses_grow_and_leave_a_try_for_an_administrator() {
        let (start, mut refusals) = (Instant::now(), LockoutGuard::default());
        let mut at = start;
        for pause in [1, 29, 30, 30, 30] {
            assert_eq!(refusals.left(at), None, "one try is always left");
            let wait = refusals.note(at);
            assert_eq!(wait, minutes(pause));
            at += wait;
        }
        refusals.forget();
        assert_eq!(refusals.note(at), minutes(1));
    }

    #[test]
    fn attempts_are_limited_to_four_in_half_an_hour() {
        let (start, mut refusals) = (Instant::now(), LockoutGuard::default());
        for minute in 0..3 {
            assert_eq!(refusals.left(start + minutes(minute)), None);
            refusals.note(start + minutes(minute));
        }
        assert_eq!(refusals.left(start + minutes(3)), Some(minutes(27)), "the last is kept for other credentials");
        assert_eq!(refusals.left_for_others(start + minutes(3)), None);
        refusals.credentials_changed();
        assert_eq!(refusals.note(start + minutes(3)), minutes(28), "other credentials, the same account");
        assert_eq!(refusals.left_for_others(start + minutes(10)), Some(minutes(20)));
        assert_eq!(refusals.left_for_others(start + minutes(30)), None, "the first no longer counts");
    }
}
