//! What can be done to a response, and what each needs (`apis.md` G30 to G35).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CallError;

/// One thing to do to a response. Stored as it is; sent without its name, which stands in the path.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Answers the customer, perhaps in public.
    Reply {
        /// The text.
        content: String,
        /// The vendor's identity of who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Praise, Question, Idea, Problem or Message. Mandatory where the source is another site (`apis.md` B149).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark_type: Option<String>,
    },
    /// Answers a private message.
    Message {
        /// The text.
        content: String,
        /// The vendor's identity of who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// As in a reply.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark_type: Option<String>,
    },
    /// Says that the customer was called, which closes the thread.
    Call {
        /// The vendor's identity of who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// How the call went, 0 to 5 (`apis.md` B148).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rating: Option<u8>,
        /// A private note.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Closes the thread without an answer.
    Close {
        /// The vendor's identity of who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// As in a reply.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark_type: Option<String>,
    },
    /// Says that it is spam.
    Spam {
        /// The vendor's identity of who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
}

impl Action {
    /// The vendor's name for it: the key in `actions` and the end of the path.
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

    /// Whether it can be right, before anybody is bothered.
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
            _ => Ok(()),
        }
    }

    /// What is sent.
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
