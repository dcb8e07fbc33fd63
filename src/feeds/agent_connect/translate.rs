//! A record of Data Return in our words.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{AgentId, SessionId, SurveyResult};
use crate::vendor::agent_connect::Record;

/// What a record says about its survey.
pub(super) fn result(from: Record, employees: &HashMap<String, AgentId>) -> SurveyResult {
    let session = from.property("callboard_session").and_then(|text| text.parse().ok()).map(SessionId);
    SurveyResult {
        key: shared(from.property("callboard_request")),
        session,
        agent: from.employee.custom_id.as_ref().and_then(|id| employees.get(id)).copied(),
        uuid: from.uuid.into(),
        sequence: from.sequence,
        parent: shared(from.parent),
        is_recovery: from.is_recovery,
        interaction: from.interaction.unwrap_or_default().into(),
        channel: shared(from.channel),
        employee_email: shared(from.employee.email),
        employee_id: shared(from.employee.custom_id),
        customer: shared(from.customer),
        tags: from.tags.into_iter().map(Arc::from).collect(),
        link: shared(from.external_url),
        created: from.created,
        requested_via: shared(from.requested_via),
        delivery: shared(from.delivery),
        answered: from.answered,
        stars: from.stars,
        nps: from.nps,
        resolved: shared(from.resolved),
        comments: from.comments.into_iter().map(|(question, text)| (question.into(), text.into())).collect(),
    }
}

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Arc::from)
}
