//! What colleagues do about a customer's response.

use std::sync::Arc;

use jiff::Timestamp;

use super::{FeedbackActionId, RequestState, ResponseId};

/// One thing that somebody does about a response, and how far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedbackAction {
    /// Which.
    pub id: FeedbackActionId,
    /// About which response.
    pub response: ResponseId,
    /// What.
    pub kind: FeedbackActionKind,
    /// Who does it.
    pub who: Arc<str>,
    /// What they write: an answer, or a note about a call. Text, never markup.
    pub text: Option<Arc<str>>,
    /// How far it has come.
    pub state: RequestState,
    /// Why it went no further, in the upstream's words where there are any.
    pub reason: Option<Arc<str>>,
    /// How often it was sent.
    pub attempts: u32,
    /// How the response stood when somebody decided this: [`ResponseRecord::revision`](super::ResponseRecord::revision).
    pub revision: Arc<str>,
    /// When somebody wanted it.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
}

/// What can be done about a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedbackActionKind {
    /// The customer gets an answer, perhaps in public.
    Reply,
    /// The customer gets a private answer.
    Message,
    /// The customer was called.
    Call,
    /// It is closed without an answer.
    Close,
    /// It is no customer's.
    Spam,
    /// A mark of our own: nobody needs to answer.
    NoReplyNeeded,
}

impl FeedbackActionKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 6] = [Self::Reply, Self::Message, Self::Call, Self::Close, Self::Spam, Self::NoReplyNeeded];

    /// The name in documents and addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Message => "message",
            Self::Call => "call",
            Self::Close => "close",
            Self::Spam => "spam",
            Self::NoReplyNeeded => "no-answer-needed",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether the thread is dealt with once the upstream has taken it. After a private message more may follow.
    #[must_use]
    pub fn closes_thread(self) -> bool {
        matches!(self, Self::Reply | Self::Call | Self::Close | Self::Spam)
    }
}

impl FeedbackAction {
    /// Whether nobody can say yet what the upstream makes of it.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, RequestState::Queued | RequestState::Sent | RequestState::Unknown)
    }
}
