//! The survey decision about an ended interaction: whether its customer is surveyed, and what is sent.
//!
//! There is at most one request about an interaction: its key is the interaction's, it stays in the outbox forever, and
//! a session and the conversation that it belongs to share one key (apis.md J17). Where neither names the other, the
//! second finds the first by evidence ([`counterpart`](super::counterpart)).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::mpsc;

use super::counterpart::Counterpart;
use super::duplicates::conversation_of;
use super::{REQUEST, Surveys};
use crate::config::Sending;
use crate::domain::{
    AgentId, EndedInteraction, Fact, Interaction, Modality, SkipReason, SkippedSurvey, SourceState, SurveyOrigin,
};
use crate::gold::directory::AgentDirectory;
use crate::gold::ended_interactions::{PendingDecision, SurveyDecision};
use crate::gold::{Entity, Key, Reporter};
use crate::store::{InitialState, NewOutboxEntry, StoreError, SurveyTrigger};
use crate::upstream::agent_connect::{Customer, Employee, Request};
use base::Lifecycle;

/// Reasons that are not listed for people: the customer was surveyed, or no customer ever is.
const UNLISTED: [SkipReason; 2] = [SkipReason::AlreadyRequested, SkipReason::Disabled];

/// How old a skipped interaction may be to be counted in today's coverage.
const COUNTED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Decides about every interaction that comes from the channel, until the process stops.
pub(super) async fn decide_all(
    surveys: Surveys,
    mut ended: mpsc::Receiver<PendingDecision>,
    mut reporter: Reporter,
    life: Lifecycle,
) {
    reporter.set_state(SourceState::Live, None);
    loop {
        reporter.publish().await;
        let (interaction, answer) = tokio::select! {
            () = life.stopping() => return,
            pending = ended.recv() => match pending {
                Some(pending) => pending,
                None => return,
            },
            // Counters that are not published yet.
            () = tokio::time::sleep(std::time::Duration::from_secs(1)), if reporter.has_unpublished() => continue,
        };
        let now = reporter.clock().now();
        let (decision, is_manual) = surveys.decide(&interaction, now).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "a survey request could not be stored yet");
            (SurveyDecision::Retry, false)
        });
        if let Some(counter) = decision.counter() {
            reporter.count(counter);
        }
        if let SurveyDecision::Skipped(reason) = decision {
            let skipped = surveys.skipped_survey(&interaction, reason, now);
            if !UNLISTED.contains(&reason) {
                surveys.store_skipped(&skipped).await;
            }
            // A manual request covers the interaction, and is counted once that has ended.
            let is_counted = is_coverage_gap(reason) || is_manual;
            // An interaction that is reported days later does not belong to today.
            if is_counted && interaction.ended.is_none_or(|ended| now.duration_since(ended) < COUNTED_FOR) {
                surveys.0.gold.apply(Fact::SurveySkipped(Box::new(skipped))).await;
            }
        }
        // A caller that no longer waits is stopping.
        let _ = answer.send(decision);
    }
}

impl Surveys {
    /// Decides and stores the decision. The flag: whether an earlier manual request prevented this one.
    async fn decide(&self, ended: &EndedInteraction, now: Timestamp) -> Result<(SurveyDecision, bool), StoreError> {
        let _deciding = self.0.deciding.lock().await;
        match self.request_automatically(ended, now).await {
            Ok(decision) => Ok((decision, false)),
            Err(StoreError::AlreadyRequested(earlier)) => {
                let is_manual = earlier.context["origin"] == SurveyOrigin::Manual.as_str();
                Ok((SurveyDecision::Skipped(SkipReason::AlreadyRequested), is_manual))
            }
            Err(error) => Err(error),
        }
    }

