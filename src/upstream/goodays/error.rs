//! Errors of calls to Goodays.

use std::time::Duration;

use base::http;
use thiserror::Error;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// The request is invalid and was not sent.
    #[error("{0}")]
    Invalid(&'static str),
    /// The token is missing, wrong or without rights (apis.md P21).
    #[error("Goodays refused the API token (status {status}). Check `[goodays] api_token_file`.")]
    KeyRefused {
        /// 401 or 403.
        status: u16,
    },
    /// Refused permanently. Often a colleague was faster (apis.md B155).
    #[error("Goodays refused (status {status}): {}", reason.as_deref().unwrap_or("no reason was given"))]
    Rejected {
        /// The status.
        status: u16,
        /// The reason in Goodays' words.
        reason: Option<String>,
    },
    /// Too many requests, or the service is unavailable: it was not done.
    #[error("Goodays answered that it cannot take it now (status {status}).")]
    Overloaded {
        /// The status.
        status: u16,
        /// The requested pause.
        retry_after: Option<Duration>,
    },
    /// A server error: it may have been done (reliability.md O1).
    #[error("Goodays answered with an error (status {status}). Whether it was done is unknown.")]
    ServerError {
        /// The status.
        status: u16,
    },
    /// A success whose body is no receipt: it says nothing about the request.
    #[error("Goodays' answer is invalid: {0}. Whether it was done is unknown.")]
    UnusableReceipt(http::BodyError),
    /// The address redirects. Nothing was sent there.
    #[error("Goodays answered {}. It was not sent there.", http::describe_status(*status))]
    Redirected {
        /// The status.
        status: u16,
    },
    /// The connection failed: Goodays did not get the request.
    #[error("Goodays could not be reached.")]
    NotSent(#[source] reqwest::Error),
    /// No answer came: it may have been done.
    #[error("Goodays did not answer. Whether it was done is unknown.")]
    NoAnswer(#[source] Option<reqwest::Error>),
}
