//! Asks Agent Connect to survey a customer about the agent who helped them.
//!
//! A request is written to the outbox before it is sent, and its state is a fact from then on. What may have arrived is
//! never sent again by itself: two surveys for one conversation are worse than none.

mod already;
mod asking;
mod destination;
mod error_rate;
mod look_up;
mod other_half;
mod read;
mod recover;
#[cfg(test)]
mod tests;
mod unasked;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};

use crate::actions::session_is_seen;
use base::metrics::Metrics;
use base::{Clock, Lifecycle};
use crate::config::Sending;
use crate::domain::{Actor, AgentId, Fact, Permission, SessionId, SurveyId, SurveyOrigin, SurveyState};
use crate::gold::directory::AgentDirectory;
use crate::gold::ended_interactions::PendingDecision;
use crate::gold::{Gold, Reporter};
use crate::store::{Asking, OutboxEntry, IntentState, NewAuditEntry, NewOutboxEntry, Store, StoreError};
use crate::upstream::agent_connect::{AgentConnect, Customer, Employee, InvalidRequest, Request};

use super::outbox::OutboxWorker;
use destination::AgentConnectDestination;
pub use recover::NewRecovery;
pub use unasked::SkippedInteraction;

/// What the outbox calls requests for a survey.
const REQUEST: &str = "agentConnect.request";

/// What the outbox calls requests to ask again, after something was made good.
const RECOVERY: &str = "agentConnect.recovery";

const KINDS: [&str; 2] = [REQUEST, RECOVERY];

/// How many requests pages show, and whichever were not accepted; older ones stay in the store.
const SHOWN: u32 = 500;

/// A survey that somebody wants sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewSurvey {
    /// The customer's name.
    pub customer_name: Option<String>,
    /// Where the survey goes.
    pub customer_email: Option<String>,
    /// The agent's e-mail address in their Agent Connect profile.
    pub employee_email: Option<String>,
    /// The agent's id in their Agent Connect profile. A text: leading zeros count.
    pub employee_custom_id: Option<String>,
    /// Phone, email, chat, or a channel of the site's own.
    pub channel: String,
    /// The interaction it is about: the id of a session, a case, an order.
    pub ext_interaction_id: String,
    /// What it was about, for reports.
    pub tags: Vec<String>,
    /// The session, where there was one.
    pub session_id: Option<i64>,
    /// Where a person can read about the interaction.
    pub external_url: Option<String>,
    /// For companies with several brands.
    pub brand: Option<String>,
    /// For companies with several languages, such as `fr-ca`.
    pub language: Option<String>,
    /// The customer's country, such as `CA`.
    pub country: Option<String>,
    /// Recorded by Agent Connect, but nobody is surveyed.
    pub do_not_send: bool,
    /// Whether it is asked for on purpose although this interaction was asked about before.
    pub again: bool,
}

/// What became of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyReceipt {
    /// The request.
    pub id: SurveyId,
    /// Where it stands.
    pub state: SurveyState,
    /// Whether this was the first time that it was asked for.
    pub fresh: bool,
}

/// An earlier request about the same interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The request.
    pub id: SurveyId,
    /// When it was made, if that is known.
    pub at: Option<jiff::Timestamp>,
    /// How it came about.
    pub origin: SurveyOrigin,
    /// Who made it by hand, as the audit calls them, if that is known.
    pub by: Option<String>,
    /// Where it stands.
    pub state: SurveyState,
    /// What says that it is about the same, where the two have no name in common.
    pub evidence: Option<String>,
}

/// Why a survey cannot be asked for.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// It cannot be right.
    #[error("{0}")]
    Invalid(#[from] InvalidRequest),
    /// It cannot be written down.
    #[error("The request could not be stored.")]
    Store(#[from] StoreError),
    /// There is no such survey.
    #[error("There is no such survey.")]
    NotFound,
    /// It stands where this cannot be done with it.
    #[error("{0}")]
    Conflict(&'static str),
    /// Its interaction was asked about before.
    #[error("This interaction was asked about before.")]
    AlreadyRequested(Box<Before>),
}

/// How surveys are asked for, and by whom they are looked up.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Agents by the id that Agent Connect knows them under.
    pub by_custom_id: HashMap<String, AgentId>,
    /// Whether customers of ended sessions are asked.
    pub sessions: Sending,
    /// Whether customers of closed conversations are asked.
    pub conversations: Sending,
    /// Whether a conversation that is closed again after it was reopened is asked about again.
    pub each_done: bool,
    /// How long ago an interaction may have ended for its customer still to be asked.
    pub ask_within: Duration,
    /// How long after a call its conversation may be closed, and be known as its own though neither names the other.
    pub closed_within: SignedDuration,
    /// How long a request may be unknown before it counts as lost.
    pub look_up_window: Duration,
    /// How often Data Return has been read to its end. `None`: it is not read.
    pub rounds: Option<watch::Receiver<u64>>,
}

/// The desk where surveys are asked for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surveys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    gold: Gold,
    rules: Rules,
    asked: Notify,
    /// Held by whoever asks about an interaction: the other half of one is looked for before the request is written.
    asking: tokio::sync::Mutex<()>,
    /// Requests of which nobody knew whether they had arrived, and that the upstream turned out not to have.
    lost: Mutex<HashSet<String>>,
}

