//! The outbox: what we ask of upstreams, written before it is sent.
//!
//! A request that was on its way when the process ended is `unknown` and never sent again by itself: the upstream may have
//! done it (`reliability.md` O1, O4).

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::intent::{Asking, Enqueued, OutboxEntry, IntentState, NewOutboxEntry, RequestOutcome};
use super::{NewAuditEntry, Store, StoreError, audit};

const COLUMNS: &str = OutboxEntry::COLUMNS;

/// Requests that have arrived or may still arrive.
const STANDS: &str = "(state IN ('new', 'sending', 'accepted', 'unknown') OR state = 'failed' AND due IS NOT NULL)";

/// A request that a person made.
const BY_HAND: &str = "json_extract(context, '$.origin') = 'byHand'";

impl Store {
    /// Writes a request down, due at once. A second press with the same key finds the first one.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key came with another kind or body; otherwise when the store is busy or
    /// closed, or the disk refuses.
    pub async fn intend(&self, new: NewOutboxEntry) -> Result<Enqueued, StoreError> {
        let (id, now) = (format!("{:032x}", rand::random::<u128>()), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            let written = connection
                .prepare_cached(
                    "INSERT INTO outbox (id, key, kind, body, context, state, created, changed, due)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'new', ?6, ?6, ?6) ON CONFLICT (key) DO NOTHING",
                )?
                .execute(params![id, new.key, new.kind, new.body.to_string(), new.context.to_string(), now])?;
            let intent = one(connection, "key = ?1", &new.key)?.ok_or(StoreError::NoSuchIntent { id })?;
            if intent.kind != new.kind || intent.body != new.body {
                return Err(StoreError::KeyReused);
            }
            Ok(Enqueued { intent, fresh: written == 1 })
        })
        .await
    }

    /// Writes a request down that nobody sends by itself, and why. What its key knows already stays as it is.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn hold(&self, new: NewOutboxEntry, reason: Option<String>) -> Result<Enqueued, StoreError> {
        let (id, now) = (format!("{:032x}", rand::random::<u128>()), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            let written = connection
                .prepare_cached(
                    "INSERT INTO outbox (id, key, kind, body, context, state, reason, created, changed)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'failed', ?6, ?7, ?7) ON CONFLICT (key) DO NOTHING",
                )?
                .execute(params![id, new.key, new.kind, new.body.to_string(), new.context.to_string(), reason, now])?;
            let intent = one(connection, "key = ?1", &new.key)?.ok_or(StoreError::NoSuchIntent { id })?;
            Ok(Enqueued { intent, fresh: written == 1 })
        })
        .await
    }

    /// Writes down a request that asks about an interaction, which is known by these names, or finds the one with this key.
    /// `held`: nobody sends it by itself, and why. `entry`: what the audit says of it, written with a new request or not at all;
    /// its target is the request.
    ///
    /// Whether it was asked about before is looked up in the transaction that writes, and there is one writer: of several
    /// who ask at once, one is first.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRequested`] when another request keeps this one from being made; otherwise as [`Store::intend`].
    pub async fn ask_about(
        &self,
        names: Vec<String>,
        asking: Asking,
        new: NewOutboxEntry,
        held: Option<Option<String>>,
        entry: Option<NewAuditEntry>,
    ) -> Result<Enqueued, StoreError> {
        let (id, written_at) = (format!("{:032x}", rand::random::<u128>()), self.0.clock.now());
        let now = written_at.as_millisecond();
        self.write(move |connection| {
            if let Some(intent) = one(connection, "key = ?1", &new.key)? {
                let is_same = held.is_some() || (intent.kind == new.kind && intent.body == new.body);
                return if is_same { Ok(Enqueued { intent, fresh: false }) } else { Err(StoreError::KeyReused) };
            }
            let in_the_way = match asking {
                Asking::ByHand => STANDS.to_owned(),
                Asking::Again => "0".to_owned(),
                Asking::Automatic => format!("NOT (state = 'rejected' AND {BY_HAND})"),
                Asking::AnotherEnd => format!("state <> 'rejected' AND {BY_HAND}"),
            };
            for name in &names {
                if let Some(before) = asked_about(connection, name, &in_the_way, &id)? {
                    return Err(StoreError::AlreadyRequested(Box::new(before)));
                }
            }
            let (state, reason, due) = match held {
                None => ("new", None, Some(now)),
                Some(reason) => ("failed", reason, None),
            };
            let (body, context) = (new.body.to_string(), new.context.to_string());
            connection
                .prepare_cached(
                    "INSERT INTO outbox (id, key, kind, body, context, state, reason, created, changed, due)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
                )?
                .execute(params![id, new.key, new.kind, body, context, state, reason, now, due])?;
            let mut name_it =
                connection.prepare_cached("INSERT OR IGNORE INTO asked (interaction, request) VALUES (?1, ?2)")?;
            for name in &names {
                name_it.execute([name, &id])?;
            }
            if let Some(entry) = entry {
                audit::done(connection, &NewAuditEntry { entity: format!("survey {id}"), ..entry }, written_at)?;
            }
            let intent = one(connection, "id = ?1", &id)?.ok_or(StoreError::NoSuchIntent { id })?;
            Ok(Enqueued { intent, fresh: true })
        })
        .await
    }

    /// The request that was written down under a key.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn intent_of(&self, key: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| one(connection, "key = ?1", &key)).await
    }

    /// Takes back what was claimed and surely not sent: only whoever alone sends this kind, and has none on its way, may
    /// say so.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn recall(&self, kind: &str) -> Result<(), StoreError> {
        let (kind, now) = (kind.to_owned(), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE outbox SET state = 'new', attempt = attempt - 1, changed = ?2, due = ?2
                 WHERE kind = ?1 AND state = 'sending' AND emptied IS NULL",
            )?;
            statement.execute(params![kind, now])?;
            Ok(())
        })
        .await
    }

    /// Takes this one request, if it waits to be sent. `None`: somebody else has it, or it has been sent.
    ///
    /// # Errors
    /// When the store is busy or closed, or the disk refuses.
    pub async fn claim(&self, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "UPDATE outbox SET state = 'sending', attempt = attempt + 1, changed = ?2, due = NULL
                 WHERE id = ?1 AND due IS NOT NULL AND state IN ('new', 'failed') RETURNING {COLUMNS}"
            ))?;
            let mut rows = statement.query_and_then(params![id, now], OutboxEntry::read)?;
            rows.next().transpose()
        })
        .await
    }

    /// Notes how sending ended. An unknown one may be settled later, when the upstream has been asked.
    ///
    /// # Errors
    /// [`StoreError::NoSuchIntent`]; [`StoreError::Settled`] when it has been accepted already; otherwise when the
    /// store is busy or closed, or the disk refuses.
    pub async fn settle(&self, id: &str, outcome: RequestOutcome) -> Result<OutboxEntry, StoreError> {
        self.change(id, outcome, |state| state != IntentState::Accepted, false).await
    }

    /// A person wants it sent again: due at once. What is on its way or has been accepted is not sent again, nor is one in
    /// whose place another was sent meanwhile, unless that is known and it is sent `beside_another` on purpose.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRequested`] in that case; otherwise as [`Store::settle`].
    pub async fn retry(&self, id: &str, beside_another: bool) -> Result<OutboxEntry, StoreError> {
        let again = RequestOutcome { state: IntentState::New, reason: None, answer: None, due: Some(self.0.clock.now()) };
        let may = |state| !matches!(state, IntentState::Accepted | IntentState::Sending);
        self.change(id, again, may, beside_another).await
    }

    /// The requests of a kind, newest first.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn intents(&self, kind: &str, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let kind = kind.to_owned();
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE kind = ?1 ORDER BY seq DESC LIMIT ?2"))?;
            let rows = statement.query_and_then(params![kind, limit], OutboxEntry::read)?;
            rows.collect()
        })
        .await
    }

    /// The requests of a kind that were not accepted, oldest first, from the one after `after` on: what a person may
    /// have to see, however old it is. Not what was only tried and never sent, nor what was emptied.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn not_accepted(&self, kind: &str, after: Option<&str>, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let (kind, after) = (kind.to_owned(), after.map(str::to_owned));
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE kind = ?1 AND seq > coalesce((SELECT seq FROM outbox WHERE id = ?2), 0)
                 AND state <> 'accepted' AND emptied IS NULL
                 AND NOT (attempt = 0 AND due IS NULL AND coalesce(json_extract(context, '$.dryRun'), 0))
                 ORDER BY seq LIMIT ?3"
            ))?;
            let rows = statement.query_and_then(params![kind, after, limit], OutboxEntry::read)?;
            rows.collect()
        })
        .await
    }

    /// The requests of a kind that were written down since then, newest first.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn intents_since(&self, kind: &str, since: Timestamp) -> Result<Vec<OutboxEntry>, StoreError> {
        let kind = kind.to_owned();
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE kind = ?1 ORDER BY seq DESC"))?;
            // They stand in the order in which they were written: what lies behind the first older one is not read.
            let rows = statement.query_and_then([kind], OutboxEntry::read)?;
            rows.take_while(|intent| intent.as_ref().map_or(true, |intent| intent.created >= since)).collect()
        })
        .await
    }

    /// The requests of a kind that have not come to an end, oldest first: those that wait for a try, are on their way, or
    /// whose end nobody knows.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn unsettled(&self, kind: &str) -> Result<Vec<OutboxEntry>, StoreError> {
        let kind = kind.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE kind = ?1 AND (due IS NOT NULL OR state IN ('sending', 'unknown')) ORDER BY seq"
            ))?;
            let rows = statement.query_and_then([kind], OutboxEntry::read)?;
            rows.collect()
        })
        .await
    }

    /// One request.
    ///
    /// # Errors
    /// When the store is closed or the disk refuses.
    pub async fn intent(&self, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| one(connection, "id = ?1", &id)).await
    }

    async fn change(
        &self,
        id: &str,
        to: RequestOutcome,
        may: fn(IntentState) -> bool,
        beside_another: bool,
    ) -> Result<OutboxEntry, StoreError> {
        let (id, now) = (id.to_owned(), self.0.clock.now().as_millisecond());
        self.write(move |connection| {
            let found = one(connection, "id = ?1", &id)?.ok_or_else(|| StoreError::NoSuchIntent { id: id.clone() })?;
            if !may(found.state) {
                return Err(StoreError::Settled { id, state: found.state.as_str() });
            }
            if to.state == IntentState::New
                && !beside_another
                && found.context["again"] != true
                && let Some(other) = asked_instead(connection, &id)?
            {
                return Err(StoreError::AlreadyRequested(Box::new(other)));
            }
            let emptied = connection
                .prepare_cached("SELECT 1 FROM outbox WHERE id = ?1 AND emptied IS NOT NULL")?
                .exists([&id])?;
            if emptied && to.state == IntentState::New {
                return Err(StoreError::Settled { id, state: "erased" });
            }
            let (answer, due) = (to.answer.map(|answer| answer.to_string()), to.due.map(Timestamp::as_millisecond));
            connection
                .prepare_cached(
                    // Of an emptied request nothing is kept but how it ended.
                    "UPDATE outbox SET state = ?2, reason = iif(emptied IS NULL, ?3, NULL),
                        answer = iif(emptied IS NULL, ?4, NULL), due = iif(emptied IS NULL, ?5, NULL), changed = ?6
                     WHERE id = ?1",
                )?
                .execute(params![id, to.state.as_str(), to.reason, answer, due, now])?;
            one(connection, "id = ?1", &id)?.ok_or(StoreError::NoSuchIntent { id })
        })
        .await
    }
}

