//! Where entities are kept, and how changes are published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::entity::{Entity, Key};

/// An entity and the version of its last change.
#[derive(Debug, Clone)]
struct Stamped {
    version: u64,
    entity: Arc<Entity>,
}

/// The change of one entity in one version.
#[derive(Debug, Clone)]
pub struct Change {
    /// The entity's key.
    pub key: Key,
    /// The entity before. `None`: it did not exist.
    pub before: Option<Arc<Entity>>,
    /// The entity now. `None`: it was removed.
    pub after: Option<Arc<Entity>>,
}

/// Everything that changed in one version. All deltas applied in order give the gold copy.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The version after these changes.
    pub version: u64,
    /// The changes, by key.
    pub changes: Vec<Change>,
    /// When the oldest of its facts arrived: the latency until a viewer sees it is measured from here.
    pub received: Instant,
}

/// The entities. Readers never wait; only the owner task writes.
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

    /// One entity, if it exists.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Entity>> {
        Some(Arc::clone(&self.entities.get(key)?.entity))
    }

    /// Calls `visit` with each entity and the version of its last change, in no order.
    pub fn for_each(&self, mut visit: impl FnMut(&Key, u64, &Arc<Entity>)) {
        for entry in &self.entities {
            visit(entry.key(), entry.version, &entry.entity);
        }
    }

    /// Writes the changes of a version. Only for the owner task: two writers would mix versions.
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
