//! The file: its permissions, and the settings without which "committed" would not mean "on disk".

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use base::private_file;

/// The name of the file in the data directory.
pub(super) const FILE: &str = "callboard.db";

/// Marks the file as Callboard's: "CALB".
pub(super) const APPLICATION_ID: i64 = 0x4341_4C42;

/// Settings of every writing connection, and what SQLite must answer when asked for them afterwards.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("busy_timeout", "5000", "5000"),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", "2"),
    ("foreign_keys", "ON", "1"),
    ("secure_delete", "ON", "1"),
    ("trusted_schema", "OFF", "0"),
    ("mmap_size", "0", "0"),
    // Savepoints stay in memory: otherwise each larger transaction would create and remove a file.
    ("temp_store", "MEMORY", "2"),
    // A fallback: the writer runs checkpoints when its queue is empty.
    ("wal_autocheckpoint", "4000", "4000"),
    ("journal_size_limit", "67108864", "67108864"),
];

/// The size of the writing connection's statement cache. There are fewer statements.
const STATEMENTS: usize = 128;

/// Checks the mode of a data directory, if there is one: it has customer data.
///
/// # Errors
/// If other users can enter it.
pub fn check_directory(dir: &Path) -> Result<(), StoreError> {
    let mode = std::fs::metadata(dir).ok().and_then(|metadata| private_file::public_mode(&metadata));
    mode.map_or(Ok(()), |mode| Err(StoreError::PublicDirectory { dir: dir.to_owned(), mode }))
}

/// Creates a directory for its owner only, unless it exists.
pub(super) fn prepare_directory(dir: &Path) -> Result<(), StoreError> {
    let refused = |source| StoreError::Directory { dir: dir.to_owned(), source };
    if dir.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = dir.ancestors().take_while(|it| !it.as_os_str().is_empty() && !it.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
    // A new name survives a power loss only after its directory was synced.
    for name in missing {
        let holder = name.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(holder).and_then(|holder| holder.sync_all()).map_err(refused)?;
    }
    Ok(())
}

/// Locks the directory for this process. The system unlocks it when the process ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let refused = |source| StoreError::Directory { dir: dir.to_owned(), source };
        let file = open_private(&dir.join("callboard.lock")).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(refused(source)),
        }
    }
}

/// Opens the writing connection, and checks each setting.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < 3_051_003 {
        return Err(StoreError::OldSqlite { found: rusqlite::version() });
    }
    // Created here, so that it is private before SQLite writes into it; the log inherits the mode.
    open_private(path).map_err(|source| StoreError::Directory { dir: path.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    for (pragma, value, wanted) in SETTINGS {
        connection.execute_batch(&format!("PRAGMA {pragma} = {value};"))?;
        let found = setting(&connection, pragma)?;
        if found != *wanted {
            return Err(StoreError::Setting { pragma, wanted, found });
        }
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    if !matches!(setting(&connection, "application_id")?.parse(), Ok(0 | APPLICATION_ID)) {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    Ok(connection)
}

/// Opens a read-only connection.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;",
    )?;
    Ok(connection)
}

/// The value of a pragma, as text.
pub(super) fn setting(connection: &Connection, pragma: &str) -> Result<String, StoreError> {
    use rusqlite::types::ValueRef;
    connection
        .query_row(&format!("PRAGMA {pragma}"), [], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            })
        })
        .map_err(StoreError::from)
}

/// The file and its log.
pub(super) fn files(path: &Path) -> [PathBuf; 2] {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    [path.to_owned(), PathBuf::from(log)]
}

/// Opens a file that only its owner may read, and creates it if there is none.
pub(super) fn open_private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// An instant of a row: milliseconds since 1970.
pub(super) fn instant(milliseconds: i64) -> Result<jiff::Timestamp, StoreError> {
    jiff::Timestamp::from_millisecond(milliseconds).map_err(|_| StoreError::Unreadable { what: "instant" })
}
