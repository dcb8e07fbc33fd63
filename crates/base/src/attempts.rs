//! Failed attempts and the growing wait between them, for each key.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

/// After how long without an attempt a key's failures are forgotten.
pub const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// How many keys are kept at most.
const MAX_KEYS: usize = 1 << 16;

/// How long to wait between failed attempts.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// How many failures cause no wait.
    pub free: u32,
    /// The first wait.
    pub first: Duration,
    /// By how much each further wait is longer.
    pub factor: u32,
    /// The longest wait.
    pub longest: Duration,
}

/// Failed attempts by key. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Attempts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backoff: Delays,
    hasher: RandomState,
    failures: Mutex<HashMap<u64, Failures>>,
}

/// The failures of one key.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// An attempt. It counts as failed unless it [succeeded](Self::succeeded) or is [forgiven](Self::forgive).
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    attempts: Attempts,
    key: u64,
    at: Instant,
    before: Option<Instant>,
}

impl Attempts {
    /// No failures yet.
    #[must_use]
    pub fn new(backoff: Delays) -> Self {
        Self(Arc::new(Inner { backoff, hasher: RandomState::new(), failures: Mutex::default() }))
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// How long to wait, when it comes too soon.
    pub fn begin(&self, key: &impl Hash) -> Result<Attempt, Duration> {
        let (now, key) = (Instant::now(), self.0.hasher.hash_one(key));
        let mut failures = self.failures();
        let before = failures.get(&key).copied().filter(|before| now.duration_since(before.last) < FORGET_AFTER);
        if let Some(before) = before
            && let Some(left) = self.0.backoff.after(before.count).checked_sub(now.duration_since(before.last))
            && !left.is_zero()
        {
            return Err(left);
        }
        if failures.len() >= MAX_KEYS && !failures.contains_key(&key) {
            failures.retain(|_, it| now.duration_since(it.last) < FORGET_AFTER);
            if failures.len() >= MAX_KEYS {
                // Tens of thousands of addresses fail: the keys with the fewest failures are dropped first.
                let fewest = failures.values().map(|it| it.count).min().unwrap_or_default();
                failures.retain(|_, it| it.count > fewest);
            }
        }
        failures.insert(key, Failures { count: before.map_or(0, |before| before.count).saturating_add(1), last: now });
        Ok(Attempt { attempts: self.clone(), key, at: now, before: before.map(|before| before.last) })
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<u64, Failures>> {
        self.0.failures.lock()
    }
}

impl Delays {
    /// The wait after this many failures.
    fn after(self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(more) => self.first.saturating_mul(self.factor.saturating_pow(more)).min(self.longest),
        }
    }
}

impl Attempt {
    /// It was right: the key's failures are forgotten.
    pub fn succeeded(self) {
        self.attempts.failures().remove(&self.key);
    }

    /// It did not fail, or nothing could be learned from it: it is not counted.
    pub fn forgive(self) {
        let mut failures = self.attempts.failures();
        let Some(known) = failures.get_mut(&self.key) else { return };
        known.count = known.count.saturating_sub(1);
        match self.before {
            // Others may have failed meanwhile.
            Some(before) if known.last == self.at => known.last = before,
            Some(_) => {}
            None if known.count == 0 => drop(failures.remove(&self.key)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn full_memory_keeps_the_keys_with_most_failures() {
        let second = Duration::from_secs(1);
        let attempts = Attempts::new(Delays { free: 3, first: second, factor: 1, longest: second });
        for _ in 0..3 {
            drop(attempts.begin(&"most"));
        }
        for key in 0..2 * MAX_KEYS {
            drop(attempts.begin(&key));
        }
        assert!(attempts.failures().len() <= MAX_KEYS);
        assert!(attempts.begin(&"most").is_err());
    }
}
