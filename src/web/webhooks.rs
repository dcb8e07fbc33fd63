//! What vendors send us. The answer is 2xx only once the event is on the disk.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::feeds::intake::GOODAYS_SIGNATURE;
use crate::feeds::{Intake, Refusal};
use crate::store::StoreError;

/// How large an event may be.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How long a sender should wait that we cannot serve now, in seconds.
const COME_BACK: u64 = 5;

/// The same, when the disk is full: nobody makes room within seconds.
const COME_BACK_LATER: u64 = 60;

/// `POST /webhooks/goodays`. 204: the event is stored, or was before. 401: the signature does not fit, whatever is wrong
/// with it. 413: too large. 503: try again.
pub async fn goodays(State(intake): State<Intake>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        // The signature is over the bytes before any encoding: nothing that unpacks may come before it.
        return Err(Problem::wrong_content_type().detail("Send the event without Content-Encoding."));
    }
    let signatures = headers.get_all(GOODAYS_SIGNATURE).iter().map(axum::http::HeaderValue::as_bytes);
    match intake.goodays(signatures, &body).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(Refusal::Off) => Err(Problem::not_found()),
        Err(Refusal::Signature(_)) => {
            Err(Problem::new(StatusCode::UNAUTHORIZED, "signature", "The signature does not fit."))
        }
        Err(Refusal::Store(error)) => {
            tracing::error!(error = %error, "an event could not be stored; its sender was asked to try again");
            let is_full = matches!(error, StoreError::Full { .. });
            Err(Problem::not_now(if is_full { COME_BACK_LATER } else { COME_BACK }))
        }
    }
}
