//! Remembers what Clarity has denied to this account. A 401 may mean that the token has expired or that the account may
//! not see something (apis.md B3); where another token did not help it is the latter, and is not requested again for a
//! while.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use base::Backoff;

/// How long the first denial counts.
const FIRST: Duration = Duration::from_secs(5 * 60);

/// How long a repeated denial counts at most.
const MAX: Duration = Duration::from_secs(60 * 60);

/// Denials by agent or address.
#[derive(Debug, Default)]
pub struct DenialCache(Mutex<HashMap<String, Denial>>);

#[derive(Debug)]
struct Denial {
    until: Instant,
    backoff: Backoff,
}

impl DenialCache {
    /// Whether this was denied lately.
    pub fn contains(&self, key: &str) -> bool {
        self.all().get(key).is_some_and(|denial| Instant::now() < denial.until)
    }

    /// Notes a denial, which counts for twice as long as the last one.
    pub fn insert(&self, key: &str) {
        let now = Instant::now();
        let mut all = self.all();
        // Old ones need not be remembered: the next denial begins anew.
        all.retain(|_, denial| now < denial.until + MAX);
        let backoff = Backoff::new(FIRST, MAX);
        let denial = all.entry(key.to_owned()).or_insert(Denial { until: now, backoff });
        denial.until = now + denial.backoff.ceiling();
        // Raises the ceiling; a single caller needs no jitter.
        let _ = denial.backoff.next_wait();
    }

    /// Forgets a denial: it was permitted after all.
    pub fn remove(&self, key: &str) {
        self.all().remove(key);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Denial>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn denial_counts_longer_each_time_until_permitted() {
        let denials = DenialCache::default();
        for minutes in [5, 10, 20, 40, 60, 60] {
            denials.insert("agent 13");
            tokio::time::advance(Duration::from_secs(minutes * 60 - 1)).await;
            assert!(denials.contains("agent 13") && !denials.contains("agent 14"), "{minutes}");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(!denials.contains("agent 13"), "{minutes}");
        }
        denials.insert("agent 13");
        denials.remove("agent 13");
        assert!(!denials.contains("agent 13"));
        denials.insert("agent 13");
        tokio::time::advance(FIRST).await;
        assert!(!denials.contains("agent 13"), "it begins anew");
    }
}
