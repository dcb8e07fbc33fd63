//! Why an action was not done, or why its outcome is unknown.

use std::time::Duration;

use thiserror::Error;

use crate::store::{RequestOutcome, StoreError};
use crate::upstream::clarity;

/// Why an action failed, for the supervisor. May quote Clarity, so it is never logged.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// There is no such agent or session.
    #[error("There is no such agent or session.")]
    NotFound,
    /// The request is wrong and was not sent.
    #[error("{0}")]
    Invalid(String),
    /// Clarity does not permit it to this user.
    #[error(
        "Clarity does not permit this to you: its business unit, team or role settings say so, or your sign-in has \
            ended."
    )]
    NotPermitted {
        /// Whether the action itself was sent, and so audited, or only a question before it.
        sent: bool,
    },
    /// Clarity refused it.
    #[error("{0}")]
    Refused(String),
    /// Clarity asks to wait for this long.
    #[error("Clarity asks to slow down.")]
    Busy(Option<Duration>),
    /// Clarity was not reached, or did not answer a question before the action. Nothing was changed.
    #[error("{0}")]
    Unreachable(String),
    /// It was sent; Clarity may have done it.
    #[error("Clarity may have done it: look before you try again. {0}")]
    Unclear(String),
    /// The same action is in progress.
    #[error("This is in progress.")]
    InHand,
    /// It could not be stored, so it was not sent.
    #[error("The action could not be stored.")]
    Store(#[from] StoreError),
}

impl SupervisorError {
    /// An error of a question before the action.
    pub(super) fn of(error: &clarity::Error) -> Self {
        match error {
            clarity::Error::NotSent { .. } => Self::Invalid(sentence(error)),
            clarity::Error::Denied { .. } => Self::NotPermitted { sent: false },
            clarity::Error::RateLimited { retry_after, .. } => Self::Busy(*retry_after),
            clarity::Error::Status { status: 400..=499, .. } => Self::Refused(clarity_words(error)),
            _ => Self::Unreachable(clarity_words(error)),
        }
    }

    /// An error of reading a session. One that Clarity does not show to the user does not exist for them, so that they
    /// cannot probe which sessions exist.
    pub(super) fn of_session_lookup(error: &clarity::Error) -> Self {
        match Self::of(error) {
            Self::NotPermitted { .. } | Self::Refused(_) => Self::NotFound,
            other => other,
        }
    }

    /// An error of the action itself.
    pub(super) fn of_action(error: &clarity::Error) -> Self {
        match error {
            clarity::Error::Denied { .. } => Self::NotPermitted { sent: true },
            error if error.is_surely_not_applied() => Self::of(error),
            error => Self::Unclear(clarity_words(error)),
        }
    }

    /// The outcome in the outbox. A refusal is final for its key; what was not sent may be tried again.
    pub(super) fn outcome(&self) -> RequestOutcome {
        match self {
            Self::Refused(reason) => RequestOutcome::rejected(reason),
            Self::Unclear(reason) => RequestOutcome::unknown(reason),
            other => RequestOutcome::failed(other.to_string(), None),
        }
    }

    /// The outcome in the audit and the metrics.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::NotPermitted { .. } | Self::Invalid(_) | Self::NotFound => "rejected",
            Self::Unclear(_) => "unknown",
            Self::Busy(_) | Self::Unreachable(_) | Self::InHand | Self::Store(_) => "failed",
        }
    }
}

/// What Clarity said, or else what happened.
fn clarity_words(error: &clarity::Error) -> String {
    error.reason().map_or_else(|| sentence(error), |said| format!("Clarity says: {said}"))
}

fn sentence(error: &clarity::Error) -> String {
    match error {
        // The cause says what came in place of an answer.
        clarity::Error::Body { .. } => base::error_chain(error),
        error => base::error_chain(&WithoutCauses(error.to_string())),
    }
}

/// An error without its causes: those are for the log.
#[derive(Debug, Error)]
#[error("{0}")]
struct WithoutCauses(String);
