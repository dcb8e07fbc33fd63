//! Users' actions on a customer's response.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

use jiff::Timestamp;

use super::{FeedbackActionId, RequestState, ResponseId};

/// One action on a response, and its state.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedbackAction {
    /// Our id for it.
    pub id: FeedbackActionId,
    /// The response.
    pub response: ResponseId,
    /// The kind of action.
    pub kind: FeedbackActionKind,
    /// The user's name.
    pub who: Arc<str>,
    /// The reply, or the note about a call. Plain text, never markup.
    pub text: Option<Arc<str>>,
    /// The state of the request.
    pub state: RequestState,
    /// Why it was rejected or failed, in Goodays' words if there are any.
    pub reason: Option<Arc<str>>,
    /// How many times it was sent.
    pub attempts: u32,
    /// The response's revision when the user decided: [`ResponseRecord::revision`](super::ResponseRecord::revision).
    pub revision: Arc<str>,
    /// When the user requested it.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
}

/// The kinds of actions on a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeedbackActionKind {
    /// A reply to the customer, public if the response is.
    #[default]
    Reply,
    /// A private message to the customer.
    Message,
    /// The customer was called.
    Call,
    /// Closed without a reply.
    Close,
    /// Reported as spam.
    Spam,
    /// Marked as needing no reply. Goodays is not notified.
    NoAnswerNeeded,
}

impl FeedbackActionKind {
    /// All kinds, in the order in which they are offered.
    pub const ALL: [Self; 6] = [Self::Reply, Self::Message, Self::Call, Self::Close, Self::Spam, Self::NoAnswerNeeded];

    /// The name in documents and addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Message => "message",
            Self::Call => "call",
            Self::Close => "close",
            Self::Spam => "spam",
            Self::NoAnswerNeeded => "no-answer-needed",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it closes the thread once Goodays has accepted it. After a private message the thread goes on.
    #[must_use]
    pub fn closes_thread(self) -> bool {
        matches!(self, Self::Reply | Self::Call | Self::Close | Self::Spam)
    }
}

impl FeedbackAction {
    /// Whether its outcome is still open.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, RequestState::Queued | RequestState::Sent | RequestState::Unknown)
    }
}
