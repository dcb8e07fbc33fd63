//! A request in the outbox as everybody sees it.

use std::sync::Arc;

use serde_json::Value;

use super::Surveys;
use crate::actions::courier;
use crate::domain::{SessionId, Survey, SurveyId, SurveyOrigin, SurveyState};
use crate::store::{OutboxEntry, IntentState};

impl Surveys {
    pub(super) fn survey(&self, intent: &OutboxEntry) -> Survey {
        let sent = |pointer: &str| intent.body.pointer(pointer).and_then(Value::as_str);
        let noted = |name: &str| intent.context.get(name).and_then(Value::as_str);
        let state = state(intent);
        let waits = matches!(state, SurveyState::NeedsReview | SurveyState::DryRun);
        let employee = sent("/employee/email").or(sent("/employee/custom_id")).unwrap_or_default();
        let request_id = intent.answer.as_ref().and_then(|answer| answer.get("request_id")?.as_str());
        let tags = intent.body.get("tags").and_then(Value::as_array);
        Survey {
            key: intent.key.as_str().into(),
            origin: origin(noted("origin")),
            recovers: noted("recovers").map(SurveyId::from),
            interaction: sent("/ext_interaction_id").unwrap_or_default().into(),
            session: intent.context.get("session").and_then(Value::as_i64).map(SessionId),
            conversation: noted("conversation").map(Arc::from),
            // Whose an address is, the gold copy knows (`apis.md` J25, J26).
            agent: sent("/employee/custom_id").and_then(|id| self.0.rules.by_custom_id.get(id).copied()),
            employee: employee.into(),
            // A recovery names neither: what it recovers does.
            customer: sent("/customer/name").or(noted("customer")).map(Arc::from),
            channel: sent("/channel").or(noted("channel")).unwrap_or_default().into(),
            tags: tags.into_iter().flatten().filter_map(Value::as_str).map(Arc::from).collect(),
            link: sent("/external_url").map(Arc::from),
            state,
            reason: intent.reason.as_deref().map(Arc::from),
            note: noted("note").map(Arc::from),
            may_retry: self.may_retry(intent),
            body: waits.then(|| Arc::new(intent.body.clone())),
            request_id: request_id.map(Arc::from),
            attempts: intent.attempt,
            changed: intent.changed,
            ..Survey::new(intent.id.as_str().into(), intent.created)
        }
    }

    /// Whether a person may send it again, or at all. What may have arrived is looked up first (`apis.md` B182); where
    /// nothing can be looked up, only a person can.
    pub(super) fn may_retry(&self, intent: &OutboxEntry) -> bool {
        match intent.state {
            IntentState::Rejected | IntentState::Failed => true,
            IntentState::Unknown => self.0.rules.rounds.is_none() || self.lost().contains(&intent.id),
            IntentState::New | IntentState::Sending | IntentState::Accepted => false,
        }
    }
}

/// What nobody has tried and nobody will by itself was held back: on purpose, or because something is not clear.
fn state(intent: &OutboxEntry) -> SurveyState {
    let is_held = intent.state == IntentState::Failed && intent.attempt == 0 && intent.due.is_none();
    match (is_held, intent.context["dryRun"] == true) {
        (true, true) => SurveyState::DryRun,
        (true, false) => SurveyState::NeedsReview,
        (false, _) => outbox::state(intent),
    }
}

fn origin(name: Option<&str>) -> SurveyOrigin {
    let all = [SurveyOrigin::Manual, SurveyOrigin::Session, SurveyOrigin::Conversation, SurveyOrigin::External];
    all.into_iter().find(|origin| Some(origin.as_str()) == name).unwrap_or_default()
}
