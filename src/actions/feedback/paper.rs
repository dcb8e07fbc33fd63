//! A deed as it stands in the outbox and in the audit.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{Actor, FeedbackDeedKind, ResponseId};
use crate::store::{Intent, NewDeed};
use crate::vendor::goodays::Action;

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
    pub fn of(intent: &Intent) -> Option<Self> {
        serde_json::from_value(intent.body.clone()).ok()
    }

    pub fn kind(&self) -> Option<FeedbackDeedKind> {
        FeedbackDeedKind::named(&self.kind)
    }

    /// The line of the audit: of what people write, how long it is.
    pub fn line(&self, intent: &Intent) -> NewDeed {
        let action = self.action.as_ref();
        NewDeed {
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
fn asked_by(intent: &Intent) -> Actor {
    let actor = intent.context.get("actor").and_then(|actor| Actor::deserialize(actor).ok());
    let name = intent.context.get("who").and_then(Value::as_str);
    actor.unwrap_or_else(|| Actor::unknown(None).calling_themselves(name))
}

/// What a kind of deed is called in the audit and the metrics.
#[must_use]
pub fn name(kind: FeedbackDeedKind) -> &'static str {
    match kind {
        FeedbackDeedKind::Reply => "feedback.reply",
        FeedbackDeedKind::Message => "feedback.message",
        FeedbackDeedKind::Call => "feedback.call",
        FeedbackDeedKind::Close => "feedback.close",
        FeedbackDeedKind::Spam => "feedback.spam",
        FeedbackDeedKind::NoAnswerNeeded => "feedback.no-answer-needed",
    }
}

/// What the audit calls a response.
pub(super) fn entity(response: &ResponseId) -> String {
    format!("response {response}")
}
