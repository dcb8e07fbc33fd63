//! Errors of the store, as sentences for users.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// An error of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The queue of writes is full.
    #[error("The store has too much to write. Try again in a moment.")]
    Busy,
    /// The store was closed, or its thread has ended.
    #[error("The store is closed.")]
    Closed,
    /// The transaction was not confirmed. Whether it is on the disk is unknown; repeating it is harmless.
    #[error("The store could not confirm that this is on the disk.")]
    Unconfirmed(#[source] Arc<rusqlite::Error>),
    /// SQLite rejected this statement.
    #[error("The database refused.")]
    Database(#[from] rusqlite::Error),
    /// The disk is nearly full.
    #[error(
        "The disk of the data directory has {} MB free and the store wants {}: nothing new is taken. Make room.",
        free >> 20,
        needed >> 20
    )]
    Full {
        /// How many bytes are free.
        free: u64,
        /// How many must be.
        needed: u64,
    },
    /// A query took too long.
    #[error("A question to the store took longer than a second.")]
    TooLong,
    /// The last write failed.
    #[error("The store could not write to the disk; it tries again.")]
    Failing,
    /// The same idempotency key came with another request.
    #[error("This idempotency key has been used for another request. Use a new key for a new request.")]
    KeyReused,
    /// Another request asks about the same interaction.
    #[error("Another request asks about the same interaction.")]
    AlreadyRequested(Box<super::OutboxEntry>),
    /// There is no such request.
    #[error("There is no request {id} in the outbox.")]
    NoSuchRequest {
        /// The requested id.
        id: String,
    },
    /// A request that has been accepted stays so, and one that is in flight is not sent a second time.
    #[error("The request {id} is {state}: that cannot be changed.")]
    Settled {
        /// Which request.
        id: String,
        /// Its state.
        state: &'static str,
    },
    /// A value could not be converted to JSON or from it.
    #[error("A row of the store could not be turned into JSON or back.")]
    Json(#[from] serde_json::Error),
    /// A row has a value that Callboard never writes.
    #[error("A row of the store holds an unknown {what}.")]
    Unreadable {
        /// Which part of it.
        what: &'static str,
    },
    /// Another process has the directory open.
    #[error("Another Callboard is using {}. Stop it, or choose another `data_dir`.", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be created, opened or locked.
    #[error("The data directory {} cannot be used. Check that it exists on a local disk and belongs to this \
        user.", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// Others can enter the directory.
    #[error("Every user of this machine can enter the data directory {dir} (mode {mode:o}): run chmod 700 \
        {dir}.", dir = dir.display())]
    PublicDirectory {
        /// The directory.
        dir: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file that holds a secret is open to others.
    #[error("Every user of this machine can reach {path}: run chmod 600 {path}.", path = path.display())]
    Public {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer Callboard.
    #[error(
        "The database has schema {found} and this Callboard knows {known}. Start the newer Callboard, or restore a \
            backup."
    )]
    Newer {
        /// The file's schema.
        found: i64,
        /// The newest schema of this version.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("{} is a database of another program. Choose another `data_dir`.", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A safety setting has no effect.
    #[error(
        "SQLite did not take the setting {pragma}: it is {found} and must be {wanted}. Put `data_dir` on a local disk."
    )]
    Setting {
        /// The pragma.
        pragma: &'static str,
        /// The required value.
        wanted: &'static str,
        /// The actual value.
        found: String,
    },
    /// SQLite before 3.51.3 can corrupt a log that is reset while another connection reads.
    #[error("This build contains SQLite {found}, which can damage its log. Build with 3.51.3 or newer.")]
    OldSqlite {
        /// The linked version.
        found: &'static str,
    },
}
