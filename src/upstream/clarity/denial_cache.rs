//! What this account may not see. A 401 may mean that a token has expired or that somebody is not permitted to look
//! (`apis.md` B3); where another token did not help, it is the latter, and is not asked about again for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use base::Backoff;

/// How long a denial counts at first.
const FIRST: Duration = Duration::from_secs(5 * 60);

/// How long a denial counts that was repeated often.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The denials in force, by what was asked for.
#[derive(Debug, Default)]
pub struct DenialCache(Mutex<HashMap<String, Denial>>);

#[derive(Debug)]
struct Denial {
    until: Instant,
    backoff: Backoff,
}

impl DenialCache {
    /// Whether this was denied lately.
    pub fn holds(&self, what: &str) -> bool {
        self.all().get(what).is_some_and(|denial| Instant::now() < denial.until)
    }

    /// It was denied: for twice as long as the last time.
    pub fn deny(&self, what: &str) {
        let now = Instant::now();
        let mut all = self.all();
        // Whatever nobody has asked about for so long will not be asked about again.
        all.retain(|_, denial| now < denial.until + LONGEST);
        let backoff = Backoff::new(FIRST, LONGEST);
        let denial = all.entry(what.to_owned()).or_insert(Denial { until: now, backoff });
        denial.until = now + denial.backoff.ceiling();
        // Counts one more; there is one caller, so nobody needs the jitter.
        let _ = denial.backoff.next_wait();
    }

    /// It was permitted after all.
    pub fn permit(&self, what: &str) {
        self.all().remove(what);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Denial>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_denial_counts_longer_each_time_and_not_at_all_once_permitted() {
        let denials = DenialCache::default();
        for minutes in [5, 10, 20, 40, 60, 60] {
            denials.deny("agent 13");
            tokio::time::advance(Duration::from_secs(minutes * 60 - 1)).await;
            assert!(denials.holds("agent 13") && !denials.holds("agent 14"), "{minutes}");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(!denials.holds("agent 13"), "{minutes}");
        }
        denials.deny("agent 13");
        denials.permit("agent 13");
        assert!(!denials.holds("agent 13"));
        denials.deny("agent 13");
        tokio::time::advance(FIRST).await;
        assert!(!denials.holds("agent 13"), "it begins anew");
    }
}
