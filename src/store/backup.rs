//! Backups: complete, consistent copies of the file, made while the store is in use.
//!
//! A backup is written under a temporary name, synced, and then renamed, so that a file with the name of a backup is
//! complete. It is read over a connection of its own, so that no event waits for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OpenFlags};

use super::{Shared, StoreError, database, sign_ins};

/// The prefix of regular backups' names, before the time.
const REGULAR: &str = "callboard-";

/// The format of that time, in UTC: the order of names is the order of times.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The prefix of backups before a schema migration.
const BEFORE: &str = "before-schema-";

/// Backups of the database.
#[derive(Clone, Copy)]
pub struct Backups<'a>(pub(super) &'a Arc<Shared>);

impl Backups<'_> {
    /// Makes a backup and removes the oldest ones beyond the configured number. Returns the backup's path.
    ///
    /// # Errors
    /// If the directory cannot be written to, or the disk fails. No partial backup stays then.
    pub async fn create(self) -> Result<PathBuf, StoreError> {
        let backup_guard = Arc::clone(&self.0.backing_up).lock_owned().await;
        let shared = Arc::clone(self.0);
        let name = format!("{REGULAR}{}.db", shared.clock.now().strftime(TIME));
        let copying = tokio::task::spawn_blocking(move || {
            let copied = copy(&shared.path, &shared.backup_dir, &name);
            if copied.is_ok() {
                forget_oldest(&shared.backup_dir, shared.backups_kept.max(1));
            }
            // The caller may be gone; closing the store waits for this guard.
            drop(shared);
            drop(backup_guard);
            copied
        });
        copying.await.unwrap_or(Err(StoreError::Closed))
    }

    /// When the last regular copy was made, by its name.
    #[must_use]
    pub fn last(self) -> Option<Timestamp> {
        let name = regular(&self.0.backup_dir).pop()?;
        let time = name.file_name()?.to_str()?.strip_prefix(REGULAR)?.strip_suffix(".db")?.to_owned();
        let time = DateTime::strptime(TIME, time).ok()?;
        time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
    }
}

/// Backs up the file before a schema migration. These backups are not counted and never removed.
pub(super) fn before_schema(path: &Path, dir: &Path, found: i64, known: i64) -> Result<PathBuf, StoreError> {
    let copy = copy(path, dir, &format!("{BEFORE}{known}-from-{found}.db"))?;
    tracing::info!(copy = %copy.display(), "the database is brought up to date; this is what it was");
    Ok(copy)
}

fn copy(path: &Path, dir: &Path, name: &str) -> Result<PathBuf, StoreError> {
    database::prepare_directory(dir)?;
    let refused = |source| StoreError::Directory { dir: dir.to_owned(), source };
    let (rough, done) = (dir.join(format!("{name}.part")), dir.join(name));
    // Left by a process that was killed during a backup.
    match std::fs::remove_file(&rough) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    let written = write(path, &rough)
        .and_then(|()| std::fs::rename(&rough, &done).and_then(|()| File::open(dir)?.sync_all()).map_err(refused));
    if written.is_err() {
        // The first error is reported, not that of the cleanup.
        let _ = std::fs::remove_file(&rough);
    }
    written.map(|()| done)
}

fn write(path: &Path, rough: &Path) -> Result<(), StoreError> {
    let refused = |source| StoreError::Directory { dir: rough.to_owned(), source };
    // Created here, so that it is private before SQLite writes into it.
    let file = database::open_private(rough).map_err(refused)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")?;
    connection.execute("VACUUM INTO ?1", [rough.to_str().ok_or(StoreError::Unreadable { what: "path" })?])?;
    drop(connection);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    sign_ins::remove_from_copy(&Connection::open_with_flags(rough, flags)?)?;
    file.sync_all().map_err(refused)
}

fn forget_oldest(dir: &Path, kept: usize) {
    for old in regular(dir).iter().rev().skip(kept) {
        if let Err(error) = std::fs::remove_file(old) {
            tracing::warn!(%error, copy = %old.display(), "an old backup could not be removed");
        }
    }
}

