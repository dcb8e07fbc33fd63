//! Knows the way to Goodays.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::lookup::LookUp;
use super::paper::{self, Paper};
use super::verdict::{Sight, verdict};
use super::{FeedbackActions, KIND, SHOWN};
use crate::actions::outbox::{DeliveryOutcome, Destination, LookupResult};
use base::Clock;
use crate::domain::{ResponseId, SourceName, SourceState};
use crate::gold::{Entity, Key};
use crate::store::{OutboxEntry, NewAuditEntry, Store};
use crate::upstream::goodays::{Action, CallError, Goodays, wire};

/// How long what Goodays knows of a colleague is believed.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct GoodaysDestination {
    desk: FeedbackActions,
    upstream: Goodays,
    clock: Clock,
    look_up: LookUp,
    found: mpsc::UnboundedSender<Value>,
    trouble: watch::Sender<Option<Arc<str>>>,
    /// Colleagues by e-mail address, and when Goodays was asked for them.
    users: HashMap<String, (Option<String>, Timestamp)>,
    /// Responses of which Goodays knows more than it has told.
    to_refresh: BTreeSet<ResponseId>,
}

impl GoodaysDestination {
    pub fn new(
        desk: FeedbackActions,
        upstream: Goodays,
        clock: Clock,
        found: mpsc::UnboundedSender<Value>,
        trouble: watch::Sender<Option<Arc<str>>>,
    ) -> Self {
        let look_up = LookUp::new(upstream.clone(), clock.clone());
        let (users, to_refresh) = (HashMap::new(), BTreeSet::new());
        Self { desk, upstream, clock, look_up, found, trouble, users, to_refresh }
    }

    /// Sends it, with a line in the audit around it: what cannot be written there is not done.
    async fn send(&mut self, intent: &OutboxEntry, paper: &Paper, action: Action) -> DeliveryOutcome {
        let store = self.desk.0.store.clone();
        let user = self.user(intent.context.get("email").and_then(Value::as_str)).await;
        let line = match store.audit().begin(paper.line(intent)).await {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(error = %error, "the audit cannot be written, so nothing is sent");
                let reason = "It could not be written to the audit, so it was not sent.".to_owned();
                return DeliveryOutcome::NotNow { reason, retry_after: None };
            }
        };
        let sent = self.upstream.act(&paper.response.0, &action.with_user(user)).await;
        let carried = self.understand(paper, sent).await;
        let (result, reason) = match &carried {
            DeliveryOutcome::Accepted(_) => ("accepted", None),
            DeliveryOutcome::Rejected(reason) => ("rejected", Some(reason.clone())),
            DeliveryOutcome::Unknown(reason) => ("unknown", Some(reason.clone())),
            DeliveryOutcome::NotNow { reason, .. } | DeliveryOutcome::NotUntilMended(reason) => ("failed", Some(reason.clone())),
        };
        if let Some(kind) = paper.kind() {
            self.desk.0.metrics.action(paper::name(kind), result);
        }
        let trouble = carried.is_trouble().then(|| reason.as_deref().map(Arc::from)).flatten();
        self.trouble.send_if_modified(|known| std::mem::replace(known, trouble.clone()) != trouble);
        if let Err(error) = store.audit().complete(line, result, reason).await {
            // The line stays open, and the next start says of it that nobody knows.
            tracing::error!(error = %error, line, "how an answer ended could not be written to the audit");
        }
        carried
    }

    async fn understand(&mut self, paper: &Paper, sent: Result<(), CallError>) -> DeliveryOutcome {
        match sent {
            Ok(()) => {
                self.to_refresh.insert(paper.response.clone());
                DeliveryOutcome::Accepted(None)
            }
            Err(error @ CallError::Rejected { .. }) => DeliveryOutcome::Rejected(self.why_refused(paper, &error).await),
            Err(error @ CallError::Invalid(_)) => DeliveryOutcome::Rejected(error.to_string()),
            Err(error @ (CallError::NoAnswer(_) | CallError::ServerError { .. } | CallError::UnusableReceipt(_))) => {
                DeliveryOutcome::Unknown(error.to_string())
            }
            Err(error @ CallError::Redirected { .. }) => {
                DeliveryOutcome::NotNow { reason: error.to_string(), retry_after: None }
            }
            Err(error @ CallError::KeyRefused { .. }) => DeliveryOutcome::NotUntilMended(error.to_string()),
            Err(CallError::Overloaded { status, retry_after }) => {
                DeliveryOutcome::NotNow { reason: CallError::Overloaded { status, retry_after }.to_string(), retry_after }
            }
            Err(error @ CallError::NotSent(_)) => DeliveryOutcome::NotNow { reason: error.to_string(), retry_after: None },
        }
    }

    /// Most often a colleague was faster, in Goodays itself (`apis.md` B155). It is asked, and the page is told.
    async fn why_refused(&mut self, paper: &Paper, error: &CallError) -> String {
        match self.look(&paper.response).await {
            Some(now) if !now.offers(paper) => format!("Already handled by somebody else. {error}"),
            _ => error.to_string(),
        }
    }

    /// Looks a response up, and has what is found taken in like an event.
    async fn look(&mut self, id: &ResponseId) -> Option<Sight> {
        let created = self.desk.response(id).and_then(|response| response.record.created);
        let raw = self.look_up.find(id, created).await?;
        let response = wire::Response::read(&raw)?;
        // Whoever takes it in lives as long as we do.
        let _ = self.found.send(raw);
        Some(Sight::of_response(response))
    }

    /// The identity of a colleague in Goodays. It is optional (`apis.md` B150): without an answer it is left out.
    async fn user(&mut self, email: Option<&str>) -> Option<String> {
        let (email, now) = (email?, self.clock.now());
        if let Some((user, asked)) = self.users.get(email)
            && now.duration_since(*asked) < KNOWN_FOR
        {
            return user.clone();
        }
        match self.upstream.user(email).await {
            Ok(user) => {
                self.users.insert(email.to_owned(), (user.clone(), now));
                user
            }
            Err(error) => {
                tracing::info!(error = %error, "a colleague could not be looked up; Goodays is not told who answers");
                None
            }
        }
    }

    /// Whether the inbox has been read: before that, nobody knows what is offered.
    fn knows_responses(&self) -> bool {
        let source = self.desk.0.gold.copy().get(&Key::Source(SourceName::Goodays));
        matches!(source.as_deref(), Some(Entity::Source(health)) if health.state == SourceState::Live)
    }

    /// What a look-up found goes to the audit too: the line of the deed itself ended without knowing.
    async fn note_finding(&self, intent: &OutboxEntry, paper: &Paper, finding: &LookupResult) {
        let (result, reason) = match finding {
            LookupResult::Done => ("accepted", None),
            LookupResult::Never(reason) => ("rejected", Some(reason.clone())),
            LookupResult::NotDone | LookupResult::NobodyKnows => return,
        };
        let before = json!({"state": "unknown"});
        let line = NewAuditEntry { what: "feedback.lookup", before, ..paper.line(intent) };
        let written = match self.desk.0.store.audit().begin(line).await {
            Ok(line) => self.desk.0.store.audit().complete(line, result, reason).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(error = %error, "what a look-up found could not be written to the audit");
        }
    }
}

