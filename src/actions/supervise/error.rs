//! Why a deed was not done, or nobody knows whether it was.

use std::time::Duration;

use thiserror::Error;

use crate::base;
use crate::store::{RequestOutcome, StoreError};
use crate::upstream::clarity;

/// What went wrong, for the person who acts: Clarity's own words are in it, and it is never logged.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// There is no such agent or contact.
    #[error("There is no such agent or session.")]
    NotFound,
    /// It cannot be right, and was not sent.
    #[error("{0}")]
    Invalid(String),
    /// Clarity does not permit it to this person. `sent`: it was asked to do it, and the audit has an entry of that.
    #[error(
        "Clarity does not permit this to you: its business unit, team or role settings say so, or your sign-in has ended."
    )]
    NotPermitted {
        /// Whether Clarity was asked to do it, and not only for what must be known before.
        sent: bool,
    },
    /// Clarity refused.
    #[error("{0}")]
    Refused(String),
    /// Clarity wants to be left alone for a while.
    #[error("Clarity asks to slow down.")]
    Busy(Option<Duration>),
    /// Clarity was not reached, or could not be asked what must be known first. Nothing was changed.
    #[error("{0}")]
    Unreachable(String),
    /// It was sent, and Clarity may have done it.
    #[error("Nobody can say whether Clarity did it: look before you try again. {0}")]
    Unclear(String),
    /// The same deed is being done right now.
    #[error("This is being done right now.")]
    InHand,
    /// It could not be written down, so it was not done.
    #[error("The deed could not be written down.")]
    Store(#[from] StoreError),
}

impl SupervisorError {
    /// What an error means that came before anything was to change.
    pub(super) fn of(error: &clarity::Error) -> Self {
        match error {
            clarity::Error::NotSent { .. } => Self::Invalid(sentence(error)),
            clarity::Error::Denied { .. } => Self::NotPermitted { sent: false },
            clarity::Error::RateLimited { retry_after, .. } => Self::Busy(*retry_after),
            clarity::Error::Status { status: 400..=499, .. } => Self::Refused(words(error)),
            _ => Self::Unreachable(words(error)),
        }
    }

    /// What an error means that came of asking for a session: one that Clarity does not show to a person is none for them,
    /// so that nobody learns which there are.
    pub(super) fn of_a_look_up(error: &clarity::Error) -> Self {
        match Self::of(error) {
            Self::NotPermitted { .. } | Self::Refused(_) => Self::NotFound,
            other => other,
        }
    }

    /// What an error means that came of the change itself.
    pub(super) fn of_the_deed(error: &clarity::Error) -> Self {
        match error {
            clarity::Error::Denied { .. } => Self::NotPermitted { sent: true },
            error if error.is_surely_not_applied() => Self::of(error),
            error => Self::Unclear(words(error)),
        }
    }

    /// How the outbox keeps it. What was refused stays refused under its key; what was not sent may be tried again.
    pub(super) fn outcome(&self) -> RequestOutcome {
        match self {
            Self::Refused(reason) => RequestOutcome::rejected(reason),
            Self::Unclear(reason) => RequestOutcome::unknown(reason),
            other => RequestOutcome::failed(other.to_string(), None),
        }
    }

    /// In one word.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::NotPermitted { .. } | Self::Invalid(_) | Self::NotFound => "rejected",
            Self::Unclear(_) => "unknown",
            Self::Busy(_) | Self::Unreachable(_) | Self::InHand | Self::Store(_) => "failed",
        }
    }
}

/// What Clarity said, or else what happened.
fn words(error: &clarity::Error) -> String {
    error.reason().map_or_else(|| sentence(error), |said| format!("Clarity says: {said}"))
}

fn sentence(error: &clarity::Error) -> String {
    match error {
        // What came instead of an answer says more than that it could not be read.
        clarity::Error::Body { .. } => base::error_chain(error),
        error => base::error_chain(&Told(error.to_string())),
    }
}

/// An error without its causes, which are for the log.
#[derive(Debug, Error)]
#[error("{0}")]
struct Told(String);
