//! A survey request as viewers see it, from its row in the outbox.

use std::sync::Arc;

use serde_json::Value;

use super::Surveys;
use crate::domain::{RequestState, SessionId, Survey, SurveyId, SurveyOrigin};
use crate::store::OutboxEntry;

impl Surveys {
    pub(super) fn survey(&self, entry: &OutboxEntry) -> Survey {
        let sent = |pointer: &str| entry.body.pointer(pointer).and_then(Value::as_str);
        let noted = |name: &str| entry.context.get(name).and_then(Value::as_str);
        let is_unsent = matches!(entry.state, RequestState::NeedsReview | RequestState::DryRun);
        let employee = sent("/employee/email").or(sent("/employee/custom_id")).unwrap_or_default();
        let request_id = entry.answer.as_ref().and_then(|answer| answer.get("request_id")?.as_str());
        let tags = entry.body.get("tags").and_then(Value::as_array);
        Survey {
            key: entry.key.as_str().into(),
            origin: origin(noted("origin")),
            recovers: noted("recovers").map(SurveyId::from),
            interaction: sent("/ext_interaction_id").unwrap_or_default().into(),
            session: entry.context.get("session").and_then(Value::as_i64).map(SessionId),
            conversation: noted("conversation").map(Arc::from),
            // The gold copy knows whose an e-mail address is (apis.md J25, J26).
            agent: sent("/employee/custom_id").and_then(|id| self.0.rules.by_custom_id.get(id).copied()),
            employee: employee.into(),
            // The body of a recovery has neither; its context has.
            customer: sent("/customer/name").or(noted("customer")).map(Arc::from),
            channel: sent("/channel").or(noted("channel")).unwrap_or_default().into(),
            tags: tags.into_iter().flatten().filter_map(Value::as_str).map(Arc::from).collect(),
            link: sent("/external_url").map(Arc::from),
            state: entry.state,
            reason: entry.reason.as_deref().map(Arc::from),
            note: noted("note").map(Arc::from),
            may_retry: self.may_retry(entry),
            body: is_unsent.then(|| Arc::new(entry.body.clone())),
            request_id: request_id.map(Arc::from),
            attempts: entry.attempts,
            changed: entry.changed,
            ..Survey::new(entry.id.as_str().into(), entry.created)
        }
    }

    /// Whether a person may send it, first or again. What may have arrived is looked up first (apis.md B182), if Data
    /// Return is read.
    pub(super) fn may_retry(&self, entry: &OutboxEntry) -> bool {
        match entry.state {
            RequestState::NeedsReview | RequestState::DryRun | RequestState::Rejected | RequestState::Failed => true,
            RequestState::Unknown => self.0.rules.rounds.is_none() || self.0.lost.lock().contains(&entry.id),
            RequestState::Queued | RequestState::Sent | RequestState::Accepted => false,
        }
    }
}

fn origin(name: Option<&str>) -> SurveyOrigin {
    let all = [SurveyOrigin::Manual, SurveyOrigin::Session, SurveyOrigin::Conversation, SurveyOrigin::External];
    all.into_iter().find(|origin| Some(origin.as_str()) == name).unwrap_or_default()
}
