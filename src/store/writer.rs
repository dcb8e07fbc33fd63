//! The one thread that writes. Whatever waits goes into one transaction: a burst costs one wait for the disk, and a
//! single event does not wait for company.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, database};

/// How much may wait before the answer is [`StoreError::Busy`].
pub(super) const QUEUE: usize = 1024;

/// How much goes into one transaction.
const BATCH: usize = 256;

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    done: Mutex<Option<oneshot::Receiver<()>>>,
    gauges: Arc<Gauges>,
}

#[derive(Default)]
struct Gauges {
    failing: AtomicBool,
    commits: AtomicU64,
}

type Job = Box<dyn Waiting>;

/// One piece of work and whoever waits for its answer.
trait Waiting: Send {
    /// Does the work. Whether its changes are to be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells whoever waits; `fate` is that of the whole transaction.
    fn answer(self: Box<Self>, fate: Result<(), Arc<rusqlite::Error>>);
}

struct Task<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    asker: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Waiting for Task<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
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
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (finished, done) = oneshot::channel();
        let gauges = Arc::new(Gauges::default());
        let desk = Desk { connection: Some(connection), path: path.clone(), gauges: Arc::clone(&gauges) };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                desk.work(jobs);
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

    /// Has the work done in the next transaction and waits until that is on the disk.
    pub(super) async fn submit<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let answer = self.enqueue(work)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Writes something small, for nobody, to learn whether the disk takes it.
    pub(super) fn probe(&self, now: Timestamp) {
        // A full or closed queue says by itself how things are.
        let _ = self.enqueue(move |connection| super::cursors::set(connection, "store.probe", &now.to_string(), now));
    }

    pub(super) fn is_healthy(&self) -> bool {
        // Closed from the other side when the thread has ended.
        let running = lock(&self.queue).as_ref().is_some_and(|queue| !queue.is_closed());
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

    fn enqueue<T, F>(&self, work: F) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (asker, answer) = oneshot::channel();
        let queue = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        queue.try_send(Box::new(Task { work: Some(work), result: None, asker })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
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
struct Desk {
    connection: Option<Connection>,
    path: PathBuf,
    gauges: Arc<Gauges>,
}

impl Desk {
    fn work(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            let fate = self.commit(&mut batch).map_err(Arc::new);
            match &fate {
                Ok(()) => {
                    self.gauges.commits.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    tracing::error!(%error, waiting = batch.len(), "a transaction was not confirmed; opening the file again");
                    // After a failed sync the system may have forgotten what was not written: the same connection
                    // must never try again and be told that all is well.
                    self.connection = None;
                }
            }
            self.gauges.failing.store(fate.is_err(), Ordering::Relaxed);
            for job in batch.drain(..) {
                job.answer(fate.clone());
            }
        }
        if let Some(Err(error)) = self.connection.take().map(fold) {
            tracing::warn!(%error, "the log could not be folded into the database; the next start does it");
        }
    }

    fn commit(&mut self, batch: &mut [Job]) -> Result<(), rusqlite::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(reopen(&self.path)?),
        };
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for job in batch {
            connection.execute_batch("SAVEPOINT job")?;
            if !job.run(connection) {
                // Fails when SQLite has given up the whole transaction, as it does when the disk is full.
                connection.execute_batch("ROLLBACK TO job")?;
            }
            connection.execute_batch("RELEASE job")?;
        }
        connection.execute_batch("COMMIT")
    }
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
