//! Answers customers through Goodays: a reply, a private message, a call, closing, spam; and "no answer needed", which
//! Callboard only records itself (apis.md G30 to G34, B152).
//!
//! A request is in the outbox before it is sent, and its progress is published as facts, so that two colleagues see
//! each other's. Only what Goodays offers for a response now is taken (apis.md G18). What may have arrived is looked up
//! before it is sent again.

mod destination;
mod error;
mod input;
mod lookup;
mod pin;
mod request;
mod resolve;

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};

use super::outbox::OutboxWorker;
use crate::domain::{Actor, Fact, FeedbackAction, FeedbackActionId, FeedbackActionKind, RequestState, ResponseId};
use crate::gold::entity::Response;
use crate::gold::{Entity, Gold, Key};
use crate::store::{NewAuditEntry, NewOutboxEntry, OutboxEntry, RequestOutcome, Store, StoreError};
use crate::upstream::goodays::Goodays;
use base::{Clock, Lifecycle, Metrics};

use destination::GoodaysDestination;
pub use error::FeedbackError;
pub use input::FeedbackInput;
pub use request::audit_action;
use request::{FeedbackRequest, audit_target, requested_by, shown_name};

/// The kind of these requests in the outbox.
const KIND: &str = "goodays.action";

/// How many of the newest actions pages show.
const SHOWN: u32 = 2000;

/// How many looked-up responses may wait for the Goodays feed. When it is full, the outbox worker waits: none is
/// dropped.
const MAX_FOUND: usize = 64;

/// What became of requesting an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackReceipt {
    /// The action.
    pub id: FeedbackActionId,
    /// How far it has come.
    pub state: RequestState,
    /// Whether it was requested for the first time.
    pub is_new: bool,
}

/// The site's rules for answering customers.
#[derive(Debug, Clone, Default)]
pub struct FeedbackRules {
    /// The sources whose responses need a remark type when answered (apis.md B149). Case does not count.
    pub external_sources: Vec<String>,
    /// Whether callers without a name are called "the demo".
    pub demo: bool,
}

/// What the Goodays feed learns from the actions.
#[derive(Debug)]
pub struct FeedbackSignals {
    /// Responses that a lookup found, to be processed like events.
    pub responses: mpsc::Receiver<Value>,
    /// Why nothing can be sent now. `None`: the last request was sent.
    pub outage: watch::Receiver<Option<Arc<str>>>,
}

/// Actions about customers' responses. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FeedbackActions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    gold: Gold,
    rules: FeedbackRules,
    metrics: Metrics,
    /// Wakes the outbox worker.
    requested: Notify,
    /// Actions with an unknown outcome that a person wants looked up now.
    lookup_requested: Mutex<HashSet<String>>,
    /// Keeps the pins in gold in the order of the pins in the store.
    pinning: tokio::sync::Mutex<()>,
}

impl FeedbackActions {
    /// Publishes earlier actions and starts the outbox worker for Goodays.
    #[must_use]
    pub fn open(
        store: Store,
        gold: Gold,
        upstream: Goodays,
        rules: FeedbackRules,
        clock: &Clock,
        metrics: &Metrics,
        life: &Lifecycle,
    ) -> (Self, FeedbackSignals) {
        let actions = Self(Arc::new(Inner {
            store,
            gold,
            rules,
            metrics: metrics.clone(),
            requested: Notify::new(),
            lookup_requested: Mutex::default(),
            pinning: tokio::sync::Mutex::default(),
        }));
        let (found, responses) = mpsc::channel(MAX_FOUND);
        let (set_outage, outage) = watch::channel(None);
        let destination = GoodaysDestination::new(actions.clone(), upstream, clock.clone(), found, set_outage);
        life.spawn(OutboxWorker::new(destination, clock.clone()).run(life.clone()));
        (actions, FeedbackSignals { responses, outage })
    }

    /// Whether an answer to responses from this source must name a remark type.
    #[must_use]
    pub fn needs_kind(&self, source: &str) -> bool {
        self.0.rules.external_sources.iter().any(|name| name.eq_ignore_ascii_case(source))
    }

    /// Requests an action about a response. With the key of an earlier request, this *is* the earlier one. `actor` is
    /// for the audit.
    ///
    /// # Errors
    /// See [`FeedbackError`].
    pub async fn act(
        &self,
        response: &ResponseId,
        kind: FeedbackActionKind,
        input: FeedbackInput,
        key: Option<String>,
        actor: Actor,
    ) -> Result<FeedbackReceipt, FeedbackError> {
        let receipt = self.request(response, kind, input, key, actor).await;
        let result = match &receipt {
            Ok(FeedbackReceipt { is_new: false, .. }) => "repeated",
            Ok(_) => "written",
            Err(_) => "refused",
        };
        self.0.metrics.action(audit_action(kind), result);
        receipt
    }

    async fn request(
        &self,
        id: &ResponseId,
        kind: FeedbackActionKind,
        input: FeedbackInput,
        key: Option<String>,
        actor: Actor,
    ) -> Result<FeedbackReceipt, FeedbackError> {
        let response = self.response(id).ok_or(FeedbackError::NotFound)?;
        let actor = actor.calling_themselves(input.name(self.0.rules.demo).as_deref());
        let email = input.email();
        let action = input.action(kind, response.record.source.as_deref(), &self.0.rules.external_sources)?;
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let request = FeedbackRequest { response: id.clone(), kind: kind.as_str().to_owned(), action };
        let seen: Vec<&str> = response.record.messages.keys().map(|id| &**id).collect();
        let entry = NewOutboxEntry {
            key: format!("feedback: {key}"),
            kind: KIND.to_owned(),
            body: serde_json::to_value(&request).map_err(StoreError::Json)?,
            context: json!({"actor": actor, "email": email, "revision": response.revision, "seen": seen}),
        };
        // A repeated request is harmless also when the first one has changed what is offered.
        if self.0.store.outbox().by_key(&entry.key).await?.is_none() {
            check_offered(&response, kind)?;
            check_not_in_hand(&response)?;
        }
        let written = self.0.store.outbox().enqueue(entry).await?;
        self.publish(&written.entry).await;
        let entry = match kind {
            FeedbackActionKind::NoAnswerNeeded if written.is_new => self.complete_locally(written.entry).await?,
            _ => written.entry,
        };
        self.0.requested.notify_one();
        Ok(FeedbackReceipt { id: entry.id.as_str().into(), state: entry.state, is_new: written.is_new })
    }

