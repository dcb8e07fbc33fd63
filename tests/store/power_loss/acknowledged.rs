//! What a process has acknowledged, and whether a directory holds it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use sha2::{Digest, Sha256};

use base::Clock;
use callboard::store::{InboxReceipt, Store};
use rusqlite::Connection;

use super::disk::Image;
use crate::{DATABASE, event, integrity, memory_dir, open_to_read};

/// What a process has acknowledged.
#[derive(Default, Clone)]
pub(super) struct Acknowledged {
    pub(super) accepted: BTreeMap<String, u64>,
    processed: BTreeSet<String>,
    enqueued: BTreeSet<String>,
}

impl Acknowledged {
    /// Records a line that the process reported.
    pub(super) fn record(&mut self, line: &str) {
        match *line.split(' ').collect::<Vec<_>>() {
            ["accepted", name, seq] => {
                self.accepted.insert(name.to_owned(), seq.parse().expect("a number"));
            }
            ["processed", name] => {
                self.processed.insert(name.to_owned());
            }
            ["enqueued", key] => {
                self.enqueued.insert(key.to_owned());
            }
            _ => {}
        }
    }

    /// Opens the store and checks that everything acknowledged is there, once, and nothing in part.
    pub(super) fn check(&self, data: &Path, case: &str) {
        let store = Store::open(data, Clock::system()).unwrap_or_else(|error| panic!("{case}: {error} {error:?}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            if let Some((name, seq)) = self.accepted.last_key_value() {
                let answer = store.inbox().accept(event(body(name))).await.expect("taken");
                assert_eq!(answer, InboxReceipt { seq: *seq, is_duplicate: true }, "{case}: {name} comes again");
            }
            assert!(!store.inbox().accept(event(body("new"))).await.expect("taken").is_duplicate, "{case}: it goes on");
            store.close().await;
        });
        drop(store);

        let database = open_to_read(data);
        assert_eq!(integrity(&database), "ok", "{case}");
        let strays = "SELECT count(*) FROM inbox_body WHERE seq NOT IN (SELECT seq FROM inbox)";
        let strays: i64 = database.query_row(strays, [], |row| row.get(0)).expect("a number");
        assert_eq!(strays, 0, "{case}: a body without its event");
        let mut kept: HashMap<String, (u64, bool)> = HashMap::new();
        let mut rows = database
            .prepare("SELECT seq, body, processed_at IS NOT NULL FROM inbox LEFT JOIN inbox_body USING (seq)")
            .expect("a question");
        let mut rows = rows.query([]).expect("an answer");
        while let Some(row) = rows.next().expect("a row") {
            let seq: i64 = row.get(0).expect("a number");
            let text = String::from_utf8(row.get(1).expect("bytes")).expect("text");
            let name = text.split(' ').next().unwrap_or_default();
            assert_eq!(text.as_bytes(), body(name), "{case}: {name} is whole");
            let twice = kept.insert(name.to_owned(), (seq.unsigned_abs(), row.get(2).expect("a truth value")));
            assert_eq!(twice, None, "{case}: {name} is there twice");
        }
        for (name, seq) in &self.accepted {
            assert_eq!(kept.get(name).map(|(seq, _)| seq), Some(seq), "{case}: {name} was accepted");
        }
        let processed: BTreeSet<String> =
            kept.into_iter().filter(|(_, (_, processed))| *processed).map(|(name, _)| name).collect();
        let responses = column(&database, "SELECT response FROM feedback");
        assert_eq!(processed, responses, "{case}: a processed event has its effect, and no other has");
        assert!(self.processed.is_subset(&responses), "{case}: a processed event has no effect");
        let enqueued = column(&database, "SELECT key FROM outbox");
        assert!(self.enqueued.is_subset(&enqueued), "{case}: a request is missing");
    }
}

/// A directory with a database of schema 8 and events in it, and what was accepted by then.
pub(super) fn schema_8() -> (Image, Acknowledged) {
    let folder = memory_dir();
    let mut acknowledged = Acknowledged::default();
    let path = folder.path().join(DATABASE);
    let database = Connection::open(&path).expect("a database");
    database.execute_batch("PRAGMA journal_mode = WAL").expect("set");
    database.execute_batch(include_str!("../schema_8.sql")).expect("a schema");
    for name in (0..60).flat_map(|round| (0..4).map(move |copy| format!("old-{round}-{copy}"))) {
        let dedupe = Sha256::new().chain_update("goodays").chain_update([0]).chain_update(body(&name)).finalize();
        database
            .execute(
                "INSERT INTO inbox (source, dedupe, received_at, headers, body) VALUES ('goodays', ?1, 1, '[]', ?2)",
                rusqlite::params![dedupe.to_vec(), body(&name)],
            )
            .expect("an event");
        acknowledged.accepted.insert(name, database.last_insert_rowid().unsigned_abs());
    }
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("checkpointed");
    database.close().expect("closed");
    let bytes = std::fs::read(path).expect("the database");
    (Some([(DATABASE.to_owned(), bytes)].into()), acknowledged)
}

/// The body of an event: sometimes more than fits on a page of the database.
pub(super) fn body(name: &str) -> Vec<u8> {
    let times = if name.ends_with("7-3") { 900 } else { 4 };
    format!("{name} ").repeat(times).into_bytes()
}

/// A column of texts that are all different.
fn column(database: &Connection, question: &str) -> BTreeSet<String> {
    let mut statement = database.prepare(question).expect("a question");
    let texts = statement.query_map([], |row| row.get(0)).expect("an answer");
    texts.map(|text| text.expect("a text")).collect()
}
