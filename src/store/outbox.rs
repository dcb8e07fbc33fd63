//! The outbox: requests to upstream systems, written before they are sent.
//!
//! A request that was being sent when the process ended becomes `unknown` and is never sent again automatically: the
//! upstream system may have done it (reliability.md O1, O4).

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::outbox_entry::{Enqueued, InitialState, NewOutboxEntry, OutboxEntry, RequestOutcome, SurveyTrigger};
use super::{NewAuditEntry, Shared, StoreError, audit, database};
use crate::domain::{RequestState, SurveyOrigin};

/// All states.
const STATES: [RequestState; 8] = [
    RequestState::Queued,
    RequestState::Sent,
    RequestState::Accepted,
    RequestState::Rejected,
    RequestState::Failed,
    RequestState::Unknown,
    RequestState::NeedsReview,
    RequestState::DryRun,
];

/// The columns that [`read`] expects, in this order.
const COLUMNS: &str = "id, key, kind, body, context, state, reason, answer, attempts, created, changed, due";

/// Requests that have arrived or may still arrive.
const MAY_ARRIVE: &str = "(state IN ('queued', 'sent', 'accepted', 'unknown') OR state = 'failed' AND due IS NOT NULL)";

/// Requests to upstream systems.
#[derive(Clone, Copy)]
pub struct Outbox<'a>(pub(super) &'a Shared);

