//! Whether the customer of an interaction that is over is asked how it was, and what is sent.
//!
//! Never two for one interaction: the key of a request is the interaction's, it is in the outbox for ever, and a session
//! and the conversation that it belongs to have one key between them (`apis.md` J17). Where neither names the other, the
//! second finds the first all the same ([`counterpart`](super::counterpart)).

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
use crate::store::{NewOutboxEntry, StoreError, SurveyTrigger};
use crate::upstream::agent_connect::{Customer, Employee, Request};
use base::Lifecycle;

/// Reasons of which nobody needs to hear each time: the customer was asked, or nobody ever is.
const SILENT: [SkipReason; 2] = [SkipReason::AlreadyAsked, SkipReason::SwitchedOff];

/// How old an interaction may be that is still counted today as one about which nobody is asked.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Considers everybody until the process stops.
pub(super) async fn consider_all(
    desk: Surveys,
    mut helped: mpsc::Receiver<PendingDecision>,
    mut reporter: Reporter,
    life: Lifecycle,
) {
    reporter.set_state(SourceState::Live, None);
    loop {
        reporter.publish().await;
        let (one, answer) = tokio::select! {
            () = life.stopping() => return,
            one = helped.recv() => match one {
                Some(one) => one,
                None => return,
            },
            // Counts that were too young to be told.
            () = tokio::time::sleep(std::time::Duration::from_secs(1)), if reporter.has_unpublished() => continue,
        };
        let now = reporter.clock().now();
        let (became, by_hand) = desk.consider(&one, now).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "a survey request could not be stored yet");
            (SurveyDecision::Retry, false)
        });
        if let Some(counter) = became.counter() {
            reporter.count(counter);
        }
        if let SurveyDecision::Skipped(why) = became
            && !SILENT.contains(&why)
        {
            desk.remember_unasked(&desk.not_asked(&one, why, now)).await;
        }
        if let SurveyDecision::Skipped(why) = became
            // A person's request covers it, which is counted once it is over.
            && (is_uncovered(why) || by_hand)
            // What is heard of days later is none of today's.
            && one.ended.is_none_or(|ended| now.duration_since(ended) < DAY)
        {
            desk.0.gold.apply(Fact::SurveySkipped(Box::new(desk.not_asked(&one, why, now)))).await;
        }
        // Whoever no longer listens is stopping.
        let _ = answer.send(became);
    }
}

impl Surveys {
    /// Decides, and writes down what is decided. Whether it was a person who had asked already.
    async fn consider(&self, helped: &EndedInteraction, now: Timestamp) -> Result<(SurveyDecision, bool), StoreError> {
        let _one_at_a_time = self.0.asking.lock().await;
        match self.decide(helped, now).await {
            Ok(became) => Ok((became, false)),
            Err(StoreError::AlreadyRequested(before)) => {
                let by_hand = before.context["origin"] == SurveyOrigin::Manual.as_str();
                Ok((SurveyDecision::Skipped(SkipReason::AlreadyAsked), by_hand))
            }
            Err(error) => Err(error),
        }
    }

    async fn decide(&self, helped: &EndedInteraction, now: Timestamp) -> Result<SurveyDecision, StoreError> {
        let (sending, origin) = match &helped.interaction {
            Interaction::Session(_) => (self.0.rules.sessions, SurveyOrigin::Session),
            Interaction::Conversation { .. } => (self.0.rules.conversations, SurveyOrigin::Conversation),
        };
        if sending == Sending::Off {
            return Ok(SurveyDecision::Skipped(SkipReason::SwitchedOff));
        }
        let request = match self.request_for(helped) {
            Ok(request) => request,
            Err(unfit) => return Ok(SurveyDecision::Skipped(unfit)),
        };
        if self.asked_elsewhere(helped) {
            return Ok(SurveyDecision::Skipped(SkipReason::AlreadyAsked));
        }
        let Some(key) = self.key_of(&helped.interaction, helped.conversation.as_deref()).await? else {
            return Ok(SurveyDecision::Skipped(SkipReason::AlreadyAsked));
        };
        // One that was asked about in time may be told again at any time.
        if self.0.store.outbox().by_key(&key).await?.is_some() {
            return Ok(SurveyDecision::Skipped(SkipReason::AlreadyAsked));
        }
        if self.is_too_long_ago(helped, now) {
            return Ok(SurveyDecision::Skipped(SkipReason::TooLongAgo));
        }
        let (mut held, side) = (helped.hold_reason.as_ref().map(ToString::to_string), self.side(helped));
        if let Some(side) = &side {
            let is_session = matches!(helped.interaction, Interaction::Session(_));
            match self.counterpart(is_session, side).await? {
                Counterpart::None => {}
                Counterpart::Found(_, evidence) => {
                    tracing::info!(interaction = ?helped.interaction, %evidence, "it was asked about under another name");
                    return Ok(SurveyDecision::Skipped(SkipReason::AlreadyAsked));
                }
                Counterpart::Several(_, evidence) => {
                    held = held.or_else(|| {
                        Some(format!(
                            "The customer was asked already about what may be the same: {evidence}. Send it if it was \
                             something else."
                        ))
                    });
                }
            }
        }
        let (session, rev) = match &helped.interaction {
            Interaction::Session(session) => (Some(session.0), None),
            Interaction::Conversation { rev, .. } => (None, *rev),
        };
        let first = format!("conversation:{}", conversation_of(helped).unwrap_or_default());
        let is_another_end = key.starts_with(&first) && key != first;
        let mut request = request;
        request.custom_properties.insert("callboard_request".to_owned(), key.clone());
        let new = NewOutboxEntry {
            key,
            kind: REQUEST.to_owned(),
            body: serde_json::to_value(request.tidy()).map_err(StoreError::Json)?,
            context: json!({
                "origin": origin.as_str(), "session": session, "conversation": conversation_of(helped), "rev": rev,
                "dryRun": sending == Sending::DryRun && held.is_none(), "call": side, "note": helped.note,
            }),
        };
        let (held, how) = match (sending, held) {
            (_, Some(reason)) => (Some(Some(reason)), "held"),
            (Sending::DryRun, None) => (Some(None), "dryRun"),
            _ => (None, "asked"),
        };
        let asking = if is_another_end { SurveyTrigger::Reclosed } else { SurveyTrigger::Automatic };
        match self.0.store.outbox().enqueue_survey(Self::names_of(helped), asking, new, held, None).await {
            Ok(written) if written.is_new => {
                self.written(&written.entry, true).await;
                Ok(SurveyDecision::Requested(how))
            }
            // The other half of the interaction was here first, in other words.
            Ok(_) | Err(StoreError::KeyReused) => Ok(SurveyDecision::Skipped(SkipReason::AlreadyAsked)),
            Err(error) => Err(error),
        }
    }

