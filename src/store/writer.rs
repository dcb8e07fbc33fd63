//! The one thread that writes, with group commit: everything that waits goes into one transaction, so that a burst
//! costs one sync of the disk. A single job does not wait for others. After a batch, its callers are about to come
//! again, so the next transaction waits for as many, up to [`MAX_BATCH_WAIT`].
//!
//! Jobs that a sender waits for go first. What events mean is written when no sender waits, or when it has waited long:
//! a burst is acknowledged before it is processed, and is safe on the disk meanwhile.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};

use super::{StoreError, database};

/// How many jobs may wait. One more is [`StoreError::Busy`].
pub(super) const QUEUE: usize = 1024;

/// How many jobs go into one transaction at most.
const MAX_BATCH: usize = 256;

/// How long deferred jobs wait at most for batched ones.
const MAX_DEFERRED_WAIT: Duration = Duration::from_millis(250);

/// How long a transaction waits at most for jobs that are about to come: about as long as one sync takes.
const MAX_BATCH_WAIT: Duration = Duration::from_micros(300);

/// After how many jobs there is a checkpoint, as soon as nothing waits. SQLite would do it inside a commit, which would
/// then take longer.
const CHECKPOINT_AFTER: usize = 512;

/// The size of the write-ahead log, in bytes, above which a warning is logged: something prevents checkpoints.
const LARGE_LOG: u64 = 64 << 20;

/// How many transactions in a row may fail because of the disk, each over a connection of its own, until the store
/// fails permanently.
const MAX_FAILED_TRANSACTIONS: u64 = 3;

/// A handle to the writing thread.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<BoxedJob>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    done: Mutex<Option<oneshot::Receiver<()>>>,
    gauges: Arc<Gauges>,
}

struct Gauges {
    failing: AtomicBool,
    commits: AtomicU64,
    /// How many transactions in a row failed because of the disk.
    disk_failures: watch::Sender<u64>,
}

type BoxedJob = Box<dyn Job>;

/// How a job is combined with other jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransactionMode {
    /// In the next transaction, in a savepoint of its own.
    Batched,
    /// In the next transaction, without a savepoint: if it fails after it has written something, the whole transaction
    /// fails.
    BatchedUnguarded,
    /// In a transaction of its own, after batched jobs, but no deferred than [`MAX_DEFERRED_WAIT`] behind them.
    Deferred,
    /// In no transaction. All other jobs wait meanwhile.
    NoTransaction,
}

/// Some work, and the caller that waits for its result.
trait Job: Send {
    fn mode(&self) -> TransactionMode;
    /// Does the work. Whether its changes are to be committed.
    fn run(&mut self, connection: &Connection) -> bool;
    /// The error of the database, if there was one.
    fn database_error(&self) -> Option<rusqlite::ffi::Error>;
    /// Answers the caller. `committed`: the result of the whole transaction.
    fn answer(self: Box<Self>, committed: Result<(), Arc<rusqlite::Error>>);
}

