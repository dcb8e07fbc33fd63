//! The API for actions on customers' responses. A repeated request with the same `Idempotency-Key` does nothing twice.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{TeamLead, Viewer};
use super::api_error::ApiError;
use super::openapi::{BodyProblems, TargetProblems, ViewerProblems};
use super::pages::segment;
use super::request_body::{IdempotencyKey, Receipt, RequestBody, filled, form_key, idempotency_key};
use crate::actions::{FeedbackActions, FeedbackError, FeedbackInput, FeedbackReceipt};
use crate::domain::{FeedbackActionId, FeedbackActionKind, ResponseId};
use crate::gold::Key;
use crate::live::Hub;
use crate::store::StoreError;

/// Answers a customer, or deals with their response otherwise.
///
/// `reply` answers, in public if the response is; `message` answers a private message; `call` records a call, which
/// closes the conversation; `close` closes it without an answer; `spam` reports the response; `no-answer-needed` marks
/// a message in Callboard only. Only what Goodays offers for the response now is accepted (`offeredActions`); otherwise
/// the answer is 409 with what is offered, and nothing is sent. An accepted action is sent once, in the order of the
/// conversation; its state is in the response's `actions`.
#[utoipa::path(post, path = "/api/v1/feedback/{response}/{action}", extensions(("x-least-role" = json!("team-lead"))),
    params(("response" = String, Path, description = "A key of `feedback`."), ("action" = inline(FeedbackActionKind),
    Path),
    IdempotencyKey),
    request_body(content((Option<FeedbackInput> = "application/json"),
        (Option<FeedbackInput> = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "It is stored, now or when the same key came first.", body = Receipt),
    (status = 303, description = "The same for a form of a page without script: leads back to the page."),
    BodyProblems, TargetProblems, ViewerProblems))]
pub async fn act(
    State(actions): State<Option<FeedbackActions>>,
    State(hub): State<Hub>,
    TeamLead(viewer): TeamLead,
    Path((response, action)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<RequestBody<FeedbackInput, InputForm>, ApiError>,
) -> Result<Response, ApiError> {
    let kind = FeedbackActionKind::named(&action).ok_or_else(ApiError::not_found)?;
    let (is_form, input, key) = match body? {
        RequestBody::Json(input) => (false, input, idempotency_key(&headers)?),
        RequestBody::Form(form) => {
            let key = form_key(&form.idempotency_key);
            (true, form.read(kind)?, key)
        }
    };
    let id = visible(&hub, &viewer, &response)?;
    let receipt = configured(actions)?.act(&id, kind, signed(input, &viewer), key, viewer.actor()).await?;
    Ok(accepted(is_form, &response, &receipt))
}

/// Who retries an action.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FeedbackRetry)]
pub struct Retry {
    /// The name of a caller who is not signed in, for colleagues and for the audit.
    who: Option<String>,
    /// The caller knows that it was not done.
    sure: bool,
}

/// Retries an action on a response that did not reach its end.
///
/// An action that was rejected or not sent is sent again. One that may have been done is looked up first, and sent
/// again only if it was not done; if Goodays cannot be asked, the caller has to be `sure`.
#[utoipa::path(post, path = "/api/v1/feedback/{response}/actions/{action}/retry",
    extensions(("x-least-role" = json!("team-lead"))), params(
    ("response" = String, Path, description = "A key of `feedback`."),
    ("action" = String, Path, description = "A key of the response's `actions`.")),
    request_body(content((Option<Retry> = "application/json"), (Option<Retry> = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "It will be sent or looked up.", body = Receipt),
    (status = 303, description = "The same for a form of a page without script: leads back to the page."),
    BodyProblems, TargetProblems, ViewerProblems))]
