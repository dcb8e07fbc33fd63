//! Durability of the store: a real process under faults of its disk, kills, and losses of power. Linux, with `strace`.
#![expect(clippy::print_stdout, reason = "a process under test reports to the test that runs it by its output")]

mod kill;
mod power_loss;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use callboard::domain::SourceName;
use callboard::store::{IncomingEvent, Store};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use base::Clock;

/// The name of the database in the data directory.
const DATABASE: &str = "callboard.db";

/// A directory that other users cannot enter, in memory where there is such a disk.
fn memory_dir() -> TempDir {
    let private = std::fs::Permissions::from_mode(0o700);
    let mut builder = tempfile::Builder::new();
    builder.permissions(private);
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).expect("a directory")
}

/// Opens the store as a service manager would: if that fails, it is started again.
fn open_repeatedly(dir: &Path) -> Store {
    let mut attempts =
        (0..100).map(|_| Store::open(dir, Clock::system()).map_err(|error| println!("\nrefused {error}")));
    attempts.find_map(Result::ok).expect("it opens sooner or later")
}

fn event(body: impl Into<Vec<u8>>) -> IncomingEvent {
    IncomingEvent { source: SourceName::Goodays, body: body.into(), headers: Vec::new() }
}

/// The database after a process has ended.
fn open_to_read(dir: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(dir.join(DATABASE), flags).expect("the database")
}

fn integrity(database: &Connection) -> String {
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked")
}
