//! What a process has promised with its words, and whether a directory keeps it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::*;

/// What a process has acknowledged.
#[derive(Default, Clone)]
pub(super) struct Acknowledged {
    pub(super) accepted: BTreeMap<String, u64>,
    understood: BTreeSet<String>,
    intended: BTreeSet<String>,
}

impl Acknowledged {
    /// Takes note of a line.
    pub(super) fn hear(&mut self, said: &str) {
        match *said.split(' ').collect::<Vec<_>>() {
            ["accepted", name, seq] => {
                self.accepted.insert(name.to_owned(), seq.parse().expect("a number"));
            }
            ["understood", name] => {
                self.understood.insert(name.to_owned());
            }
            ["intended", key] => {
                self.intended.insert(key.to_owned());
            }
            _ => {}
        }
    }

    /// Starts the store again, and looks whether everything is there that was acknowledged, once, and nothing by half.
    pub(super) fn examine(&self, data: &Path, case: &str) {
        let store = Store::open(data, Clock::system()).unwrap_or_else(|error| panic!("{case}: {error} {error:?}"));
        let again = |name: &str| IncomingEvent { source: Goodays, body: body(name), headers: Vec::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            if let Some((name, seq)) = self.accepted.last_key_value() {
                let answer = store.inbox().accept(again(name)).await.expect("taken");
                assert_eq!(answer, InboxReceipt { seq: *seq, is_duplicate: true }, "{case}: {name} comes again");
            }
            assert!(!store.inbox().accept(again("new")).await.expect("taken").is_duplicate, "{case}: it goes on");
            store.close().await;
        });
        drop(store);

        let file = database::open_to_read(&data.join(database::FILE)).expect("the file");
        assert_eq!(database::setting(&file, "integrity_check").expect("checked"), "ok", "{case}");
        let strays = "SELECT count(*) FROM inbox_body WHERE seq NOT IN (SELECT seq FROM inbox)";
        let strays: i64 = file.query_row(strays, [], |row| row.get(0)).expect("a number");
        assert_eq!(strays, 0, "{case}: what came and is nowhere noted");
        let mut kept: HashMap<String, (u64, bool)> = HashMap::new();
        let mut rows = file
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
        let said = column(&file, "SELECT response FROM feedback");
        assert_eq!(processed, said, "{case}: an event that was understood has its effect, and no other has");
        assert!(self.understood.is_subset(&said), "{case}: something was understood that is not");
        let intended = column(&file, "SELECT key FROM outbox");
        assert!(self.intended.is_subset(&intended), "{case}: something is to be sent that is not there");
    }
}

/// A directory of before what came had a table of its own, and what had been accepted by then.
pub(super) fn old() -> (Image, Acknowledged) {
    let folder = memory();
    schema::write_old(folder.path(), 8);
    let mut acknowledged = Acknowledged::default();
    let file = database::open_to_write(&folder.path().join(database::FILE)).expect("the file");
    for name in (0..60).flat_map(|round| (0..4).map(move |copy| format!("old-{round}-{copy}"))) {
        let dedupe = Sha256::new().chain_update("goodays").chain_update([0]).chain_update(body(&name)).finalize();
        file.execute(
            "INSERT INTO inbox (source, dedupe, received_at, headers, body) VALUES ('goodays', ?1, 1, '[]', ?2)",
            rusqlite::params![dedupe.to_vec(), body(&name)],
        )
        .expect("an event");
        acknowledged.accepted.insert(name, file.last_insert_rowid().unsigned_abs());
    }
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("folded");
    file.close().expect("closed");
    let bytes = std::fs::read(folder.path().join(database::FILE)).expect("the file");
    (Some([(database::FILE.to_owned(), bytes)].into()), acknowledged)
}

/// What an event says: a line as a rule, and now and then more than fits on a page of the database.
pub(super) fn body(name: &str) -> Vec<u8> {
    let times = if name.ends_with("7-3") { 900 } else { 4 };
    format!("{name} ").repeat(times).into_bytes()
}

/// A column of texts that are all different.
fn column(file: &Connection, question: &str) -> BTreeSet<String> {
    let mut statement = file.prepare(question).expect("a question");
    let texts = statement.query_map([], |row| row.get(0)).expect("an answer");
    texts.map(|text| text.expect("a text")).collect()
}
