//! A request in the outbox, and how sending it can end.

use std::fmt;

use jiff::Timestamp;
use rusqlite::Row;
use serde_json::Value;

use super::{StoreError, database};

/// A request that somebody wants made.
#[derive(Clone, PartialEq)]
pub struct NewOutboxEntry {
    /// The idempotency key: one key, one request, for ever.
    pub key: String,
    /// What kind of request, such as `goodays.reply`.
    pub kind: String,
    /// What will be sent.
    pub body: Value,
    /// What we need to know about it and nobody will be sent.
    pub context: Value,
}

/// Who asks about an interaction, and what keeps them from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// A person. Only what has arrived or may still arrive keeps them from it.
    ByHand,
    /// A person who knows that it was asked about before.
    Again,
    /// We, because it is over. Whatever we decided about it before keeps us from it, and so does a person's request,
    /// unless the upstream refused that.
    Automatic,
    /// We, because it is over once more: only a person's request keeps us from it.
    AnotherEnd,
}

/// A request in the outbox.
#[derive(Clone, PartialEq)]
pub struct OutboxEntry {
    /// Ours: 128 random bits in lowercase hexadecimal.
    pub id: String,
    /// The idempotency key.
    pub key: String,
    /// What kind of request.
    pub kind: String,
    /// What is sent.
    pub body: Value,
    /// What we need to know about it.
    pub context: Value,
    /// Where it stands.
    pub state: IntentState,
    /// Why it went no further.
    pub reason: Option<String>,
    /// What the upstream answered.
    pub answer: Option<Value>,
    /// How often it was sent.
    pub attempt: u32,
    /// When somebody wanted it.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
    /// When it is to be sent. `None`: not by itself.
    pub due: Option<Timestamp>,
}

/// What became of writing a request down.
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueued {
    /// The request: the first one with its key.
    pub intent: OutboxEntry,
    /// Whether it is new. If not, somebody pressed twice and there is nothing to do.
    pub fresh: bool,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentState {
    /// Written down and not yet sent.
    New,
    /// On its way.
    Sending,
    /// The upstream took it.
    Accepted,
    /// The upstream refused it for good.
    Rejected,
    /// The upstream surely did not take it; it may be tried again.
    Failed,
    /// Nobody knows whether the upstream took it.
    Unknown,
}

impl IntentState {
    const ALL: [Self; 6] = [Self::New, Self::Sending, Self::Accepted, Self::Rejected, Self::Failed, Self::Unknown];

    /// The name in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// How sending ended. Made by its verbs, so that nothing can end as "on its way".
#[derive(Clone, PartialEq)]
pub struct RequestOutcome {
    pub(super) state: IntentState,
    pub(super) reason: Option<String>,
    pub(super) answer: Option<Value>,
    pub(super) due: Option<Timestamp>,
}

impl RequestOutcome {
    /// The upstream took it.
    #[must_use]
    pub fn accepted(answer: Option<Value>) -> Self {
        Self { state: IntentState::Accepted, reason: None, answer, due: None }
    }

    /// The upstream refused it for good.
    #[must_use]
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self { state: IntentState::Rejected, reason: Some(reason.into()), answer: None, due: None }
    }

    /// It surely did not arrive. With `due` it is tried again then, without it only when a person says so.
    #[must_use]
    pub fn failed(reason: impl Into<String>, due: Option<Timestamp>) -> Self {
        Self { state: IntentState::Failed, reason: Some(reason.into()), answer: None, due }
    }

    /// It may have arrived.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { state: IntentState::Unknown, reason: Some(reason.into()), answer: None, due: None }
    }
}

impl OutboxEntry {
    /// What a row must be made of, in this order.
    pub(super) const COLUMNS: &str =
        "id, key, kind, body, context, state, reason, answer, attempt, created, changed, due";

    /// Reads a row of [`Self::COLUMNS`].
    pub(super) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let json = |column| -> Result<Option<Value>, StoreError> {
            let text: Option<String> = row.get(column)?;
            Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
        };
        let state: String = row.get(5)?;
        let due: Option<i64> = row.get(11)?;
        Ok(Self {
            id: row.get(0)?,
            key: row.get(1)?,
            kind: row.get(2)?,
            body: json(3)?.unwrap_or_default(),
            context: json(4)?.unwrap_or_default(),
            state: IntentState::ALL
                .into_iter()
                .find(|known| known.as_str() == state)
                .ok_or(StoreError::Unreadable { what: "state of a request" })?,
            reason: row.get(6)?,
            answer: json(7)?,
            attempt: row.get(8)?,
            created: database::instant(row.get(9)?)?,
            changed: database::instant(row.get(10)?)?,
            due: due.map(database::instant).transpose()?,
        })
    }
}

/// Without what is sent: that is for the customer.
impl fmt::Debug for NewOutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOutboxEntry").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Without what is sent and what was answered.
impl fmt::Debug for OutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxEntry")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("state", &self.state)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// Without what was answered.
impl fmt::Debug for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestOutcome").field("state", &self.state).field("due", &self.due).finish_non_exhaustive()
    }
}
