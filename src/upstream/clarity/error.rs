//! Why a call to Clarity did not work.

use std::time::Duration;

use thiserror::Error;

use super::TokenError;
use base::http::{self, BodyError};

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
    RateLimited {
        /// Which call.
        call: &'static str,
        /// For how long, if it said so; at most five minutes.
        retry_after: Option<Duration>,
    },
    /// Any other answer than success.
    #[error("Clarity answered {} to {call}", http::describe_status(*status))]
    Status {
        /// Which call.
        call: &'static str,
        /// The HTTP status.
        status: u16,
        /// Why, in Clarity's words.
        reason: Option<RefusalReason>,
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
    /// The answer could not be read to its end, or is none of Clarity's.
    #[error("Clarity's answer to {call} {}", unread(source))]
    Body {
        /// Which call.
        call: &'static str,
        /// The cause.
        #[source]
        source: BodyError,
    },
    /// The answer is not what the document describes, by any reading.
    #[error("Clarity's answer to {call} makes no sense from line {line}, column {column} on")]
    MalformedAnswer {
        /// Which call.
        call: &'static str,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// Clarity takes this call with the other verb only (`apis.md` B27). Nothing was changed.
    #[error("Clarity does not take {call} with this verb: set `clarity.write_verb` to the other one")]
    WrongVerb {
        /// Which call.
        call: &'static str,
    },
    /// The answer names a host that must not have our token.
    #[error("the answer to {call} names {host}, which is not used: it must be https, and listed in `token_hosts`")]
    UntrustedHost {
        /// Which call.
        call: &'static str,
        /// Which host.
        host: String,
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

fn unread(source: &BodyError) -> &'static str {
    match source {
        BodyError::NotTheApi { .. } => "makes no sense",
        BodyError::Refusal { .. } => "tells an error in spite of its status",
        _ => "could not be read",
    }
}

impl Error {
    /// The HTTP status of the answer, if there was one and it says what went wrong.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Denied { .. } => Some(401),
            Self::RateLimited { .. } => Some(429),
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether Clarity surely did nothing: it was not reached, or said so. Otherwise only looking tells.
    #[must_use]
    pub fn is_surely_not_applied(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_connect() || source.is_builder(),
            Self::Status { status, .. } => *status < 500,
            Self::Body { .. } | Self::MalformedAnswer { .. } => false,
            _ => true,
        }
    }

    /// Why Clarity refused, in its words.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Status { reason, .. } => reason.as_ref().map(RefusalReason::as_str),
            Self::Body { source: BodyError::Refusal { said }, .. } => said.as_deref(),
            _ => None,
        }
    }
}

/// Clarity's own words about a refusal: shown to the person who asked, never written to a log.
#[derive(Clone, PartialEq, Eq)]
pub struct RefusalReason(String);

impl RefusalReason {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The words.
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
