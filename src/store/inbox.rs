//! The inbox: events as received, stored before they are acknowledged, and processed afterwards.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::suppression::SuppressionList;
use super::{Shared, StoreError, TransactionMode, cursors, feed_state};
use crate::domain::{CustomerIdentity, SourceName};

/// The version that processes events.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An event as received.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingEvent {
    /// Who sent it.
    pub source: SourceName,
    /// The raw bytes. Events with equal bytes are duplicates.
    pub body: Vec<u8>,
    /// The headers that its processing needs; never one with a credential.
    pub headers: Vec<(String, String)>,
}

/// What an event is about, as far as it can be read on receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventContext {
    /// The sender's id of the subject, such as a response.
    pub subject: Option<String>,
    /// The customer.
    pub person: CustomerIdentity,
    /// When the subject was created.
    pub created: Option<Timestamp>,
}

/// The receipt of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxReceipt {
    /// Its sequence number; that of the first one for a duplicate. 0: it is not in the inbox, because it has expired or
    /// its customer was erased.
    pub seq: u64,
    /// Whether it is a duplicate.
    pub is_duplicate: bool,
}

/// An event in the inbox.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxEvent {
    /// Its sequence number.
    pub seq: u64,
    /// When it was received.
    pub received_at: Timestamp,
    /// The stored headers.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

/// Why an event has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusableReason {
    /// It cannot be read. The reason must not quote the event.
    Unreadable(String),
    /// Its type is unknown to this version.
    UnknownType(String),
}

/// Events that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnreadableSummary {
    /// How many.
    pub count: u64,
    /// When the newest of them was received.
    pub newest: Option<Timestamp>,
}

/// One event that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableEvent {
    /// Its sequence number.
    pub seq: u64,
    /// Who sent it.
    pub source: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// How many bytes it has.
    pub bytes: u64,
    /// Why it cannot be read.
    pub reason: String,
}

/// Events of one type that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownType {
    /// Who sent them.
    pub source: String,
    /// The type as sent, truncated. `None`: all types beyond the limit.
    pub name: Option<String>,
    /// How many.
    pub count: u64,
    /// When the newest of them was received.
    pub newest: Timestamp,
    /// Its sequence number.
    pub seq: u64,
}

/// The note about a response whose customer was erased and has written again since.
pub const WROTE_AFTER_ERASURE: &str = "noted.wroteAfterErasure";

/// The length of an unknown type, in characters: it is the sender's text, and shown.
const TYPE_LETTERS: usize = 64;

/// How many unknown types of a source have a row of their own.
const TYPES: usize = 20;

/// Counts of the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxCounts {
    /// All events.
    pub total: u64,
    /// Not processed yet.
    pub unprocessed: u64,
    /// Could not be read.
    pub with_error: u64,
}

/// Events as received.
#[derive(Clone, Copy)]
pub struct Inbox<'a>(pub(super) &'a Shared);

