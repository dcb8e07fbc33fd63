//! What must survive: the inbox of events, what customers said, the outbox of requests, the audit, and the places up to
//! which sources have been read. And what must not: whose time is over, and who wants to be forgotten.
//!
//! One SQLite file, `callboard.db`, on a local disk. One thread writes and commits in groups; what it has acknowledged
//! is on the disk. A full queue in front of it is an error at once and never a growing wait.

mod audit;
mod backup;
mod cursors;
mod database;
mod disk_space;
mod displays;
mod erasure;
mod error;
mod feed_state;
mod feedback;
mod inbox;
mod outbox;
mod outbox_entry;
mod pins;
mod reader;
mod retention;
mod schema;
mod sessions;
mod settings;
mod sign_ins;
mod stored_batch;
mod suppression;
mod survey_results;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use base::Clock;
use database::Lock;
use disk_space::DiskSpace;
use reader::Reader;
use suppression::SuppressionList;
use writer::{TransactionMode, Writer};

pub use audit::{
    AUDIT_OPEN, AUDIT_OUTCOMES, Audit, AuditCompletion, AuditEntry, AuditFilter, AuditUser, NewAuditEntry,
};
pub use backup::Backups;
pub use database::check_directory;
pub use displays::{
    Display, DisplayCredential, DisplayLogin, DisplayLoginAttempt, DisplayLoginOutcome, DisplayToken, Displays,
    NewDisplay,
};
pub use erasure::{Erased, ErasureReport, Privacy};
pub use error::StoreError;
pub use feed_state::{FeedState, FeedStateEntry};
pub use feedback::{Feedback, ProcessedEvent};
pub use inbox::{
    EventContext, Inbox, InboxCounts, InboxEvent, InboxReceipt, IncomingEvent, UnknownType, UnreadableEvent,
    UnreadableSummary, UnusableReason, WROTE_AFTER_ERASURE,
};
pub use outbox::Outbox;
pub use outbox_entry::{Enqueued, InitialState, NewOutboxEntry, OutboxEntry, RequestOutcome, SurveyTrigger};
pub use pins::PinOutcome;
pub use retention::RetentionReport;
pub use sessions::Sessions;
pub use settings::{RetentionPeriods, Settings};
pub use sign_ins::{SignIns, StoredSignIn};
pub use stored_batch::StoredBatch;
pub use survey_results::{SurveyRecord, SurveyResults};

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
    disk_space: DiskSpace,
    backup_dir: PathBuf,
    backups_kept: usize,
    retention: RetentionPeriods,
    suppression: SuppressionList,
    /// Held by whoever tells what is kept, and by whoever forgets it: one after the other.
    forgetting: Arc<tokio::sync::Mutex<()>>,
    /// Held by whoever copies the file, and by whoever needs it for themselves.
    copying: Arc<tokio::sync::Mutex<()>>,
    _lock: Lock,
}

impl Store {
    /// Opens the store in a directory, which is made if there is none. Requests that were on their way when the last
    /// process ended become [`RequestState::Unknown`]: nobody can say whether they arrived.
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
        Self::open_on(dir, clock, settings, Arc::new(disk_space::measure))
    }

    fn open_on(dir: &Path, clock: Clock, settings: Settings, measure: disk_space::Measure) -> Result<Self, StoreError> {
        check_directory(dir)?;
        database::prepare_directory(dir)?;
        let lock = Lock::take(dir)?;
        let path = dir.join(database::FILE);
        let mut connection = database::open_to_write(&path)?;
        let backup_dir = settings.backup_dir.unwrap_or_else(|| dir.join("backup"));
        schema::migrate(&mut connection, &path, &backup_dir)?;
        outbox::mark_interrupted(&connection, clock.now())?;
        audit::mark_interrupted(&connection, clock.now())?;
        let suppression = SuppressionList::open(dir)?;
        if !suppression.verify(&connection)? {
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
            disk_space: DiskSpace::new(dir.to_owned(), settings.min_free, measure),
            backup_dir,
            backups_kept: settings.backups_kept,
            retention: settings.retention,
            suppression,
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
    pub fn probe_write_error(&self) -> Option<StoreError> {
        let error = self.write_error();
        if matches!(error, Some(StoreError::Failing)) {
            self.0.writer.probe(self.0.clock.now());
        }
        error
    }

    /// The same without trying again: a disk that fails at a few tries in a row ends the process.
    #[must_use]
    pub fn write_error(&self) -> Option<StoreError> {
        if self.0.writer.is_healthy() { self.0.disk_space.check().err() } else { Some(StoreError::Failing) }
    }

    /// Resolves when the disk has failed again and again, over new connections too. The process should end then, and say
    /// so: another start may find the disk mended, or another one.
    pub async fn failed_permanently(&self) {
        self.0.writer.failed_permanently().await;
    }

    /// How many bytes the file and its log take.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
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

    /// Events as they came, before and after they are processed.
    #[must_use]
    pub fn inbox(&self) -> Inbox<'_> {
        Inbox(&self.0)
    }

    /// What customers said, and which sessions people pinned responses to.
    #[must_use]
    pub fn feedback(&self) -> Feedback<'_> {
        Feedback(&self.0)
    }

    /// What Agent Connect reports about surveys.
    #[must_use]
    pub fn survey_results(&self) -> SurveyResults<'_> {
        SurveyResults(&self.0)
    }

    /// The sessions of the last weeks, to which feedback is matched.
    #[must_use]
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(&self.0)
    }

    /// What feeds need to know after a restart.
    #[must_use]
    pub fn feed_state(&self) -> FeedState<'_> {
        FeedState(&self.0)
    }

    /// Requests to upstream systems.
    #[must_use]
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(&self.0)
    }

    /// Who did what, when, and how it ended.
    #[must_use]
    pub fn audit(&self) -> Audit<'_> {
        Audit(&self.0)
    }

    /// Wallboard displays, their tokens and logins.
    #[must_use]
    pub fn displays(&self) -> Displays<'_> {
        Displays(&self.0)
    }

    /// Sign-ins that survive a restart.
    #[must_use]
    pub fn sign_ins(&self) -> SignIns<'_> {
        SignIns(&self.0)
    }

    /// Erasure of a customer, and removal of what is older than it may be.
    #[must_use]
    pub fn privacy(&self) -> Privacy<'_> {
        Privacy(&self.0)
    }

    /// Copies of the database.
    #[must_use]
    pub fn backups(&self) -> Backups<'_> {
        Backups(&self.0)
    }
}

impl Shared {
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.submit(TransactionMode::Batched, work).await
    }

    async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.reader.ask(question).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.0.path).finish_non_exhaustive()
    }
}
