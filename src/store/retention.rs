//! What must not survive: nothing about a customer is kept for longer than it is needed.
//!
//! An event that is removed stays known by its hash, so that a replay years later is still a duplicate. Of a request that
//! has ended its key and its end stay, so that a second press is still harmless.

use jiff::{Span, Timestamp};
use rusqlite::{Connection, params};
use serde_json::json;

use super::{Store, StoreError, audit, inbox};
use crate::domain::ResponseId;

/// How much is removed in one transaction: nobody has to wait for all of it.
const PORTION: u32 = 500;

/// What was removed because its time is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Webhooks as they came.
    pub webhooks: usize,
    /// What customers said.
    pub responses: Vec<ResponseId>,
    /// Requests that were emptied.
    pub requests: usize,
    /// Lines of the audit.
    pub audit: usize,
}

impl Removed {
    /// Whether there was nothing to remove.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Removes whatever is older than it may be, in portions, and writes into the audit how much that was. An event that
    /// has not been understood yet is not removed, nor is one that could not be: it waits for a person.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses. What was removed before that stays removed.
    pub async fn remove_what_is_over(&self) -> Result<Removed, StoreError> {
        let _nobody_tells = self.0.forgetting.lock().await;
        let (keep, now) = (self.0.keep, self.0.clock.now());
        let mut removed = Removed::default();
        loop {
            let portion = self
                .write(move |connection| {
                    let portion = remove_portion(connection, &keep, now)?;
                    if !portion.is_nothing() {
                        let Removed { webhooks, responses, requests, audit } = &portion;
                        let counts = json!({ "webhooks": webhooks, "responses": responses.len(), "requests": requests,
                            "audit": audit });
                        audit::note(connection, "callboard", "privacy.retention", "whatever is over", &counts, now)?;
                    }
                    Ok(portion)
                })
                .await?;
            if portion.is_nothing() {
                return Ok(removed);
            }
            removed.webhooks += portion.webhooks;
            removed.responses.extend(portion.responses);
            removed.requests += portion.requests;
            removed.audit += portion.audit;
        }
    }
}

fn remove_portion(connection: &Connection, keep: &super::Keep, now: Timestamp) -> Result<Removed, StoreError> {
    let (feedback, webhooks) = (before(now, keep.feedback), before(now, keep.webhooks));
    let over = format!(
        "seq IN (SELECT seq FROM inbox WHERE received_at < ?1 AND processed_at IS NOT NULL AND error IS NULL LIMIT {PORTION})"
    );
    let mut oldest = connection.prepare_cached(
        "DELETE FROM feedback WHERE seq IN (SELECT seq FROM feedback WHERE newest < ?1 LIMIT ?2) RETURNING response",
    )?;
    let responses = oldest.query_map(params![feedback, PORTION], |row| row.get::<_, String>(0))?;
    let responses = responses.map(|id| Ok(id?.into())).collect::<Result<Vec<ResponseId>, rusqlite::Error>>()?;
    let requests = connection
        .prepare_cached(
            "UPDATE outbox SET body = '{}', context = '{}', answer = NULL, reason = NULL, emptied = ?2
             WHERE seq IN (SELECT seq FROM outbox WHERE changed < ?1 AND emptied IS NULL AND due IS NULL
                           AND state <> 'sending' LIMIT ?3)",
        )?
        .execute(params![feedback, now.as_millisecond(), PORTION])?;
    Ok(Removed {
        webhooks: inbox::remove(connection, &over, [webhooks], now)?,
        responses,
        requests,
        audit: audit::remove_before(connection, before(now, keep.audit), PORTION)?,
    })
}

/// The instant before which things are over. A span that is longer than time keeps everything.
fn before(now: Timestamp, kept: Span) -> i64 {
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    now.checked_sub(kept).map_or(i64::MIN, |then| then.timestamp().as_millisecond())
}
