//! Answers customers through Goodays: a reply, a private message, a call made, closed without an answer, spam; and a mark of
//! our own that nobody needs to answer (`apis.md` G30 to G34, B152).
//!
//! A deed is written to the outbox before it is sent, and how far it has come is a fact from then on, so that two
//! colleagues see each other's. Only what Goodays offers for a response now is taken (G18). What may have arrived is looked
//! up before it is sent again.

mod destination;
mod error;
mod lookup;
mod paper;
mod pin;
mod verdict;
mod wish;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};

use super::outbox::{self, OutboxWorker};
use base::{Clock, Lifecycle, Metrics};
use crate::domain::{Actor, Fact, FeedbackAction, FeedbackActionId, FeedbackActionKind, RequestState, ResponseId};
use crate::gold::entity::Response;
use crate::gold::{Entity, Gold, Key};
use crate::store::{OutboxEntry, IntentState, NewAuditEntry, NewOutboxEntry, RequestOutcome, Store, StoreError};
use crate::upstream::goodays::Goodays;

use destination::GoodaysDestination;
pub use error::FeedbackError;
pub use paper::name;
use paper::{Paper, entity};
pub use wish::FeedbackInput;

/// What the outbox calls these deeds.
const KIND: &str = "goodays.deed";

/// How many deeds pages show; older ones stay in the store.
const SHOWN: u32 = 2000;

/// What became of wanting something done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackReceipt {
    /// The deed.
    pub id: FeedbackActionId,
    /// How far it has come.
    pub state: RequestState,
    /// Whether this was the first time that it was wanted.
    pub fresh: bool,
}

/// How the desk is set up.
#[derive(Debug, Clone, Default)]
pub struct FeedbackRules {
    /// The sources, in small letters, whose responses need a kind of remark when answered (`apis.md` B149).
    pub external_sources: Vec<String>,
    /// Whether somebody without a name acts for the demo.
    pub demo: bool,
}

/// What the desk tells to whoever listens to Goodays.
#[derive(Debug)]
pub struct FeedbackSignals {
    /// Responses as a look-up found them, to be taken in like events.
    pub found: mpsc::UnboundedReceiver<Value>,
    /// Why nothing can be sent now; `None` while all is well.
    pub trouble: watch::Receiver<Option<Arc<str>>>,
}

/// The desk where customers are answered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FeedbackActions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    gold: Gold,
    rules: FeedbackRules,
    metrics: Metrics,
    asked: Notify,
    /// Deeds whose end is unknown and that a person wants looked up now.
    to_look_up: Mutex<HashSet<String>>,
    /// Held by whoever pins.
    pinning: tokio::sync::Mutex<()>,
}

