//! Actions on responses: `PUT {api_root}/responses/{id}/{action}` (apis.md G30 to G36), and lists of responses.
//!
//! No action is idempotent (B155): one that may have arrived is never sent again automatically.

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::Action;
use super::error::CallError;
use super::page::{Cursor, Page};
use super::wire;
use crate::upstream::tolerant::text_of;
use base::secret::ExposeSecret;
use base::{Clock, Secret, SourceClock, error_response, http, json};

/// Goodays' own host, which its documents show in events (apis.md B135), whatever host is configured.
const THEIRS: &str = "api.goodays.co";

const ANSWER_LIMIT: usize = 1024 * 1024;

/// A page of responses with their threads.
const LIST_LIMIT: usize = 16 * 1024 * 1024;

/// Responses per page; Goodays' default is 20 (apis.md P23).
const PAGE_SIZE: &str = "200";

/// A client for Goodays. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Goodays {
    http: reqwest::Client,
    api_root: Url,
    token: HeaderValue,
    clock: SourceClock,
}

impl Goodays {
    /// What is unexpected about the action URLs of a response. They are never called in any case.
    #[must_use]
    pub fn unexpected_action_url(&self, response: &wire::Response) -> Option<&'static str> {
        let leads_elsewhere = |address: &str| match Url::parse(address) {
            Ok(url) => {
                !matches!(url.host_str(), Some(host) if self.api_root.host_str() == Some(host) || host == THEIRS)
            }
            Err(_) => true,
        };
        let names_another = |address: &str| {
            let mut parts = address.split(['/', '?', '#']).skip_while(|part| *part != "responses");
            parts.nth(1).is_some_and(|id| percent_encoding::percent_decode_str(id).decode_utf8_lossy() != response.id)
        };
        let mut addresses = response.action_addresses.iter().map(String::as_str);
        if addresses.clone().any(leads_elsewhere) {
            Some("An action's address is of another host.")
        } else if addresses.any(names_another) {
            Some("An action's address names another response.")
        } else {
            None
        }
    }

    /// `api_root` is such as `https://api.goodays.co/v2`.
    ///
    /// # Errors
    /// When the token cannot stand in a header.
    pub fn new(http: reqwest::Client, api_root: &Url, token: &Secret) -> Result<Self, CallError> {
        // Raw, without a scheme before it (apis.md P21).
        let mut token = HeaderValue::from_str(token.expose_secret().trim())
            .map_err(|_| CallError::Invalid("The Goodays API token contains characters that no header can carry."))?;
        token.set_sensitive(true);
        if api_root.cannot_be_a_base() {
            return Err(CallError::Invalid(
                "The Goodays `api_root` is not an address such as https://api.goodays.co/v2.",
            ));
        }
        Ok(Self { http, api_root: api_root.clone(), token, clock: SourceClock::new(Clock::system()) })
    }

    /// Measures this clock by Goodays' answers.
    #[must_use]
    pub fn with_clock(self, clock: SourceClock) -> Self {
        Self { clock, ..self }
    }

    /// Sends an action on a response. The documents name no status: any success counts, unless its body says otherwise.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn act(&self, response_id: &str, action: &Action) -> Result<(), CallError> {
        action.check()?;
        let url = self.address(&["responses", response_id, action.name()])?;
        let answer = self.send(self.http.put(url).json(&action.body())).await?;
        // No body is documented (apis.md P26): an empty one is as good as any.
        http::read_receipt(answer, ANSWER_LIMIT).await.map(drop).map_err(CallError::UnusableReceipt)
    }

    /// Goodays' id of the user with this e-mail address (apis.md G36).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn user(&self, email: &str) -> Result<Option<String>, CallError> {
        let url = self.address(&["users"])?;
        let answer = self.send(self.http.get(url).query(&[("email", email)])).await?;
        let users =
            http::read_receipt(answer, ANSWER_LIMIT).await.map_err(CallError::UnusableReceipt)?.unwrap_or_default();
        let first = users.get("results").unwrap_or(&users);
        Ok(text_of(&first.get(0).unwrap_or(first)["id"]))
    }

    /// Checks the token with the smallest request. Changes nothing.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn check(&self) -> Result<(), CallError> {
        let url = self.address(&["users"])?;
        self.send(self.http.get(url).query(&[("page_size", "1")])).await.map(drop)
    }

    /// One page of the responses between two instants (apis.md P23, P24), as they came. `None`: this Goodays has no
    /// such list.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn responses(
        &self,
        from: Timestamp,
        to: Timestamp,
        cursor: Option<&Cursor>,
    ) -> Result<Option<Page>, CallError> {
        let mut url = self.address(&["responses", "bulk"])?;
        match cursor {
            None => {
                let dates = [("start_date", from.to_string()), ("end_date", to.to_string())];
                url.query_pairs_mut().extend_pairs(dates).append_pair("page_size", PAGE_SIZE);
            }
            Some(Cursor(query)) => url.set_query(Some(query)),
        }
        let answer = match self.send(self.http.get(url)).await {
            Err(CallError::Rejected { status: 404 | 405 | 410 | 501, .. }) => return Ok(None),
            answer => answer?,
        };
        let body = http::read_json(answer, LIST_LIMIT).await.map_err(CallError::UnusableReceipt)?;
        let list: Value = json::read(&body).map_err(|_| CallError::NoAnswer(None))?;
        Page::read(list).map(Some).ok_or(CallError::NoAnswer(None))
    }

    /// An address below the configured root: an id cannot leave its segment of the path.
    fn address(&self, segments: &[&str]) -> Result<Url, CallError> {
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(CallError::Invalid("The response has no usable id."));
        }
        let mut url = self.api_root.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let request = request.header(AUTHORIZATION, self.token.clone());
        let answer = http::send(request, &self.clock).await.map_err(|error| {
            let error = error.without_url();
            let unsent = error.is_connect() || error.is_builder();
            if unsent { CallError::NotSent(error) } else { CallError::NoAnswer(Some(error)) }
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CallError::KeyRefused { status: status.as_u16() },
            _ if status.is_redirection() => CallError::Redirected { status: status.as_u16() },
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                CallError::Overloaded {
                    status: status.as_u16(),
                    retry_after: error_response::retry_after(answer.headers()),
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => CallError::Overloaded {
                status: status.as_u16(),
                retry_after: error_response::retry_after(answer.headers()),
            },
            _ if status.is_server_error() => CallError::ServerError { status: status.as_u16() },
            _ => {
                let body = http::read_body(answer, ANSWER_LIMIT).await.unwrap_or_default();
                CallError::Rejected { status: status.as_u16(), reason: error_response::message(&body) }
            }
        })
    }
}
