//! What survives a restart: the inbox of events, feedback, survey results, sessions, the outbox of requests, the audit,
//! displays and sign-ins; with retention, erasure of customers, and backups.
//!
//! One SQLite file, `callboard.db`, on a local disk. One thread writes, with group commit; what it has acknowledged is
//! on disk. When its queue is full, a write fails at once and does not wait.

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
mod refusal_audit;
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
pub use refusal_audit::{RefusalAudit, RefusedRequest};
pub use retention::RetentionReport;
pub use sessions::Sessions;
pub use settings::{RetentionPeriods, Settings};
pub use sign_ins::{SignIns, StoredSignIn};
pub use stored_batch::StoredBatch;
pub use survey_results::{SurveyRecord, SurveyResults};

/// How long [`Store::close`] waits for a running backup.
const MAX_BACKUP_WAIT: std::time::Duration = std::time::Duration::from_secs(3);

/// The store. Cheap to clone; dropping the last clone writes what still waits and closes the file.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    // Dropped in this order: the readers, the writer (which joins its thread), and only then the lock.
    reader: Reader,
    writer: Writer,
    clock: Clock,
    path: PathBuf,
    disk_space: DiskSpace,
    backup_dir: PathBuf,
    backups_kept: usize,
    retention: RetentionPeriods,
    suppression: SuppressionList,
    /// Serializes erasure with the tasks that publish what was just stored: nothing erased is published afterwards.
    erasing: Arc<tokio::sync::Mutex<()>>,
    /// Serializes backups with each other and with erasure.
    backing_up: Arc<tokio::sync::Mutex<()>>,
    _lock: Lock,
}

impl Store {
    /// Opens the store in a directory, which is created if there is none. Requests that were being sent when the last
    /// process ended become [`RequestState::Unknown`](crate::domain::RequestState::Unknown). Blocks on the disk.
    ///
    /// # Errors
    /// When other users can enter the directory, when another process uses it, when a newer Callboard wrote the file,
    /// or when the disk fails.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, StoreError> {
        Self::open_with(dir, clock, Settings::default())
    }

    /// [`Self::open`] with the settings of the operator.
    ///
    /// # Errors
    /// As [`Self::open`].
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
                "erasure.key is not the key with which customers were erased from this database: copy it from where \
                 the database came from, or an event that is sent again may restore their data"
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
            erasing: Arc::default(),
            backing_up: Arc::default(),
            _lock: lock,
        })))
    }

    /// Writes what still waits, makes a checkpoint and closes the file. Later calls are [`StoreError::Closed`]. The
    /// directory stays locked until the last clone is dropped.
    pub async fn close(&self) {
        // A backup that is interrupted leaves no file; a large one must not delay the shutdown.
        let _ = tokio::time::timeout(MAX_BACKUP_WAIT, self.0.backing_up.lock()).await;
        self.0.reader.close().await;
        self.0.writer.close().await;
    }

    /// Why the store takes no new events: the last write failed, or the disk is nearly full. In the first case this
    /// also writes a probe, so that a recovered disk is noticed without a new event. `None`: it takes new events.
    #[must_use]
    pub fn probe_write_error(&self) -> Option<StoreError> {
        let error = self.write_error();
        if matches!(error, Some(StoreError::Failing)) {
            self.0.writer.probe(self.0.clock.now());
        }
        error
    }

    /// [`Self::probe_write_error`] without the probe: a few failed writes in a row end the process.
    #[must_use]
    pub fn write_error(&self) -> Option<StoreError> {
        if self.0.writer.is_healthy() { self.0.disk_space.check().err() } else { Some(StoreError::Failing) }
    }

    /// Resolves when several writes in a row failed because of the disk, each over a new connection. The process should
    /// end then: another start may find the disk repaired.
    pub async fn failed_permanently(&self) {
        self.0.writer.failed_permanently().await;
    }

    /// The size of the file and its write-ahead log.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        database::files(&self.0.path)
            .iter()
            .filter_map(|file| std::fs::metadata(file).ok())
            .map(|file| file.len())
            .sum()
    }

    /// How many transactions were committed since the start. With group commit they are fewer than the writes.
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

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.reader.query(work).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.0.path).finish_non_exhaustive()
    }
}