/// The regular backups, oldest first.
fn regular(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let is_regular = |name: &str| name.starts_with(REGULAR) && name.ends_with(".db");
    let mut copies: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_regular)).map(|entry| entry.path()).collect();
    copies.sort();
    copies
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt;

    use jiff::SignedDuration;
    use rusqlite::types::Value;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::domain::RequestState;
    use crate::domain::SourceName::Goodays;
    use crate::store::Store;
    use crate::store::tests::{arrival, audit_entry, clock, due, private_dir, reading, request};
    use crate::store::{ProcessedEvent, Settings, schema};
    use base::Clock;

    /// A hash of each table's rows.
    fn fingerprint(path: &Path) -> BTreeMap<String, String> {
        let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the file");
        let mut names = file.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("tables");
        let names: Vec<String> =
            names.query_map([], |row| row.get(0)).expect("tables").map(|name| name.expect("a name")).collect();
        let of_table = |name: &String| {
            let mut rows = file.prepare(&format!("SELECT * FROM {name} ORDER BY 1")).expect("a table");
            let columns = rows.column_count();
            let mut hash = Sha256::new();
            let mut rows = rows.query([]).expect("rows");
            while let Some(row) = rows.next().expect("a row") {
                for column in 0..columns {
                    hash.update(format!("{:?}|", row.get::<_, Value>(column).expect("a value")));
                }
            }
            format!("{:02x?}", hash.finalize())
        };
        names.iter().map(|name| (name.clone(), of_table(name))).collect()
    }

    async fn fill(store: &Store) -> String {
        for number in 0..50 {
            let accepted = store.inbox().accept(arrival(&format!("event {number}"))).await.expect("accepted");
            if number % 2 == 0 {
                let says = Ok(reading(&format!("response-{number}"), "chester@example.com"));
                drop(
                    store
                        .feedback()
                        .process(vec![ProcessedEvent { seq: accepted.seq, result: says }])
                        .await
                        .expect("understood"),
                );
            }
        }
        drop(store.survey_results().record_page(Vec::new(), "agent_connect", "9001".into()).await.expect("moved"));
        store.feed_state().set("x", vec![("1".into(), Some("y".into()))]).await.expect("kept");
        let line = store.audit().begin(audit_entry()).await.expect("written");
        store.audit().complete(line, "accepted", None).await.expect("completed");
        store.outbox().enqueue(request("waiting", "Hello")).await.expect("written");
        let sending = store.outbox().enqueue(request("sending", "Thank you")).await.expect("written").entry.id;
        assert!(store.outbox().claim(&sending).await.expect("asked").is_some());
        sending
    }

    #[tokio::test]
    async fn restored_backup_is_complete_and_in_flight_work_is_unknown() {
        let (dir, elsewhere) = (private_dir(), private_dir());
        let store = Store::open(dir.path(), clock()).expect("a store");
        let sending = fill(&store).await;
        let copy = store.backups().create().await.expect("a copy");
        let was = fingerprint(&dir.path().join(database::FILE));
        store.inbox().accept(arrival("after the copy")).await.expect("accepted");

        // As the README describes.
        std::fs::copy(&copy, elsewhere.path().join(database::FILE)).expect("copied");
        std::fs::copy(dir.path().join("erasure.key"), elsewhere.path().join("erasure.key")).expect("copied");
        assert_eq!(fingerprint(&elsewhere.path().join(database::FILE)), was, "every row of every table");
        let restored = Store::open(elsewhere.path(), clock()).expect("it starts");
        let mut is = fingerprint(&elsewhere.path().join(database::FILE));
        assert_ne!(is.remove("outbox"), was.get("outbox").cloned(), "what was on its way is not any more");
        for (table, hash) in is {
            assert_eq!(Some(&hash), was.get(&table), "{table}");
        }
        let intent = restored.outbox().get(&sending).await.expect("read").expect("it is there");
        assert_eq!(intent.state, RequestState::Unknown);
        assert_eq!(due(&restored, "goodays.reply").await.len(), 1);
        assert_eq!(restored.feedback().after(0, 99).await.expect("read").len(), 25);
        assert_eq!(restored.inbox().pending_after(Goodays, 0, 99).await.expect("read").len(), 25);
        assert!(restored.inbox().accept(arrival("event 7")).await.expect("accepted").is_duplicate);
        assert!(!restored.inbox().accept(arrival("after the copy")).await.expect("accepted").is_duplicate);
    }

    #[tokio::test]
    async fn newest_backups_are_kept_with_owner_only_modes() {
        let (dir, clock) = (private_dir(), clock());
        let settings = Settings { backups_kept: 2, ..Settings::default() };
        let store = Store::open_with(dir.path(), clock.clone(), settings).expect("a store");
        assert_eq!(store.backups().last(), None);
        let mut copies = Vec::new();
        for _ in 0..4 {
            clock.advance(SignedDuration::from_hours(1));
            copies.push(store.backups().create().await.expect("a copy"));
            assert_eq!(store.backups().last(), Some(clock.now()));
        }
        assert_eq!(copies.iter().filter(|copy| copy.exists()).collect::<Vec<_>>(), [&copies[2], &copies[3]]);
        assert_eq!(std::fs::metadata(&copies[3]).expect("it exists").mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path().join("backup")).expect("a directory").count(), 2, "and nothing half");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_are_taken_while_the_file_is_copied() {
        let dir = private_dir();
        let store = Store::open(dir.path(), clock()).expect("a store");
        for number in 0..200 {
            store.inbox().accept(arrival(&format!("{number} {}", "x".repeat(50_000)))).await.expect("accepted");
        }
        let copying = tokio::spawn({
            let store = store.clone();
            async move { store.backups().create().await }
        });
        let mut taken = 0;
        while !copying.is_finished() {
            store.inbox().accept(arrival(&format!("meanwhile {taken}"))).await.expect("accepted");
            taken += 1;
        }
        copying.await.expect("an end").expect("a copy");
        assert!(taken > 0);
        assert_eq!(store.inbox().counts().await.expect("counts").total, 200 + taken);
    }

    #[tokio::test]
    async fn failed_backup_is_an_error_and_leaves_no_file() {
        let dir = private_dir();
        let file = dir.path().join("in-the-way");
        std::fs::write(&file, "").expect("a file");
        let settings = Settings { backup_dir: Some(file.join("backup")), ..Settings::default() };
        let store = Store::open_with(dir.path(), Clock::system(), settings).expect("a store");
        assert!(store.backups().create().await.is_err());
        store.inbox().accept(arrival("1")).await.expect("and the store goes on");
    }

    #[tokio::test]
    async fn older_schema_is_backed_up_before_migration() {
        let dir = private_dir();
        schema::write_old(dir.path(), 2);
        let file = Connection::open(dir.path().join(database::FILE)).expect("the file");
        file.execute_batch(
            "INSERT INTO inbox (source, dedupe, received_at, headers, body, processed_at)
             VALUES ('goodays', zeroblob(32), 1, '[]', x'7B7D', 2), ('goodays', randomblob(32), 1, '[]', x'7B7D', 2);
             DELETE FROM inbox WHERE seq = 2",
        )
        .expect("an event that was understood");
        drop(file);
        let store = Store::open(dir.path(), clock()).expect("a store");
        let waiting = store.inbox().pending_after(Goodays, 0, 9).await.expect("read");
        assert_eq!(waiting.len(), 1, "it is read once more, because nothing of it is kept yet");
        assert_eq!(
            store.inbox().accept(arrival("next")).await.expect("accepted").seq,
            3,
            "a place is never given twice"
        );
        assert_eq!((waiting[0].body.as_slice(), waiting[0].headers.len()), (&b"{}"[..], 0), "as it came");
        drop(store);
        let copy = dir.path().join(format!("backup/before-schema-{}-from-2.db", schema::NEWEST));
        let version = |path: &Path| database::setting(&Connection::open(path).expect("a copy"), "user_version");
        assert_eq!(version(&copy).expect("a version"), "2");
        std::fs::remove_file(&copy).expect("removed");
        drop(Store::open(dir.path(), clock()).expect("a store"));
        assert!(!copy.exists(), "there was nothing to bring up to date");
    }
}
