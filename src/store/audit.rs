//! The audit: who changed what, when, before, after, and how the vendor answered.
//!
//! A line is written before the deed and completed once after it; the database itself refuses everything else. A deed
//! whose line cannot be written is not done. Only the store itself passes by these guards, when the time of a line is over
//! or a customer who is named in it wants to be forgotten, and it writes a line about that.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::{Store, StoreError, database};

/// A deed that is about to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeed {
    /// Who does it.
    pub who: String,
    /// What, such as `agent.status`.
    pub what: &'static str,
    /// To whom or what, such as `agent 41`.
    pub entity: String,
    /// What was, as far as it may be kept.
    pub before: Value,
    /// What shall be, as far as it may be kept.
    pub after: Value,
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// The line's number; they rise.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// What.
    pub what: String,
    /// To whom or what.
    pub entity: String,
    /// What was.
    pub before: Value,
    /// What was to be.
    pub after: Value,
    /// How it ended, and when. `None`: it is being done.
    pub ended: Option<DeedEnd>,
}

/// How a deed ended.
#[derive(Debug, Clone, PartialEq)]
pub struct DeedEnd {
    /// When.
    pub at: Timestamp,
    /// `accepted`, `rejected`, `failed` or `unknown`.
    pub outcome: String,
    /// In which words, if there were any.
    pub reason: Option<String>,
}

impl Store {
    /// Writes down what is about to be done. Returns the line's number, with which it is completed.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses: then it must not be done.
    pub async fn begin_deed(&self, deed: NewDeed) -> Result<i64, StoreError> {
        let now = self.0.clock.now().as_millisecond();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO audit (at, who, what, entity, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    now,
                    deed.who,
                    deed.what,
                    deed.entity,
                    deed.before.to_string(),
                    deed.after.to_string()
                ])?;
            Ok(connection.last_insert_rowid())
        })
        .await
    }

    /// Writes down what was done here and needed nobody else's answer.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn note(&self, who: &str, what: &'static str, entity: &str, after: Value) -> Result<(), StoreError> {
        let (now, who, entity) = (self.0.clock.now(), who.to_owned(), entity.to_owned());
        self.write(move |connection| note(connection, &who, what, &entity, &after, now)).await
    }

    /// Completes a line.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it is complete already; otherwise when the store is busy or closed, or the disk
    /// refuses.
    pub async fn end_deed(&self, seq: i64, outcome: &'static str, reason: Option<String>) -> Result<(), StoreError> {
        let now = self.0.clock.now().as_millisecond();
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE audit SET ended = ?2, outcome = ?3, reason = ?4 WHERE seq = ?1")?
                .execute(params![seq, now, outcome, reason])?;
            Ok(())
        })
        .await
    }

    /// What was done, newest first.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn deeds(&self, limit: u32) -> Result<Vec<Deed>, StoreError> {
        self.deeds_before(i64::MAX, limit).await
    }

    /// What was done before a line, newest first.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn deeds_before(&self, seq: i64, limit: u32) -> Result<Vec<Deed>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, at, who, what, entity, before, after, ended, outcome, reason FROM audit
                 WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
            )?;
            let rows = statement.query_and_then(params![seq, limit], Deed::read)?;
            rows.collect()
        })
        .await
    }
}

impl Deed {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let json = |column| -> Result<Value, StoreError> { Ok(serde_json::from_str(&row.get::<_, String>(column)?)?) };
        let (ended, outcome): (Option<i64>, Option<String>) = (row.get(7)?, row.get(8)?);
        let ended = match (ended, outcome) {
            (Some(at), Some(outcome)) => Some(DeedEnd { at: database::instant(at)?, outcome, reason: row.get(9)? }),
            _ => None,
        };
        Ok(Self {
            seq: row.get(0)?,
            at: database::instant(row.get(1)?)?,
            who: row.get(2)?,
            what: row.get(3)?,
            entity: row.get(4)?,
            before: json(5)?,
            after: json(6)?,
            ended,
        })
    }
}

/// At a start: whoever was doing something is gone, and nobody can say how it ended.
pub(super) fn admit_ignorance(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE audit SET ended = ?1, outcome = 'unknown', reason = 'The server stopped before the answer came.'
         WHERE ended IS NULL",
        [now.as_millisecond()],
    )?;
    Ok(())
}

/// Writes down what the house itself did, and how much of it.
pub(super) fn note(
    connection: &Connection,
    who: &str,
    what: &'static str,
    entity: &str,
    after: &Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = Value::Object(serde_json::Map::new());
    done(connection, &NewDeed { who: who.into(), what, entity: entity.into(), before, after: after.clone() }, now)
}

/// Writes down what is done in this very transaction: the line is complete at once.
pub(super) fn done(connection: &Connection, deed: &NewDeed, now: Timestamp) -> Result<(), StoreError> {
    let NewDeed { who, what, entity, before, after } = deed;
    connection
        .prepare_cached(
            "INSERT INTO audit (at, who, what, entity, before, after, ended, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?1, 'accepted')",
        )?
        .execute(params![now.as_millisecond(), who, what, entity, before.to_string(), after.to_string()])?;
    Ok(())
}

