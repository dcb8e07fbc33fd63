//! Rate limit for log lines and audit entries: unauthenticated clients can cause them, and must fill neither disk.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A rate limit (token bucket) for log lines or audit entries of one kind. It counts what it suppresses, so that the
/// next entry can say how many are missing.
#[derive(Debug)]
pub struct RateLimit {
    burst: u32,
    refill: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many tokens are taken, as of `since`.
    taken: u32,
    since: Option<Instant>,
    suppressed: u64,
}

impl RateLimit {
    /// `burst` entries at once, then one more after each `refill`.
    #[must_use]
    pub const fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, state: Mutex::new(State { taken: 0, since: None, suppressed: 0 }) }
    }

    /// Takes a token. `Some`: the entry may be written, and so many were suppressed since the last one. `None`: it is
    /// suppressed.
    pub fn take(&self) -> Option<u64> {
        self.take_at(Instant::now())
    }

    /// [`take`](Self::take) at a given time.
    pub fn take_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        let since = *state.since.get_or_insert(now);
        let refilled = now.saturating_duration_since(since).as_nanos() / self.refill.as_nanos().max(1);
        let refilled = u32::try_from(refilled).unwrap_or(u32::MAX);
        state.since = if refilled >= state.taken { Some(now) } else { Some(since + self.refill * refilled) };
        state.taken = state.taken.saturating_sub(refilled);
        if state.taken >= self.burst {
            state.suppressed += 1;
            return None;
        }
        state.taken += 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_above_the_limit_are_suppressed_and_counted() {
        let limit = RateLimit::new(3, Duration::from_secs(2));
        let start = Instant::now();
        let at = |seconds: u64| limit.take_at(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0), at(0), at(1)], [Some(0), Some(0), Some(0), None, None]);
        assert_eq!([at(2), at(3), at(4), at(4)], [Some(2), None, Some(1), None]);
        // A pause refills the bucket, but not above the burst.
        assert_eq!([at(900), at(900), at(900), at(900)], [Some(1), Some(0), Some(0), None]);
    }

    #[test]
    fn bucket_refills_with_time() {
        let start = Instant::now();
        let limit = RateLimit::new(2, Duration::from_secs(60));
        let at = |seconds| limit.take_at(start + Duration::from_secs(seconds)).is_some();
        assert_eq!([at(0), at(0), at(0), at(59), at(61), at(62)], [true, true, false, false, true, false]);
        assert_eq!([at(9000), at(9000), at(9000)], [true, true, false], "no more than the burst");
    }
}
