//! Delivers requested actions to Goodays.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::lookup::ResponseLookup;
use super::request::{FeedbackRequest, audit_action};
use super::resolve::{ResponseSnapshot, resolve};
use super::{FeedbackActions, KIND, SHOWN};
use crate::actions::outbox::{DeliveryOutcome, Destination, LookupResult};
use crate::domain::{ResponseId, SourceName, SourceState};
use crate::gold::{Entity, Key};
use crate::store::{NewAuditEntry, OutboxEntry, Store};
use crate::upstream::goodays::{Action, CallError, Goodays, wire};
use base::Clock;

/// How long the Goodays user of a colleague is cached.
const USER_CACHED_FOR: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct GoodaysDestination {
    actions: FeedbackActions,
    upstream: Goodays,
    clock: Clock,
    lookup: ResponseLookup,
    found: mpsc::Sender<Value>,
    outage: watch::Sender<Option<Arc<str>>>,
    /// Goodays' users by e-mail address, and when Goodays was asked.
    users: HashMap<String, (Option<String>, Timestamp)>,
    /// Responses that an accepted action changed in Goodays.
    to_refresh: BTreeSet<ResponseId>,
}

impl GoodaysDestination {
    pub fn new(
        actions: FeedbackActions,
        upstream: Goodays,
        clock: Clock,
        found: mpsc::Sender<Value>,
        outage: watch::Sender<Option<Arc<str>>>,
    ) -> Self {
        let lookup = ResponseLookup::new(upstream.clone(), clock.clone());
        let (users, to_refresh) = (HashMap::new(), BTreeSet::new());
        Self { actions, upstream, clock, lookup, found, outage, users, to_refresh }
    }

    /// Sends an action between the two halves of its audit entry: what cannot be audited is not sent.
    async fn send(&mut self, entry: &OutboxEntry, request: &FeedbackRequest, action: Action) -> DeliveryOutcome {
        let store = self.actions.0.store.clone();
        let user = self.user(entry.context.get("email").and_then(Value::as_str)).await;
        let seq = match store.audit().begin(request.audit_entry(entry)).await {
            Ok(seq) => seq,
            Err(error) => {
                tracing::error!(error = %error, "the audit cannot be written, so nothing is sent");
                let reason = "It could not be written to the audit, so it was not sent.".to_owned();
                return DeliveryOutcome::RetryLater { reason, retry_after: None };
            }
        };
        let sent = self.upstream.act(&request.response.0, &action.with_user(user)).await;
        let delivered = self.outcome(request, sent).await;
        let (result, reason) = match &delivered {
            DeliveryOutcome::Accepted(_) => ("accepted", None),
            DeliveryOutcome::Rejected(reason) => ("rejected", Some(reason.clone())),
            DeliveryOutcome::Unknown(reason) => ("unknown", Some(reason.clone())),
            DeliveryOutcome::RetryLater { reason, .. } | DeliveryOutcome::NeedsRepair(reason) => {
                ("failed", Some(reason.clone()))
            }
        };
        if let Some(kind) = request.kind() {
            self.actions.0.metrics.action(audit_action(kind), result);
        }
        let outage = delivered.is_destination_failure().then(|| reason.as_deref().map(Arc::from)).flatten();
        self.outage.send_if_modified(|known| std::mem::replace(known, outage.clone()) != outage);
        if let Err(error) = store.audit().complete(seq, result, reason).await {
            // The entry stays open, and the next start completes it as unknown.
            tracing::error!(error = %error, seq, "the outcome of an action could not be written to the audit");
        }
        delivered
    }

