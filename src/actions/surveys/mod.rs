//! Survey requests: asks Agent Connect to survey a customer about the agent who helped them.
//!
//! A request is in the outbox before it is sent, and its progress is published as facts. What may have arrived is never
//! sent again automatically: two surveys about one conversation are worse than none.

mod automatic;
mod counterpart;
mod destination;
mod duplicates;
mod error_rate;
mod from_outbox;
mod lookup;
mod recover;
mod skipped;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};
use utoipa::ToSchema;

use crate::actions::is_session_visible;
use crate::config::Sending;
use crate::domain::{Actor, AgentId, Fact, Permission, RequestState, SessionId, SurveyId, SurveyOrigin, SurveyState};
use crate::gold::directory::AgentDirectory;
use crate::gold::ended_interactions::PendingDecision;
use crate::gold::{Gold, Reporter};
use crate::store::{InitialState, NewAuditEntry, NewOutboxEntry, OutboxEntry, Store, StoreError, SurveyTrigger};
use crate::upstream::agent_connect::{AgentConnect, Customer, Employee, InvalidRequest, Request};
use base::metrics::Metrics;
use base::{Clock, Lifecycle};

use super::outbox::OutboxWorker;
use destination::AgentConnectDestination;
pub use recover::NewRecovery;
pub use skipped::SkippedInteraction;

/// The kind of survey requests in the outbox.
const REQUEST: &str = "agentConnect.request";

/// The kind of recovery requests in the outbox: a second survey after service recovery.
const RECOVERY: &str = "agentConnect.recovery";

const KINDS: [&str; 2] = [REQUEST, RECOVERY];

/// How many of the newest requests pages show, besides all that were not accepted.
const SHOWN: u32 = 500;

/// A survey request that a person makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SurveyRequest)]
pub struct NewSurvey {
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The address that the survey is sent to; required unless `do_not_send`.
    #[schema(format = "email")]
    pub customer_email: Option<String>,
    /// The agent's e-mail address in their Agent Connect profile; this or `employee_custom_id`.
    #[schema(format = "email")]
    pub employee_email: Option<String>,
    /// The agent's id in their Agent Connect profile. A text: leading zeros count.
    pub employee_custom_id: Option<String>,
    /// `phone`, `email`, `chat`, or a channel of the site's own.
    #[schema(required = true)]
    pub channel: String,
    /// The interaction it is about: the id of a session, a case, an order, as Agent Connect will repeat it.
    #[schema(required = true)]
    pub ext_interaction_id: String,
    /// Topics, for reports. The first 20 different ones are sent.
    pub tags: Vec<String>,
    /// The session, if there was one.
    pub session_id: Option<i64>,
    /// Where a person can read about the interaction.
    #[schema(format = "uri")]
    pub external_url: Option<String>,
    /// The brand, for companies with several.
    pub brand: Option<String>,
    /// The language, such as `fr-ca`.
    pub language: Option<String>,
    /// The customer's country, such as `CA`.
    pub country: Option<String>,
    /// Agent Connect records it and surveys no one.
    pub do_not_send: bool,
    /// Whether to send it although there was an earlier request about this interaction.
    pub again: bool,
}

/// A survey request that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyReceipt {
    /// The request.
    pub id: SurveyId,
    /// How far it has come.
    pub state: SurveyState,
    /// Whether it was requested for the first time.
    pub is_new: bool,
}

/// An earlier request about the same interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRequest {
    /// The request.
    pub id: SurveyId,
    /// When it was made, if known.
    pub at: Option<jiff::Timestamp>,
    /// What caused it.
    pub origin: SurveyOrigin,
    /// Who made it, as the audit names them, if a known person did.
    pub by: Option<String>,
    /// How far it has come.
    pub state: SurveyState,
    /// The evidence that it is about the same interaction, where the two have no name in common.
    pub evidence: Option<String>,
}

/// Why a survey request is refused.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// A field is missing or wrong.
    #[error("{0}")]
    Invalid(#[from] InvalidRequest),
    /// It could not be stored.
    #[error("The request could not be stored.")]
    Store(#[from] StoreError),
    /// There is no such survey.
    #[error("There is no such survey.")]
    NotFound,
    /// Its state does not allow this.
    #[error("{0}")]
    Conflict(&'static str),
    /// There was an earlier request about the same interaction.
    #[error("There was an earlier survey request about this interaction.")]
    AlreadyRequested(Box<EarlierRequest>),
}

/// The site's rules for survey requests.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Agents by their id in Agent Connect.
    pub by_custom_id: HashMap<String, AgentId>,
    /// Whether ended sessions cause requests.
    pub sessions: Sending,
    /// Whether closed conversations cause requests.
    pub conversations: Sending,
    /// Whether a conversation that was reopened causes another request when it is closed again.
    pub each_done: bool,
    /// How long after its end an interaction may still cause a request.
    pub ask_within: Duration,
    /// How long after a call a conversation may be closed and still be matched to it by evidence.
    pub closed_within: SignedDuration,
    /// How long the outcome of a request may be unknown before the request counts as lost.
    pub look_up_window: Duration,
    /// How often Data Return was read to its end. `None`: it is not read.
    pub rounds: Option<watch::Receiver<u64>>,
}

/// Survey requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surveys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    gold: Gold,
    rules: Rules,
    /// Wakes the outbox worker.
    requested: Notify,
    /// One decision at a time: the counterpart of an interaction is searched for before the request is written.
    deciding: tokio::sync::Mutex<()>,
    /// Requests with an unknown outcome that Agent Connect turned out not to have.
    lost: Mutex<HashSet<String>>,
}

