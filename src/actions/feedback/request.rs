//! A requested action as it is stored in the outbox and in the audit.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{Actor, FeedbackActionKind, ResponseId};
use crate::store::{NewAuditEntry, OutboxEntry};
use crate::upstream::goodays::Action;

/// The body of a request in the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FeedbackRequest {
    /// The response that it is about.
    pub response: ResponseId,
    /// The name of its [`FeedbackActionKind`].
    pub kind: String,
    /// What Goodays is sent. `None`: only Callboard records it.
    pub action: Option<Action>,
}

impl FeedbackRequest {
    /// Reads a row. `None`: its body is none of ours.
    pub fn of(entry: &OutboxEntry) -> Option<Self> {
        serde_json::from_value(entry.body.clone()).ok()
    }

    pub fn kind(&self) -> Option<FeedbackActionKind> {
        FeedbackActionKind::named(&self.kind)
    }

    /// The entry in the audit. It has the length of what a person wrote, and never the text.
    pub fn audit_entry(&self, entry: &OutboxEntry) -> NewAuditEntry {
        let action = self.action.as_ref();
        NewAuditEntry {
            actor: requested_by(entry),
            action: self.kind().map_or("feedback", audit_action),
            target: audit_target(&self.response),
            before: json!({"revision": entry.context.get("revision")}),
            after: json!({
                "id": entry.id,
                "attempt": entry.attempts,
                "characters": action.and_then(Action::text).map(|text| text.chars().count()),
                "remark_type": action.and_then(Action::remark_type),
            }),
        }
    }
}

/// Who requested it.
pub(super) fn requested_by(entry: &OutboxEntry) -> Actor {
    let actor = entry.context.get("actor").and_then(|actor| Actor::deserialize(actor).ok());
    actor.unwrap_or_else(|| Actor::unknown(None))
}

/// What colleagues read: the name alone, where there is one.
pub(super) fn shown_name(actor: &Actor) -> String {
    actor.name.clone().unwrap_or_else(|| actor.to_string())
}

/// The name of a kind of action in the audit and the metrics.
#[must_use]
pub fn audit_action(kind: FeedbackActionKind) -> &'static str {
    match kind {
        FeedbackActionKind::Reply => "feedback.reply",
        FeedbackActionKind::Message => "feedback.message",
        FeedbackActionKind::Call => "feedback.call",
        FeedbackActionKind::Close => "feedback.close",
        FeedbackActionKind::Spam => "feedback.spam",
        FeedbackActionKind::NoAnswerNeeded => "feedback.no-answer-needed",
    }
}

/// The name of a response in the audit.
pub(super) fn audit_target(response: &ResponseId) -> String {
    format!("response {response}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_name_without_a_name_says_unknown_caller() {
        let actor = Actor::unknown(None);
        assert_eq!(shown_name(&actor), "unknown caller");
        assert_eq!(shown_name(&actor.calling_themselves(Some("Jennifer"))), "Jennifer");
    }
}
