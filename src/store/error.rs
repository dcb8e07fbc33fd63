//! What can go wrong with the store, as sentences.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// Why the store could not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// More waits to be written than may wait.
    #[error("The store has too much to write. Try again in a moment.")]
    Busy,
    /// It has been closed, or its thread has ended.
    #[error("The store is closed.")]
    Closed,
    /// The transaction was not confirmed. Whether it is on the disk is unknown; doing the same again is harmless.
    #[error("The store could not confirm that this is on the disk.")]
    Unconfirmed(#[source] Arc<rusqlite::Error>),
    /// SQLite refused this one thing.
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
    /// A question was not answered in time.
    #[error("A question to the store took longer than a second.")]
    TooLong,
    /// The last write did not come through.
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
        /// The identity that was asked for.
        id: String,
    },
    /// A request that has been accepted stays so, and one that is on its way is not sent a second time.
    #[error("The request {id} is {state}: that cannot be changed.")]
    Settled {
        /// Which request.
        id: String,
        /// Where it stands.
        state: &'static str,
    },
    /// What was to be written is not JSON, or what was read is not what was written.
    #[error("A row of the store could not be turned into JSON or back.")]
    Json(#[from] serde_json::Error),
    /// A row holds what nobody here has written.
    #[error("A row of the store holds an unknown {what}.")]
    Unreadable {
        /// Which part of it.
        what: &'static str,
    },
    /// A second process.
    #[error("Another Callboard is using {}. Stop it, or choose another `data_dir`.", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be made, opened or locked.
    #[error("The data directory {} cannot be used. Check that it exists on a local disk and belongs to this user.", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others can enter the directory.
    #[error("Every user of this machine can enter the data directory {dir} (mode {mode:o}): run chmod 700 {dir}.", dir = dir.display())]
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
        "The database has schema {found} and this Callboard knows {known}. Start the newer Callboard, or restore a backup."
    )]
    Newer {
        /// What the file has.
        found: i64,
        /// What we know.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("{} is a database of another program. Choose another `data_dir`.", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A safety setting did not take.
    #[error(
        "SQLite did not take the setting {pragma}: it is {found} and must be {wanted}. Put `data_dir` on a local disk."
    )]
    Setting {
        /// The pragma.
        pragma: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// SQLite before 3.51.3 can corrupt a log that is reset while another connection reads.
    #[error("This build contains SQLite {found}, which can damage its log. Build with 3.51.3 or newer.")]
    OldSqlite {
        /// What was linked.
        found: &'static str,
    },
}
