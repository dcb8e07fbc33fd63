//! How much room is left on the disk.
//!
//! Measured for every event: it costs a microsecond, and what was measured a moment ago is not what is now.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;

/// Asks how many bytes are free where a path lies.
pub(super) type Measure = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

/// Watches one disk.
pub(super) struct DiskSpace {
    dir: PathBuf,
    needed: u64,
    measure: Measure,
}

impl DiskSpace {
    pub(super) fn new(dir: PathBuf, needed: u64, measure: Measure) -> Self {
        Self { dir, needed, measure }
    }

    /// Whether there is room for something new. A disk that does not say how full it is will say so when it is written
    /// to.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let free = (self.measure)(&self.dir).unwrap_or(u64::MAX);
        if free < self.needed { Err(StoreError::Full { free, needed: self.needed }) } else { Ok(()) }
    }
}

/// What the system says: the room for those who are not root.
pub(super) fn measure(path: &Path) -> std::io::Result<u64> {
    let told = rustix::fs::statvfs(path)?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}
