//! What must survive: the inbox of events, what customers said, the outbox of requests, the audit, and the places up to
//! which sources have been read. And what must not: whose time is over, and who wants to be forgotten.
//!
//! One SQLite file, `callboard.db`, on a local disk. One thread writes and commits in groups; what it has acknowledged
//! is on the disk. A full queue in front of it is an error at once and never a growing wait.

mod audit;
mod backup;
mod cursors;
mod database;
mod displays;
mod erasure;
mod error;
mod feedback;
mod inbox;
mod intent;
mod kept;
#[cfg(test)]
mod kill;
mod marks;
mod memory;
mod outbox;
mod pins;
#[cfg(test)]
mod power_loss;
mod reader;
mod results;
mod retention;
mod schema;
mod sessions;
mod settings;
mod sign_ins;
mod space;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use base::Clock;
use database::Lock;
use marks::Marks;
use reader::Reader;
use space::Space;
use writer::{Manner, Writer};

pub use audit::{AuditFilter, AuditUser, AuditEntry, AuditCompletion, NewAuditEntry, AUDIT_OPEN, AUDIT_OUTCOMES};
pub use database::check_directory;
pub use displays::{Display, DisplayToken, DisplayLogin, DisplayLoginAttempt, NewDisplay, DisplayLoginOutcome, DisplayCredential};
pub use erasure::{Erased, ErasureReport};
pub use error::StoreError;
pub use feedback::ProcessedEvent;
pub use inbox::WROTE_AFTER_ERASURE;
pub use inbox::{EventContext, Accepted, IncomingEvent, InboxCounts, InboxEvent, UnknownType, Unreadable, UnreadableEvent, UnusableReason};
pub use intent::{Asking, Enqueued, OutboxEntry, IntentState, NewOutboxEntry, RequestOutcome};
pub use kept::Kept;
pub use memory::FeedStateEntry;
pub use pins::Pinned;
pub use results::SurveyRecord;
pub use retention::RetentionReport;
pub use settings::{Keep, Settings};
pub use sign_ins::StoredSignIn;

/// How long the end waits for a copy that is being made.
const LONGEST_COPY: std::time::Duration = std::time::Duration::from_secs(3);

/// What must survive. Cheap to clone; the last clone to go writes what still waits and closes the file.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    // In the order in which they must go: the readers, the writer (which joins its thread), and only then the lock.
    reader: Reader,
    writer: Writer,
    clock: Clock,
    path: PathBuf,
    space: Space,
    backup_dir: PathBuf,
    backups_kept: usize,
    keep: Keep,
    marks: Marks,
    /// Held by whoever tells what is kept, and by whoever forgets it: one after the other.
    forgetting: Arc<tokio::sync::Mutex<()>>,
    /// Held by whoever copies the file, and by whoever needs it for themselves.
    copying: Arc<tokio::sync::Mutex<()>>,
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
        Self::open_with(dir, clock, Settings::default())
    }

    /// The same, as an operator wants it.
    ///
    /// # Errors
    /// The same.
    pub fn open_with(dir: &Path, clock: Clock, settings: Settings) -> Result<Self, StoreError> {
        Self::open_on(dir, clock, settings, Arc::new(space::measure))
    }

    fn open_on(dir: &Path, clock: Clock, settings: Settings, measure: space::Measure) -> Result<Self, StoreError> {
        database::prepare_directory(dir)?;
        let lock = Lock::take(dir)?;
        let path = dir.join(database::FILE);
        let mut connection = database::open_to_write(&path)?;
        let backup_dir = settings.backup_dir.unwrap_or_else(|| dir.join("backup"));
        schema::migrate(&mut connection, &path, &backup_dir)?;
        outbox::admit_ignorance(&connection, clock.now())?;
        audit::admit_ignorance(&connection, clock.now())?;
        let marks = Marks::open(dir)?;
        if !marks.verify(&connection)? {
            tracing::error!(
                "erasure.key is not the one with which customers were erased here: copy it from where the database came \
                 from, or what they sent before may come back when it is sent again"
            );
        }
        let reader = Reader::open(&path)?;
        let writer = Writer::start(connection, path.clone())?;
        Ok(Self(Arc::new(Shared {
            reader,
            writer,
            clock,
            path,
            space: Space::new(dir.to_owned(), settings.min_free, measure),
            backup_dir,
            backups_kept: settings.backups_kept,
            keep: settings.keep,
            marks,
            forgetting: Arc::default(),
            copying: Arc::default(),
            _lock: lock,
        })))
    }

    /// Writes what still waits, folds the log into the file and closes it. Later calls are [`StoreError::Closed`].
    /// The directory stays locked until the last clone is gone.
    pub async fn close(&self) {
        // A copy that is being made is whole or not there; a large one must not hold up the end.
        let _ = tokio::time::timeout(LONGEST_COPY, self.0.copying.lock()).await;
        self.0.reader.close().await;
        self.0.writer.close().await;
    }

    /// Why it takes no new events, if it does not: the last write did not come through, or the disk is nearly full. In the
    /// first case asking also tries again, so that a disk that has recovered is noticed without a customer's event.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        let trouble = self.trouble_now();
        if matches!(trouble, Some(StoreError::Failing)) {
            self.0.writer.probe(self.0.clock.now());
        }
        trouble
    }

    /// The same without trying again: a disk that fails at a few tries in a row ends the process.
    #[must_use]
    pub fn trouble_now(&self) -> Option<StoreError> {
        if self.0.writer.is_healthy() { self.0.space.check().err() } else { Some(StoreError::Failing) }
    }

    /// Resolves when the disk has failed again and again, over new connections too. The process should end then, and say
    /// so: another start may find the disk mended, or another one.
    pub async fn given_up(&self) {
        self.0.writer.given_up().await;
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
        self.0.writer.submit(Manner::Soon, work).await
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
