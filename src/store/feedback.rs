//! What customers said, in our own words: one row for a response, merged from all that was heard of it.
//!
//! Webhooks are kept for a while as they came; this is what remains of them. It is written in the same transaction as the
//! note that an event has been understood, so that no event is without its effect and none has it twice.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::suppression::SuppressionList;
use super::{Shared, StoreError, StoredBatch, UnusableReason, inbox};
use crate::domain::{CustomerIdentity, ResponseId, ResponseRecord};

/// An event of the inbox, and what it says.
#[derive(Debug)]
pub struct ProcessedEvent {
    /// Its place in the inbox.
    pub seq: u64,
    /// What it says of a response, or why it has no effect.
    pub result: Result<ResponseRecord, UnusableReason>,
}

/// What customers said.
#[derive(Clone, Copy)]
pub struct Feedback<'a>(pub(super) &'a Shared);

impl Feedback<'_> {
    /// Notes what events say and that they have been understood. What is returned is all that is known of each response by
    /// then, so that whoever has let go of it has it again. Events that are no longer in the inbox, and those of
    /// customers who were erased, have no effect.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses. Nothing has had an effect then.
    pub async fn process(self, events: Vec<ProcessedEvent>) -> Result<StoredBatch<ResponseRecord>, StoreError> {
        let (now, marks) = (self.0.clock.now(), self.0.suppression.clone());
        self.0
            .keep(move |connection| {
                let mut kept = Vec::new();
                for ProcessedEvent { seq, result } in events {
                    let (reading, unusable) = match result {
                        Ok(reading) => (Some(reading), None),
                        Err(unusable) => (None, Some(unusable)),
                    };
                    let subject = reading.as_ref().map(|reading| &*reading.id.0);
                    let is_there = inbox::mark(connection, seq, subject, unusable, now)?;
                    if let Some(reading) = reading.filter(|_| is_there) {
                        kept.extend(keep(connection, &marks, reading, now)?);
                    }
                }
                Ok(kept)
            })
            .await
    }

    /// Keeps what was heard of responses in another way than by a webhook. What was said by customers who were erased is
    /// not kept.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses. Nothing is kept then.
    pub async fn record(self, readings: Vec<ResponseRecord>) -> Result<StoredBatch<ResponseRecord>, StoreError> {
        let (now, marks) = (self.0.clock.now(), self.0.suppression.clone());
        self.0
            .keep(move |connection| {
                let mut kept = Vec::new();
                for reading in readings {
                    kept.extend(keep(connection, &marks, reading, now)?);
                }
                Ok(kept)
            })
            .await
    }

    /// What customers said, behind a place, each response with its own place. Begin with 0.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn after(self, place: i64, limit: u32) -> Result<BTreeMap<i64, ResponseRecord>, StoreError> {
        self.0
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT seq, document FROM feedback WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
                let rows = statement.query_and_then(params![place, limit], |row| {
                    Ok((row.get(0)?, serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?))
                })?;
                rows.collect()
            })
            .await
    }
}

/// Writes a response down, merged with what was known, and returns it so. `None`: its customer was erased.
fn keep(
    connection: &Connection,
    marks: &SuppressionList,
    heard: ResponseRecord,
    now: Timestamp,
) -> Result<Option<ResponseRecord>, StoreError> {
    let customer = CustomerIdentity::new(heard.customer.email.as_deref(), heard.customer.phone.as_deref());
    if marks.is_erased(connection, &customer, Some(&heard.id.0), heard.created)? {
        return Ok(None);
    }
    let known: Option<String> = connection
        .prepare_cached("SELECT document FROM feedback WHERE response = ?1")?
        .query_row([&*heard.id.0], |row| row.get(0))
        .optional()?;
    let merged = match known {
        Some(known) => serde_json::from_str::<ResponseRecord>(&known)?.and(heard),
        None => heard,
    };
    write(connection, &merged, now)?;
    Ok(Some(merged))
}

/// Writes a response down as it is.
pub(super) fn write(connection: &Connection, reading: &ResponseRecord, now: Timestamp) -> Result<(), StoreError> {
    let newest = reading.newest_message().max(reading.updated).max(reading.created).unwrap_or(now);
    connection
        .prepare_cached(
            "INSERT INTO feedback (response, document, newest) VALUES (?1, ?2, ?3)
             ON CONFLICT (response) DO UPDATE SET document = excluded.document, newest = excluded.newest",
        )?
        .execute(params![&*reading.id.0, serde_json::to_string(reading)?, newest.as_millisecond()])?;
    Ok(())
}

/// An identity that leads nowhere, for what is left of a response.
pub(super) fn anonymous_id() -> ResponseId {
    format!("anonymous-{:016x}", rand::random::<u64>()).into()
}
