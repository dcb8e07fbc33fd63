//! Queries, over read-only connections and on blocking threads.
//!
//! A running query prevents checkpoints, so that the write-ahead log would grow without end: each query has one second.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::Semaphore;

use super::{StoreError, database};

/// How many queries run at once.
const CONNECTIONS: usize = 3;

/// How long a query may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The reading connections.
pub(super) struct Reader {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connections = (0..CONNECTIONS).map(|_| database::open_to_read(path)).collect::<Result<_, _>>()?;
        Ok(Self { free: Arc::new(Mutex::new(connections)), permits: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    /// Runs a query. Queries wait for a connection without blocking a thread.
    pub(super) async fn query<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let free = Arc::clone(&self.free);
        // A task of its own: the caller may stop waiting, and the timeout must apply all the same.
        let task = tokio::spawn(async move {
            let connection = free.lock().pop().ok_or(StoreError::Closed)?;
            let interrupt = connection.get_interrupt_handle();
            let mut answering = tokio::task::spawn_blocking(move || {
                let answer = work(&connection);
                free.lock().push(connection);
                drop(permit);
                answer
            });
            let answered = match tokio::time::timeout(TIMEOUT, &mut answering).await {
                Ok(answered) => answered,
                Err(_) => {
                    interrupt.interrupt();
                    answering.await
                }
            };
            answered.unwrap_or(Err(StoreError::Closed))
        });
        match task.await.unwrap_or(Err(StoreError::Closed)) {
            Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Err(StoreError::TooLong)
            }
            answer => answer,
        }
    }

    /// Closes the connections once the running queries have ended.
    pub(super) async fn close(&self) {
        // An error means that it is closed already.
        let _ = self.permits.acquire_many(u32::try_from(CONNECTIONS).unwrap_or(1)).await;
        self.permits.close();
        self.free.lock().clear();
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::store::Store;
    use crate::store::tests::private_dir;
    use base::Clock;

    #[tokio::test(flavor = "multi_thread")]
    async fn endless_query_is_interrupted_while_others_are_answered() {
        let dir = private_dir();
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let asked = |store: Store| async move {
            store.0.read(move |connection| Ok(connection.query_row(endless, [], |row| row.get::<_, i64>(0))?)).await
        };
        let held: Vec<_> = (1..CONNECTIONS).map(|_| tokio::spawn(asked(store.clone()))).collect();
        // Another connection is free meanwhile.
        assert_eq!(store.survey_results().cursor("x").await.expect("answered"), None);
        for held in held {
            assert!(matches!(held.await.expect("an end"), Err(StoreError::TooLong)));
        }
        for _ in 0..2 * CONNECTIONS {
            assert_eq!(store.survey_results().cursor("x").await.expect("every connection is good afterwards"), None);
        }
    }
}
