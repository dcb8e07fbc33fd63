//! The one thread that writes. Whatever waits goes into one transaction: a burst costs one wait for the disk, and a
//! single event does not wait for company. In a last_batch, those who were answered a moment ago are about to come again: the
//! next transaction waits for as many, though not for long.
//!
//! Who waits to be acknowledged goes first. What an event means is written when nobody waits, or when it has waited
//! long: a burst is acknowledged before it is understood, and what waits meanwhile waits on the disk.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};

use super::{StoreError, database};

/// How much may wait before the answer is [`StoreError::Busy`].
pub(super) const QUEUE: usize = 1024;

/// How much goes into one transaction.
const BATCH: usize = 256;

/// How long work that can wait waits at most for those who cannot.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// How long a transaction waits at most for those who are about to come: about as long as the disk takes for it.
const MAX_BATCH_WAIT: Duration = Duration::from_micros(300);

/// How much is written before the log is folded into the file, as soon as nothing waits. SQLite would do it inside some
/// commit, and whoever waits for that one would wait longer.
const CHECKPOINT_AFTER: usize = 512;

/// How large the log may become before somebody is told: something keeps it from being folded.
const LARGE_LOG: u64 = 64 << 20;

/// How many transactions in a row a disk may fail, each over a connection of its own, before it is given up.
const MAX_FAILED_TRANSACTIONS: u64 = 3;

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    done: Mutex<Option<oneshot::Receiver<()>>>,
    gauges: Arc<Gauges>,
}

struct Gauges {
    failing: AtomicBool,
    commits: AtomicU64,
    /// How many transactions in a row the disk has failed.
    broken: watch::Sender<u64>,
}

type Job = Box<dyn Waiting>;

/// How work goes with other work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransactionMode {
    /// In the next transaction, with whatever else waits.
    Batched,
    /// The same, with nothing that would take it back alone: if it fails after it has written something, the transaction
    /// fails for all.
    BatchedUnguarded,
    /// In a transaction of its own: whoever waits to be acknowledged goes before, though not for long.
    Deferred,
    /// In no transaction. Everything else waits meanwhile.
    NoTransaction,
}

/// One piece of work and whoever waits for its answer.
trait Waiting: Send {
    fn mode(&self) -> TransactionMode;
    /// Does the work. Whether its changes are to be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// What the database had against it, if it had.
    fn refused_by_the_database(&self) -> Option<rusqlite::ffi::Error>;
    /// Tells whoever waits; `fate` is that of the whole transaction.
    fn answer(self: Box<Self>, fate: Result<(), Arc<rusqlite::Error>>);
}

struct Task<T, F> {
    mode: TransactionMode,
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    asker: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Waiting for Task<T, F>
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

    fn refused_by_the_database(&self) -> Option<rusqlite::ffi::Error> {
        match &self.result {
            Some(Err(StoreError::Database(error))) => error.sqlite_error().copied(),
            _ => None,
        }
    }

