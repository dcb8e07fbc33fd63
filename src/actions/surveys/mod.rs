//! Asks Agent Connect to survey a customer about the agent who helped them.
//!
//! A request is written to the outbox before it is sent, and its state is a fact from then on. What may have arrived is
//! never sent again by itself: two surveys for one conversation are worse than none.

mod carrier;
mod error_rate;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Notify;

use crate::base::metrics::Metrics;
use crate::base::{Clock, Lifecycle};
use crate::domain::{AgentId, Fact, SessionId, Survey, SurveyId, SurveyState};
use crate::gold::{Entity, Gold, Reporter};
use crate::store::{Intent, NewIntent, Store, StoreError};
use crate::vendor::agent_connect::{AgentConnect, Customer, Employee, Invalid, Request};

use super::courier::{self, Courier};
use carrier::SurveyCarrier;

/// What the outbox calls these requests.
const KIND: &str = "agentConnect.request";

/// How many requests a page shows; older ones stay in the store.
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
}

/// What became of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request.
    pub id: SurveyId,
    /// Where it stands.
    pub state: SurveyState,
    /// Whether this was the first time that it was asked for.
    pub fresh: bool,
}

/// Why a survey cannot be asked for.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// It cannot be right.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// It cannot be written down.
    #[error("The request could not be stored.")]
    Store(#[from] StoreError),
}

/// The desk where surveys are asked for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surveys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    gold: Gold,
    /// Agents by the id that Agent Connect knows them under.
    by_custom_id: HashMap<String, AgentId>,
    asked: Notify,
}

impl Surveys {
    /// Opens the desk, shows what was asked for before, and starts the courier who carries requests to the vendor.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "whoever builds the world hands over what the desk and its courier hold"
    )]
    pub fn open(
        store: Store,
        gold: Gold,
        vendor: AgentConnect,
        by_custom_id: HashMap<String, AgentId>,
        reporter: Reporter,
        clock: &Clock,
        metrics: &Metrics,
        life: &Lifecycle,
    ) -> Self {
        let desk = Self(Arc::new(Inner { store, gold, by_custom_id, asked: Notify::new() }));
        let carrier = SurveyCarrier::new(desk.clone(), vendor, reporter, clock.clone(), metrics.clone());
        life.spawn(Courier::new(carrier, clock.clone()).run(life.clone()));
        desk
    }

    /// Asks for a survey. With the key of an earlier one, this *is* the earlier one.
    ///
    /// # Errors
    /// See [`SurveyError`].
    pub async fn ask(&self, survey: NewSurvey, key: Option<String>) -> Result<Asked, SurveyError> {
        let request = request(&survey);
        request.check()?;
        let intent = NewIntent {
            key: key.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>())),
            kind: KIND.to_owned(),
            body: serde_json::to_value(request.tidy()).map_err(StoreError::Json)?,
            context: serde_json::json!({ "session": survey.session_id }),
        };
        let written = self.0.store.intend(intent).await?;
        self.tell(&written.intent).await;
        self.0.asked.notify_one();
        let survey = self.survey(&written.intent);
        Ok(Asked { id: survey.id, state: survey.state, fresh: written.fresh })
    }

    async fn tell(&self, intent: &Intent) {
        self.0.gold.tell(Fact::Survey(Box::new(self.survey(intent)))).await;
    }

    fn survey(&self, intent: &Intent) -> Survey {
        let text = |pointer: &str| intent.body.pointer(pointer).and_then(serde_json::Value::as_str);
        let employee = text("/employee/email").or(text("/employee/custom_id")).unwrap_or_default();
        let request_id = intent.answer.as_ref().and_then(|answer| answer.get("request_id")?.as_str());
        Survey {
            id: intent.id.as_str().into(),
            interaction: text("/ext_interaction_id").unwrap_or_default().into(),
            session: intent.context.get("session").and_then(serde_json::Value::as_i64).map(SessionId),
            agent: self.agent(text("/employee/email"), text("/employee/custom_id")),
            employee: employee.into(),
            customer: text("/customer/name").map(Arc::from),
            channel: text("/channel").unwrap_or_default().into(),
            state: courier::state(intent),
            reason: intent.reason.as_deref().map(Arc::from),
            request_id: request_id.map(Arc::from),
            attempts: intent.attempt,
            created: intent.created,
            changed: intent.changed,
        }
    }

    /// The agent whom Agent Connect calls by this address or id (`apis.md` J25, J26).
    fn agent(&self, email: Option<&str>, custom_id: Option<&str>) -> Option<AgentId> {
        let mut by_email = None;
        if let Some(email) = email.map(str::trim) {
            self.0.gold.copy().each(|_, _, entity| {
                if let Entity::Agent(agent) = &**entity
                    && agent.email.as_deref().is_some_and(|known| known.trim().eq_ignore_ascii_case(email))
                {
                    by_email = Some(agent.id);
                }
            });
        }
        by_email.or_else(|| self.0.by_custom_id.get(custom_id?).copied())
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
            .map(|session| ("callboard_session_id".to_owned(), session.to_string()))
            .into_iter()
            .collect(),
    }
}