impl Surveys {
    /// Publishes earlier requests and starts three tasks: the outbox worker for Agent Connect, the lookup of unknown
    /// outcomes, and the survey decision about each ended interaction that comes from the channel.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "the application hands over what three tasks need")]
    pub fn open(
        store: Store,
        gold: Gold,
        upstream: AgentConnect,
        rules: Rules,
        helped: mpsc::Receiver<PendingDecision>,
        reporter: Reporter,
        clock: &Clock,
        metrics: &Metrics,
        life: &Lifecycle,
    ) -> Self {
        let rounds = rules.rounds.clone();
        let inner = Inner {
            store,
            gold,
            rules,
            requested: Notify::new(),
            deciding: tokio::sync::Mutex::default(),
            lost: Mutex::default(),
        };
        let surveys = Self(Arc::new(inner));
        life.spawn(automatic::decide_all(surveys.clone(), helped, reporter.sibling(), life.clone()));
        if let Some(rounds) = rounds {
            life.spawn(lookup::look_up(surveys.clone(), rounds, clock.clone(), life.clone()));
        }
        let destination =
            AgentConnectDestination::new(surveys.clone(), upstream, reporter, clock.clone(), metrics.clone());
        life.spawn(OutboxWorker::new(destination, clock.clone()).run(life.clone()));
        surveys
    }

    /// Whether a viewer may request surveys about an employee: one of the agents they see. Only a viewer who sees
    /// everything may name an address that no agent is known by.
    #[must_use]
    pub fn may_ask_about(&self, email: Option<&str>, custom_id: Option<&str>, permission: &Permission) -> bool {
        permission.visibility().is_none()
            || self.agent_called(email, custom_id).is_some_and(|agent| permission.sees_agent(agent))
    }

    /// The agent that an Agent Connect employee is, if known.
    fn agent_called(&self, email: Option<&str>, custom_id: Option<&str>) -> Option<AgentId> {
        let id = custom_id.map(str::trim);
        let by_table = id.and_then(|id| self.0.rules.by_custom_id.get(id).copied());
        let names: Vec<&str> = email.into_iter().chain(id).collect();
        AgentDirectory::from_copy(self.0.gold.copy()).find(&names, by_table)
    }

    fn agent_meant(&self, survey: &NewSurvey) -> Option<AgentId> {
        self.agent_called(survey.employee_email.as_deref(), survey.employee_custom_id.as_deref())
    }

