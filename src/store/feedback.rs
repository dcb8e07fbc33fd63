//! Responses: one row per response, merged from all its events.
//!
//! Raw webhooks expire; these rows stay longer. They are written in the transaction that marks the event as processed,
//! so that each event has its effect exactly once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::suppression::SuppressionList;
use super::{Shared, StoreError, StoredBatch, UnusableReason, inbox};
use crate::domain::{CustomerIdentity, ResponseId, ResponseRecord};

/// An event of the inbox, and its content.
#[derive(Debug)]
pub struct ProcessedEvent {
    /// Its sequence number in the inbox.
    pub seq: u64,
    /// The response, or why it has no effect.
    pub result: Result<ResponseRecord, UnusableReason>,
}

/// Responses.
#[derive(Clone, Copy)]
pub struct Feedback<'a>(pub(super) &'a Shared);

impl Feedback<'_> {
    /// Stores the content of events and marks them as processed. Returns each response complete, so that gold gets back
    /// one that it dropped from memory. Events that are no longer in the inbox, and those of erased customers, have no
    /// effect.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails. Then no event has had an effect.
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

    /// Stores responses that did not arrive by webhook. Those of erased customers are not stored.
    ///
    /// # Errors
    /// If the store is busy or closed, or the disk fails. Then nothing is stored.
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

    /// Responses after this sequence number, each with its own. Begin with 0.
    ///
    /// # Errors
    /// If the store is closed or the disk fails.
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

/// Merges a response with its row, and returns the result. `None`: its customer was erased.
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

/// Writes a row.
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

/// A random id, for what is left of an erased response.
pub(super) fn anonymous_id() -> ResponseId {
    format!("anonymous-{:016x}", rand::random::<u64>()).into()
}
