//! Errors as RFC 9457 problem documents: a stable `type` for programs, a title that a person can act on.
//!
//! A problem never holds a secret, a stack trace, or the raw text of an upstream's answer.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::explain;
use crate::live::ViewError;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// `Retry-After` when the store or Clarity is busy, in seconds.
const RETRY_BUSY: u64 = 5;

/// The longest text of axum's that is taken for an explanation, in bytes.
pub(super) const MAX_REJECTION: usize = 1024;

/// `Retry-After` while Clarity cannot confirm a user's role, in seconds.
const RETRY_UNCONFIRMED: u64 = 10;

/// An error that a handler answers with; as a response, a problem document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiError {
    #[serde(rename = "type")]
    kind: String,
    title: Cow<'static, str>,
    #[serde(serialize_with = "as_u16")]
    status: StatusCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
    #[serde(skip)]
    retry_after_seconds: Option<u64>,
    /// Whether the detail is axum's or serde's own text: for developers, and not for the page.
    #[serde(skip)]
    is_technical: bool,
    /// Whether the audit has an entry of it already.
    #[serde(skip)]
    is_audited: bool,
}

impl ApiError {
    /// A problem with a type of its own, `urn:callboard:problem:<slug>`. Programs compare the slug: it never changes.
    #[must_use]
    pub fn new(status: StatusCode, slug: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: format!("urn:callboard:problem:{slug}"),
            title: title.into(),
            status,
            detail: None,
            extra: Map::new(),
            retry_after_seconds: None,
            is_technical: false,
            is_audited: false,
        }
    }

    /// The problem for a status alone.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        let (slug, title) = match status.as_u16() {
            400 => ("bad-request", "The request cannot be understood."),
            401 => ("sign-in-needed", "Sign in first."),
            403 => ("not-allowed", "You may not do that."),
            404 => ("not-found", "There is nothing here."),
            405 => ("wrong-method", "This address does not take that method."),
            408 => ("too-slow", "The request took too long to arrive."),
            409 => ("conflict", "Another user was faster: look at it again."),
            413 => ("too-large", "The request is larger than this address takes."),
            415 => ("wrong-content-type", "This address does not take that type of content."),
            422 => ("not-valid", "The request is well formed, but what it says is not possible."),
            426 => ("upgrade-needed", "This address speaks WebSocket only."),
            429 => ("too-many-requests", "Too many requests: wait a moment."),
            503 => ("temporarily-unavailable", "That is not possible just now: try again in a moment."),
            _ if status.is_client_error() => ("refused", "The request was refused."),
            _ => ("internal-error", "Something broke on our side. It has been written to the log."),
        };
        Self::new(status, slug, title)
    }

    /// 400: the request is invalid, and why.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 401: no valid credentials.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::of(StatusCode::UNAUTHORIZED)
    }

    /// 403: the user's role does not permit it.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::of(StatusCode::FORBIDDEN)
    }

    /// 503: Clarity cannot confirm at the moment what the user may change.
    #[must_use]
    pub fn unconfirmed() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unconfirmed",
            "Clarity cannot confirm just now what you may do, so nothing can be changed. What you see goes on.",
        )
        .retry_after(RETRY_UNCONFIRMED)
    }

    /// 403: the request was sent by another site's page.
    #[must_use]
    pub fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign-origin",
            "Requests that change something must come from our own pages.",
        )
    }

    /// A scope that cannot be opened: 404 for a page that the list does not have, 429 where one user has too many
    /// scopes open, 503 where all users together have.
    #[must_use]
    pub fn view_refused(refused: ViewError) -> Self {
        let problem = match refused {
            ViewError::TooManyViews => Self::unavailable(60),
            ViewError::OwnerLimit { .. } => Self::too_many_requests(60),
            ViewError::NoSuchPage { .. } => Self::not_found(),
        };
        problem.detail(refused.to_string())
    }

    /// 421: the request was sent to a host name that this server does not serve.
    #[must_use]
    pub fn misdirected() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong-host",
            "This server is not known by that name. Set server.public_url to the address that people type.",
        )
    }

    /// 404: it does not exist, or this viewer may not see it. The two answers are the same on purpose.
    #[must_use]
    pub fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND)
    }

    /// 409: the state does not allow it; the detail says why.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::CONFLICT).detail(detail)
    }

    /// 415: not the content type or the content encoding that this route accepts.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::of(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    }

    /// 422: well formed and not valid; the detail says why.
    #[must_use]
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// 429, with `Retry-After`.
    #[must_use]
    pub fn too_many_requests(seconds: u64) -> Self {
        Self::of(StatusCode::TOO_MANY_REQUESTS).retry_after(seconds)
    }

    /// 500: a bug or a failure of ours. The cause is in the log, not in the answer.
    #[must_use]
    pub fn internal() -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// 503: the store or an upstream is busy; try again in a few seconds.
    #[must_use]
    pub fn busy() -> Self {
        Self::unavailable(RETRY_BUSY)
    }

    /// The problem of axum's rejection, with a sentence that names the field, if there is one.
    #[must_use]
    pub fn rejection(status: StatusCode, text: &str) -> Self {
        let problem = Self::of(status);
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_REJECTION || !status.is_client_error() {
            return problem;
        }
        match explain::in_words(text) {
            Some(sentence) => problem.detail(sentence),
            None => problem.technical(text),
        }
    }

    /// 503, with `Retry-After`.
    #[must_use]
    pub fn unavailable(seconds: u64) -> Self {
        Self::of(StatusCode::SERVICE_UNAVAILABLE).retry_after(seconds)
    }

    /// Sets the detail of this one case.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets a detail for the client's developers, in axum's or serde's words. No page shows it.
    #[must_use]
    pub fn technical(self, detail: impl Into<String>) -> Self {
        Self { is_technical: true, ..self.detail(detail) }
    }

    /// Adds an extension member. The five members that the RFC defines cannot be replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if !["type", "title", "status", "detail", "instance"].contains(&name) {
            self.extra.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Sets `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Marks it as audited already: the refused action has an entry of its own.
    #[must_use]
    pub fn audited(self) -> Self {
        Self { is_audited: true, ..self }
    }

    /// Whether the audit has an entry of it already.
    #[must_use]
    pub fn is_audited(&self) -> bool {
        self.is_audited
    }

    /// The sentence that is the same for every problem of this type.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The detail, unless it is for developers only.
    #[must_use]
    pub fn user_detail(&self) -> Option<&str> {
        self.detail.as_deref().filter(|_| !self.is_technical)
    }

    /// The heading of the error page, and what the user can do next.
    #[must_use]
    pub fn page_text(&self) -> (&str, &'static str) {
        let (usual, next) = match self.status.as_u16() {
            400 => (
                "This request could not be read.",
                "If you typed the address, check it. If you sent a form, go back and try again.",
            ),
            401 => ("Sign in first.", "Sign in, and open the page again."),
            403 => {
                ("You may not do that.", "If it should be possible for you, ask an administrator for the right role.")
            }
            404 => (
                "There is nothing here.",
                "It may be gone, or it may not be shown to you. Check the address, or start from your first page.",
            ),
            405 | 415 => ("That does not work at this address.", "Go back, and use the buttons and forms of the page."),
            408 => ("The request took too long to arrive.", "Check your connection, and try again."),
            409 => (
                "That is no longer possible: it was changed in the meantime.",
                "Go back, load the page again, and look at what it says now.",
            ),
            413 => ("That is too much at once.", "Go back, shorten what you wrote, and send it again."),
            421 => ("This server is not known by that name.", "Use the address that your colleagues use."),
            422 => ("That is not possible as it was entered.", "Go back, change it, and send it again."),
            426 => ("This address is for programs.", "Start from your first page."),
            429 => ("Too many requests came in a short time.", "Wait a minute, and try again."),
            502 | 504 => {
                ("A system that we had to ask did not answer.", "See the status page. Try again when it is connected.")
            }
            503 => {
                ("That is not possible just now.", "Try again in a minute. The status page says what is the matter.")
            }
            _ if self.status.is_client_error() => ("The request was refused.", "Go back, and try again."),
            _ => (
                "Something broke on our side.",
                "It has been written to the log. Try again; if it happens again, tell the operator of Callboard.",
            ),
        };
        let is_usual = self.title == Self::of(self.status).title;
        (if is_usual { usual } else { &self.title }, next)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 requires a challenge with every 401; this one opens no dialog in a browser.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The `present` middleware finds it here.
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

macro_rules! from_rejections {
    ($($rejection:ty),+ $(,)?) => {$(
        impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> Self {
                Self::rejection(rejection.status(), &rejection.body_text())
            }
        }
    )+};
}

from_rejections!(BytesRejection, FormRejection, JsonRejection);

fn as_u16<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn problem_is_a_document_with_type_and_extension_members() {
        let problem = ApiError::unprocessable("There is no queue 12.").with("field", "queue").with("status", 200);
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let expected = json!({
            "type": "urn:callboard:problem:not-valid",
            "title": "The request is well formed, but what it says is not possible.",
            "status": 422,
            "detail": "There is no queue 12.",
            "field": "queue"
        });
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }

    #[test]
    fn problem_page_of_each_status_has_a_heading_and_a_next_step() {
        let sent = [400, 401, 403, 404, 405, 408, 409, 413, 415, 418, 421, 422, 426, 429, 431, 500, 502, 503, 504];
        for status in sent.map(|status| StatusCode::from_u16(status).unwrap()) {
            let problem = ApiError::of(status).technical("Failed to deserialize form body: missing field `session`");
            let page = crate::web::page_handlers::problem_page(&problem);
            let (heading, next) = problem.page_text();
            for sentence in [heading, next] {
                assert!(sentence.ends_with('.') && sentence.contains(' '), "{status}: {sentence}");
                assert!(page.contains(sentence), "{status}: {page}");
            }
            for technical in ["deserialize", "Status", status.as_str(), "well formed"] {
                let text = page.split("<main").nth(1).unwrap();
                assert!(!text.contains(technical), "{status} says {technical}: {text}");
            }
        }
        let own = ApiError::new(StatusCode::CONFLICT, "in-progress", "Ada has it in hand.").detail("She began at 9.");
        assert_eq!(own.page_text().0, "Ada has it in hand.");
        assert!(crate::web::page_handlers::problem_page(&own).contains("She began at 9."));
    }

    #[test]
    fn retry_after_and_www_authenticate_are_set() {
        assert_eq!(ApiError::unavailable(7).into_response().headers()[RETRY_AFTER], "7");
        assert_eq!(ApiError::unauthorized().into_response().headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
