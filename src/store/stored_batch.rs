//! What was taken in and may be told.

use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use super::{Manner, Store, StoreError};

/// What may be told. Nobody is forgotten while this is held: tell it first, then let go.
#[must_use = "what was kept is to be told while this is held"]
pub struct Kept<T> {
    /// What was heard and is kept, in the order in which it was heard.
    pub heard: Vec<T>,
    _nobody_is_forgotten: OwnedMutexGuard<()>,
}

impl Store {
    /// Writes what was heard, unless those who said it are to be forgotten: either goes before the other.
    pub(super) async fn keep<T, F>(&self, work: F) -> Result<Kept<T>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<Vec<T>, StoreError> + Send + 'static,
    {
        let guard = std::sync::Arc::clone(&self.0.forgetting).lock_owned().await;
        Ok(Kept { heard: self.0.writer.submit(Manner::Later, work).await?, _nobody_is_forgotten: guard })
    }
}