impl Outbox<'_> {
    /// Writes a request, due at once. A second one with the same key finds the first.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key came with another kind or body; otherwise when the store is busy or
    /// closed, or the disk fails.
    pub async fn enqueue(self, new: NewOutboxEntry) -> Result<Enqueued, StoreError> {
        let now = self.0.clock.now();
        self.0
            .write(move |connection| {
                if let Some(entry) = one(connection, "key = ?1", &new.key)? {
                    return same_request(entry, &new);
                }
                insert(connection, &new, &InitialState::Queued, now)
            })
            .await
    }

    /// Writes a note that is never sent, or finds the one with the same key as it is.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk fails.
    pub async fn note(self, new: NewOutboxEntry) -> Result<Enqueued, StoreError> {
        let now = self.0.clock.now();
        self.0
            .write(move |connection| match one(connection, "key = ?1", &new.key)? {
                Some(entry) => Ok(Enqueued { entry, is_new: false }),
                None => insert(connection, &new, &InitialState::NeedsReview(None), now),
            })
            .await
    }

    /// Writes a survey request about the interaction that has these names, or finds the one with the same key.
    /// `audit_entry` is written with a new request or not at all; its target becomes the request.
    ///
    /// The lookup for earlier requests and the write are one transaction of the only writer, so that concurrent callers
    /// cannot both be first.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRequested`] when an earlier request prevents this one; otherwise as [`Self::enqueue`].
    pub async fn enqueue_survey(
        self,
        interaction_names: Vec<String>,
        trigger: SurveyTrigger,
        new: NewOutboxEntry,
        initial: InitialState,
        audit_entry: Option<NewAuditEntry>,
    ) -> Result<Enqueued, StoreError> {
        let now = self.0.clock.now();
        self.0
            .write(move |connection| {
                if let Some(entry) = one(connection, "key = ?1", &new.key)? {
                    return match initial {
                        InitialState::Queued => same_request(entry, &new),
                        InitialState::NeedsReview(_) | InitialState::DryRun => Ok(Enqueued { entry, is_new: false }),
                    };
                }
                let is_manual = format!("json_extract(context, '$.origin') = '{}'", SurveyOrigin::Manual.as_str());
                let preventing = match trigger {
                    SurveyTrigger::Manual => MAY_ARRIVE.to_owned(),
                    SurveyTrigger::ManualRepeat => "0".to_owned(),
                    SurveyTrigger::Automatic => format!("NOT (state = 'rejected' AND {is_manual})"),
                    SurveyTrigger::Reclosed => format!("state <> 'rejected' AND {is_manual}"),
                };
                for name in &interaction_names {
                    if let Some(earlier) = newest_about(connection, name, &preventing, "")? {
                        return Err(StoreError::AlreadyRequested(Box::new(earlier)));
                    }
                }
                let written = insert(connection, &new, &initial, now)?;
                let id = &written.entry.id;
                let mut add_name = connection.prepare_cached(
                    "INSERT OR IGNORE INTO survey_interaction (interaction, request) VALUES (?1, ?2)",
                )?;
                for name in &interaction_names {
                    add_name.execute([name, id])?;
                }
                if let Some(entry) = audit_entry {
                    audit::done(connection, &NewAuditEntry { target: format!("survey {id}"), ..entry }, now)?;
                }
                Ok(written)
            })
            .await
    }

    /// The request that was written under a key.
    ///
    /// # Errors
    /// When the store is closed or the disk fails.
    pub async fn by_key(self, key: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let key = key.to_owned();
        self.0.read(move |connection| one(connection, "key = ?1", &key)).await
    }

    /// Takes back claims of requests that were surely not sent. Only the one worker that sends this kind may call it,
    /// and only while it is sending nothing.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk fails.
    pub async fn release_claims(self, kind: &str) -> Result<(), StoreError> {
        let (kind, now) = (kind.to_owned(), self.0.clock.now().as_millisecond());
        self.0
            .write(move |connection| {
                let mut statement = connection.prepare_cached(
                    "UPDATE outbox SET state = 'queued', attempts = attempts - 1, changed = ?2, due = ?2
                     WHERE kind = ?1 AND state = 'sent' AND erased IS NULL",
                )?;
                statement.execute(params![kind, now])?;
                Ok(())
            })
            .await
    }

    /// Claims a request that waits to be sent. `None`: it was claimed or sent already.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk fails.
    pub async fn claim(self, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.0
            .write(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "UPDATE outbox SET state = 'sent', attempts = attempts + 1, changed = ?2, due = NULL
                     WHERE id = ?1 AND due IS NOT NULL AND state IN ('queued', 'failed') RETURNING {COLUMNS}"
                ))?;
                let mut rows = statement.query_and_then(params![id, now], read)?;
                rows.next().transpose()
            })
            .await
    }

    /// Records how an attempt ended. An unknown outcome may be replaced once the upstream system was asked.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRequest`]; [`StoreError::Settled`] when it was accepted before; otherwise when the store is
    /// busy or closed, or the disk fails.
    pub async fn record_outcome(self, id: &str, outcome: RequestOutcome) -> Result<OutboxEntry, StoreError> {
        self.change(id, outcome, |state| state != RequestState::Accepted, false).await
    }

    /// A person sends it again: due at once. Not what is being sent or was accepted, nor a request in whose place
    /// another was sent meanwhile, unless `allow_duplicate`.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRequested`] in that case; otherwise as [`Self::record_outcome`].
    pub async fn retry(self, id: &str, allow_duplicate: bool) -> Result<OutboxEntry, StoreError> {
        let again = RequestOutcome::queued(self.0.clock.now());
        let may_retry = |state| !matches!(state, RequestState::Accepted | RequestState::Sent);
        self.change(id, again, may_retry, allow_duplicate).await
    }

    /// The requests of a kind, newest first.
    ///
    /// # Errors
    /// When the store is closed or the disk fails.
    pub async fn newest(self, kind: &str, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let kind = kind.to_owned();
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM outbox WHERE kind = ?1 ORDER BY seq DESC LIMIT ?2"
                ))?;
                let rows = statement.query_and_then(params![kind, limit], read)?;
                rows.collect()
            })
            .await
    }

    /// The requests of a kind that were not accepted, oldest first, behind the one with the id `after`: a person may
    /// have to see them however old they are. Without dry runs and without erased ones.
    ///
    /// # Errors
    /// When the store is closed or the disk fails.
    pub async fn not_accepted(
        self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let (kind, after) = (kind.to_owned(), after.map(str::to_owned));
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM outbox
                     WHERE kind = ?1 AND seq > coalesce((SELECT seq FROM outbox WHERE id = ?2), 0)
                     AND state NOT IN ('accepted', 'dryRun') AND erased IS NULL ORDER BY seq LIMIT ?3"
                ))?;
                let rows = statement.query_and_then(params![kind, after, limit], read)?;
                rows.collect()
            })
            .await
    }

    /// The requests of a kind that were written since an instant, newest first.
    ///
    /// # Errors
    /// When the store is closed or the disk fails.
    pub async fn since(self, kind: &str, since: Timestamp) -> Result<Vec<OutboxEntry>, StoreError> {
        let kind = kind.to_owned();
        self.0
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE kind = ?1 ORDER BY seq DESC"))?;
                // Rows are in the order of their writing: reading stops at the first older one.
                let rows = statement.query_and_then([kind], read)?;
                rows.take_while(|entry| entry.as_ref().map_or(true, |entry| entry.created >= since)).collect()
            })
            .await
    }

    /// The requests of a kind that have not ended, oldest first: those that wait for an attempt, are being sent, or
    /// have an unknown outcome.
    ///
    /// # Errors
    /// When the store is closed or the disk fails.
    pub async fn pending(self, kind: &str) -> Result<Vec<OutboxEntry>, StoreError> {
        let kind = kind.to_owned();
        self.0
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM outbox
                     WHERE kind = ?1 AND (due IS NOT NULL OR state IN ('sent', 'unknown')) ORDER BY seq"
                ))?;
                let rows = statement.query_and_then([kind], read)?;
                rows.collect()
            })
            .await
    }

    /// One request.
    ///
    /// # Errors
    /// When the store is closed or the disk fails.
    pub async fn get(self, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let id = id.to_owned();
        self.0.read(move |connection| one(connection, "id = ?1", &id)).await
    }

    async fn change(
        self,
        id: &str,
        to: RequestOutcome,
        is_allowed: fn(RequestState) -> bool,
        allow_duplicate: bool,
    ) -> Result<OutboxEntry, StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.0
            .write(move |connection| {
                let found =
                    one(connection, "id = ?1", &id)?.ok_or_else(|| StoreError::NoSuchRequest { id: id.clone() })?;
                if !is_allowed(found.state) {
                    return Err(StoreError::Settled { id, state: found.state.as_str() });
                }
                let is_retry = to.state == RequestState::Queued;
                if is_retry
                    && !allow_duplicate
                    && found.context["again"] != true
                    && let Some(other) = sent_instead(connection, &id)?
                {
                    return Err(StoreError::AlreadyRequested(Box::new(other)));
                }
                let is_erased = connection
                    .prepare_cached("SELECT 1 FROM outbox WHERE id = ?1 AND erased IS NOT NULL")?
                    .exists([&id])?;
                if is_erased && is_retry {
                    return Err(StoreError::Settled { id, state: "erased" });
                }
                let (answer, due) = (to.answer.map(|answer| answer.to_string()), to.due.map(Timestamp::as_millisecond));
                connection
                    .prepare_cached(
                        // Of an erased request only its state is kept.
                        "UPDATE outbox SET state = ?2, reason = iif(erased IS NULL, ?3, NULL),
                            answer = iif(erased IS NULL, ?4, NULL), due = iif(erased IS NULL, ?5, NULL), changed = ?6
                         WHERE id = ?1",
                    )?
                    .execute(params![id, to.state.as_str(), to.reason, answer, due, now])?;
                one(connection, "id = ?1", &id)?.ok_or(StoreError::NoSuchRequest { id })
            })
            .await
    }
}

