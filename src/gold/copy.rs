//! Where entities live, and how changes travel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::entity::{Entity, Key};

/// An entity as of the version of its last change.
#[derive(Debug, Clone)]
struct Stamped {
    version: u64,
    entity: Arc<Entity>,
}

/// One entity's step from one version to the next.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whose.
    pub key: Key,
    /// What it was.
    pub before: Option<Arc<Entity>>,
    /// What it is.
    pub after: Option<Arc<Entity>>,
}

/// Everything that changed in one version. Complete by itself: whoever has applied all deltas has the gold copy.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The version that these changes make.
    pub version: u64,
    /// The changes, by key.
    pub changes: Vec<Change>,
    /// When the oldest of the facts behind it arrived: that is what "how long until a viewer saw it" counts from.
    pub received: Instant,
}

/// The entities. Read by everybody without waiting, written by the owner alone.
#[derive(Debug, Default)]
pub struct GoldCopy {
    entities: DashMap<Key, Stamped, RandomState>,
    version: AtomicU64,
}

impl GoldCopy {
    /// The version of the last delta. Entities of a newer version may already be readable.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// One entity, unless it is not there.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Entity>> {
        Some(Arc::clone(&self.entities.get(key)?.entity))
    }

    /// Every entity that is there, stamped, in no order.
    pub fn for_each(&self, mut visit: impl FnMut(&Key, u64, &Arc<Entity>)) {
        for entry in &self.entities {
            visit(entry.key(), entry.version, &entry.entity);
        }
    }

    /// Writes what changed. The owner's alone: two writers would tear versions apart.
    pub(super) fn write(&self, version: u64, changes: &[Change]) {
        for change in changes {
            match &change.after {
                Some(entity) => {
                    self.entities.insert(change.key.clone(), Stamped { version, entity: Arc::clone(entity) })
                }
                None => self.entities.remove(&change.key).map(|(_, stamped)| stamped),
            };
        }
        self.version.store(version, Ordering::Release);
    }
}