/// At a start: whoever was sending is gone, and nobody can say whether the upstream heard them.
pub(super) fn admit_ignorance(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE outbox SET state = 'unknown', reason = 'The server stopped before the answer came.', due = NULL,
         changed = ?1 WHERE state = 'sending'",
        [now.as_millisecond()],
    )?;
    Ok(())
}

/// Leaves of a request its identity and how it ended; one that waits to be sent ends here. `None`: there is no such request.
pub(super) fn empty(connection: &Connection, seq: i64, now: Timestamp) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE outbox SET key = 'erased-' || id, body = '{}', context = '{}', answer = NULL, due = NULL, emptied = ?2,
            reason = iif(state IN ('new', 'failed'), 'The customer was erased.', NULL),
            state = iif(state IN ('new', 'failed'), 'rejected', state)
         WHERE seq = ?1 RETURNING id",
    )?;
    let id: Option<String> = statement.query_row(params![seq, now.as_millisecond()], |row| row.get(0)).optional()?;
    id.iter().try_for_each(|id| forget_names(connection, id))?;
    Ok(id)
}

/// What a person called an interaction may lead to a customer: it goes with the rest of the request.
pub(super) fn forget_names(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM asked WHERE request = ?1")?.execute([id])?;
    Ok(())
}

/// The newest other request about an interaction that is in the way.
fn asked_about(connection: &Connection, name: &str, in_the_way: &str, but: &str) -> Result<Option<OutboxEntry>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE id IN (SELECT request FROM asked WHERE interaction = ?1)
         AND id <> ?2 AND emptied IS NULL AND ({in_the_way}) ORDER BY seq DESC LIMIT 1"
    ))?;
    statement.query_row([name, but], |row| Ok(OutboxEntry::read(row))).optional()?.transpose()
}

/// Another request about the same interaction that has arrived or may still arrive.
fn asked_instead(connection: &Connection, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT interaction FROM asked WHERE request = ?1")?;
    let names = statement.query_map([id], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for name in names {
        if let Some(other) = asked_about(connection, &name, STANDS, id)? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

fn one(connection: &Connection, condition: &'static str, value: &str) -> Result<Option<OutboxEntry>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE {condition}"))?;
    statement.query_row([value], |row| Ok(OutboxEntry::read(row))).optional()?.transpose()
}
