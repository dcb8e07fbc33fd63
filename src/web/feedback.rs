//! What colleagues do about customers' responses, as routes: as JSON for programs and for the page's script, as a form for
//! the page without one. `Idempotency-Key` makes a second press harmless.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Form, FromRequest, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::access::{TeamLead, Viewer};
use super::api::{given_key, idempotency_key};
use super::pages::segment;
use super::problem::Problem;
use crate::actions::{FeedbackActions, FeedbackError, FeedbackInput, FeedbackReceipt};
use crate::domain::{FeedbackActionId, FeedbackActionKind, ResponseId};
use crate::gold::Key;
use crate::live::Hub;
use crate::store::StoreError;

/// How long to wait when the store is busy, in seconds.
const COME_BACK: u64 = 5;

/// `POST /api/v1/feedback/{response}/{action}`. 202: written down and on its way; how far it has come is in the document from
/// now on.
pub async fn act(
    State(desk): State<Option<FeedbackActions>>,
    State(hub): State<Hub>,
    TeamLead(viewer): TeamLead,
    Path((response, deed)): Path<(String, String)>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Response> {
    let kind = FeedbackActionKind::named(&deed).ok_or_else(|| Problem::not_found().into_response())?;
    let asked: Asked<FeedbackInput, WishForm> = Asked::read(&headers, request).await?;
    let acted = async {
        let (is_form, wish, key) = match asked {
            Asked::Program(wish) => (false, wish, idempotency_key(&headers)?),
            Asked::Form(form) => {
                let key = given_key(&form.idempotency_key);
                (true, form.read(kind)?, key)
            }
        };
        let id = seen(&hub, &viewer, &response)?;
        let wished = open(desk)?.act(&id, kind, signed(wish, &viewer), key, viewer.actor()).await.map_err(problem)?;
        Ok(answer(is_form, &response, &wished))
    };
    acted.await.map_err(Problem::into_response)
}

/// Whether to try again, and by whom.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Again {
    who: Option<String>,
    sure: bool,
}

/// `POST /api/v1/feedback/{response}/actions/{id}/retry`. What may have arrived is looked up first, unless the caller is
/// `sure` that it was not done.
pub async fn retry(
    State(desk): State<Option<FeedbackActions>>,
    State(hub): State<Hub>,
    TeamLead(viewer): TeamLead,
    Path((response, deed)): Path<(String, String)>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Response> {
    let asked: Asked<Again, Again> = Asked::read(&headers, request).await?;
    let tried = async {
        let (is_form, again) = match asked {
            Asked::Program(again) => (false, again),
            Asked::Form(again) => (true, again),
        };
        let who = FeedbackInput { who: again.who, ..FeedbackInput::default() };
        let (id, deed) = (seen(&hub, &viewer, &response)?, FeedbackActionId::from(deed.as_str()));
        let wished =
            open(desk)?.retry(&id, &deed, &signed(who, &viewer), again.sure, viewer.actor()).await.map_err(problem)?;
        Ok(answer(is_form, &response, &wished))
    };
    tried.await.map_err(Problem::into_response)
}

/// A body, by who sent it.
pub(super) enum Asked<P, F> {
    Program(P),
    Form(F),
}

impl<P: DeserializeOwned + Default, F: DeserializeOwned> Asked<P, F> {
    pub(super) async fn read(headers: &HeaderMap, request: Request) -> Result<Self, Response> {
        let Some(kind) = headers.get(CONTENT_TYPE) else {
            // Closing something needs no words, not even `{}`.
            let body = Bytes::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
            return match body.is_empty() {
                true => Ok(Self::Program(P::default())),
                false => Err(Problem::wrong_content_type().into_response()),
            };
        };
        if kind.as_bytes().starts_with(b"application/x-www-form-urlencoded") {
            let Form(form) = Form::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
            return Ok(Self::Form(form));
        }
        let read: Result<Json<P>, JsonRejection> = Json::from_request(request, &()).await;
        read.map(|Json(wish)| Self::Program(wish)).map_err(IntoResponse::into_response)
    }
}

/// A wish as a form sends it: everything is text, and what was left empty is there all the same.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WishForm {
    content: String,
    remark_type: String,
    rating: String,
    note: String,
    who: String,
    email: String,
    idempotency_key: String,
}

impl WishForm {
    fn read(self, kind: FeedbackActionKind) -> Result<FeedbackInput, Problem> {
        let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let rating = given(self.rating)
            .map(|text| text.parse().map_err(|_| Problem::not_valid("Rate the call with a whole number from 0 to 5.")))
            .transpose()?;
        // An empty answer is refused in better words than a missing one.
        let writes = matches!(kind, FeedbackActionKind::Reply | FeedbackActionKind::Message);
        Ok(FeedbackInput {
            content: if writes { Some(self.content) } else { given(self.content) },
            remark_type: given(self.remark_type),
            rating,
            note: given(self.note),
            who: given(self.who),
            email: given(self.email),
        })
    }
}

/// What somebody may not see does not exist for them.
pub(super) fn seen(hub: &Hub, viewer: &Viewer, response: &str) -> Result<ResponseId, Problem> {
    let id = ResponseId::from(response);
    if hub.knows(&Key::Response(id.clone()), viewer.permission()) { Ok(id) } else { Err(Problem::not_found()) }
}

/// Whoever is signed in signs with their own name, whatever they wrote.
fn signed(wish: FeedbackInput, viewer: &Viewer) -> FeedbackInput {
    match viewer.sign_in() {
        Some(sign_in) => FeedbackInput { who: Some(sign_in.name().to_owned()), ..wish },
        None => wish,
    }
}

pub(super) fn open(desk: Option<FeedbackActions>) -> Result<FeedbackActions, Problem> {
    desk.ok_or_else(|| Problem::conflict("Goodays is not configured, so nobody can be answered there."))
}

fn answer(is_form: bool, response: &str, wished: &FeedbackReceipt) -> Response {
    if is_form {
        return Redirect::to(&format!("/feedback/{}#actions", segment(response))).into_response();
    }
    (StatusCode::ACCEPTED, Json(json!({"id": wished.id, "state": wished.state.as_str()}))).into_response()
}

pub(super) fn problem(error: FeedbackError) -> Problem {
    let said = error.to_string();
    match error {
        FeedbackError::NotFound => Problem::not_found().detail(said),
        FeedbackError::Invalid(_) => Problem::not_valid(said),
        FeedbackError::NotOffered { offered, .. } => {
            let title = "That cannot be done about this response now. Nothing was sent.";
            Problem::new(StatusCode::CONFLICT, "not-offered", title).detail(said).with("offered", offered)
        }
        FeedbackError::InHand { who } => {
            let title = "A colleague is answering this customer right now. Nothing was sent.";
            Problem::new(StatusCode::CONFLICT, "in-progress", title).detail(said).with("who", who)
        }
        FeedbackError::Store(error @ (StoreError::KeyReused | StoreError::Settled { .. })) => {
            Problem::conflict(error.to_string())
        }
        FeedbackError::Store(error) => {
            tracing::error!(error = %error, "an answer could not be written down, so it is not sent");
            Problem::not_now(COME_BACK)
        }
    }
}
