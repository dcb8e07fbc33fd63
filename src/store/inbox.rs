//! The inbox: events as they came, written before they are acknowledged and understood afterwards.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::marks::Marks;
use super::{Manner, Store, StoreError, cursors};
use crate::domain::{Person, SourceName};

/// Who tries to understand events.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One event as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub source: SourceName,
    /// The very bytes. Two events are the same if these are.
    pub body: Vec<u8>,
    /// The headers that are needed to understand it, and no others: never one with a credential.
    pub headers: Vec<(String, String)>,
}

/// Whom and what an event is about, as far as whoever took it in could read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// What it is about, in the sender's numbering.
    pub subject: Option<String>,
    /// The customer.
    pub person: Person,
    /// When that which it is about began.
    pub created: Option<Timestamp>,
}

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its place in the inbox; that of the first one, if it came before. 0: it is not in the inbox, because its time is
    /// over or its customer was erased.
    pub seq: u64,
    /// Whether the same bytes had come before.
    pub duplicate: bool,
}

/// An event in the inbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub seq: u64,
    /// When it came.
    pub received_at: Timestamp,
    /// The headers that were kept.
    pub headers: Vec<(String, String)>,
    /// The very bytes.
    pub body: Vec<u8>,
}

/// How the inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxCounts {
    /// All there are.
    pub total: u64,
    /// Taken in and not yet understood.
    pub unprocessed: u64,
    /// Looked at and not understood.
    pub with_error: u64,
}

impl Store {
    /// Writes an event down. Once this has answered, the event is on the disk, and it may be acknowledged. The same
    /// bytes from the same source are taken once, however often and however concurrently they come (`reliability.md`
    /// W5), and for ever: a replay a year later is still a duplicate, whether or not the first is still kept (W6).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too much waits, [`StoreError::Full`] when the disk is nearly full; otherwise when the store is closed or the disk refuses. In all of
    /// these cases the sender should try again.
    pub async fn accept(&self, arrival: Arrival) -> Result<Accepted, StoreError> {
        self.accept_about(arrival, About::default()).await
    }

    /// The same, where it is known whom it is about. Nothing is kept of an event about a customer who was erased: it may be
    /// acknowledged, and that is all.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the disk is nearly full; otherwise as for [`Store::accept`].
    pub async fn accept_about(&self, arrival: Arrival, about: About) -> Result<Accepted, StoreError> {
        self.0.space.check()?;
        let (now, marks) = (self.0.clock.now(), self.0.marks.clone());
        let insertion = move |connection: &Connection| insert(connection, &marks, &arrival, &about, now);
        self.0.writer.submit(Manner::Unguarded, insertion).await
    }

    /// Events of a source that have not been understood yet, behind a place, oldest first.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn waiting_after(&self, source: SourceName, seq: u64, limit: u32) -> Result<Vec<Stored>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, received_at, headers, body FROM inbox JOIN inbox_body USING (seq)
                 WHERE source = ?1 AND seq > ?2 AND processed_at IS NULL ORDER BY seq LIMIT ?3",
            )?;
            let place = i64::try_from(seq).unwrap_or(i64::MAX);
            let rows = statement.query_and_then(params![source.as_str(), place, limit], stored)?;
            rows.collect()
        })
        .await
    }

    /// When the last event of a source came that is still in the inbox.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn last_arrival(&self, source: SourceName) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |connection| {
            // Two questions, because what waits and what is understood are in two indexes.
            let last = |state: &str| {
                let question = format!(
                    "SELECT received_at FROM inbox WHERE source = ?1 AND processed_at {state} ORDER BY seq DESC LIMIT 1"
                );
                let mut statement = connection.prepare_cached(&question)?;
                statement.query_row([source.as_str()], |row| row.get::<_, i64>(0)).optional()
            };
            let last = last("IS NULL")?.max(last("IS NOT NULL")?);
            last.map(super::database::instant).transpose()
        })
        .await
    }

    /// Lets events that could not be understood wait again, if it was another version of us that tried. How many.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn look_again(&self, source: SourceName) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        self.write(move |connection| {
            let tried = format!("{}.tried", source.as_str());
            let by: Option<String> = cursors::get(connection, &tried)?;
            if by.as_deref() == Some(VERSION) {
                return Ok(0);
            }
            cursors::set(connection, &tried, VERSION, now)?;
            let waiting = "UPDATE inbox SET processed_at = NULL, error = NULL WHERE error IS NOT NULL AND source = ?1";
            Ok(connection.prepare_cached(waiting)?.execute([source.as_str()])?)
        })
        .await
    }

    /// How many events of a source could not be understood.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn unreadable(&self, source: SourceName) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT count(*) FROM inbox WHERE error IS NOT NULL AND source = ?1")?;
            let number: i64 = statement.query_row([source.as_str()], |row| row.get(0))?;
            Ok(number.unsigned_abs())
        })
        .await
    }

    /// Notes that an event has been understood, or why it could not be. The reason must not quote the event.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn mark_processed(&self, seq: u64, error: Option<String>) -> Result<(), StoreError> {
        let now = self.0.clock.now().as_millisecond();
        self.write(move |connection| {
            let place = i64::try_from(seq).unwrap_or(i64::MAX);
            connection
                .prepare_cached("UPDATE inbox SET processed_at = ?2, error = ?3 WHERE seq = ?1")?
                .execute(params![place, now, error])?;
            Ok(())
        })
        .await
    }

    /// How the inbox stands.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn inbox_counts(&self) -> Result<InboxCounts, StoreError> {
        self.read(|connection| {
            let count = |condition: &str| -> Result<u64, StoreError> {
                let question = format!("SELECT count(*) FROM inbox {condition}");
                let number: i64 = connection.prepare_cached(&question)?.query_row([], |row| row.get(0))?;
                Ok(number.unsigned_abs())
            };
            Ok(InboxCounts {
                total: count("")?,
                unprocessed: count("WHERE processed_at IS NULL")?,
                with_error: count("WHERE error IS NOT NULL")?,
            })
        })
        .await
    }
}

