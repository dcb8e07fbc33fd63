//! Questions, asked over a connection that cannot write and off the threads that must not wait.

use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::Mutex;

use super::StoreError;

/// The way to the reading connection.
pub(super) struct Reader(Arc<Mutex<Option<Connection>>>);

impl Reader {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(Some(connection))))
    }

    /// Asks. Questions wait for each other without holding a thread.
    pub(super) async fn ask<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let connection = Arc::clone(&self.0).lock_owned().await;
        let asked = tokio::task::spawn_blocking(move || connection.as_ref().map_or(Err(StoreError::Closed), question));
        asked.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Closes the connection once the question in hand has been answered.
    pub(super) async fn close(&self) {
        self.0.lock().await.take();
    }
}