impl Inbox<'_> {
    /// Stores an event. When this returns, the event is on disk and may be acknowledged. The same bytes from the same
    /// source are stored once, however often and concurrently they arrive (reliability.md W5), and forever: a
    /// repetition a year later is still a duplicate, whether or not the first is still stored (W6).
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::Full`] if the disk is nearly full; otherwise if the
    /// store is closed or the disk fails. The sender should retry in all cases.
    pub async fn accept(self, arrival: IncomingEvent) -> Result<InboxReceipt, StoreError> {
        self.accept_about(arrival, EventContext::default()).await
    }

    /// The same with a known subject. An event about an erased customer is acknowledged and not stored.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the disk is nearly full; otherwise as for [`Self::accept`].
    pub async fn accept_about(self, arrival: IncomingEvent, about: EventContext) -> Result<InboxReceipt, StoreError> {
        self.0.disk_space.check()?;
        let (now, marks) = (self.0.clock.now(), self.0.suppression.clone());
        let insertion = move |connection: &Connection| insert(connection, &marks, &arrival, &about, now);
        self.0.writer.submit(TransactionMode::BatchedUnguarded, insertion).await
    }

    /// Unprocessed events of a source after this sequence number, oldest first.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn pending_after(self, source: SourceName, seq: u64, limit: u32) -> Result<Vec<InboxEvent>, StoreError> {
        self.0
            .read(move |connection| {
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

    /// When the newest stored event of a source was received.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn last_arrival(self, source: SourceName) -> Result<Option<Timestamp>, StoreError> {
        self.0.read(move |connection| {
            // Two queries, because unprocessed and processed events are in two indexes.
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

    /// Marks events as unprocessed that another version could not read or did not know the type of. Returns how many.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn retry_unusable(self, source: SourceName) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        self.0
            .write(move |connection| {
                let tried = format!("{}.tried", source.as_str());
                let by: Option<String> = cursors::get(connection, &tried)?;
                if by.as_deref() == Some(VERSION) {
                    return Ok(0);
                }
                cursors::set(connection, &tried, VERSION, now)?;
                // Two statements, because the two kinds are in two indexes.
                let mut waiting = 0;
                for kind in ["error", "unknown_type"] {
                    let order = format!(
                        "UPDATE inbox SET processed_at = NULL, error = NULL, unknown_type = NULL
                     WHERE {kind} IS NOT NULL AND source = ?1"
                    );
                    waiting += connection.prepare_cached(&order)?.execute([source.as_str()])?;
                }
                Ok(waiting)
            })
            .await
    }

    /// How many events of a source could not be read.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn unreadable(self, source: SourceName) -> Result<UnreadableSummary, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT count(*), max(received_at) FROM inbox WHERE error IS NOT NULL AND source = ?1",
                )?;
                let (count, newest) = statement
                    .query_row([source.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?)))?;
                let newest = newest.map(super::database::instant).transpose()?;
                Ok(UnreadableSummary { count: count.unsigned_abs(), newest })
            })
            .await
    }

    /// The newest events of all sources that could not be read.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn unreadable_events(self, limit: u32) -> Result<Vec<UnreadableEvent>, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT seq, source, received_at, length(body), error FROM inbox JOIN inbox_body USING (seq)
                 WHERE error IS NOT NULL ORDER BY seq DESC LIMIT ?1",
                )?;
                let rows = statement.query_and_then([limit], |row| {
                    Ok(UnreadableEvent {
                        seq: row.get::<_, i64>(0)?.unsigned_abs(),
                        source: row.get(1)?,
                        received_at: super::database::instant(row.get(2)?)?,
                        bytes: row.get::<_, i64>(3)?.unsigned_abs(),
                        reason: row.get(4)?,
                    })
                })?;
                rows.collect()
            })
            .await
    }

    /// Counts of events by unknown type, the most frequent ones of each source by name.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn unknown_types(self) -> Result<Vec<UnknownType>, StoreError> {
        self.0
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT source, unknown_type, count(*), max(received_at), max(seq) FROM inbox
                 WHERE unknown_type IS NOT NULL GROUP BY source, unknown_type ORDER BY source, count(*) DESC,
                     unknown_type",
                )?;
                let rows = statement.query_and_then([], |row| -> Result<_, StoreError> {
                    Ok(UnknownType {
                        source: row.get(0)?,
                        name: row.get(1)?,
                        count: row.get::<_, i64>(2)?.unsigned_abs(),
                        newest: super::database::instant(row.get(3)?)?,
                        seq: row.get::<_, i64>(4)?.unsigned_abs(),
                    })
                })?;
                let (mut types, mut named): (Vec<UnknownType>, usize) = (Vec::new(), 0);
                for row in rows {
                    let row = row?;
                    match types.last_mut() {
                        Some(last) if last.source == row.source && named == TYPES => match last.name {
                            None => {
                                last.count += row.count;
                                (last.newest, last.seq) = (last.newest.max(row.newest), last.seq.max(row.seq));
                            }
                            Some(_) => types.push(UnknownType { name: None, ..row }),
                        },
                        Some(last) if last.source == row.source => {
                            named += 1;
                            types.push(row);
                        }
                        _ => {
                            named = 1;
                            types.push(row);
                        }
                    }
                }
                Ok(types)
            })
            .await
    }

    /// An event without effect, as received. `None`: it has expired, or it had an effect.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn unusable_event(self, seq: u64) -> Result<Option<InboxEvent>, StoreError> {
        self.0
            .read(move |connection| {
                let place = i64::try_from(seq).unwrap_or(i64::MAX);
                let mut statement = connection.prepare_cached(
                    "SELECT seq, received_at, headers, body FROM inbox JOIN inbox_body USING (seq)
                 WHERE seq = ?1 AND (error IS NOT NULL OR unknown_type IS NOT NULL)",
                )?;
                statement.query_row([place], |row| Ok(stored(row))).optional()?.transpose()
            })
            .await
    }

    /// Marks an event as processed, or stores why it has no effect.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails.
    pub async fn mark_processed(self, seq: u64, unusable: Option<UnusableReason>) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        self.0.write(move |connection| mark(connection, seq, None, unusable, now).map(drop)).await
    }

    /// Counts of the inbox.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
    pub async fn counts(self) -> Result<InboxCounts, StoreError> {
        self.0
            .read(|connection| {
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

/// Stores the result of processing an event. Returns whether it is still stored.
pub(super) fn mark(
    connection: &Connection,
    seq: u64,
    subject: Option<&str>,
    unusable: Option<UnusableReason>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (error, unknown_type) = match unusable {
        None => (None, None),
        Some(UnusableReason::Unreadable(reason)) => (Some(reason), None),
        Some(UnusableReason::UnknownType(name)) => (None, Some(shortened(&name))),
    };
    let marked = connection
        .prepare_cached(
            "UPDATE inbox SET processed_at = ?2, error = ?3, unknown_type = ?4, subject = coalesce(subject, ?5)
             WHERE seq = ?1",
        )?
        .execute(params![i64::try_from(seq).unwrap_or(i64::MAX), now.as_millisecond(), error, unknown_type, subject])?;
    Ok(marked == 1)
}

/// A sender's word, truncated for display.
fn shortened(name: &str) -> String {
    let mut letters = name.trim().chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter });
    let mut short: String = letters.by_ref().take(TYPE_LETTERS).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

fn insert(
    connection: &Connection,
    marks: &SuppressionList,
    arrival: &IncomingEvent,
    about: &EventContext,
    now: Timestamp,
) -> Result<InboxReceipt, StoreError> {
    let source = arrival.source.as_str();
    let dedupe = Sha256::new().chain_update(source).chain_update([0]).chain_update(&arrival.body).finalize().to_vec();
    let mut tombs = connection.prepare_cached("SELECT 1 FROM tombstone WHERE dedupe = ?1")?;
    if tombs.exists([&dedupe])? {
        return Ok(InboxReceipt { seq: 0, is_duplicate: true });
    }
    if marks.is_erased(connection, &about.person, about.subject.as_deref(), about.created)? {
        add_tombstone(connection, &dedupe, now)?;
        return Ok(InboxReceipt { seq: 0, is_duplicate: false });
    }
    let headers = serde_json::to_string(&arrival.headers)?;
    let written: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO inbox (source, dedupe, received_at, subject) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (dedupe) DO NOTHING RETURNING seq",
        )?
        .query_row(params![source, dedupe, now.as_millisecond(), about.subject], |row| row.get(0))
        .optional()?;
    let (seq, is_duplicate) = match written {
        Some(seq) => {
            if let Some(subject) = &about.subject
                && marks.came_back(connection, &about.person)?
            {
                feed_state::insert_once(connection, WROTE_AFTER_ERASURE, subject, "", now)?;
            }
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
    Ok(InboxReceipt { seq: seq.unsigned_abs(), is_duplicate })
}

/// Replaces an event by its tombstone.
fn add_tombstone(connection: &Connection, dedupe: &[u8], now: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO tombstone (dedupe, removed) VALUES (?1, ?2) ON CONFLICT (dedupe) DO NOTHING")?
        .execute(params![dedupe, now.as_millisecond()])?;
    Ok(())
}

/// Replaces the matching events by tombstones. Returns how many.
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

fn stored(row: &Row<'_>) -> Result<InboxEvent, StoreError> {
    Ok(InboxEvent {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        received_at: super::database::instant(row.get(1)?)?,
        headers: serde_json::from_str(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
        body: row.get(3)?,
    })
}

/// Without what the customer wrote.
impl fmt::Debug for IncomingEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingEvent")
            .field("source", &self.source)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Without what the customer wrote.
impl fmt::Debug for InboxEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxEvent")
            .field("seq", &self.seq)
            .field("received_at", &self.received_at)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