fn insert(
    connection: &Connection,
    marks: &Marks,
    arrival: &Arrival,
    about: &About,
    now: Timestamp,
) -> Result<Accepted, StoreError> {
    let source = arrival.source.as_str();
    let dedupe = Sha256::new().chain_update(source).chain_update([0]).chain_update(&arrival.body).finalize().to_vec();
    let mut tombs = connection.prepare_cached("SELECT 1 FROM tombstone WHERE dedupe = ?1")?;
    if tombs.exists([&dedupe])? {
        return Ok(Accepted { seq: 0, duplicate: true });
    }
    if marks.is_erased(connection, &about.person, about.subject.as_deref(), about.created)? {
        bury(connection, &dedupe, now)?;
        return Ok(Accepted { seq: 0, duplicate: false });
    }
    let headers = serde_json::to_string(&arrival.headers)?;
    let written: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO inbox (source, dedupe, received_at, subject) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (dedupe) DO NOTHING RETURNING seq",
        )?
        .query_row(params![source, dedupe, now.as_millisecond(), about.subject], |row| row.get(0))
        .optional()?;
    let (seq, duplicate) = match written {
        Some(seq) => {
            connection
                .prepare_cached("INSERT INTO inbox_body (seq, headers, body) VALUES (?1, ?2, ?3)")?
                .execute(params![seq, headers, arrival.body])?;
            (seq, false)
        }
        None => {
            let mut statement = connection.prepare_cached("SELECT seq FROM inbox WHERE dedupe = ?1")?;
            (statement.query_row([dedupe], |row| row.get(0))?, true)
        }
    };
    Ok(Accepted { seq: seq.unsigned_abs(), duplicate })
}

/// Keeps of an event that it came, and nothing else.
fn bury(connection: &Connection, dedupe: &[u8], now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO tombstone (dedupe, removed) VALUES (?1, ?2) ON CONFLICT (dedupe) DO NOTHING")?
        .execute(params![dedupe, now.as_millisecond()])?;
    Ok(())
}

/// Removes the events that fit, and keeps that they came. How many there were.
pub(super) fn remove<P: rusqlite::Params + Clone>(
    connection: &Connection,
    condition: &str,
    parameters: P,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let now = now.as_millisecond();
    connection
        .prepare_cached(&format!(
            "INSERT INTO tombstone (dedupe, removed) SELECT dedupe, {now} FROM inbox WHERE {condition}
             ON CONFLICT (dedupe) DO NOTHING"
        ))?
        .execute(parameters.clone())?;
    Ok(connection.prepare_cached(&format!("DELETE FROM inbox WHERE {condition}"))?.execute(parameters)?)
}

fn stored(row: &Row<'_>) -> Result<Stored, StoreError> {
    Ok(Stored {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        received_at: super::database::instant(row.get(1)?)?,
        headers: serde_json::from_str(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
        body: row.get(3)?,
    })
}

/// Without what the customer wrote.
impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("source", &self.source).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// Without what the customer wrote.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("seq", &self.seq)
            .field("received_at", &self.received_at)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