    async fn request_automatically(
        &self,
        ended: &EndedInteraction,
        now: Timestamp,
    ) -> Result<SurveyDecision, StoreError> {
        let (sending, origin) = match &ended.interaction {
            Interaction::Session(_) => (self.0.rules.sessions, SurveyOrigin::Session),
            Interaction::Conversation { .. } => (self.0.rules.conversations, SurveyOrigin::Conversation),
        };
        if sending == Sending::Off {
            return Ok(SurveyDecision::Skipped(SkipReason::Disabled));
        }
        let request = match self.request_for(ended) {
            Ok(request) => request,
            Err(reason) => return Ok(SurveyDecision::Skipped(reason)),
        };
        if self.is_requested_externally(ended) {
            return Ok(SurveyDecision::Skipped(SkipReason::AlreadyRequested));
        }
        let Some(key) = self.key_of(&ended.interaction, ended.conversation.as_deref()).await? else {
            return Ok(SurveyDecision::Skipped(SkipReason::AlreadyRequested));
        };
        // An interaction with a request may be reported again at any later time.
        if self.0.store.outbox().by_key(&key).await?.is_some() {
            return Ok(SurveyDecision::Skipped(SkipReason::AlreadyRequested));
        }
        if self.is_too_old(ended, now) {
            return Ok(SurveyDecision::Skipped(SkipReason::TooOld));
        }
        let (mut hold_reason, side) = (ended.hold_reason.as_ref().map(ToString::to_string), self.match_side(ended));
        if let Some(side) = &side {
            let is_session = matches!(ended.interaction, Interaction::Session(_));
            match self.counterpart(is_session, side).await? {
                Counterpart::None => {}
                Counterpart::Found(_, evidence) => {
                    tracing::info!(interaction = ?ended.interaction, %evidence, "a survey about this interaction was \
                        requested under another name");
                    return Ok(SurveyDecision::Skipped(SkipReason::AlreadyRequested));
                }
                Counterpart::Several(_, evidence) => {
                    hold_reason = hold_reason.or_else(|| {
                        Some(format!(
                            "The customer was already surveyed about what may be the same interaction: {evidence}. \
                             Send it if it was another one."
                        ))
                    });
                }
            }
        }
        let (session, rev) = match &ended.interaction {
            Interaction::Session(session) => (Some(session.0), None),
            Interaction::Conversation { rev, .. } => (None, *rev),
        };
        let first = format!("conversation:{}", conversation_of(ended).unwrap_or_default());
        let is_reclosed = key.starts_with(&first) && key != first;
        let mut request = request;
        request.custom_properties.insert("callboard_request".to_owned(), key.clone());
        let new = NewOutboxEntry {
            key,
            kind: REQUEST.to_owned(),
            body: serde_json::to_value(request.tidy()).map_err(StoreError::Json)?,
            context: json!({
                "origin": origin.as_str(), "session": session, "conversation": conversation_of(ended), "rev": rev,
                "call": side, "note": ended.note,
            }),
        };
        let initial = match (sending, hold_reason) {
            (_, Some(reason)) => InitialState::NeedsReview(Some(reason)),
            (Sending::DryRun, None) => InitialState::DryRun,
            _ => InitialState::Queued,
        };
        let trigger = if is_reclosed { SurveyTrigger::Reclosed } else { SurveyTrigger::Automatic };
        match self.0.store.outbox().enqueue_survey(Self::names_of(ended), trigger, new, initial, None).await {
            Ok(written) if written.is_new => {
                self.receipt(&written.entry, true).await;
                Ok(SurveyDecision::Requested(written.entry.state))
            }
            // The counterpart of the interaction came first.
            Ok(_) | Err(StoreError::KeyReused) => Ok(SurveyDecision::Skipped(SkipReason::AlreadyRequested)),
            Err(error) => Err(error),
        }
    }

    /// Whether the customer would no longer remember it. An interaction without a known end has just ended.
    fn is_too_old(&self, ended: &EndedInteraction, now: Timestamp) -> bool {
        let within = SignedDuration::try_from(self.0.rules.ask_within).unwrap_or(SignedDuration::MAX);
        ended.ended.is_some_and(|at| now.duration_since(at) > within)
    }

