//! Errors of calls to Clarity.

use std::time::Duration;

use thiserror::Error;

use super::TokenError;
use base::http::{self, BodyError};

/// A failed call. No message contains a query, a token, or text from an answer.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no token.
    #[error("there is no Clarity token for {call}")]
    Token {
        /// The name of the call.
        call: &'static str,
        /// The cause.
        #[source]
        source: TokenError,
    },
    /// Clarity answered 401 to a valid token: the account may not see this (apis.md B3).
    #[error("Clarity does not permit {call} to this account: check its business unit, team and role")]
    Denied {
        /// The name of the call.
        call: &'static str,
    },
    /// Clarity answered 429, or the pause that it asked for is not over.
    #[error("Clarity asks to slow down at {call}")]
    RateLimited {
        /// The name of the call.
        call: &'static str,
        /// The pause, at most five minutes.
        retry_after: Option<Duration>,
    },
    /// Any other status than success.
    #[error("Clarity answered {} to {call}", http::describe_status(*status))]
    Status {
        /// The name of the call.
        call: &'static str,
        /// The HTTP status.
        status: u16,
        /// The reason in Clarity's words.
        reason: Option<RefusalReason>,
    },
    /// No answer.
    #[error("{host} could not be reached for {call}")]
    Unreachable {
        /// The name of the call.
        call: &'static str,
        /// The host.
        host: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The answer could not be read to its end, or does not come from Clarity's API.
    #[error("Clarity's answer to {call} {}", unread(source))]
    Body {
        /// The name of the call.
        call: &'static str,
        /// The cause.
        #[source]
        source: BodyError,
    },
    /// The answer does not have the documented shape, however tolerantly it is read.
    #[error("Clarity's answer to {call} is invalid from line {line}, column {column} on")]
    MalformedAnswer {
        /// The name of the call.
        call: &'static str,
        /// The line where it stops making sense.
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// Clarity accepts this call with the other verb only (apis.md B27). Nothing was changed.
    #[error("Clarity does not take {call} with this verb: set `clarity.write_verb` to the other one")]
    WrongVerb {
        /// The name of the call.
        call: &'static str,
    },
    /// The answer names a host that must not get our token.
    #[error("the answer to {call} names {host}, which is not used: it must be https, and listed in `token_hosts`")]
    UntrustedHost {
        /// The name of the call.
        call: &'static str,
        /// The host.
        host: String,
    },
    /// Clarity would refuse this, so it was not sent.
    #[error("{call} was not sent: {reason}")]
    NotSent {
        /// The name of the call.
        call: &'static str,
        /// What is wrong with the call.
        reason: &'static str,
    },
}

fn unread(source: &BodyError) -> &'static str {
    match source {
        BodyError::NotTheApi { .. } => "is invalid",
        BodyError::ErrorInBody { .. } => "reports an error in a successful response",
        _ => "could not be read",
    }
}

impl Error {
    /// The HTTP status of the answer, if it is the error.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Denied { .. } => Some(401),
            Self::RateLimited { .. } => Some(429),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether Clarity certainly did nothing: it was not reached, or said so. Otherwise only a later read can tell.
    #[must_use]
    pub fn is_surely_not_applied(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_connect() || source.is_builder(),
            Self::Status { status, .. } => *status < 500,
            Self::Body { .. } | Self::MalformedAnswer { .. } => false,
            _ => true,
        }
    }

    /// The reason for a refusal, in Clarity's words.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Status { reason, .. } => reason.as_ref().map(RefusalReason::as_str),
            Self::Body { source: BodyError::ErrorInBody { message }, .. } => message.as_deref(),
            _ => None,
        }
    }
}

/// The reason for a refusal in Clarity's words: shown to the user who acted, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct RefusalReason(String);

impl RefusalReason {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RefusalReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefusalReason(..)")
    }
}
