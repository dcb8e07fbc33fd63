//! The inbox: events as they came, written before they are acknowledged and understood afterwards.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::{Store, StoreError};
use crate::domain::SourceName;

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

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its place in the inbox; that of the first one, if it came before.
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
    /// bytes from the same source are kept once, however often and however concurrently they come (`reliability.md`
    /// W5), and for ever: a replay a year later is still a duplicate (W6).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too much waits; otherwise when the store is closed or the disk refuses. In all of
    /// these cases the sender should try again.
    pub async fn accept(&self, arrival: Arrival) -> Result<Accepted, StoreError> {
        let now = self.0.clock.now();
        self.write(move |connection| insert(connection, &arrival, now)).await
    }

    /// Events of a source behind a place, oldest first, understood or not.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn arrivals_after(&self, source: SourceName, seq: u64, limit: u32) -> Result<Vec<Stored>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, received_at, headers, body FROM inbox WHERE source = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?;
            let place = i64::try_from(seq).unwrap_or(i64::MAX);
            let rows = statement.query_and_then(params![source.as_str(), place, limit], stored)?;
            rows.collect()
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

fn insert(connection: &Connection, arrival: &Arrival, now: Timestamp) -> Result<Accepted, StoreError> {
    let source = arrival.source.as_str();
    let dedupe = Sha256::new().chain_update(source).chain_update([0]).chain_update(&arrival.body).finalize().to_vec();
    let headers = serde_json::to_string(&arrival.headers)?;
    let written: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO inbox (source, dedupe, received_at, headers, body) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (dedupe) DO NOTHING RETURNING seq",
        )?
        .query_row(params![source, dedupe, now.as_millisecond(), headers, arrival.body], |row| row.get(0))
        .optional()?;
    let (seq, duplicate) = match written {
        Some(seq) => (seq, false),
        None => {
            let mut statement = connection.prepare_cached("SELECT seq FROM inbox WHERE dedupe = ?1")?;
            (statement.query_row([dedupe], |row| row.get(0))?, true)
        }
    };
    Ok(Accepted { seq: seq.unsigned_abs(), duplicate })
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
