//! Recovery requests: a second survey after service recovery (apis.md R14, B172).

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{RECOVERY, SurveyError, SurveyReceipt, Surveys};
use crate::domain::{Actor, Permission, SurveyId, SurveyOrigin};
use crate::gold::{Entity, Key};
use crate::store::{NewOutboxEntry, StoreError};
use crate::upstream::agent_connect::{Employee, Recovery};

/// A recovery request that a person makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SurveyRecovery)]
pub struct NewRecovery {
    /// The e-mail address, in Agent Connect, of the agent who recovered the customer. Without this and the id, the
    /// agent of the first survey.
    pub employee_email: Option<String>,
    /// The agent's id in Agent Connect. A text: leading zeros count.
    pub employee_custom_id: Option<String>,
    /// Topics, for reports.
    pub tags: Vec<String>,
    /// Agent Connect records it and surveys no one.
    pub do_not_send: bool,
}

impl Surveys {
    /// Requests a recovery survey, once for each survey: a second call finds the first request.
    ///
    /// # Errors
    /// [`SurveyError::Conflict`] while the upstream's identity of the survey is not known, or when it is a recovery
    /// itself; see [`SurveyError`].
    pub async fn recover(
        &self,
        id: &SurveyId,
        by: NewRecovery,
        actor: &Actor,
        permission: &Permission,
    ) -> Result<SurveyReceipt, SurveyError> {
        let entity = self.0.gold.copy().get(&Key::Survey(id.clone()));
        let Some(Entity::Survey(first)) = entity.as_deref() else { return Err(SurveyError::NotFound) };
        let survey = &first.survey;
        if first.recovers.is_some() {
            return Err(SurveyError::Conflict("It is a recovery survey itself: recover the first survey."));
        }
        let Some(uuid) = first.uuid() else {
            return Err(SurveyError::Conflict("Agent Connect has not reported its id of this survey yet."));
        };
        let employee = if by.employee_email.is_some() || by.employee_custom_id.is_some() {
            if !self.may_ask_about(by.employee_email.as_deref(), by.employee_custom_id.as_deref(), permission) {
                return Err(SurveyError::NotFound);
            }
            Employee { email: by.employee_email, custom_id: by.employee_custom_id }
        } else if survey.employee.contains('@') {
            Employee { email: Some(survey.employee.to_string()), custom_id: None }
        } else {
            Employee { email: None, custom_id: Some(survey.employee.to_string()) }
        };
        let recovery = Recovery {
            initial_feedback_request_id: uuid.to_string(),
            employee,
            ext_interaction_id: survey.interaction.to_string(),
            external_url: survey.link.as_deref().map(str::to_owned),
            tags: by.tags,
            do_not_send: by.do_not_send,
        };
        recovery.check()?;
        recovery.check_lines()?;
        let body = serde_json::to_value(recovery.tidy()).map_err(StoreError::Json)?;
        let before = json!({ "request_id": &**uuid });
        let seq =
            self.begin_audit(actor, "survey.recover", id, before, json!({ "employee": body["employee"] })).await?;
        let entry = NewOutboxEntry {
            // Not the caller's key: two callers make one recovery. Nor our id of the survey, which may not be known
            // yet, or no longer.
            key: format!("recovery:{uuid}"),
            kind: RECOVERY.to_owned(),
            body,
            context: json!({
                "recovers": id, "session": survey.session.map(|session| session.0),
                "conversation": survey.conversation.as_deref(), "origin": SurveyOrigin::Manual.as_str(),
                "customer": survey.customer.as_deref(), "channel": &*survey.channel, "actor": actor,
            }),
        };
        let written = self.0.store.outbox().enqueue(entry).await;
        self.complete_audit(seq, written.as_ref().err()).await;
        let written = written?;
        Ok(self.receipt(&written.entry, written.is_new).await)
    }
}