    /// Sends an action again that did not succeed. One with an unknown outcome is looked up first, unless the caller is
    /// `sure` that it was not done.
    ///
    /// # Errors
    /// See [`FeedbackError`].
    pub async fn retry(
        &self,
        response: &ResponseId,
        action: &FeedbackActionId,
        input: &FeedbackInput,
        sure: bool,
        actor: Actor,
    ) -> Result<FeedbackReceipt, FeedbackError> {
        let outbox = self.0.store.outbox();
        let entry = outbox.get(&action.0).await?.filter(|entry| entry.kind == KIND);
        let entry = entry.ok_or(FeedbackError::NotFound)?;
        let request = FeedbackRequest::of(&entry).filter(|it| it.response == *response);
        let request = request.ok_or(FeedbackError::NotFound)?;
        let kind = request.kind().ok_or(FeedbackError::NotFound)?;
        let again = if entry.state == RequestState::Unknown && !sure {
            self.0.lookup_requested.lock().insert(entry.id.clone());
            entry
        } else {
            let response = self.response(response).ok_or(FeedbackError::NotFound)?;
            if matches!(entry.state, RequestState::Failed | RequestState::Rejected | RequestState::Unknown) {
                check_offered(&response, kind)?;
            }
            let again = outbox.retry(&entry.id, false).await?;
            let audit_entry = NewAuditEntry {
                actor: actor.calling_themselves(input.name(self.0.rules.demo).as_deref()),
                action: "feedback.retry",
                target: audit_target(&request.response),
                before: json!({"id": entry.id, "state": entry.state.as_str(), "attempts": entry.attempts}),
                after: json!({"id": entry.id, "state": again.state.as_str(), "sure": sure}),
            };
            let seq = self.0.store.audit().begin(audit_entry).await?;
            self.0.store.audit().complete(seq, "accepted", None).await?;
            again
        };
        self.publish(&again).await;
        self.0.requested.notify_one();
        self.0.metrics.action("feedback.retry", "written");
        Ok(FeedbackReceipt { id: action.clone(), state: again.state, is_new: true })
    }

    /// What only Callboard records needs no answer from Goodays: it is done once it is written.
    async fn complete_locally(&self, entry: OutboxEntry) -> Result<OutboxEntry, StoreError> {
        // `None`: the outbox worker claimed it first and does the same.
        let Some(claimed) = self.0.store.outbox().claim(&entry.id).await? else { return Ok(entry) };
        if let Some(request) = FeedbackRequest::of(&claimed) {
            let seq = self.0.store.audit().begin(request.audit_entry(&claimed)).await?;
            self.0.store.audit().complete(seq, "accepted", None).await?;
        }
        let done = self.0.store.outbox().record_outcome(&claimed.id, RequestOutcome::accepted(None)).await?;
        self.publish(&done).await;
        Ok(done)
    }

    fn response(&self, id: &ResponseId) -> Option<Response> {
        match self.0.gold.copy().get(&Key::Response(id.clone())).as_deref() {
            Some(Entity::Response(response)) => Some(Response::clone(response)),
            _ => None,
        }
    }

    async fn publish(&self, entry: &OutboxEntry) {
        if let Some(action) = feedback_action(entry) {
            self.0.gold.apply(Fact::FeedbackAction(Box::new(action))).await;
        }
    }
}

/// Whether no colleague is ending the conversation right now.
fn check_not_in_hand(response: &Response) -> Result<(), FeedbackError> {
    match response.actions_taken.values().find(|action| action.is_pending() && action.kind.closes_thread()) {
        Some(other) => Err(FeedbackError::InHand { who: other.who.to_string() }),
        None => Ok(()),
    }
}

fn check_offered(response: &Response, kind: FeedbackActionKind) -> Result<(), FeedbackError> {
    let offered = &response.record.actions;
    let is_offered = match kind {
        // Goodays must receive every action that it accepts (apis.md G38): "no answer needed" is for the rest.
        FeedbackActionKind::NoAnswerNeeded => !offered.contains(FeedbackActionKind::Close.as_str()),
        kind => offered.contains(kind.as_str()),
    };
    if is_offered {
        return Ok(());
    }
    Err(FeedbackError::NotOffered { kind, offered: offered.iter().map(ToString::to_string).collect() })
}

/// A row of the outbox as viewers see it. `None`: the row cannot be read.
fn feedback_action(entry: &OutboxEntry) -> Option<FeedbackAction> {
    let request = FeedbackRequest::of(entry)?;
    Some(FeedbackAction {
        id: entry.id.as_str().into(),
        kind: request.kind()?,
        who: shown_name(&requested_by(entry)).into(),
        text: request.action.as_ref().and_then(|action| action.text()).map(Arc::from),
        state: entry.state,
        reason: entry.reason.as_deref().map(Arc::from),
        attempts: entry.attempts,
        revision: entry.context["revision"].as_str().unwrap_or_default().into(),
        created: entry.created,
        changed: entry.changed,
        response: request.response,
    })
}
