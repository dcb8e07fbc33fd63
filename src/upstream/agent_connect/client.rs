//! `POST /v1/requests` and `POST /v1/recoveries` (apis.md R1, R2, B172).
//!
//! Neither call is idempotent (B182), so the errors say whether Agent Connect can have got the request.

use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use url::Url;

use super::{InvalidRequest, Recovery, Request};
use crate::upstream::tolerant::text_of;
use base::secret::ExposeSecret;
use base::{Clock, Secret, SourceClock, error_response, http};

const ANSWER_LIMIT: usize = 1024 * 1024;

/// The names under which the id of a request has been seen in answers (apis.md B176).
const ID_NAMES: [&str; 5] = ["request_id", "request_ID", "requestId", "uuid", "id"];

/// A client for Agent Connect. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentConnect {
    http: reqwest::Client,
    api_root: Url,
    key: HeaderValue,
    clock: SourceClock,
}

/// Agent Connect accepted a request. That does not mean that the customer gets a survey (apis.md B181).
#[derive(Clone, PartialEq)]
pub struct Accepted {
    /// Agent Connect's id of the request. Often there is none (apis.md P3).
    pub request_id: Option<String>,
    /// The whole answer, which contains the customer's address.
    pub raw: Option<Value>,
}

/// Why a request was not accepted.
#[derive(Debug, Error)]
pub enum SendError {
    /// The request is invalid and was not sent.
    #[error("{0}")]
    Invalid(#[from] InvalidRequest),
    /// Refused for good.
    #[error("Agent Connect refused (status {status}): {}", reason.as_deref().unwrap_or("no reason was given"))]
    Rejected {
        /// The status.
        status: u16,
        /// The reason in Agent Connect's words (apis.md P5).
        reason: Option<String>,
    },
    /// Too many requests, or the service is unavailable.
    #[error("Agent Connect answered that it cannot take it now (status {status}).")]
    Overloaded {
        /// The status.
        status: u16,
        /// The requested pause.
        retry_after: Option<Duration>,
    },
    /// The connection failed: Agent Connect did not get the request.
    #[error("Agent Connect could not be reached.")]
    NotSent(#[source] reqwest::Error),
    /// A server error: the request may have been accepted.
    #[error("Agent Connect answered with an error (status {status}). Whether it took the request is unknown.")]
    ServerError {
        /// The status.
        status: u16,
    },
    /// A success whose body is no receipt: it says nothing about the request.
    #[error("Agent Connect's answer is invalid: {what}. Whether it took the request is unknown.")]
    UnusableReceipt {
        /// What came.
        what: String,
    },
    /// The address redirects. Nothing was sent there.
    #[error("Agent Connect answered {}. It was not sent there.", http::describe_status(*status))]
    Redirected {
        /// The status.
        status: u16,
    },
    /// No answer came: the request may have been accepted.
    #[error("Agent Connect did not answer. Whether it took the request is unknown.")]
    NoAnswer(#[source] Option<reqwest::Error>),
    /// The key is missing or wrong.
    #[error("Agent Connect refused the API key. Check `[agent_connect] api_key_file`.")]
    KeyRefused,
    /// The configuration cannot be used.
    #[error("{0}")]
    Misconfigured(&'static str),
}

impl AgentConnect {
    /// `api_root` is such as `https://api.stellaconnect.net`.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn new(http: reqwest::Client, api_root: &Url, key: &Secret) -> Result<Self, SendError> {
        let mut key = HeaderValue::from_str(key.expose_secret().trim()).map_err(|_| {
            SendError::Misconfigured("The Agent Connect API key contains characters that no header can carry.")
        })?;
        key.set_sensitive(true);
        if api_root.cannot_be_a_base() {
            return Err(SendError::Misconfigured(
                "The Agent Connect `api_root` is not an address such as https://api.stellaconnect.net.",
            ));
        }
        Ok(Self { http, api_root: api_root.clone(), key, clock: SourceClock::new(Clock::system()) })
    }

    /// Measures this clock by Agent Connect's answers.
    #[must_use]
    pub fn with_clock(self, clock: SourceClock) -> Self {
        Self { clock, ..self }
    }

    /// Requests a survey.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(&self, request: &Request) -> Result<Accepted, SendError> {
        request.check()?;
        self.post("requests", &request.clone().tidy()).await
    }

    /// Requests a survey about a service recovery.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn recover(&self, recovery: &Recovery) -> Result<Accepted, SendError> {
        recovery.check()?;
        self.post("recoveries", &recovery.clone().tidy()).await
    }

    /// Checks the key. Changes nothing, and sends nothing that counts towards Agent Connect's rate of failed requests
    /// (apis.md R18). A 404 or 405 for this page is a good answer, too (P13).
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn check(&self) -> Result<(), SendError> {
        match self.call(self.http.get(self.address(["v2", "employees"]))).await {
            Ok(_) | Err(SendError::Rejected { status: 404 | 405, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn post(&self, what: &str, body: &impl Serialize) -> Result<Accepted, SendError> {
        let answer = self.call(self.http.post(self.address(["v1", what])).json(body)).await?;
        let receipt = http::read_receipt(answer, ANSWER_LIMIT).await;
        let receipt = receipt.map_err(|error| SendError::UnusableReceipt { what: error.to_string() })?;
        Accepted::read(receipt).map_err(|what| SendError::UnusableReceipt { what: what.to_owned() })
    }

    fn address(&self, segments: [&str; 2]) -> Url {
        let mut url = self.api_root.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    async fn call(&self, request: RequestBuilder) -> Result<Response, SendError> {
        let json = HeaderValue::from_static("application/json");
        let request = request.header(ACCEPT, json).header("x-api-key", self.key.clone());
        let answer = http::send(request, &self.clock).await.map_err(|error| {
            let error = error.without_url();
            let unsent = error.is_connect() || error.is_builder();
            if unsent { SendError::NotSent(error) } else { SendError::NoAnswer(Some(error)) }
        })?;
        let status = answer.status();
        let retry_after = error_response::retry_after(answer.headers());
        let code = status.as_u16();
        match status {
            _ if status.is_success() => Ok(answer),
            _ if status.is_redirection() => Err(SendError::Redirected { status: code }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(SendError::KeyRefused),
            // Only these say that the request was not processed.
            StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Err(SendError::Overloaded { status: code, retry_after })
            }
            // The request may have been stored before the timeout, and a second one would be another request (apis.md
            // B182).
            StatusCode::REQUEST_TIMEOUT => Err(SendError::ServerError { status: code }),
            _ if status.is_server_error() => Err(SendError::ServerError { status: code }),
            _ => {
                // The status decides, even if the body breaks off.
                let body = http::read_text(answer, ANSWER_LIMIT).await.unwrap_or_default();
                Err(SendError::Rejected { status: code, reason: error_response::message(&body) })
            }
        }
    }
}

impl Accepted {
    /// Reads a documented receipt: an object with an echo of the request or its id (apis.md P3).
    fn read(receipt: Option<Value>) -> Result<Self, &'static str> {
        match receipt {
            None => Err("it is empty"),
            Some(raw @ Value::Object(_)) => {
                Ok(Self { request_id: ID_NAMES.iter().find_map(|name| text_of(&raw[*name])), raw: Some(raw) })
            }
            Some(_) => Err("it is JSON of another shape than a receipt"),
        }
    }
}

/// Without the answer, which contains the customer's address.
impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}
