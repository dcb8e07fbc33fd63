//! A request in the outbox, and how an attempt to deliver it can end.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::RequestState;

/// A request to be written to the outbox.
#[derive(Clone, PartialEq)]
pub struct NewOutboxEntry {
    /// The idempotency key: one key, one request, forever.
    pub key: String,
    /// The kind of request, such as `goodays.action`.
    pub kind: String,
    /// What the upstream system is sent.
    pub body: Value,
    /// What Callboard needs to know about it and sends to no one.
    pub context: Value,
}

/// What causes a survey request, and which earlier requests about the same interaction prevent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurveyTrigger {
    /// A person. Only a request that has arrived or may still arrive prevents it.
    Manual,
    /// A person who knows about the earlier request. Nothing prevents it.
    ManualRepeat,
    /// The interaction ended. Any earlier automatic decision prevents it, and so does a person's request, unless the
    /// upstream system rejected that.
    Automatic,
    /// The conversation was reopened and closed again. Only a person's request prevents it.
    Reclosed,
}

/// In which state a survey request is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitialState {
    /// Due at once.
    Queued,
    /// Only a person sends it, for this reason.
    NeedsReview(Option<String>),
    /// Shows what would be sent. Only a person sends it.
    DryRun,
}

/// A request in the outbox.
#[derive(Clone, PartialEq)]
pub struct OutboxEntry {
    /// 128 random bits in lowercase hexadecimal.
    pub id: String,
    /// The idempotency key.
    pub key: String,
    /// The kind of request.
    pub kind: String,
    /// What the upstream system is sent.
    pub body: Value,
    /// What Callboard needs to know about it and sends to no one.
    pub context: Value,
    /// How far it has come.
    pub state: RequestState,
    /// Why it went no further.
    pub reason: Option<String>,
    /// What the upstream system answered.
    pub answer: Option<Value>,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was written.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
    /// When the outbox worker sends it. `None`: only a person does.
    pub due: Option<Timestamp>,
}

/// A request that was written now, or earlier under the same key.
#[derive(Debug, Clone, PartialEq)]
pub struct Enqueued {
    /// The first request with the key.
    pub entry: OutboxEntry,
    /// Whether it was written now. If not, there is nothing to do.
    pub is_new: bool,
}

/// How an attempt ended. Only its constructors make one, so that none ends as queued or sent.
#[derive(Clone, PartialEq)]
pub struct RequestOutcome {
    pub(super) state: RequestState,
    pub(super) reason: Option<String>,
    pub(super) answer: Option<Value>,
    pub(super) due: Option<Timestamp>,
}

impl RequestOutcome {
    /// The upstream system took it.
    #[must_use]
    pub fn accepted(answer: Option<Value>) -> Self {
        Self { state: RequestState::Accepted, reason: None, answer, due: None }
    }

    /// The upstream system refused it for good.
    #[must_use]
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self { state: RequestState::Rejected, reason: Some(reason.into()), answer: None, due: None }
    }

    /// It did not arrive. With `due` the outbox worker tries again then, without it only a person does.
    #[must_use]
    pub fn failed(reason: impl Into<String>, due: Option<Timestamp>) -> Self {
        Self { state: RequestState::Failed, reason: Some(reason.into()), answer: None, due }
    }

    /// It may have arrived.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { state: RequestState::Unknown, reason: Some(reason.into()), answer: None, due: None }
    }

    pub(super) fn queued(now: Timestamp) -> Self {
        Self { state: RequestState::Queued, reason: None, answer: None, due: Some(now) }
    }
}

/// Without what the customer is sent.
impl fmt::Debug for NewOutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOutboxEntry").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Without what the customer is sent and what the upstream system answered.
impl fmt::Debug for OutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxEntry")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Without what the upstream system answered.
impl fmt::Debug for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestOutcome").field("state", &self.state).field("due", &self.due).finish_non_exhaustive()
    }
}