fn insert(
    connection: &Connection,
    new: &NewOutboxEntry,
    initial: &InitialState,
    now: Timestamp,
) -> Result<Enqueued, StoreError> {
    let (id, now) = (format!("{:032x}", rand::random::<u128>()), now.as_millisecond());
    let (state, reason, due) = match initial {
        InitialState::Queued => (RequestState::Queued, None, Some(now)),
        InitialState::NeedsReview(reason) => (RequestState::NeedsReview, reason.as_ref(), None),
        InitialState::DryRun => (RequestState::DryRun, None, None),
    };
    let (body, context) = (new.body.to_string(), new.context.to_string());
    connection
        .prepare_cached(
            "INSERT INTO outbox (id, key, kind, body, context, state, reason, created, changed, due)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
        )?
        .execute(params![id, new.key, new.kind, body, context, state.as_str(), reason, now, due])?;
    let entry = one(connection, "id = ?1", &id)?.ok_or(StoreError::NoSuchRequest { id })?;
    Ok(Enqueued { entry, is_new: true })
}

/// A request that is found by its key is the same only with the same kind and body.
fn same_request(entry: OutboxEntry, new: &NewOutboxEntry) -> Result<Enqueued, StoreError> {
    let is_same = entry.kind == new.kind && entry.body == new.body;
    if is_same { Ok(Enqueued { entry, is_new: false }) } else { Err(StoreError::KeyReused) }
}

