//! A deed as it stands in the outbox and in the audit.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{Actor, FeedbackActionKind, ResponseId};
use crate::store::{OutboxEntry, NewAuditEntry};
use crate::upstream::goodays::Action;

/// What is written down before anything is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Paper {
    /// About which response.
    pub response: ResponseId,
    /// What.
    pub kind: String,
    /// What Goodays is sent. `None`: it is a mark of our own.
    pub action: Option<Action>,
}

impl Paper {
    /// The one in a row; `None` if somebody else wrote it.
    pub fn of(intent: &OutboxEntry) -> Option<Self> {
        serde_json::from_value(intent.body.clone()).ok()
    }

    pub fn kind(&self) -> Option<FeedbackActionKind> {
        FeedbackActionKind::named(&self.kind)
    }

    /// The line of the audit: of what people write, how long it is.
    pub fn line(&self, intent: &OutboxEntry) -> NewAuditEntry {
        let action = self.action.as_ref();
        NewAuditEntry {
            actor: asked_by(intent),
            what: self.kind().map_or("feedback", name),
            entity: entity(&self.response),
            before: json!({"stand": intent.context.get("stand")}),
            after: json!({
                "deed": intent.id,
                "attempt": intent.attempt,
                "characters": action.and_then(Action::text).map(|text| text.chars().count()),
                "remark_type": action.and_then(Action::remark_type),
            }),
        }
    }
}

/// Who asked for it. An older version kept no more than their name.
fn asked_by(intent: &OutboxEntry) -> Actor {
    let actor = intent.context.get("actor").and_then(|actor| Actor::deserialize(actor).ok());
    let name = intent.context.get("who").and_then(Value::as_str);
    actor.unwrap_or_else(|| Actor::unknown(None).calling_themselves(name))
}

/// What a kind of deed is called in the audit and the metrics.
#[must_use]
pub fn name(kind: FeedbackActionKind) -> &'static str {
    match kind {
        FeedbackActionKind::Reply => "feedback.reply",
        FeedbackActionKind::Message => "feedback.message",
        FeedbackActionKind::Call => "feedback.call",
        FeedbackActionKind::Close => "feedback.close",
        FeedbackActionKind::Spam => "feedback.spam",
        FeedbackActionKind::NoReplyNeeded => "feedback.no-answer-needed",
    }
}

/// What the audit calls a response.
pub(super) fn entity(response: &ResponseId) -> String {
    format!("response {response}")
}