    fn answer(self: Box<Self>, fate: Result<(), Arc<rusqlite::Error>>) {
        let answer = match fate {
            Ok(()) => self.result.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(StoreError::Unconfirmed(error)),
        };
        // Whoever asked may have stopped waiting. What was written stays written.
        let _ = self.asker.send(answer);
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
            broken: watch::channel(0).0,
        });
        let writer = BatchWriter {
            connection: Some(connection),
            path: path.clone(),
            gauges: Arc::clone(&gauges),
            unfolded: 0,
            log_is_large: false,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                writer.work(jobs);
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

    /// Has the work done, in its mode, and waits until that is on the disk.
    pub(super) async fn submit<T, F>(&self, mode: TransactionMode, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let answer = self.enqueue(mode, work)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Writes something small, for nobody, to learn whether the disk takes it.
    pub(super) fn probe(&self, now: Timestamp) {
        // A full or closed queue says by itself how things are.
        let _ = self.enqueue(TransactionMode::Batched, move |connection| {
            super::cursors::set(connection, "store.probe", &now.to_string(), now)
        });
    }

    /// Resolves when the disk has failed again and again, over new connections too.
    pub(super) async fn failed_permanently(&self) {
        // An error means that the thread has ended, as it does when the store is closed: nothing is lost then.
        if self.gauges.broken.subscribe().wait_for(|times| *times >= MAX_FAILED_TRANSACTIONS).await.is_err() {
            std::future::pending().await
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        let is_open = lock(&self.queue).is_some();
        let running = is_open && lock(&self.thread).as_ref().is_some_and(|thread| !thread.is_finished());
        running && !self.gauges.failing.load(Ordering::Relaxed)
    }

    pub(super) fn commits(&self) -> u64 {
        self.gauges.commits.load(Ordering::Relaxed)
    }

    /// Takes no more, and waits until what was taken is written and the file is closed.
    pub(super) async fn close(&self) {
        drop(lock(&self.queue).take());
        let done = lock(&self.done).take();
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
        let (asker, answer) = oneshot::channel();
        let queue = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        queue.try_send(Box::new(Task { mode, work: Some(work), result: None, asker })).map_err(
            |error| match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Closed,
            },
        )?;
        Ok(answer)
    }
}

impl Drop for Writer {
    /// Waits for the thread, so that whoever opens the file next finds it closed.
    fn drop(&mut self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take() {
            // A thread that has panicked has told its story already.
            let _ = thread.join();
        }
    }
}

/// The thread's own side.
struct BatchWriter {
    connection: Option<Connection>,
    path: PathBuf,
    gauges: Arc<Gauges>,
    /// How much has been written since the log was folded into the file.
    unfolded: usize,
    log_is_large: bool,
}

impl BatchWriter {
    fn work(mut self, jobs: Receiver<Job>) {
        let (mut came, mut later) = (Vec::with_capacity(BATCH), VecDeque::new());
        // How many were answered last.
        let mut last_batch = 0;
        while receive(&jobs, &mut came, later.is_empty(), last_batch) {
            let mut batch = Vec::with_capacity(came.len());
            for job in came.drain(..) {
                match job.mode() {
                    TransactionMode::Batched | TransactionMode::BatchedUnguarded => batch.push(job),
                    TransactionMode::Deferred => later.push_back((Instant::now(), job)),
                    TransactionMode::NoTransaction => {
                        // What came before it may be what it is about.
                        self.serve(std::mem::take(&mut batch));
                        later.drain(..).for_each(|(_, job)| self.serve(vec![job]));
                        self.serve_alone(job);
                    }
                }
            }
            last_batch = batch.len();
            self.serve(batch);
            if let Some((_, job)) = later.pop_front_if(|(since, _)| last_batch == 0 || since.elapsed() >= LONGEST_WAIT)
            {
                self.serve(vec![job]);
            }
            if self.unfolded >= CHECKPOINT_AFTER && later.is_empty() {
                match jobs.try_recv() {
                    Ok(job) => came.push(job),
                    Err(_) => self.fold_when_idle(),
                }
            }
        }
        if let Some(Err(error)) = self.connection.take().map(fold) {
            tracing::warn!(%error, "the log could not be folded into the database; the next start does it");
        }
    }

    /// One transaction for all of them.
    fn serve(&mut self, mut batch: Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        let fate = self.commit(&mut batch).map_err(Arc::new);
        match &fate {
            Ok(()) => {
                self.gauges.commits.fetch_add(1, Ordering::Relaxed);
                self.unfolded += batch.len();
            }
            Err(error) => {
                tracing::error!(%error, waiting = batch.len(), "a transaction was not confirmed; opening the file again");
                // After a failed sync the system may have forgotten what was not written: the same connection
                // must never try again and be told that all is well.
                self.connection = None;
            }
        }
        let broken = fate.as_ref().is_err_and(|error| is_of_the_disk(error));
        self.gauges.broken.send_modify(|times| *times = if broken { *times + 1 } else { 0 });
        self.gauges.failing.store(fate.is_err(), Ordering::Relaxed);
        for job in batch {
            job.answer(fate.clone());
        }
    }

    fn serve_alone(&mut self, mut job: Job) {
        let fate = self.connect().map(|connection| {
            // Its own answer says how it went.
            job.run(connection);
        });
        job.answer(fate.map_err(Arc::new));
    }

    fn fold_when_idle(&mut self) {
        let Ok(connection) = self.connect() else { return };
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the log could not be folded into the database");
        }
        self.unfolded = 0;
        let [_, log] = database::files(&self.path);
        let bytes = std::fs::metadata(log).map_or(0, |log| log.len());
        if bytes > LARGE_LOG && !self.log_is_large {
            tracing::warn!(bytes, "the log of the store grows: something reads for too long, or the disk is slow");
        }
        self.log_is_large = bytes > LARGE_LOG;
    }

    fn connect(&mut self) -> Result<&mut Connection, rusqlite::Error> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            empty => Ok(empty.insert(reopen(&self.path)?)),
        }
    }

    fn commit(&mut self, batch: &mut [Job]) -> Result<(), rusqlite::Error> {
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
                    // SQLite may have given up the whole transaction by itself, as it does when the disk is full.
                    let why = job.refused_by_the_database();
                    let aborted = || rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT);
                    return Err(rusqlite::Error::SqliteFailure(why.unwrap_or_else(aborted), None));
                }
                continue;
            }
            run("SAVEPOINT job")?;
            if !job.run(connection) {
                // Fails when SQLite has given up the whole transaction, as it does when the disk is full.
                run("ROLLBACK TO job")?;
            }
            run("RELEASE job")?;
        }
        run("COMMIT")
    }
}

/// Adds what has come to what is there, and says whether there is anything to do now or later. Waits for it if nothing else
/// is to be done, and for a last_batch to be together again.
fn receive(jobs: &Receiver<Job>, came: &mut Vec<Job>, wait: bool, last_batch: usize) -> bool {
    if wait && came.is_empty() {
        match jobs.recv() {
            Ok(job) => came.push(job),
            Err(_) => return false,
        }
    }
    let mut until = None;
    while came.len() < BATCH {
        if let Ok(job) = jobs.try_recv() {
            came.push(job);
            continue;
        }
        if last_batch < 2 || came.is_empty() || came.len() >= last_batch {
            break;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + MAX_BATCH_WAIT);
        match jobs.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(job) => came.push(job),
            Err(_) => break,
        }
    }
    true
}

/// Whether the disk itself has failed. A full one has not: it has no room.
fn is_of_the_disk(error: &rusqlite::Error) -> bool {
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

fn fold(connection: Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
