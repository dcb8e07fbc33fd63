//! Forgets a customer: whatever they sent, whatever was said about them, whatever was sent to them.
//!
//! What is left can be counted and leads to nobody. Marks of them stay (`marks`), so that an event that is sent again
//! brings nothing back. Copies of the file that were made before are not touched: they go when their time is over.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use super::person::any_text;
use super::{Person, Store, StoreError, audit, feedback, inbox, outbox};
use crate::domain::{ResponseId, ResponseReading, SurveyId};

/// What was forgotten. Tell that before this is dropped: nothing else is told until then.
#[must_use = "what was forgotten is to be told while this is held"]
pub struct Erased {
    /// What it was.
    pub forgotten: Forgotten,
    _nobody_tells: OwnedMutexGuard<()>,
}

/// What was forgotten, by identity and number: nothing that leads to a customer.
#[derive(Default)]
pub struct Forgotten {
    /// Webhooks that were removed.
    pub webhooks: usize,
    /// Responses that were removed.
    pub responses: Vec<ResponseId>,
    /// What is left of them to be counted, under identities that lead nowhere.
    pub left: Vec<ResponseReading>,
    /// Requests that were emptied.
    pub requests: Vec<SurveyId>,
    /// Lines of the audit that were emptied.
    pub audit: usize,
}

/// Where somebody was found.
#[derive(Default)]
struct Traces {
    inbox: BTreeSet<i64>,
    subjects: BTreeSet<String>,
    outbox: BTreeSet<i64>,
    audit: BTreeSet<i64>,
}

impl Store {
    /// Forgets a customer. Once this has answered, no file of the data directory but the backups holds a word about them.
    /// Whatever is to be written meanwhile waits for as long as it takes to write the whole file anew.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses. Doing it again is harmless then, and needed.
    pub async fn erase(&self, person: Person, who: String) -> Result<Erased, StoreError> {
        let _nobody_copies = self.0.copying.lock().await;
        let guard = std::sync::Arc::clone(&self.0.forgetting).lock_owned().await;
        let (now, marks) = (self.0.clock.now(), self.0.marks.clone());
        // First the door is shut, so that the search misses nothing.
        let (at_the_door, wanted) = (marks.clone(), person.clone());
        self.write(move |connection| at_the_door.erase(connection, &wanted, [], now)).await?;
        let path = self.0.path.clone();
        let search = tokio::task::spawn_blocking(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA mmap_size = 0;")?;
            find(&connection, &person)
        });
        let traces = search.await.unwrap_or(Err(StoreError::Closed))?;
        let forgotten = self
            .write(move |connection| {
                marks.erase(connection, &Person::default(), traces.subjects.iter().map(String::as_str), now)?;
                forget(connection, &traces, &who, now)
            })
            .await?;
        self.0.writer.submit_alone(overwrite).await?;
        Ok(Erased { forgotten, _nobody_tells: guard })
    }
}

/// Looks everywhere. A word in any text is enough, whatever the field is called.
fn find(connection: &Connection, person: &Person) -> Result<Traces, StoreError> {
    let mut traces = Traces::default();
    let mut events = connection.prepare("SELECT seq, subject, body FROM inbox")?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        if names(row.get_ref(2)?.as_bytes().unwrap_or_default(), &mut |text| person.is_in(text)) {
            traces.inbox.insert(row.get(0)?);
            traces.subjects.extend(row.get::<_, Option<String>>(1)?);
        }
    }
    let mut responses = connection.prepare("SELECT response, document FROM feedback")?;
    let mut rows = responses.query([])?;
    while let Some(row) = rows.next()? {
        if names(row.get_ref(1)?.as_bytes().unwrap_or_default(), &mut |text| person.is_in(text)) {
            traces.subjects.insert(row.get(0)?);
        }
    }
    let mut is_theirs =
        |text: &str| person.is_in(text) || text.split_whitespace().any(|word| traces.subjects.contains(word));
    for (place, question) in [
        (&mut traces.outbox, "SELECT seq, key, body, context, answer, reason FROM outbox"),
        (&mut traces.audit, "SELECT seq, entity, before, after, reason FROM audit"),
    ] {
        let mut statement = connection.prepare(question)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 1..columns {
                let text: Option<String> = row.get(column)?;
                if text.is_some_and(|text| names(text.as_bytes(), &mut is_theirs)) {
                    place.insert(row.get(0)?);
                    break;
                }
            }
        }
    }
    Ok(traces)
}

/// Whether any text in it is as wanted. What is not JSON is one text.
fn names(bytes: &[u8], wanted: &mut impl FnMut(&str) -> bool) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => any_text(&value, wanted),
        Err(_) => wanted(&String::from_utf8_lossy(bytes)),
    }
}

fn forget(connection: &Connection, traces: &Traces, who: &str, now: Timestamp) -> Result<Forgotten, StoreError> {
    let mut forgotten = Forgotten::default();
    for seq in &traces.inbox {
        forgotten.webhooks += inbox::remove(connection, "seq = ?1", [seq], now)?;
    }
    for subject in &traces.subjects {
        forgotten.webhooks += inbox::remove(connection, "subject = ?1", [subject], now)?;
        let document: Option<String> = connection
            .prepare_cached("DELETE FROM feedback WHERE response = ?1 RETURNING document")?
            .query_row([subject], |row| row.get(0))
            .optional()?;
        if let Some(document) = document {
            let reading: ResponseReading = serde_json::from_str(&document)?;
            let left = reading.without_person(feedback::nobody());
            feedback::write(connection, &left, now)?;
            forgotten.left.push(left);
        }
        // Also what was told and is not written down: an event that is still to be understood.
        forgotten.responses.push(subject.as_str().into());
    }
    for seq in &traces.outbox {
        forgotten.requests.extend(outbox::empty(connection, *seq, now)?.map(SurveyId::from));
    }
    forgotten.audit = audit::empty(connection, &traces.audit)?;
    let counts = json!({ "webhooks": forgotten.webhooks, "responses": forgotten.responses.len(),
        "requests": forgotten.requests.len(), "audit": forgotten.audit });
    audit::note(connection, who, "privacy.erase", "a customer", &counts, now)?;
    Ok(forgotten)
}

/// Writes the file anew without what was removed, and the log with it.
fn overwrite(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("VACUUM")?;
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", params![], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}
