//! Waits that grow with what failed: whoever tries too often waits, longer each time, and nobody else does.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After so long without a try somebody begins anew.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(3600);

/// So many who try are told apart.
const MOST: usize = 1 << 16;

/// How long to wait between tries that failed.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// After how many that failed there is the first wait.
    pub free: u32,
    /// How long that is.
    pub first: Duration,
    /// How many times as long after each further one.
    pub factor: u32,
    /// The longest wait.
    pub longest: Duration,
}

/// The tries of all. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tries(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waits: Waits,
    hasher: RandomState,
    failed: Mutex<HashMap<u64, Failed>>,
}

/// What has failed so far of one who tries.
#[derive(Debug, Clone, Copy)]
struct Failed {
    tries: u32,
    last: Instant,
}

/// A try, which counts as one that failed unless it is [forgiven](Self::forgive).
#[derive(Debug)]
#[must_use]
pub struct Try {
    tries: Tries,
    key: u64,
    at: Instant,
    before: Option<Instant>,
}

impl Tries {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(waits: Waits) -> Self {
        Self(Arc::new(Inner { waits, hasher: RandomState::new(), failed: Mutex::default() }))
    }

    /// A try that may be made now.
    ///
    /// # Errors
    /// When it comes too soon; how long to wait.
    pub fn begin(&self, who: &impl Hash) -> Result<Try, Duration> {
        let (now, key) = (Instant::now(), self.0.hasher.hash_one(who));
        let mut failed = self.failed();
        let before = failed.get(&key).copied().filter(|before| now.duration_since(before.last) < FORGOTTEN);
        if let Some(before) = before
            && let Some(left) = self.0.waits.after(before.tries).checked_sub(now.duration_since(before.last))
            && !left.is_zero()
        {
            return Err(left);
        }
        if failed.len() >= MOST && !failed.contains_key(&key) {
            failed.retain(|_, it| now.duration_since(it.last) < FORGOTTEN);
            if failed.len() >= MOST {
                // Tens of thousands of addresses try: those go first that had the fewest tries.
                let few = failed.values().map(|it| it.tries).min().unwrap_or_default();
                failed.retain(|_, it| it.tries > few);
            }
        }
        failed.insert(key, Failed { tries: before.map_or(0, |before| before.tries).saturating_add(1), last: now });
        Ok(Try { tries: self.clone(), key, at: now, before: before.map(|before| before.last) })
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<u64, Failed>> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    /// How long after the last try the next one may come.
    fn after(self, tries: u32) -> Duration {
        match tries.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(more) => self.first.saturating_mul(self.factor.saturating_pow(more)).min(self.longest),
        }
    }
}

impl Try {
    /// It was right: nothing is held against whoever tried any more.
    pub fn succeeded(self) {
        self.tries.failed().remove(&self.key);
    }

    /// It did not fail, or nobody could say: this one is not counted.
    pub fn forgive(self) {
        let mut failed = self.tries.failed();
        let Some(known) = failed.get_mut(&self.key) else { return };
        known.tries = known.tries.saturating_sub(1);
        match self.before {
            // Others may have failed meanwhile.
            Some(before) if known.last == self.at => known.last = before,
            Some(_) => {}
            None if known.tries == 0 => drop(failed.remove(&self.key)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_those_who_tried_most_are_remembered() {
        let second = Duration::from_secs(1);
        let tries = Tries::new(Waits { free: 3, first: second, factor: 1, longest: second });
        for _ in 0..3 {
            drop(tries.begin(&"most"));
        }
        for key in 0..2 * MOST {
            drop(tries.begin(&key));
        }
        assert!(tries.failed().len() <= MOST);
        assert!(tries.begin(&"most").is_err());
    }
}
