//! The actions on a response (apis.md G30 to G35).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::CallError;

/// The remark types (apis.md G35).
pub const REMARK_TYPES: [&str; 5] = ["Praise", "Question", "Idea", "Problem", "Message"];

/// The remark type of private messages, and the default.
pub const DEFAULT_REMARK_TYPE: &str = "Message";

/// The longest text, in characters. Goodays names no limit; a longer text is a mistake.
pub const MAX_TEXT: usize = 10_000;

/// An action on a response. It is stored as it is, and sent without its name, which is part of the path.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Answers the customer, perhaps in public.
    Reply {
        /// The text.
        content: String,
        /// Goodays' id of the acting user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Praise, Question, Idea, Problem or Message. Mandatory where the source is another site (apis.md B149).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark_type: Option<String>,
    },
    /// Answers a private message.
    Message {
        /// The text.
        content: String,
        /// Goodays' id of the acting user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// As in a reply.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark_type: Option<String>,
    },
    /// Records a call to the customer, which closes the thread.
    Call {
        /// Goodays' id of the acting user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// How the call went, 0 to 5 (apis.md B148).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rating: Option<u8>,
        /// A private note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Closes the thread without an answer.
    Close {
        /// Goodays' id of the acting user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// As in a reply.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark_type: Option<String>,
    },
    /// Marks it as spam.
    Spam {
        /// Goodays' id of the acting user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
}

impl Action {
    /// Goodays' name of the action: its key in `actions` and the end of the path.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "reply",
            Self::Message { .. } => "message",
            Self::Call { .. } => "call",
            Self::Close { .. } => "close",
            Self::Spam { .. } => "spam",
        }
    }

    /// Checks the action before it is sent.
    ///
    /// # Errors
    /// [`CallError::Invalid`] with a sentence.
    pub fn check(&self) -> Result<(), CallError> {
        match self {
            Self::Reply { content, .. } | Self::Message { content, .. } if content.trim().is_empty() => {
                Err(CallError::Invalid("Write an answer first: the text is empty."))
            }
            Self::Call { rating: Some(6..), .. } => {
                Err(CallError::Invalid("Rate the call with a whole number from 0 to 5."))
            }
            _ if self.text().is_some_and(|text| text.chars().count() > MAX_TEXT) => {
                Err(CallError::Invalid("The text is longer than 10,000 characters: shorten it."))
            }
            _ if self.remark_type().is_some_and(|kind| !REMARK_TYPES.contains(&kind)) => {
                Err(CallError::Invalid("The kind of remark must be Praise, Question, Idea, Problem or Message."))
            }
            _ => Ok(()),
        }
    }

    /// The text: the reply, or the note about a call.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Reply { content, .. } | Self::Message { content, .. } => Some(content),
            Self::Call { note, .. } => note.as_deref(),
            Self::Close { .. } | Self::Spam { .. } => None,
        }
    }

    /// The remark type that it gives the customer's message.
    #[must_use]
    pub fn remark_type(&self) -> Option<&str> {
        match self {
            Self::Reply { remark_type, .. } | Self::Message { remark_type, .. } | Self::Close { remark_type, .. } => {
                remark_type.as_deref()
            }
            Self::Call { .. } | Self::Spam { .. } => None,
        }
    }

    /// The same action by this Goodays user.
    #[must_use]
    pub fn with_user(mut self, who: Option<String>) -> Self {
        match &mut self {
            Self::Reply { user, .. }
            | Self::Message { user, .. }
            | Self::Call { user, .. }
            | Self::Close { user, .. }
            | Self::Spam { user } => *user = who,
        }
        self
    }

    /// The body of the request.
    pub(super) fn body(&self) -> Value {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("action");
        }
        body
    }
}

/// The name only: the text is for the customer.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({})", self.name())
    }
}