    async fn outcome(&mut self, request: &FeedbackRequest, sent: Result<(), CallError>) -> DeliveryOutcome {
        match sent {
            Ok(()) => {
                self.to_refresh.insert(request.response.clone());
                DeliveryOutcome::Accepted(None)
            }
            Err(error @ CallError::Rejected { .. }) => {
                DeliveryOutcome::Rejected(self.rejection_reason(request, &error).await)
            }
            Err(error @ CallError::Invalid(_)) => DeliveryOutcome::Rejected(error.to_string()),
            Err(error @ (CallError::NoAnswer(_) | CallError::ServerError { .. } | CallError::UnusableReceipt(_))) => {
                DeliveryOutcome::Unknown(error.to_string())
            }
            Err(error @ CallError::Redirected { .. }) => {
                DeliveryOutcome::RetryLater { reason: error.to_string(), retry_after: None }
            }
            Err(error @ CallError::KeyRefused { .. }) => DeliveryOutcome::NeedsRepair(error.to_string()),
            Err(CallError::Overloaded { status, retry_after }) => DeliveryOutcome::RetryLater {
                reason: CallError::Overloaded { status, retry_after }.to_string(),
                retry_after,
            },
            Err(error @ CallError::NotSent(_)) => {
                DeliveryOutcome::RetryLater { reason: error.to_string(), retry_after: None }
            }
        }
    }

    /// Most often a colleague acted first, in Goodays itself (apis.md B155): the response is looked up, which also
    /// updates the page.
    async fn rejection_reason(&mut self, request: &FeedbackRequest, error: &CallError) -> String {
        match self.look_up_response(&request.response).await {
            Some(now) if !now.offers(request) => format!("Already handled by a colleague. {error}"),
            _ => error.to_string(),
        }
    }

    /// Looks a response up in Goodays and forwards what is found to the Goodays feed.
    async fn look_up_response(&mut self, id: &ResponseId) -> Option<ResponseSnapshot> {
        let created = self.actions.response(id).and_then(|response| response.record.created);
        let raw = self.lookup.find(id, created).await?;
        let response = wire::Response::read(&raw)?;
        forward(&self.found, raw).await;
        Some(ResponseSnapshot::of_wire(response))
    }

    /// Goodays' id of a colleague. It is optional (apis.md B150): without an answer it is left out.
    async fn user(&mut self, email: Option<&str>) -> Option<String> {
        let (email, now) = (email?, self.clock.now());
        if let Some((user, asked)) = self.users.get(email)
            && now.duration_since(*asked) < USER_CACHED_FOR
        {
            return user.clone();
        }
        match self.upstream.user(email).await {
            Ok(user) => {
                self.users.insert(email.to_owned(), (user.clone(), now));
                user
            }
            Err(error) => {
                tracing::info!(error = %error, "Goodays could not look up a user; the action is sent without one");
                None
            }
        }
    }

    /// Whether the inbox was read. Before that, it is unknown what Goodays offers.
    fn is_inbox_read(&self) -> bool {
        let source = self.actions.0.gold.copy().get(&Key::Source(SourceName::Goodays));
        matches!(source.as_deref(), Some(Entity::Source(health)) if health.state == SourceState::Live)
    }

    /// Audits what a lookup found: the entry of the action itself was completed as unknown.
    async fn audit_lookup(&self, entry: &OutboxEntry, request: &FeedbackRequest, result: &LookupResult) {
        let (outcome, reason) = match result {
            LookupResult::Done => ("accepted", None),
            LookupResult::NotPossible(reason) => ("rejected", Some(reason.clone())),
            LookupResult::NotDone | LookupResult::Unknown => return,
        };
        let before = json!({"state": "unknown"});
        let audit_entry = NewAuditEntry { action: "feedback.lookup", before, ..request.audit_entry(entry) };
        let audit = self.actions.0.store.audit();
        let written = match audit.begin(audit_entry).await {
            Ok(seq) => audit.complete(seq, outcome, reason).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(error = %error, "the result of a lookup could not be written to the audit");
        }
    }
}

/// Hands a response to the Goodays feed. Waits while the feed is behind, so that none is lost; a feed that has ended is
/// stopping with the process.
async fn forward(found: &mpsc::Sender<Value>, response: Value) {
    let _ = found.send(response).await;
}

