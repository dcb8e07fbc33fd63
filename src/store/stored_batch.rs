//! What was taken in and may be told.

use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use super::{Shared, StoreError, TransactionMode};

/// What may be told. Nobody is forgotten while this is held: tell it first, then let go.
#[must_use = "what was kept is to be told while this is held"]
pub struct StoredBatch<T> {
    /// What was heard and is kept, in the order in which it was heard.
    pub records: Vec<T>,
    _erasure_paused: OwnedMutexGuard<()>,
}

impl Shared {
    /// Writes what was heard, unless those who said it are to be forgotten: either goes before the other.
    pub(super) async fn keep<T, F>(&self, work: F) -> Result<StoredBatch<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<Vec<T>, StoreError> + Send + 'static,
    {
        let guard = std::sync::Arc::clone(&self.erasing).lock_owned().await;
        Ok(StoredBatch { records: self.writer.submit(TransactionMode::Deferred, work).await?, _erasure_paused: guard })
    }
}
