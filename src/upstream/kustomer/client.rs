//! Reads conversations, customers, users and tags (apis.md K2 to K6). Calls count against the organization's rate limit
//! (P37), so nothing is requested that an event already contains.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use thiserror::Error;
use url::Url;
use zeroize::Zeroizing;

use super::wire::{self, Conversation, Customer, User, WireError};
use crate::upstream::tolerant::text_of;
use base::secret::ExposeSecret;
use base::{Clock, Secret, SourceClock, error_response, http};

const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// A client for Kustomer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Kustomer {
    http: reqwest::Client,
    api_root: Url,
    authorization: HeaderValue,
    clock: SourceClock,
}

/// Why a call failed. All calls can be repeated.
#[derive(Debug, Error)]
pub enum CallError {
    /// The configuration or an id cannot be used.
    #[error("{0}")]
    Invalid(&'static str),
    /// The key is missing, wrong, or has too few roles (apis.md B211).
    #[error("Kustomer refused the API key (status {status}). Check `[kustomer] api_key_file` and the key's roles.")]
    KeyRefused {
        /// 401 or 403.
        status: u16,
    },
    /// There is no such record.
    #[error("Kustomer knows no such record.")]
    NotFound,
    /// Refused for another reason.
    #[error("Kustomer refused (status {status}): {}", reason.as_deref().unwrap_or("no reason was given"))]
    Rejected {
        /// The status.
        status: u16,
        /// The reason in Kustomer's words.
        reason: Option<String>,
    },
    /// The rate limit is reached, or the service is unavailable.
    #[error("Kustomer answered that it cannot help now (status {status}).")]
    Overloaded {
        /// The status.
        status: u16,
        /// The requested pause.
        retry_after: Option<Duration>,
    },
    /// The address redirects. Nothing was requested there.
    #[error("Kustomer answered {}.", http::describe_status(*status))]
    Redirected {
        /// The status.
        status: u16,
    },
    /// No answer came.
    #[error("Kustomer could not be reached or did not answer.")]
    Unreachable(#[source] reqwest::Error),
    /// The answer broke off, or does not come from Kustomer's API.
    #[error("Kustomer's answer could not be read: {0}.")]
    Body(#[from] http::BodyError),
    /// The answer does not have the documented shape.
    #[error("Kustomer's answer is not what it should be.")]
    Unreadable(#[from] WireError),
}

impl Kustomer {
    /// `api_root` is such as `https://api.kustomerapp.com`, with or without the organisation before it (apis.md B212).
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn new(http: reqwest::Client, api_root: &Url, key: &Secret) -> Result<Self, CallError> {
        let text = Zeroizing::new(format!("Bearer {}", key.expose_secret().trim()));
        let mut authorization = HeaderValue::from_str(&text)
            .map_err(|_| CallError::Invalid("The Kustomer API key contains characters that no header can carry."))?;
        authorization.set_sensitive(true);
        if api_root.cannot_be_a_base() {
            return Err(CallError::Invalid(
                "The Kustomer `api_root` is not an address such as https://api.kustomerapp.com.",
            ));
        }
        Ok(Self { http, api_root: api_root.clone(), authorization, clock: SourceClock::new(Clock::system()) })
    }

    /// Measures this clock by Kustomer's answers.
    #[must_use]
    pub fn with_clock(self, clock: SourceClock) -> Self {
        Self { clock, ..self }
    }

    /// A conversation as it is now (apis.md K2).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn conversation(&self, id: &str) -> Result<Conversation, CallError> {
        Ok(Conversation::read(&self.record("conversations", id).await?)?)
    }

    /// A customer (apis.md K4).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn customer(&self, id: &str) -> Result<Customer, CallError> {
        Ok(Customer::read(&self.record("customers", id).await?)?)
    }

    /// A user (apis.md K6).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn user(&self, id: &str) -> Result<User, CallError> {
        Ok(User::read(&self.record("users", id).await?)?)
    }

    /// The names of tags, as far as they are known (apis.md K5, B205). Without ids nothing is requested.
    ///
    /// # Errors
    /// See [`CallError`]. A survey request must not fail because of its tags.
    pub async fn tags(&self, ids: &[String]) -> Result<Vec<String>, CallError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (status, body) = self.get(&["tags", &ids.join(",")]).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(wire::parse(&body).map(|answer| wire::tag_names(&answer)).unwrap_or_default()),
            _ => Ok(wire::tag_names(&wire::parse(&body)?)),
        }
    }

    /// Checks the key. Changes nothing.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn check(&self) -> Result<(), CallError> {
        // The documented key can certainly read tags (apis.md K11). This id is the document's own placeholder; that
        // there is no such tag is a good answer, too.
        self.tags(&["aaaaaaaaaaaaaaaaaaaaaaaa".to_owned()]).await.map(drop)
    }

    async fn record(&self, kind: &str, id: &str) -> Result<Value, CallError> {
        let (status, body) = self.get(&[kind, id]).await?;
        if status == StatusCode::NOT_FOUND {
            return Err(CallError::NotFound);
        }
        let mut answer = wire::parse(&body)?;
        // An answer of the API has its record in `data`; a flat one is the record.
        let data = answer.get_mut("data").map(Value::take);
        let mut record = data.unwrap_or(answer);
        // The requested id is known.
        let has_attributes = record["attributes"].as_object().is_some_and(|attributes| !attributes.is_empty());
        if has_attributes && text_of(&record["id"]).is_none() {
            record["id"] = id.into();
        }
        Ok(record)
    }

    /// A success, or a 404, whose body may still say something.
    async fn get(&self, segments: &[&str]) -> Result<(StatusCode, Vec<u8>), CallError> {
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(CallError::Invalid("The record has no usable id."));
        }
        let mut url = self.api_root.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        let request = self.http.get(url).header(AUTHORIZATION, self.authorization.clone());
        let answer = http::send(request, &self.clock).await;
        let answer = answer.map_err(|error| CallError::Unreachable(error.without_url()))?;
        let (status, retry_after) = (answer.status(), error_response::retry_after(answer.headers()));
        let code = status.as_u16();
        match status {
            _ if status.is_success() => Ok((status, http::read_json(answer, ANSWER_LIMIT).await?)),
            // Kustomer says that there is no such record; a page says that of an address.
            StatusCode::NOT_FOUND => match http::read_text(answer, ANSWER_LIMIT).await {
                Err(error @ http::BodyError::NotTheApi { .. }) => Err(error.into()),
                body => Ok((status, body.unwrap_or_default())),
            },
            _ if status.is_redirection() => Err(CallError::Redirected { status: code }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(CallError::KeyRefused { status: code }),
            StatusCode::TOO_MANY_REQUESTS => Err(CallError::Overloaded { status: code, retry_after }),
            _ if status.is_server_error() => Err(CallError::Overloaded { status: code, retry_after }),
            _ => {
                let body = http::read_body(answer, ANSWER_LIMIT).await.unwrap_or_default();
                Err(CallError::Rejected { status: code, reason: error_response::message(&body) })
            }
        }
    }
}
