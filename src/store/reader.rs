//! Questions, asked over connections that cannot write and off the threads that must not wait.
//!
//! A question that is not answered holds up the folding of the log, which then grows without end: so each has a second.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::Semaphore;

use super::{StoreError, database};

/// How many questions are answered at once.
const CONNECTIONS: usize = 3;

/// How long a question may take.
const LONGEST: Duration = Duration::from_secs(1);

/// The way to the reading connections.
pub(super) struct Reader {
    free: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connections = (0..CONNECTIONS).map(|_| database::open_to_read(path)).collect::<Result<_, _>>()?;
        Ok(Self { free: Arc::new(Mutex::new(connections)), turns: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    /// Asks. Questions wait for each other without holding a thread.
    pub(super) async fn ask<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let free = Arc::clone(&self.free);
        // A task of its own: whoever asks may stop waiting, and the limit must hold all the same.
        let asked = tokio::spawn(async move {
            let connection = lock(&free).pop().ok_or(StoreError::Closed)?;
            let interrupt = connection.get_interrupt_handle();
            let mut answering = tokio::task::spawn_blocking(move || {
                let answer = question(&connection);
                lock(&free).push(connection);
                drop(turn);
                answer
            });
            let answered = match tokio::time::timeout(LONGEST, &mut answering).await {
                Ok(answered) => answered,
                Err(_) => {
                    interrupt.interrupt();
                    answering.await
                }
            };
            answered.unwrap_or(Err(StoreError::Closed))
        });
        match asked.await.unwrap_or(Err(StoreError::Closed)) {
            Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Err(StoreError::TooLong)
            }
            answer => answer,
        }
    }

    /// Closes the connections once the questions in hand have been answered.
    pub(super) async fn close(&self) {
        // An error means that somebody else has closed it.
        let _ = self.turns.acquire_many(u32::try_from(CONNECTIONS).unwrap_or(1)).await;
        self.turns.close();
        lock(&self.free).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::Store;
    use base::Clock;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_endless_question_is_ended_and_others_are_answered_meanwhile() {
        let dir = TempDir::new().expect("a directory");
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let asked = |store: Store| async move {
            store.0.read(move |connection| Ok(connection.query_row(endless, [], |row| row.get::<_, i64>(0))?)).await
        };
        let held: Vec<_> = (1..CONNECTIONS).map(|_| tokio::spawn(asked(store.clone()))).collect();
        // Another connection is free, whatever the others do.
        assert_eq!(store.survey_results().cursor("x").await.expect("answered"), None);
        for held in held {
            assert!(matches!(held.await.expect("an end"), Err(StoreError::TooLong)));
        }
        for _ in 0..2 * CONNECTIONS {
            assert_eq!(store.survey_results().cursor("x").await.expect("every connection is good afterwards"), None);
        }
    }
}
