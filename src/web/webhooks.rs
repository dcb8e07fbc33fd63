//! Webhooks of Goodays and Kustomer. They are answered with 2xx only once the event is on disk.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::api_error::ApiError;
use super::openapi::WebhookProblems;
use crate::domain::SourceName;
use crate::feeds::intake::{BodyRejection, GOODAYS_SIGNATURE, KUSTOMER_SIGNATURE};
use crate::feeds::{Intake, IntakeError};
use crate::store::{InboxReceipt, StoreError};
use base::{Clock, content_encoding};

/// The largest event, in bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How many characters of `Content-Encoding` are shown on the status page.
const MAX_CODING_CHARS: usize = 40;

/// `Retry-After` when the disk is full, which takes an operator to mend, in seconds.
const RETRY_FULL: u64 = 60;

/// Takes an event from Goodays. Answered with success only once the event is on disk.
///
/// The signature is checked over the bytes as received; at most 1 MiB, without content encoding. Sending an event again
/// is harmless.
#[utoipa::path(post, path = "/webhooks/goodays", request_body(content = Object, content_type = "application/json"),
    responses((status = 204, description = "The event is on disk, now or since an earlier time."), WebhookProblems))]
pub async fn goodays(
    State(intake): State<Intake>,
    State(clock): State<Clock>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = signed_body(&intake, SourceName::Goodays, &clock, &headers, body)?;
    answer(intake.goodays(signatures(&headers, GOODAYS_SIGNATURE), &body).await)
}

/// Takes an event from Kustomer. Answered with success only once the event is on disk.
// Kustomer disables a webhook that fails for long (apis.md B214), so an event that cannot be read is stored and
// answered with 204 like any other.
#[utoipa::path(post, path = "/webhooks/kustomer", params(("X-Kustomer-Webhook-Signature" = String, Header,
    description = "HMAC-SHA256 of the raw body in hexadecimal, keyed with the webhook's token.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 204, description = "The event is on disk, now or since an earlier time."), WebhookProblems))]
pub async fn kustomer(
    State(intake): State<Intake>,
    State(clock): State<Clock>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = signed_body(&intake, SourceName::Kustomer, &clock, &headers, body)?;
    answer(intake.kustomer(signatures(&headers, KUSTOMER_SIGNATURE), &body).await)
}

fn signatures<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(axum::http::HeaderValue::as_bytes)
}

/// The bytes that the signature is over, complete and not encoded.
fn signed_body(
    intake: &Intake,
    source: SourceName,
    clock: &Clock,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Bytes, ApiError> {
    if !intake.accepts(source) {
        return Err(ApiError::not_found());
    }
    let content_length = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let body = body.map_err(|refused| {
        if refused.status() == StatusCode::PAYLOAD_TOO_LARGE {
            intake.note_body_rejection(source, &BodyRejection::TooLarge(BODY_LIMIT), content_length(), clock.now());
        }
        ApiError::of(refused.status()).technical(refused.body_text())
    })?;
    if let Some(coding) = coding_of(headers) {
        intake.note_body_rejection(source, &BodyRejection::Encoded(coding), Some(body.len() as u64), clock.now());
        return Err(ApiError::unsupported_media_type().detail("Send the event without Content-Encoding."));
    }
    Ok(body)
}

/// The content coding, unless it is one that changes no byte, such as `identity`, or a charset in its place. The
/// signature is over the bytes before any encoding, and we check it before anything is decoded.
fn coding_of(headers: &HeaderMap) -> Option<String> {
    let fields = headers.get_all(CONTENT_ENCODING).iter().map(|field| String::from_utf8_lossy(field.as_bytes()));
    let all = fields.collect::<Vec<_>>().join(", ");
    let is_plain = all.split(',').all(content_encoding::is_identity);
    (!is_plain).then(|| all.chars().filter(|letter| !letter.is_control()).take(MAX_CODING_CHARS).collect())
}

fn answer(taken: Result<InboxReceipt, IntakeError>) -> Result<Response, ApiError> {
    match taken {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(IntakeError::Disabled) => Err(ApiError::not_found()),
        Err(IntakeError::Signature(_)) => {
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "signature", "The signature does not fit."))
        }
        Err(IntakeError::Store(error)) => {
            tracing::error!(error = %error, "webhook event could not be stored, answered with 503");
            let is_full = matches!(error, StoreError::Full { .. });
            Err(if is_full { ApiError::unavailable(RETRY_FULL) } else { ApiError::busy() })
        }
    }
}