    /// The request to send, or why there is none.
    fn request_for(&self, ended: &EndedInteraction) -> Result<Request, SkipReason> {
        if let Some(reason) = ended.skip_reason {
            return Err(reason);
        }
        let given = |text: &Option<std::sync::Arc<str>>| {
            text.as_deref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let employee = match given(&ended.employee_email) {
            Some(email) => Employee { email: Some(email), custom_id: None },
            None => self.employee(ended.agent).ok_or(SkipReason::AgentNotMapped)?,
        };
        let email = given(&ended.email);
        let channel = given(&ended.channel).or_else(|| ended.modality.as_ref().map(|it| channel(it).to_owned()));
        let (interaction, session) = match &ended.interaction {
            Interaction::Session(session) => (session.to_string(), Some(session.to_string())),
            Interaction::Conversation { id, .. } => (id.to_string(), None),
        };
        let conversation = conversation_of(ended);
        // Agent Connect returns custom properties with the result, which is then matched with certainty (apis.md D.6).
        let queue = ended.queue.filter(|queue| queue.special_name().is_none()).map(|queue| queue.to_string());
        let properties = [
            ("callboard_session", session),
            ("callboard_conversation", conversation.clone()),
            ("callboard_queue", queue),
        ];
        let request = Request {
            // Agent Connect greets a customer without a name by their address (apis.md B170).
            customer: Customer { name: given(&ended.customer).or_else(|| email.clone()), email },
            employee,
            channel: channel.ok_or(SkipReason::NoChannel)?,
            ext_interaction_id: conversation.unwrap_or(interaction),
            external_url: given(&ended.link),
            tags: ended.tags.iter().map(ToString::to_string).collect(),
            do_not_send: ended.do_not_send,
            custom_properties: properties
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect::<BTreeMap<_, _>>(),
            ..Request::default()
        };
        request.check().map_err(|_| SkipReason::NoCustomerEmail)?;
        Ok(request)
    }

    /// What is known of a skipped interaction. Its agent is known by number, or by the address in another system.
    fn skipped_survey(&self, ended: &EndedInteraction, reason: SkipReason, at: Timestamp) -> SkippedSurvey {
        let email = ended.employee_email.as_deref();
        let agent = || AgentDirectory::from_copy(self.0.gold.copy()).find(&[email?], None);
        SkippedSurvey {
            interaction: ended.interaction.clone(),
            conversation: ended.conversation.clone(),
            at,
            queue: ended.queue,
            agent: ended.agent.or_else(agent),
            reason,
        }
    }

    /// The Agent Connect employee that an agent is: by address, else by the site's table.
    fn employee(&self, agent: Option<AgentId>) -> Option<Employee> {
        let agent = agent?;
        let by_id = self.0.rules.by_custom_id.iter().filter(|(_, known)| **known == agent).map(|(id, _)| id).min();
        match self.0.gold.copy().get(&Key::Agent(agent)).as_deref() {
            Some(Entity::Agent(known)) if known.email.is_some() => {
                Some(Employee { email: known.email.as_deref().map(str::to_owned), custom_id: by_id.cloned() })
            }
            _ => by_id.map(|id| Employee { email: None, custom_id: Some(id.clone()) }),
        }
    }
}

/// Whether a handled interaction lacks a survey that it could have had. One that was requested is counted with its
/// request, one that was abandoned, transferred or has not ended was not handled to its end, and what is switched off
/// is not meant to be covered.
fn is_coverage_gap(reason: SkipReason) -> bool {
    const NO_GAP: [SkipReason; 5] = [
        SkipReason::AlreadyRequested,
        SkipReason::Disabled,
        SkipReason::Abandoned,
        SkipReason::Transferred,
        SkipReason::NotEnded,
    ];
    !NO_GAP.contains(&reason)
}

/// The channel as Agent Connect names it.
fn channel(modality: &Modality) -> &str {
    match modality.as_str() {
        "audio" => "phone",
        "instantMessage" => "chat",
        "message" => "email",
        other => other,
    }
}
