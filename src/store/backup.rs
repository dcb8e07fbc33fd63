//! Copies of the file, whole and consistent, made while the store is in use.
//!
//! A copy is written under another name, synced, and only then named: what bears the name of a backup is one. It is read
//! over a connection of its own, so that no event waits for it.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OpenFlags};

use super::{Store, StoreError, database};

/// What the regular copies are called, before the time.
const REGULAR: &str = "callboard-";

/// How that time is written, in UTC: the order of names is the order of times.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// What the copies before a change of the schema are called.
const BEFORE: &str = "before-schema-";

impl Store {
    /// Makes a copy and removes the oldest ones, so that as many stay as are wanted. Returns the copy's path.
    ///
    /// # Errors
    /// When the directory cannot be written to, or the disk refuses. There is no half copy then.
    pub async fn back_up(&self) -> Result<PathBuf, StoreError> {
        let _nobody_else = self.0.copying.lock().await;
        let shared = std::sync::Arc::clone(&self.0);
        let name = format!("{REGULAR}{}.db", shared.clock.now().strftime(TIME));
        let copying = tokio::task::spawn_blocking(move || {
            let copy = copy(&shared.path, &shared.backup_dir, &name)?;
            forget_oldest(&shared.backup_dir, shared.backups_kept.max(1));
            Ok(copy)
        });
        copying.await.unwrap_or(Err(StoreError::Closed))
    }

    /// When the last regular copy was made, by its name.
    #[must_use]
    pub fn last_backup(&self) -> Option<Timestamp> {
        let name = regular(&self.0.backup_dir).pop()?;
        let time = name.file_name()?.to_str()?.strip_prefix(REGULAR)?.strip_suffix(".db")?.to_owned();
        let time = DateTime::strptime(TIME, time).ok()?;
        time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
    }
}

/// Copies the file as it is before its schema changes. These copies are not counted and never removed.
pub(super) fn before_schema(path: &Path, dir: &Path, found: i64, known: i64) -> Result<PathBuf, StoreError> {
    let copy = copy(path, dir, &format!("{BEFORE}{known}-from-{found}.db"))?;
    tracing::info!(copy = %copy.display(), "the database is brought up to date; this is what it was");
    Ok(copy)
}

fn copy(path: &Path, dir: &Path, name: &str) -> Result<PathBuf, StoreError> {
    database::prepare_directory(dir)?;
    let refused = |source| StoreError::Directory { dir: dir.to_owned(), source };
    let (rough, done) = (dir.join(format!("{name}.part")), dir.join(name));
    // What a process left that was stopped in the middle of it.
    match std::fs::remove_file(&rough) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    let written = write(path, &rough)
        .and_then(|()| std::fs::rename(&rough, &done).and_then(|()| File::open(dir)?.sync_all()).map_err(refused));
    if written.is_err() {
        // The reason why it could not be written is what counts.
        let _ = std::fs::remove_file(&rough);
    }
    written.map(|()| done)
}

fn write(path: &Path, rough: &Path) -> Result<(), StoreError> {
    let refused = |source| StoreError::Directory { dir: rough.to_owned(), source };
    // SQLite writes into an empty file too: so this one is private from its first moment.
    let file = database::private_file(rough).map_err(refused)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")?;
    connection.execute("VACUUM INTO ?1", [rough.to_str().ok_or(StoreError::Unreadable { what: "path" })?])?;
    file.sync_all().map_err(refused)
}

fn forget_oldest(dir: &Path, kept: usize) {
    for old in regular(dir).iter().rev().skip(kept) {
        if let Err(error) = std::fs::remove_file(old) {
            tracing::warn!(%error, copy = %old.display(), "an old backup could not be removed");
        }
    }
}

/// The regular copies, oldest first.
fn regular(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let is_regular = |name: &str| name.starts_with(REGULAR) && name.ends_with(".db");
    let mut copies: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_regular)).map(|entry| entry.path()).collect();
    copies.sort();
    copies
}