pub async fn retry(
    State(actions): State<Option<FeedbackActions>>,
    State(hub): State<Hub>,
    TeamLead(viewer): TeamLead,
    Path((response, action)): Path<(String, String)>,
    body: RequestBody<Retry, Retry>,
) -> Result<Response, ApiError> {
    let (is_form, retry) = match body {
        RequestBody::Json(retry) => (false, retry),
        RequestBody::Form(retry) => (true, retry),
    };
    let who = FeedbackInput { who: retry.who, ..FeedbackInput::default() };
    let (id, action) = (visible(&hub, &viewer, &response)?, FeedbackActionId::from(action.as_str()));
    let receipt = configured(actions)?.retry(&id, &action, &signed(who, &viewer), retry.sure, viewer.actor()).await?;
    Ok(accepted(is_form, &response, &receipt))
}

/// An action as a form: every field is a text, and empty fields are sent too.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct InputForm {
    content: String,
    remark_type: String,
    rating: String,
    note: String,
    who: String,
    email: String,
    idempotency_key: String,
}

impl InputForm {
    fn read(self, kind: FeedbackActionKind) -> Result<FeedbackInput, ApiError> {
        let rating = filled(&self.rating)
            .map(|text| {
                text.parse().map_err(|_| ApiError::unprocessable("Rate the call with a whole number from 0 to 5."))
            })
            .transpose()?;
        // An empty reply has a better error message than a missing one.
        let writes = matches!(kind, FeedbackActionKind::Reply | FeedbackActionKind::Message);
        Ok(FeedbackInput {
            content: if writes { Some(self.content) } else { filled(&self.content) },
            remark_type: filled(&self.remark_type),
            rating,
            note: filled(&self.note),
            who: filled(&self.who),
            email: filled(&self.email),
        })
    }
}

/// 404 for a response that the viewer may not see.
pub(super) fn visible(hub: &Hub, viewer: &Viewer, response: &str) -> Result<ResponseId, ApiError> {
    let id = ResponseId::from(response);
    if hub.knows(&Key::Response(id.clone()), viewer.permission()) { Ok(id) } else { Err(ApiError::not_found()) }
}

/// The input with the name of the user who is signed in, whatever name they sent.
fn signed(input: FeedbackInput, viewer: &Viewer) -> FeedbackInput {
    match viewer.sign_in() {
        Some(sign_in) => FeedbackInput { who: Some(sign_in.name().to_owned()), ..input },
        None => input,
    }
}

pub(super) fn configured(actions: Option<FeedbackActions>) -> Result<FeedbackActions, ApiError> {
    actions.ok_or_else(|| ApiError::conflict("Goodays is not configured, so no response can be answered."))
}

fn accepted(is_form: bool, response: &str, receipt: &FeedbackReceipt) -> Response {
    if is_form {
        return Redirect::to(&format!("/feedback/{}#actions", segment(response))).into_response();
    }
    Receipt { id: receipt.id.to_string(), state: receipt.state }.into_response()
}

impl From<FeedbackError> for ApiError {
    fn from(error: FeedbackError) -> Self {
        let detail = error.to_string();
        match error {
            FeedbackError::NotFound => Self::not_found().detail(detail),
            FeedbackError::Invalid(_) => Self::unprocessable(detail),
            FeedbackError::NotOffered { offered, .. } => {
                let title = "That cannot be done about this response now. Nothing was sent.";
                Self::new(StatusCode::CONFLICT, "not-offered", title).detail(detail).with("offered", offered)
            }
            FeedbackError::InHand { who } => {
                let title = "A colleague is answering this customer right now. Nothing was sent.";
                Self::new(StatusCode::CONFLICT, "in-progress", title).detail(detail).with("who", who)
            }
            FeedbackError::Store(error @ (StoreError::KeyReused | StoreError::Settled { .. })) => {
                Self::conflict(error.to_string())
            }
            FeedbackError::Store(error) => {
                tracing::error!(error = %error, "feedback action could not be stored, so it is not sent");
                Self::busy()
            }
        }
    }
}