struct Task<T, F> {
    mode: TransactionMode,
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn mode(&self) -> TransactionMode {
        self.mode
    }

    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn database_error(&self) -> Option<rusqlite::ffi::Error> {
        match &self.result {
            Some(Err(StoreError::Database(error))) => error.sqlite_error().copied(),
            _ => None,
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), Arc<rusqlite::Error>>) {
        let answer = match committed {
            Ok(()) => self.result.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(StoreError::Unconfirmed(error)),
        };
        // The caller may no longer wait. What was written stays written.
        let _ = self.caller.send(answer);
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, path: PathBuf) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let (finished, done) = oneshot::channel();
        let gauges = Arc::new(Gauges {
            failing: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            disk_failures: watch::channel(0).0,
        });
        let writer = BatchWriter {
            connection: Some(connection),
            path: path.clone(),
            gauges: Arc::clone(&gauges),
            since_checkpoint: 0,
            is_log_large: false,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                writer.run(jobs);
                let _ = finished.send(());
            })
            .map_err(|source| StoreError::Directory { dir: path, source })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            done: Mutex::new(Some(done)),
            gauges,
        })
    }

    /// Runs the work and waits until it is on the disk.
    pub(super) async fn submit<T, F>(&self, mode: TransactionMode, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let answer = self.enqueue(mode, work)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Writes something small, to learn whether the disk accepts it.
    pub(super) fn probe(&self, now: Timestamp) {
        // A full or a closed queue needs no probe.
        let _ = self.enqueue(TransactionMode::Batched, move |connection| {
            super::cursors::set(connection, "store.probe", &now.to_string(), now)
        });
    }

    /// Resolves when [`MAX_FAILED_TRANSACTIONS`] in a row failed because of the disk.
    pub(super) async fn failed_permanently(&self) {
        // An error means that the thread ended because the store was closed.
        if self.gauges.disk_failures.subscribe().wait_for(|times| *times >= MAX_FAILED_TRANSACTIONS).await.is_err() {
            std::future::pending().await
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        let is_open = self.queue.lock().is_some();
        let running = is_open && self.thread.lock().as_ref().is_some_and(|thread| !thread.is_finished());
        running && !self.gauges.failing.load(Ordering::Relaxed)
    }

    pub(super) fn commits(&self) -> u64 {
        self.gauges.commits.load(Ordering::Relaxed)
    }

    /// Accepts no more jobs, and waits until the accepted ones are written and the file is closed.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().take());
        let done = self.done.lock().take();
        if let Some(done) = done {
            // An error means that the thread has ended already.
            let _ = done.await;
        }
    }

    fn enqueue<T, F>(
        &self,
        mode: TransactionMode,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let queue = self.queue.lock().clone().ok_or(StoreError::Closed)?;
        queue.try_send(Box::new(Task { mode, work: Some(work), result: None, caller })).map_err(
            |error| match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Closed,
            },
        )?;
        Ok(answer)
    }
}

impl Drop for Writer {
    /// Waits for the thread, so that the file is closed afterwards.
    fn drop(&mut self) {
        drop(self.queue.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            // A panic was logged by the thread.
            let _ = thread.join();
        }
    }
}

/// The writing thread.
struct BatchWriter {
    connection: Option<Connection>,
    path: PathBuf,
    gauges: Arc<Gauges>,
    /// How many jobs were written since the last checkpoint.
    since_checkpoint: usize,
    is_log_large: bool,
}

impl BatchWriter {
    fn run(mut self, jobs: Receiver<BoxedJob>) {
        let (mut received, mut deferred) = (Vec::with_capacity(MAX_BATCH), VecDeque::new());
        let mut last_batch = 0;
        while receive(&jobs, &mut received, deferred.is_empty(), last_batch) {
            let mut batch = Vec::with_capacity(received.len());
            for job in received.drain(..) {
                match job.mode() {
                    TransactionMode::Batched | TransactionMode::BatchedUnguarded => batch.push(job),
                    TransactionMode::Deferred => deferred.push_back((Instant::now(), job)),
                    TransactionMode::NoTransaction => {
                        // It may be about what was submitted before it.
                        self.run_batch(std::mem::take(&mut batch));
                        deferred.drain(..).for_each(|(_, job)| self.run_batch(vec![job]));
                        self.run_without_transaction(job);
                    }
                }
            }
            last_batch = batch.len();
            self.run_batch(batch);
            if let Some((_, job)) =
                deferred.pop_front_if(|(since, _)| last_batch == 0 || since.elapsed() >= MAX_DEFERRED_WAIT)
            {
                self.run_batch(vec![job]);
            }
            if self.since_checkpoint >= CHECKPOINT_AFTER && deferred.is_empty() {
                match jobs.try_recv() {
                    Ok(job) => received.push(job),
                    Err(_) => self.checkpoint_when_idle(),
                }
            }
        }
        if let Some(Err(error)) = self.connection.take().map(checkpoint_and_close) {
            tracing::warn!(%error, "the final checkpoint failed; the next start does it");
        }
    }