impl Destination for GoodaysDestination {
    const KINDS: &'static [&'static str] = &[KIND];
    const NAME: &'static str = "answers to customers";
    const SHOWN: u32 = SHOWN;

    fn store(&self) -> &Store {
        &self.actions.0.store
    }

    async fn requested(&self) {
        self.actions.0.requested.notified().await;
    }

    fn is_ready(&self, entry: &OutboxEntry) -> bool {
        self.is_inbox_read()
            || FeedbackRequest::of(entry).is_none_or(|request| self.actions.response(&request.response).is_some())
    }

    async fn deliver(&mut self, entry: &OutboxEntry) -> DeliveryOutcome {
        let Some(request) = FeedbackRequest::of(entry) else {
            return DeliveryOutcome::Rejected("The action in the outbox cannot be read.".to_owned());
        };
        let Some(action) = request.action.clone() else { return DeliveryOutcome::Accepted(None) };
        // What an earlier action has changed must be known.
        self.actions.0.gold.flush().await;
        match self.actions.response(&request.response) {
            None => DeliveryOutcome::Rejected("This response is not known here any more.".to_owned()),
            Some(response) if !response.record.actions.contains(action.name()) => {
                DeliveryOutcome::Rejected("Already handled: Goodays no longer offers this. It was not sent.".to_owned())
            }
            Some(_) => self.send(entry, &request, action).await,
        }
    }

    async fn publish(&self, entry: &OutboxEntry) {
        self.actions.publish(entry).await;
    }

    async fn round_ended(&mut self, _is_outbox_usable: bool) {
        for id in std::mem::take(&mut self.to_refresh) {
            self.look_up_response(&id).await;
        }
    }

    fn ordering_key(entry: &OutboxEntry) -> Option<String> {
        FeedbackRequest::of(entry).map(|request| request.response.to_string())
    }

    async fn look_up(&mut self, entry: &OutboxEntry) -> LookupResult {
        let Some(request) = FeedbackRequest::of(entry) else { return LookupResult::Unknown };
        let seen: Vec<String> =
            entry.context.get("seen").cloned().and_then(|seen| serde_json::from_value(seen).ok()).unwrap_or_default();
        let revision_then = entry.context.get("revision").and_then(Value::as_str);
        self.actions.0.gold.flush().await;
        // An event since then may show that it was done, or no longer can be. That it was not done, only Goodays knows.
        let changed =
            self.actions.response(&request.response).filter(|response| Some(&*response.revision) != revision_then);
        let from_events =
            changed.map(|response| resolve(&request, &seen, &ResponseSnapshot::of_record(&response.record)));
        let result = match from_events {
            Some(result @ (LookupResult::Done | LookupResult::NotPossible(_))) => result,
            _ => match self.look_up_response(&request.response).await {
                Some(now) => resolve(&request, &seen, &now),
                None => LookupResult::Unknown,
            },
        };
        self.audit_lookup(entry, &request, &result).await;
        result
    }

    fn is_lookup_requested(&mut self, entry: &OutboxEntry) -> bool {
        self.actions.0.lookup_requested.lock().remove(&entry.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn forward_waits_while_the_feed_is_behind_and_loses_nothing() {
        let (found, mut responses) = mpsc::channel(2);
        let forwarding = tokio::spawn(async move {
            for number in 0..5 {
                forward(&found, json!(number)).await;
            }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!forwarding.is_finished(), "the channel holds two of five");
        let mut received = Vec::new();
        while let Some(response) = responses.recv().await {
            received.push(response);
        }
        assert_eq!(received, [0, 1, 2, 3, 4].map(|number| json!(number)));
        forwarding.await.expect("an end");
    }

    #[tokio::test]
    async fn forward_to_an_ended_feed_returns() {
        let (found, responses) = mpsc::channel(1);
        drop(responses);
        forward(&found, json!(1)).await;
    }
}