/// Removes the oldest lines of those that were written before, at most so many. How many there were.
pub(super) fn remove_before(connection: &Connection, before: i64, limit: u32) -> Result<usize, StoreError> {
    let over = "SELECT seq FROM audit WHERE at < ?1 AND ended IS NOT NULL LIMIT ?2";
    if !connection.prepare_cached(over)?.exists(params![before, limit])? {
        return Ok(0);
    }
    without(connection, "audit_is_kept", || {
        Ok(connection.execute(&format!("DELETE FROM audit WHERE seq IN ({over})"), params![before, limit])?)
    })
}

/// Leaves of these lines who did what and when. How many there were.
pub(super) fn empty(connection: &Connection, lines: &BTreeSet<i64>) -> Result<usize, StoreError> {
    if lines.is_empty() {
        return Ok(0);
    }
    without(connection, "audit_is_completed_once", || {
        let mut emptied = 0;
        for seq in lines {
            emptied += connection
                .prepare_cached(
                    "UPDATE audit SET entity = 'a customer who was erased', before = '{}', after = '{}', reason = NULL
                     WHERE seq = ?1",
                )?
                .execute([seq])?;
        }
        Ok(emptied)
    })
}

/// The narrow way past the audit's own guards: inside one transaction, in which the guard stands again when it ends.
fn without<T>(
    connection: &Connection,
    guard: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let again: String =
        connection.query_row("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1", [guard], |row| {
            row.get(0)
        })?;
    connection.execute_batch(&format!("DROP TRIGGER {guard}"))?;
    let done = work()?;
    connection.execute_batch(&again)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::base::Clock;

    fn deed(entity: &str) -> NewDeed {
        NewDeed {
            who: "agent 5".into(),
            what: "agent.status",
            entity: entity.into(),
            before: json!({"status": "available"}),
            after: json!({"status": "atLunch"}),
        }
    }

    #[tokio::test]
    async fn a_line_is_written_before_the_deed_and_completed_once_after_it() {
        let dir = TempDir::new().expect("a directory");
        let clock = Clock::standing_at(Timestamp::from_second(1_795_000_000).expect("an instant"));
        let store = Store::open(dir.path(), clock.clone()).expect("a store");
        let first = store.begin_deed(deed("agent 41")).await.expect("written");
        assert_eq!(store.deeds(9).await.expect("lines")[0].ended, None);
        clock.advance(SignedDuration::from_secs(2));
        store.end_deed(first, "rejected", Some("No.".into())).await.expect("completed");
        assert!(store.end_deed(first, "accepted", None).await.is_err(), "only once");
        store.begin_deed(deed("agent 42")).await.expect("written");
        let lines = store.deeds(9).await.expect("lines");
        assert_eq!(lines.iter().map(|line| line.entity.as_str()).collect::<Vec<_>>(), ["agent 42", "agent 41"]);
        assert_eq!(store.deeds(1).await.expect("lines").len(), 1);
        let ended = lines[1].ended.clone().expect("an end");
        assert_eq!((ended.outcome.as_str(), ended.reason.as_deref()), ("rejected", Some("No.")));
        assert_eq!(ended.at.duration_since(lines[1].at).as_secs(), 2);
        assert_eq!((&lines[1].before, &lines[1].after), (&deed("").before, &deed("").after));
    }

    #[tokio::test]
    async fn the_database_itself_keeps_lines_as_they_are() {
        let dir = TempDir::new().expect("a directory");
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let seq = store.begin_deed(deed("agent 41")).await.expect("written");
        for tampering in [
            "DELETE FROM audit",
            "UPDATE audit SET who = 'somebody else'",
            "UPDATE audit SET ended = 1, outcome = 'accepted', after = '{}'",
        ] {
            let refused = store.write(|connection| Ok(connection.execute_batch(tampering)?)).await;
            assert!(refused.is_err(), "{tampering}");
        }
        store.end_deed(seq, "accepted", None).await.expect("completed all the same");
    }

    #[tokio::test]
    async fn a_file_of_the_first_schema_gets_an_audit() {
        let dir = TempDir::new().expect("a directory");
        crate::store::schema::write_old(dir.path(), 1);
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        store.begin_deed(deed("agent 41")).await.expect("written");
    }

    #[tokio::test]
    async fn a_deed_in_hand_when_the_server_stopped_is_unknown() {
        let dir = TempDir::new().expect("a directory");
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        store.begin_deed(deed("agent 41")).await.expect("written");
        store.close().await;
        drop(store);
        let store = Store::open(dir.path(), Clock::system()).expect("a store");
        let ended = store.deeds(9).await.expect("lines")[0].ended.clone().expect("an end");
        assert_eq!(ended.outcome, "unknown");
    }
}