impl Surveys {
    /// Opens the desk, shows what was asked for before, and starts those who work there: the courier who carries requests
    /// to the upstream, whoever looks lost ones up, and whoever considers the customers of interactions that are over, which
    /// arrive by the channel.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "whoever builds the world hands over what the desk and its courier hold"
    )]
    pub fn open(
        store: Store,
        gold: Gold,
        upstream: AgentConnect,
        rules: Rules,
        helped: mpsc::Receiver<PendingDecision>,
        mut reporter: Reporter,
        clock: &Clock,
        metrics: &Metrics,
        life: &Lifecycle,
    ) -> Self {
        let rounds = rules.rounds.clone();
        let inner = Inner {
            store,
            gold,
            rules,
            asked: Notify::new(),
            asking: tokio::sync::Mutex::default(),
            lost: Mutex::default(),
        };
        let desk = Self(Arc::new(inner));
        life.spawn(asking::consider_all(desk.clone(), helped, reporter.sibling(), life.clone()));
        if let Some(rounds) = rounds {
            life.spawn(look_up::look_up(desk.clone(), rounds, clock.clone(), life.clone()));
        }
        let carrier = AgentConnectDestination::new(desk.clone(), upstream, reporter, clock.clone(), metrics.clone());
        life.spawn(OutboxWorker::new(carrier, clock.clone()).run(life.clone()));
        desk
    }

    /// Whether somebody may ask about an employee: one of their agents. Of an address that nobody is known by nobody can say
    /// whose it is, so that only those who see everything may ask about it.
    #[must_use]
    pub fn may_ask_about(&self, email: Option<&str>, custom_id: Option<&str>, permission: &Permission) -> bool {
        permission.visibility().is_none()
            || self.agent_called(email, custom_id).is_some_and(|agent| permission.sees_agent(agent))
    }

    /// The agent whom Agent Connect means by an employee, if it is one whom we know.
    fn agent_called(&self, email: Option<&str>, custom_id: Option<&str>) -> Option<AgentId> {
        let id = custom_id.map(str::trim);
        let by_table = id.and_then(|id| self.0.rules.by_custom_id.get(id).copied());
        let names: Vec<&str> = email.into_iter().chain(id).collect();
        AgentDirectory::from_copy(self.0.gold.copy()).find(&names, by_table)
    }

    fn agent_meant(&self, survey: &NewSurvey) -> Option<AgentId> {
        self.agent_called(survey.employee_email.as_deref(), survey.employee_custom_id.as_deref())
    }

    /// Asks for a survey. With the key of an earlier one, this *is* the earlier one. `by`: who asks, for the
    /// audit, which has an entry of it if it is written down at all.
    ///
    /// # Errors
    /// [`SurveyError::NotFound`] for an employee or a session that they may not see;
    /// [`SurveyError::AlreadyRequested`] when its interaction was asked about, whoever did, unless it is asked for again on
    /// purpose; see [`SurveyError`].
    pub async fn ask(
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
            && !session_is_seen(&self.0.store, &self.0.gold, SessionId(session), permission).await?
        {
            return Err(SurveyError::NotFound);
        }
        // Two people may choose the same key.
        let key = key.map(|key| by.agent.map_or_else(|| key.clone(), |agent| format!("{agent}:{key}")));
        let key = key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let mut request = request(&survey);
        request.check()?;
        request.check_lines()?;
        request.custom_properties.insert("callboard_request".to_owned(), key.clone());
        let _one_at_a_time = self.0.asking.lock().await;
        let about = self.about(&survey, permission).await?;
        let is_known = self.0.store.intent_of(&key).await?.is_some();
        if !survey.again
            && !is_known
            && let Some(before) = self.before(&about).await?
        {
            return Err(SurveyError::AlreadyRequested(Box::new(before)));
        }
        let intent = NewOutboxEntry {
            key,
            kind: REQUEST.to_owned(),
            body: serde_json::to_value(request.tidy()).map_err(StoreError::Json)?,
            context: serde_json::json!({
                "session": about.session, "origin": SurveyOrigin::Manual.as_str(), "by": by.to_string(),
                "actor": by, "again": survey.again, "call": about.side,
            }),
        };
        // Nothing of the customer: what is sent to them is in the outbox for as long as that may be kept.
        let entry = NewAuditEntry {
            actor: by.clone(),
            what: "survey.request",
            entity: String::new(),
            before: serde_json::json!({}),
            after: serde_json::json!({
                "channel": survey.channel, "session": about.session, "again": survey.again,
                "do_not_send": survey.do_not_send,
            }),
        };
        let asking = if survey.again { Asking::Again } else { Asking::ByHand };
        match self.0.store.ask_about(about.names, asking, intent, None, Some(entry)).await {
            Ok(written) => Ok(self.written(&written.intent, written.fresh).await),
            Err(StoreError::AlreadyRequested(intent)) => {
                Err(SurveyError::AlreadyRequested(Box::new(self.as_before(&intent, None))))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends again what surely did not arrive, was refused, or waited for a person. `again`: on purpose, although
    /// another request about the same interaction was sent meanwhile.
    ///
    /// # Errors
    /// [`SurveyError::Conflict`] while it is on its way, has arrived, or may have; [`SurveyError::AlreadyRequested`] when
    /// another was sent meanwhile; see [`SurveyError`].
    pub async fn retry(&self, id: &SurveyId, again: bool, by: &Actor) -> Result<SurveyReceipt, SurveyError> {
        let known = self.0.store.intent(&id.0).await?.filter(|intent| KINDS.contains(&intent.kind.as_str()));
        let known = known.ok_or(SurveyError::NotFound)?;
        if !self.may_retry(&known) {
            return Err(SurveyError::Conflict(match known.state {
                IntentState::Accepted => "Agent Connect has taken it: nothing is to be sent again.",
                IntentState::Unknown => {
                    "It may have arrived, and Agent Connect is being asked. Only what it does not have may be sent again."
                }
                _ => "It is on its way.",
            }));
        }
        let state = self.survey(&known).state;
        let before = serde_json::json!({ "state": state.as_str(), "reason": known.reason, "attempts": known.attempt });
        let line = self.begin(by, "survey.retry", id, before, serde_json::json!({ "state": "queued" })).await?;
        let retried = self.0.store.retry(&id.0, again).await;
        self.end(line, retried.as_ref().err()).await;
        match retried {
            Ok(intent) => {
                self.lost().remove(&*id.0);
                Ok(self.written(&intent, true).await)
            }
            Err(StoreError::Settled { .. }) => {
                Err(SurveyError::Conflict("Somebody else was faster: look at it again."))
            }
            Err(StoreError::AlreadyRequested(intent)) => {
                Err(SurveyError::AlreadyRequested(Box::new(self.as_before(&intent, None))))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn written(&self, intent: &OutboxEntry, fresh: bool) -> SurveyReceipt {
        self.tell(intent).await;
        self.0.asked.notify_one();
        let survey = self.survey(intent);
        SurveyReceipt { id: survey.id, state: survey.state, fresh }
    }

    /// A line of the audit, before the deed.
    async fn begin(
        &self,
        by: &Actor,
        what: &'static str,
        id: &SurveyId,
        before: serde_json::Value,
        after: serde_json::Value,
    ) -> Result<i64, StoreError> {
        let entity = format!("survey {id}");
        self.0.store.audit().begin(NewAuditEntry { actor: by.clone(), what, entity, before, after }).await
    }

    async fn end(&self, line: i64, error: Option<&StoreError>) {
        let (outcome, reason) = error.map_or(("accepted", None), |error| ("rejected", Some(error.to_string())));
        if let Err(error) = self.0.store.audit().complete(line, outcome, reason).await {
            tracing::error!(error = %error, line, "how a deed ended could not be written to the audit");
        }
    }

    async fn tell(&self, intent: &OutboxEntry) {
        self.0.gold.apply(Fact::Survey(Box::new(self.survey(intent)))).await;
    }

    fn lost(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.lost.lock().unwrap_or_else(PoisonError::into_inner)
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
        // Our own ids travel along, so that what comes back can be joined with certainty (`apis.md` D.6).
        custom_properties: survey
            .session_id
            .map(|session| ("callboard_session".to_owned(), session.to_string()))
            .into_iter()
            .collect(),
    }
}
