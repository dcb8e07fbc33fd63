//! Why nothing is done about a response.

use thiserror::Error;

use crate::domain::FeedbackActionKind;
use crate::store::StoreError;

/// What is wrong with a wish. Nothing was sent.
#[derive(Debug, Error)]
pub enum FeedbackError {
    /// There is no such response, or no such deed about it.
    #[error("There is no such response, or nothing of that kind was done about it.")]
    NotFound,
    /// It cannot be right.
    #[error("{0}")]
    Invalid(String),
    /// Goodays does not offer it for this response now. Often somebody else was faster.
    #[error("{}", not_offered(*kind, offered))]
    NotOffered {
        /// What was wanted.
        kind: FeedbackActionKind,
        /// What there is instead.
        offered: Vec<String>,
    },
    /// A colleague is at it.
    #[error("{who} is answering this customer right now: look at the page, and wait until that has come to its end.")]
    InHand {
        /// Who.
        who: String,
    },
    /// It could not be written down, so it is not done.
    #[error("The answer could not be written down.")]
    Store(#[from] StoreError),
}

fn not_offered(kind: FeedbackActionKind, offered: &[String]) -> String {
    match (kind, offered) {
        (FeedbackActionKind::NoReplyNeeded, _) => {
            "Goodays can still be told that this needs no answer: close it instead.".to_owned()
        }
        (_, []) => "Goodays offers no action for this response now: somebody has dealt with it already.".to_owned(),
        (kind, offered) => {
            let all = offered.join(", ");
            format!("Goodays does not offer \"{}\" for this response now; it offers: {all}.", kind.as_str())
        }
    }
}