/// At a start: the outcome of requests that were being sent is unknown.
pub(super) fn mark_interrupted(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE outbox SET state = 'unknown', reason = 'The server stopped before the answer came.', due = NULL,
         changed = ?1 WHERE state = 'sent'",
        [now.as_millisecond()],
    )?;
    Ok(())
}

/// Erases a request but for its id and state; one that waits to be sent is rejected. `None`: there is no such request.
pub(super) fn erase(connection: &Connection, seq: i64, now: Timestamp) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET key = 'erased-' || id, body = '{}', context = '{}', answer = NULL, due = NULL, erased = ?2,
            reason = iif(state IN ('queued', 'failed', 'needsReview', 'dryRun'), 'The customer was erased.', NULL),
            state = iif(state IN ('queued', 'failed', 'needsReview', 'dryRun'), 'rejected', state)
         WHERE seq = ?1 RETURNING id",
    )?;
    let id: Option<String> = statement.query_row(params![seq, now.as_millisecond()], |row| row.get(0)).optional()?;
    id.iter().try_for_each(|id| remove_interaction_names(connection, id))?;
    Ok(id)
}

/// Removes the names of a request's interaction: what a person called it may identify the customer.
pub(super) fn remove_interaction_names(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM survey_interaction WHERE request = ?1")?.execute([id])?;
    Ok(())
}

/// The newest request about an interaction, except one, that fulfills an SQL condition.
fn newest_about(
    connection: &Connection,
    interaction: &str,
    condition: &str,
    except: &str,
) -> Result<Option<OutboxEntry>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE id IN (SELECT request FROM survey_interaction WHERE interaction = ?1)
         AND id <> ?2 AND erased IS NULL AND ({condition}) ORDER BY seq DESC LIMIT 1"
    ))?;
    statement.query_row([interaction, except], |row| Ok(read(row))).optional()?.transpose()
}

/// Another request about the same interaction that has arrived or may still arrive.
fn sent_instead(connection: &Connection, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT interaction FROM survey_interaction WHERE request = ?1")?;
    let names = statement.query_map([id], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for name in names {
        if let Some(other) = newest_about(connection, &name, MAY_ARRIVE, id)? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

fn one(connection: &Connection, condition: &str, value: &str) -> Result<Option<OutboxEntry>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE {condition}"))?;
    statement.query_row([value], |row| Ok(read(row))).optional()?.transpose()
}

/// Reads a row of [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<OutboxEntry, StoreError> {
    let json = |column| -> Result<Option<Value>, StoreError> {
        let text: Option<String> = row.get(column)?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    };
    let state: String = row.get(5)?;
    let due: Option<i64> = row.get(11)?;
    Ok(OutboxEntry {
        id: row.get(0)?,
        key: row.get(1)?,
        kind: row.get(2)?,
        body: json(3)?.unwrap_or_default(),
        context: json(4)?.unwrap_or_default(),
        state: STATES
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or(StoreError::Unreadable { what: "state of a request" })?,
        reason: row.get(6)?,
        answer: json(7)?,
        attempts: row.get(8)?,
        created: database::instant(row.get(9)?)?,
        changed: database::instant(row.get(10)?)?,
        due: due.map(database::instant).transpose()?,
    })
}
