//! What must survive: the inbox of events, the outbox of requests, the audit, and the places up to which
//! sources have been read.
//!
//! One SQLite file, `callboard.db`, on a local disk. One thread writes and commits in groups; what it has acknowledged
//! is on the disk. A full queue in front of it is an error at once and never a growing wait.

mod audit;
mod cursors;
mod database;
mod error;
mod inbox;
mod intent;
#[cfg(test)]
mod kill;
mod outbox;
mod reader;
mod results;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use crate::base::Clock;
use database::Lock;
use reader::Reader;
use writer::Writer;

pub use audit::{Deed, DeedEnd, NewDeed};
pub use error::StoreError;
pub use inbox::{Accepted, Arrival, InboxCounts, Stored};
pub use intent::{Intended, Intent, IntentState, NewIntent, Outcome};
pub use results::SurveyRecord;

/// What must survive. Cheap to clone; the last clone to go writes what still waits and closes the file.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    // In the order in which they must go: the readers, the writer (which joins its thread), and only then the lock.
    reader: Reader,
    writer: Writer,
    clock: Clock,
    path: PathBuf,
    _lock: Lock,
}

impl Store {
    /// Opens the store in a directory, which is made if there is none. Requests that were on their way when the last
    /// process ended become [`IntentState::Unknown`]: nobody can say whether they arrived.
    ///
    /// This waits for the disk, which is what a start does.
    ///
    /// # Errors
    /// When another process uses the directory, when a newer Callboard has written the file, or when the disk refuses.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, StoreError> {
        database::prepare_directory(dir)?;
        let lock = Lock::take(dir)?;
        let path = dir.join(database::FILE);
        let mut connection = database::open_to_write(&path)?;
        schema::migrate(&mut connection)?;
        outbox::admit_ignorance(&connection, clock.now())?;
        audit::admit_ignorance(&connection, clock.now())?;
        let reader = Reader::new(database::open_to_read(&path)?);
        let writer = Writer::start(connection, path.clone())?;
        Ok(Self(Arc::new(Shared { reader, writer, clock, path, _lock: lock })))
    }

    /// Writes what still waits, folds the log into the file and closes it. Later calls are [`StoreError::Closed`].
    /// The directory stays locked until the last clone is gone.
    pub async fn close(&self) {
        self.0.reader.close().await;
        self.0.writer.close().await;
    }

    /// Whether the last write came through. While it did not, asking also tries again, so that a disk that has
    /// recovered is noticed without a customer's event.
    #[must_use]
    pub fn healthy(&self) -> bool {
        let healthy = self.0.writer.is_healthy();
        if !healthy {
            self.0.writer.probe(self.0.clock.now());
        }
        healthy
    }

    /// How many bytes the file and its log take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        database::files(&self.0.path)
            .iter()
            .filter_map(|file| std::fs::metadata(file).ok())
            .map(|file| file.len())
            .sum()
    }

    /// How many transactions have been committed since the start. Fewer than what was written: that is the point.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.writer.commits()
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.0.writer.submit(work).await
    }

    async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.0.reader.ask(question).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.0.path).finish_non_exhaustive()
    }
}