impl FeedbackActions {
    /// Opens the desk, shows what was done before, and starts the courier who carries deeds to Goodays.
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
        let (asked, to_look_up) = (Notify::new(), Mutex::default());
        let (metrics, pinning) = (metrics.clone(), tokio::sync::Mutex::default());
        let desk = Self(Arc::new(Inner { store, gold, rules, metrics, asked, to_look_up, pinning }));
        let (tell_found, found) = mpsc::unbounded_channel();
        let (tell_trouble, trouble) = watch::channel(None);
        let carrier = GoodaysDestination::new(desk.clone(), upstream, clock.clone(), tell_found, tell_trouble);
        life.spawn(OutboxWorker::new(carrier, clock.clone()).run(life.clone()));
        (desk, FeedbackSignals { found, trouble })
    }

    /// Whether an answer to responses of this source must say which kind of remark the customer made.
    #[must_use]
    pub fn needs_kind(&self, source: &str) -> bool {
        self.0.rules.external_sources.iter().any(|name| name.eq_ignore_ascii_case(source))
    }

    /// Wants something done about a response. With the key of an earlier deed, this *is* the earlier one. `actor`: who asks
    /// for it, for the audit.
    ///
    /// # Errors
    /// See [`FeedbackError`].
    pub async fn act(
        &self,
        response: &ResponseId,
        kind: FeedbackActionKind,
        wish: FeedbackInput,
        key: Option<String>,
        actor: Actor,
    ) -> Result<FeedbackReceipt, FeedbackError> {
        let wished = self.wish(response, kind, wish, key, actor).await;
        let result = match &wished {
            Ok(FeedbackReceipt { fresh: false, .. }) => "repeated",
            Ok(_) => "written",
            Err(_) => "refused",
        };
        self.0.metrics.action(paper::name(kind), result);
        wished
    }

    async fn wish(
        &self,
        id: &ResponseId,
        kind: FeedbackActionKind,
        wish: FeedbackInput,
        key: Option<String>,
        actor: Actor,
    ) -> Result<FeedbackReceipt, FeedbackError> {
        let response = self.response(id).ok_or(FeedbackError::NotFound)?;
        let who = wish.who(self.0.rules.demo);
        let actor = actor.calling_themselves(wish.name(self.0.rules.demo).as_deref());
        let email = wish.email();
        let action = wish.action(kind, response.record.source.as_deref(), &self.0.rules.external_sources)?;
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let paper = Paper { response: id.clone(), kind: kind.as_str().to_owned(), action };
        let seen: Vec<&str> = response.record.messages.keys().map(|id| &**id).collect();
        let intent = NewOutboxEntry {
            key: format!("feedback: {key}"),
            kind: KIND.to_owned(),
            body: serde_json::to_value(&paper).map_err(StoreError::Json)?,
            context: json!({"who": who, "actor": actor, "email": email, "stand": response.revision, "seen": seen}),
        };
        // A second press is harmless also when the first has changed what is offered.
        if self.0.store.intent_of(&intent.key).await?.is_none() {
            may(&response, kind)?;
        }
        let written = self.0.store.intend(intent).await?;
        self.tell(&written.intent).await;
        let intent = match kind {
            FeedbackActionKind::NoReplyNeeded if written.fresh => self.mark(written.intent).await?,
            _ => written.intent,
        };
        self.0.asked.notify_one();
        Ok(FeedbackReceipt { id: intent.id.as_str().into(), state: outbox::state(&intent), fresh: written.fresh })
    }

    /// Tries a deed again that did not come to its end. One whose end is unknown is looked up first, unless whoever asks
    /// has looked and is sure that it was not done.
    ///
    /// # Errors
    /// See [`FeedbackError`].
    pub async fn retry(
        &self,
        response: &ResponseId,
        deed: &FeedbackActionId,
        who: &FeedbackInput,
        sure: bool,
        actor: Actor,
    ) -> Result<FeedbackReceipt, FeedbackError> {
        let intent = self.0.store.intent(&deed.0).await?.filter(|intent| intent.kind == KIND);
        let intent = intent.ok_or(FeedbackError::NotFound)?;
        let paper = Paper::of(&intent).filter(|paper| paper.response == *response).ok_or(FeedbackError::NotFound)?;
        let kind = paper.kind().ok_or(FeedbackError::NotFound)?;
        let again = if intent.state == IntentState::Unknown && !sure {
            self.0.to_look_up.lock().unwrap_or_else(PoisonError::into_inner).insert(intent.id.clone());
            intent
        } else {
            let response = self.response(response).ok_or(FeedbackError::NotFound)?;
            if matches!(intent.state, IntentState::Failed | IntentState::Rejected | IntentState::Unknown) {
                is_offered(&response, kind)?;
            }
            let again = self.0.store.retry(&intent.id, false).await?;
            let line = NewAuditEntry {
                actor: actor.calling_themselves(who.name(self.0.rules.demo).as_deref()),
                what: "feedback.retry",
                entity: entity(&paper.response),
                before: json!({"deed": intent.id, "state": intent.state.as_str(), "attempts": intent.attempt}),
                after: json!({"deed": intent.id, "state": again.state.as_str(), "sure": sure}),
            };
            let line = self.0.store.audit().begin(line).await?;
            self.0.store.audit().complete(line, "accepted", None).await?;
            again
        };
        self.tell(&again).await;
        self.0.asked.notify_one();
        self.0.metrics.action("feedback.retry", "written");
        Ok(FeedbackReceipt { id: deed.clone(), state: outbox::state(&again), fresh: true })
    }

    /// Our own mark needs nobody's consent: it is done as soon as it is written.
    async fn mark(&self, intent: OutboxEntry) -> Result<OutboxEntry, StoreError> {
        // If the courier was faster, it does the same.
        let Some(claimed) = self.0.store.claim(&intent.id).await? else { return Ok(intent) };
        if let Some(paper) = Paper::of(&claimed) {
            let line = self.0.store.audit().begin(paper.line(&claimed)).await?;
            self.0.store.audit().complete(line, "accepted", None).await?;
        }
        let done = self.0.store.settle(&claimed.id, RequestOutcome::accepted(None)).await?;
        self.tell(&done).await;
        Ok(done)
    }

    fn response(&self, id: &ResponseId) -> Option<Response> {
        match self.0.gold.copy().get(&Key::Response(id.clone())).as_deref() {
            Some(Entity::Response(response)) => Some(Response::clone(response)),
            _ => None,
        }
    }

    async fn tell(&self, intent: &OutboxEntry) {
        if let Some(deed) = deed(intent) {
            self.0.gold.apply(Fact::FeedbackAction(Box::new(deed))).await;
        }
    }
}

/// Whether it may be begun: it is offered, and nobody else is ending the conversation right now.
fn may(response: &Response, kind: FeedbackActionKind) -> Result<(), FeedbackError> {
    is_offered(response, kind)?;
    match response.actions_taken.values().find(|deed| deed.is_pending() && deed.kind.closes_thread()) {
        Some(other) => Err(FeedbackError::InHand { who: other.who.to_string() }),
        None => Ok(()),
    }
}

fn is_offered(response: &Response, kind: FeedbackActionKind) -> Result<(), FeedbackError> {
    let offered = &response.record.actions;
    let is_fine = match kind {
        // Goodays wants to hear of everything that it can be told (`apis.md` G38): the mark is for the rest.
        FeedbackActionKind::NoReplyNeeded => !offered.contains(FeedbackActionKind::Close.as_str()),
        kind => offered.contains(kind.as_str()),
    };
    if is_fine {
        return Ok(());
    }
    Err(FeedbackError::NotOffered { kind, offered: offered.iter().map(ToString::to_string).collect() })
}

/// A row of the outbox as viewers see it.
fn deed(intent: &OutboxEntry) -> Option<FeedbackAction> {
    let paper = Paper::of(intent)?;
    let context = |name: &str| intent.context.get(name).and_then(Value::as_str).unwrap_or_default();
    Some(FeedbackAction {
        id: intent.id.as_str().into(),
        kind: paper.kind()?,
        who: context("who").into(),
        text: paper.action.as_ref().and_then(|action| action.text()).map(Arc::from),
        state: outbox::state(intent),
        reason: intent.reason.as_deref().map(Arc::from),
        attempts: intent.attempt,
        revision: context("stand").into(),
        created: intent.created,
        changed: intent.changed,
        response: paper.response,
    })
}
