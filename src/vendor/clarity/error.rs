//! Why a call to Clarity did not work.

use std::time::Duration;

use thiserror::Error;

use super::TokenError;
use crate::base::http::BodyError;

/// What went wrong. No message contains a query, a token, or what an answer said.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no token to show.
    #[error("there is no Clarity token for {call}")]
    Token {
        /// Which call.
        call: &'static str,
        /// Why.
        #[source]
        source: TokenError,
    },
    /// Clarity said 401 to a token that it had no reason to refuse: the account may not see this (`apis.md` B3).
    #[error("Clarity does not permit {call} to this account: check its business unit, team and role")]
    Denied {
        /// Which call.
        call: &'static str,
    },
    /// Too many calls.
    #[error("Clarity asks to slow down at {call}")]
    TooMany {
        /// Which call.
        call: &'static str,
        /// For how long, if it said so; at most five minutes.
        retry_after: Option<Duration>,
    },
    /// Any other answer than success.
    #[error("Clarity answered {status} to {call}")]
    Status {
        /// Which call.
        call: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// No answer.
    #[error("{host} could not be reached for {call}")]
    Unreachable {
        /// Which call.
        call: &'static str,
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The answer could not be read to its end.
    #[error("Clarity's answer to {call} could not be read")]
    Body {
        /// Which call.
        call: &'static str,
        /// The cause.
        #[source]
        source: BodyError,
    },
    /// The answer is not what the document describes, by any reading.
    #[error("Clarity's answer to {call} makes no sense from line {line}, column {column} on")]
    Unintelligible {
        /// Which call.
        call: &'static str,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// Clarity would refuse this, so it was not sent.
    #[error("{call} was not sent: {reason}")]
    NotSent {
        /// Which call.
        call: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Error {
    /// The HTTP status of the answer, if there was one and it says what went wrong.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Denied { .. } => Some(401),
            Self::TooMany { .. } => Some(429),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}
