//! How much of a kind is written down: what a stranger can cause as often as they like must fill neither the log nor the audit.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An allowance of log lines or audit entries of one kind. What is left out is counted, and the next that is written can
/// say how many those were.
#[derive(Debug)]
pub struct RateLimit {
    burst: u32,
    each: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many are taken of the allowance now, and since when that is so.
    taken: u32,
    since: Option<Instant>,
    left_out: u64,
}

impl RateLimit {
    /// So many at once, and then one more for each of these spans.
    #[must_use]
    pub const fn new(burst: u32, each: Duration) -> Self {
        Self { burst, each, state: Mutex::new(State { taken: 0, since: None, left_out: 0 }) }
    }

    /// Asks for one. `Some`: it may be written, and so many were left out since the last one. `None`: it is left out.
    pub fn take(&self) -> Option<u64> {
        self.take_at(Instant::now())
    }

    /// The same at a moment.
    pub fn take_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *state.since.get_or_insert(now);
        let given_back = now.saturating_duration_since(since).as_nanos() / self.each.as_nanos().max(1);
        let given_back = u32::try_from(given_back).unwrap_or(u32::MAX);
        state.since = if given_back >= state.taken { Some(now) } else { Some(since + self.each * given_back) };
        state.taken = state.taken.saturating_sub(given_back);
        if state.taken >= self.burst {
            state.left_out += 1;
            return None;
        }
        state.taken += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_is_left_out_and_the_next_line_says_how_much() {
        let limit = RateLimit::new(3, Duration::from_secs(2));
        let start = Instant::now();
        let at = |seconds: u64| limit.take_at(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0), at(0), at(1)], [Some(0), Some(0), Some(0), None, None]);
        assert_eq!([at(2), at(3), at(4), at(4)], [Some(2), None, Some(1), None]);
        // A rest gives the whole allowance back, and not more.
        assert_eq!([at(900), at(900), at(900), at(900)], [Some(1), Some(0), Some(0), None]);
    }

    #[test]
    fn allowance_is_spent_and_comes_back_with_time() {
        let start = Instant::now();
        let allowance = RateLimit::new(2, Duration::from_secs(60));
        let at = |seconds| allowance.take_at(start + Duration::from_secs(seconds)).is_some();
        assert_eq!([at(0), at(0), at(0), at(59), at(61), at(62)], [true, true, false, false, true, false]);
        assert_eq!([at(9000), at(9000), at(9000)], [true, true, false], "and not more than after a rest");
    }
}
