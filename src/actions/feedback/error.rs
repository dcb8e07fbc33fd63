//! Why an action about a response is refused.

use thiserror::Error;

use crate::domain::FeedbackActionKind;
use crate::store::StoreError;

/// Why an action is refused. Nothing was sent.
#[derive(Debug, Error)]
pub enum FeedbackError {
    /// There is no such response, or no such action about it.
    #[error("There is no such response, or no such action about it.")]
    NotFound,
    /// A field is missing, wrong, or not one of this action.
    #[error("{0}")]
    Invalid(String),
    /// Goodays does not offer it for this response now. Often a colleague was faster.
    #[error("{}", not_offered(*kind, offered))]
    NotOffered {
        /// The requested action.
        kind: FeedbackActionKind,
        /// What Goodays offers.
        offered: Vec<String>,
    },
    /// A colleague is answering.
    #[error("{who} is answering this customer right now: look at the page and wait until that has ended.")]
    InHand {
        /// The colleague's name.
        who: String,
    },
    /// It could not be stored, so it is not sent.
    #[error("The answer could not be stored.")]
    Store(#[from] StoreError),
}

fn not_offered(kind: FeedbackActionKind, offered: &[String]) -> String {
    match (kind, offered) {
        (FeedbackActionKind::NoAnswerNeeded, _) => "Goodays still accepts closing it: close it instead.".to_owned(),
        (_, []) => "Goodays offers no action for this response now: a colleague has handled it already.".to_owned(),
        (kind, offered) => {
            let all = offered.join(", ");
            format!("Goodays does not offer \"{}\" for this response now; it offers: {all}.", kind.as_str())
        }
    }
}