    /// Requests a survey. With the key of an earlier request, this *is* the earlier one. `by` is for the audit, which
    /// has an entry if and only if the request is written.
    ///
    /// # Errors
    /// [`SurveyError::NotFound`] for an employee or a session that `permission` does not show;
    /// [`SurveyError::AlreadyRequested`] when there was an earlier request about its interaction and `again` is not
    /// set; see [`SurveyError`].
    pub async fn request(
        &self,
        survey: NewSurvey,
        key: Option<String>,
        by: &Actor,
        permission: &Permission,
    ) -> Result<SurveyReceipt, SurveyError> {
        if !self.may_ask_about(survey.employee_email.as_deref(), survey.employee_custom_id.as_deref(), permission) {
            return Err(SurveyError::NotFound);
        }
        if let Some(session) = survey.session_id
            && !is_session_visible(&self.0.store, &self.0.gold, SessionId(session), permission).await?
        {
            return Err(SurveyError::NotFound);
        }
        // Two users may choose the same key.
        let key = key.map(|key| by.agent.map_or_else(|| key.clone(), |agent| format!("{agent}:{key}")));
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let mut request = request(&survey);
        request.check()?;
        request.check_lines()?;
        request.custom_properties.insert("callboard_request".to_owned(), key.clone());
        let _deciding = self.0.deciding.lock().await;
        let about = self.about(&survey, permission).await?;
        let is_known = self.0.store.outbox().by_key(&key).await?.is_some();
        if !survey.again
            && !is_known
            && let Some(earlier) = self.earlier_request(&about).await?
        {
            return Err(SurveyError::AlreadyRequested(Box::new(earlier)));
        }
        let new = NewOutboxEntry {
            key,
            kind: REQUEST.to_owned(),
            body: serde_json::to_value(request.tidy()).map_err(StoreError::Json)?,
            context: serde_json::json!({
                "session": about.session, "origin": SurveyOrigin::Manual.as_str(), "actor": by, "again": survey.again,
                "call": about.side,
            }),
        };
        // Nothing about the customer: the audit may be kept for longer than that.
        let audit_entry = NewAuditEntry {
            actor: by.clone(),
            action: "survey.request",
            target: String::new(),
            before: serde_json::json!({}),
            after: serde_json::json!({
                "channel": survey.channel, "session": about.session, "again": survey.again,
                "do_not_send": survey.do_not_send,
            }),
        };
        let trigger = if survey.again { SurveyTrigger::ManualRepeat } else { SurveyTrigger::Manual };
        match self
            .0
            .store
            .outbox()
            .enqueue_survey(about.names, trigger, new, InitialState::Queued, Some(audit_entry))
            .await
        {
            Ok(written) => Ok(self.receipt(&written.entry, written.is_new).await),
            Err(StoreError::AlreadyRequested(entry)) => {
                Err(SurveyError::AlreadyRequested(Box::new(self.as_earlier(&entry, None))))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends again what did not arrive, was rejected, or waited for a person. `again`: although another request about
    /// the same interaction was sent meanwhile.
    ///
    /// # Errors
    /// [`SurveyError::Conflict`] while it is being sent, has arrived, or may have; [`SurveyError::AlreadyRequested`]
    /// when another was sent meanwhile; see [`SurveyError`].
    pub async fn retry(&self, id: &SurveyId, again: bool, by: &Actor) -> Result<SurveyReceipt, SurveyError> {
        let known = self.0.store.outbox().get(&id.0).await?.filter(|entry| KINDS.contains(&entry.kind.as_str()));
        let known = known.ok_or(SurveyError::NotFound)?;
        if !self.may_retry(&known) {
            return Err(SurveyError::Conflict(match known.state {
                RequestState::Accepted => "Agent Connect accepted it: there is nothing to send again.",
                RequestState::Unknown => {
                    "It may have arrived, and Agent Connect is being asked. Only a request that it does not have may \
                        be sent again."
                }
                _ => "It is being sent.",
            }));
        }
        let state = self.survey(&known).state;
        let before = serde_json::json!({ "state": state.as_str(), "reason": known.reason, "attempts": known.attempts });
        let seq = self.begin_audit(by, "survey.retry", id, before, serde_json::json!({ "state": "queued" })).await?;
        let retried = self.0.store.outbox().retry(&id.0, again).await;
        self.complete_audit(seq, retried.as_ref().err()).await;
        match retried {
            Ok(entry) => {
                self.0.lost.lock().remove(&*id.0);
                Ok(self.receipt(&entry, true).await)
            }
            Err(StoreError::Settled { .. }) => Err(SurveyError::Conflict("A colleague was faster: look at it again.")),
            Err(StoreError::AlreadyRequested(entry)) => {
                Err(SurveyError::AlreadyRequested(Box::new(self.as_earlier(&entry, None))))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn receipt(&self, entry: &OutboxEntry, is_new: bool) -> SurveyReceipt {
        self.publish(entry).await;
        self.0.requested.notify_one();
        let survey = self.survey(entry);
        SurveyReceipt { id: survey.id, state: survey.state, is_new }
    }

    /// Begins an audit entry.
    async fn begin_audit(
        &self,
        by: &Actor,
        action: &'static str,
        id: &SurveyId,
        before: serde_json::Value,
        after: serde_json::Value,
    ) -> Result<i64, StoreError> {
        let target = format!("survey {id}");
        self.0.store.audit().begin(NewAuditEntry { actor: by.clone(), action, target, before, after }).await
    }

    async fn complete_audit(&self, seq: i64, error: Option<&StoreError>) {
        let (outcome, reason) = error.map_or(("accepted", None), |error| ("rejected", Some(error.to_string())));
        if let Err(error) = self.0.store.audit().complete(seq, outcome, reason).await {
            tracing::error!(error = %error, seq, "the outcome of an action could not be written to the audit");
        }
    }

    async fn publish(&self, entry: &OutboxEntry) {
        self.0.gold.apply(Fact::Survey(Box::new(self.survey(entry)))).await;
    }
}

fn request(survey: &NewSurvey) -> Request {
    Request {
        customer: Customer { name: survey.customer_name.clone(), email: survey.customer_email.clone() },
        employee: Employee { email: survey.employee_email.clone(), custom_id: survey.employee_custom_id.clone() },
        channel: survey.channel.clone(),
        ext_interaction_id: survey.ext_interaction_id.clone(),
        external_url: survey.external_url.clone(),
        tags: survey.tags.clone(),
        brand: survey.brand.clone(),
        language: survey.language.clone(),
        country: survey.country.clone(),
        do_not_send: survey.do_not_send,
        // Agent Connect returns custom properties with the result, which is then matched with certainty (apis.md D.6).
        custom_properties: survey
            .session_id
            .map(|session| ("callboard_session".to_owned(), session.to_string()))
            .into_iter()
            .collect(),
    }
}
