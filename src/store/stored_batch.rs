//! Records that were just stored, and are to be published.

use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use super::{Shared, StoreError, TransactionMode};

/// Records that were just stored. No customer is erased while this is held: publish the records, then drop it.
#[must_use = "publish the records while this is held"]
pub struct StoredBatch<T> {
    /// The stored records, in the order in which they were received.
    pub records: Vec<T>,
    _erasure_paused: OwnedMutexGuard<()>,
}

impl Shared {
    /// Stores records before or after an erasure, never during one.
    pub(super) async fn keep<T, F>(&self, work: F) -> Result<StoredBatch<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<Vec<T>, StoreError> + Send + 'static,
    {
        let guard = std::sync::Arc::clone(&self.erasing).lock_owned().await;
        Ok(StoredBatch { records: self.writer.submit(TransactionMode::Deferred, work).await?, _erasure_paused: guard })
    }
}
