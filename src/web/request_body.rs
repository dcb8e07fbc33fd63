//! Bodies that come as JSON from programs and scripts, and as a form from pages without JavaScript.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Form, FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};

use super::api_error::ApiError;
use crate::domain::RequestState;

/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 255;

/// The header that makes repeating a request harmless.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct IdempotencyKey {
    /// Chosen by the caller, new for each intent. Sending the same one again is answered as the first time and does
    /// nothing twice.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
}

/// A request that is in the outbox; its state is in the document from now on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// Its id.
    pub id: String,
    /// How far it has come.
    pub state: RequestState,
}

impl IntoResponse for Receipt {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self)).into_response()
    }
}

/// A body: JSON or a form. JSON of type `P` may be left out altogether.
pub enum RequestBody<P, F> {
    /// JSON.
    Json(P),
    /// A form.
    Form(F),
}

impl<S, P, F> FromRequest<S> for RequestBody<P, F>
where
    S: Send + Sync,
    P: DeserializeOwned + Default,
    F: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            let body = Bytes::from_request(request, &()).await?;
            return if body.is_empty() {
                Ok(Self::Json(P::default()))
            } else {
                Err(ApiError::unsupported_media_type())
            };
        }
        if is_form(request.headers()) {
            let Form(form) = Form::from_request(request, &()).await?;
            return Ok(Self::Form(form));
        }
        let Json(body) = Json::from_request(request, &()).await?;
        Ok(Self::Json(body))
    }
}

/// Whether the body is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}

/// The `Idempotency-Key` of a request: a repeated request with the same key is answered like the first.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::bad_request(format!("Idempotency-Key must be 1 to {MAX_KEY} plain characters."))),
    }
}

/// The idempotency key in a form's field.
pub(super) fn form_key(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|key| (1..=MAX_KEY).contains(&key.len()))
}

/// A form's field, unless it was left empty.
pub(super) fn filled(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