impl Destination for GoodaysDestination {
    const KINDS: &'static [&'static str] = &[KIND];
    const WHAT: &'static str = "answers to customers";
    const SHOWN: u32 = SHOWN;

    fn store(&self) -> &Store {
        &self.desk.0.store
    }

    async fn knocked(&self) {
        self.desk.0.asked.notified().await;
    }

    fn is_ready(&self, intent: &OutboxEntry) -> bool {
        self.knows_responses() || Paper::of(intent).is_none_or(|paper| self.desk.response(&paper.response).is_some())
    }

    async fn carry(&mut self, intent: &OutboxEntry) -> DeliveryOutcome {
        let Some(paper) = Paper::of(intent) else {
            return DeliveryOutcome::Rejected("The answer in the outbox cannot be read.".to_owned());
        };
        let Some(action) = paper.action.clone() else { return DeliveryOutcome::Accepted(None) };
        // What a colleague's deed before this one has changed must be known.
        self.desk.0.gold.flush().await;
        match self.desk.response(&paper.response) {
            None => DeliveryOutcome::Rejected("This response is not known here any more.".to_owned()),
            Some(response) if !response.record.actions.contains(action.name()) => {
                DeliveryOutcome::Rejected("Already handled: Goodays no longer offers this. It was not sent.".to_owned())
            }
            Some(_) => self.send(intent, &paper, action).await,
        }
    }

    async fn show(&self, intent: &OutboxEntry) {
        self.desk.tell(intent).await;
    }

    async fn rest(&mut self, _well: bool) {
        for id in std::mem::take(&mut self.to_refresh) {
            self.look(&id).await;
        }
    }

    fn lane(intent: &OutboxEntry) -> Option<String> {
        Paper::of(intent).map(|paper| paper.response.to_string())
    }

    async fn look_up(&mut self, intent: &OutboxEntry) -> LookupResult {
        let Some(paper) = Paper::of(intent) else { return LookupResult::NobodyKnows };
        let seen: Vec<String> =
            intent.context.get("seen").cloned().and_then(|seen| serde_json::from_value(seen).ok()).unwrap_or_default();
        let decided_at = intent.context.get("stand").and_then(Value::as_str);
        self.desk.0.gold.flush().await;
        // An event since may tell it already. That nothing has come of it, no event can tell.
        let told = self.desk.response(&paper.response).filter(|response| Some(&*response.revision) != decided_at);
        let told = told.map(|response| verdict(&paper, &seen, &Sight::of_reading(&response.record)));
        let finding = match told {
            Some(finding @ (LookupResult::Done | LookupResult::Never(_))) => finding,
            _ => match self.look(&paper.response).await {
                Some(now) => verdict(&paper, &seen, &now),
                None => LookupResult::NobodyKnows,
            },
        };
        self.note_finding(intent, &paper, &finding).await;
        finding
    }

    fn is_wanted_now(&mut self, intent: &OutboxEntry) -> bool {
        self.desk.0.to_look_up.lock().unwrap_or_else(PoisonError::into_inner).remove(&intent.id)
    }
}