    /// Runs jobs in one transaction.
    fn run_batch(&mut self, mut batch: Vec<BoxedJob>) {
        if batch.is_empty() {
            return;
        }
        let committed = self.commit(&mut batch).map_err(Arc::new);
        match &committed {
            Ok(()) => {
                self.gauges.commits.fetch_add(1, Ordering::Relaxed);
                self.since_checkpoint += batch.len();
            }
            Err(error) => {
                tracing::error!(%error, waiting = batch.len(), "a transaction was not confirmed; the database is \
                    opened again");
                // After a failed sync the system may have dropped what it could not write: the same connection must not
                // try again, because that sync would succeed.
                self.connection = None;
            }
        }
        let is_disk_failure = committed.as_ref().is_err_and(|error| is_disk_failure(error));
        self.gauges.disk_failures.send_modify(|times| *times = if is_disk_failure { *times + 1 } else { 0 });
        self.gauges.failing.store(committed.is_err(), Ordering::Relaxed);
        for job in batch {
            job.answer(committed.clone());
        }
    }

    fn run_without_transaction(&mut self, mut job: BoxedJob) {
        let connected = self.connect().map(|connection| {
            // Its own result says how it went.
            job.run(connection);
        });
        job.answer(connected.map_err(Arc::new));
    }

    fn checkpoint_when_idle(&mut self) {
        let Ok(connection) = self.connect() else { return };
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "a checkpoint failed");
        }
        self.since_checkpoint = 0;
        let [_, log] = database::files(&self.path);
        let bytes = std::fs::metadata(log).map_or(0, |log| log.len());
        if bytes > LARGE_LOG && !self.is_log_large {
            tracing::warn!(bytes, "the write-ahead log grows: a query takes too long, or the disk is slow");
        }
        self.is_log_large = bytes > LARGE_LOG;
    }

    fn connect(&mut self) -> Result<&mut Connection, rusqlite::Error> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            empty => Ok(empty.insert(reopen(&self.path)?)),
        }
    }

    fn commit(&mut self, batch: &mut [BoxedJob]) -> Result<(), rusqlite::Error> {
        let connection = self.connect()?;
        let run = |statement: &str| connection.prepare_cached(statement)?.execute([]).map(drop);
        run("BEGIN IMMEDIATE")?;
        if let [job] = batch {
            return run(if job.run(connection) { "COMMIT" } else { "ROLLBACK" });
        }
        for job in batch {
            if job.mode() == TransactionMode::BatchedUnguarded {
                let before = connection.total_changes();
                if !job.run(connection) && (connection.is_autocommit() || connection.total_changes() != before) {
                    // SQLite may have rolled back the whole transaction, as it does when the disk is full.
                    let why = job.database_error();
                    let aborted = || rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT);
                    return Err(rusqlite::Error::SqliteFailure(why.unwrap_or_else(aborted), None));
                }
                continue;
            }
            run("SAVEPOINT job")?;
            if !job.run(connection) {
                // Fails when SQLite has rolled back the whole transaction, as it does when the disk is full.
                run("ROLLBACK TO job")?;
            }
            run("RELEASE job")?;
        }
        run("COMMIT")
    }
}

/// Receives jobs for the next batch: waits for the first one if `wait`, and up to [`MAX_BATCH_WAIT`] for as many as
/// there were in the last batch. `false`: there are no more jobs and there will be none.
fn receive(jobs: &Receiver<BoxedJob>, received: &mut Vec<BoxedJob>, wait: bool, last_batch: usize) -> bool {
    if wait && received.is_empty() {
        match jobs.recv() {
            Ok(job) => received.push(job),
            Err(_) => return false,
        }
    }
    let mut until = None;
    while received.len() < MAX_BATCH {
        if let Ok(job) = jobs.try_recv() {
            received.push(job);
            continue;
        }
        if last_batch < 2 || received.is_empty() || received.len() >= last_batch {
            break;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + MAX_BATCH_WAIT);
        match jobs.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(job) => received.push(job),
            Err(_) => break,
        }
    }
    true
}

/// Whether the disk failed. A full disk has not failed.
fn is_disk_failure(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn reopen(path: &Path) -> Result<Connection, rusqlite::Error> {
    database::open_to_write(path).map_err(|error| match error {
        StoreError::Database(error) => error,
        other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
    })
}

fn checkpoint_and_close(connection: Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}