    /// Whether nobody would remember what they are asked about. What nobody can say when it ended has just ended.
    fn is_too_long_ago(&self, helped: &EndedInteraction, now: Timestamp) -> bool {
        let within = SignedDuration::try_from(self.0.rules.ask_within).unwrap_or(SignedDuration::MAX);
        helped.ended.is_some_and(|ended| now.duration_since(ended) > within)
    }

    /// What would be sent, or why nothing is.
    fn request_for(&self, helped: &EndedInteraction) -> Result<Request, SkipReason> {
        if let Some(unfit) = helped.skip_reason {
            return Err(unfit);
        }
        let given = |text: &Option<std::sync::Arc<str>>| {
            text.as_deref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let employee = match given(&helped.employee_email) {
            Some(email) => Employee { email: Some(email), custom_id: None },
            None => self.employee(helped.agent).ok_or(SkipReason::AgentNotMapped)?,
        };
        let email = given(&helped.email);
        let channel = given(&helped.channel).or_else(|| helped.modality.as_ref().map(|it| channel(it).to_owned()));
        let (interaction, session) = match &helped.interaction {
            Interaction::Session(session) => (session.to_string(), Some(session.to_string())),
            Interaction::Conversation { id, .. } => (id.to_string(), None),
        };
        let conversation = conversation_of(helped);
        // Our ids come back in the results, and make joins certain (`apis.md` D.6).
        let queue = helped.queue.filter(|queue| queue.special_name().is_none()).map(|queue| queue.to_string());
        let properties = [
            ("callboard_session", session),
            ("callboard_conversation", conversation.clone()),
            ("callboard_queue", queue),
        ];
        let request = Request {
            // Without a name the address stands in, which is how the upstream would greet them (`apis.md` B170).
            customer: Customer { name: given(&helped.customer).or_else(|| email.clone()), email },
            employee,
            channel: channel.ok_or(SkipReason::NoChannel)?,
            ext_interaction_id: conversation.unwrap_or(interaction),
            external_url: given(&helped.link),
            tags: helped.tags.iter().map(ToString::to_string).collect(),
            do_not_send: helped.do_not_send,
            custom_properties: properties
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect::<BTreeMap<_, _>>(),
            ..Request::default()
        };
        request.check().map_err(|_| SkipReason::NoCustomerEmail)?;
        Ok(request)
    }

    /// Nobody is asked. Whose customer it was is known by number, or by the address that another system has of them.
    fn not_asked(&self, helped: &EndedInteraction, why: SkipReason, at: Timestamp) -> SkippedSurvey {
        let called = helped.employee_email.as_deref();
        let agent = || AgentDirectory::from_copy(self.0.gold.copy()).find(&[called?], None);
        SkippedSurvey {
            interaction: helped.interaction.clone(),
            conversation: helped.conversation.clone(),
            at,
            queue: helped.queue,
            agent: helped.agent.or_else(agent),
            reason: why,
        }
    }

    /// How Agent Connect knows an agent: by address, else by a table.
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

/// Whether a customer was helped who might have been asked. What is asked about already is counted where it is asked, what
/// goes on or never began has not ended, and what is switched off is nobody's to cover.
fn is_uncovered(why: SkipReason) -> bool {
    const OTHERS: [SkipReason; 5] = [
        SkipReason::AlreadyAsked,
        SkipReason::SwitchedOff,
        SkipReason::Abandoned,
        SkipReason::Transferred,
        SkipReason::NeverEnded,
    ];
    !OTHERS.contains(&why)
}

/// A kind of contact in the upstream's words.
fn channel(modality: &Modality) -> &str {
    match modality.as_str() {
        "audio" => "phone",
        "instantMessage" => "chat",
        "message" => "email",
        other => other,
    }
}
