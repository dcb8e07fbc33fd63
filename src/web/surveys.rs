//! The API for survey requests: request one, send one again, and request one after a service recovery.

use axum::Json;
use axum::extract::{Form, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{TeamLead, Viewer};
use super::api_error::ApiError;
use super::error_pages::wants_html;
use super::openapi::{BodyProblems, TargetProblems, ViewerProblems};
use super::pages::{self, CurrentUser, format, words};
use super::request_body::{IdempotencyKey, Receipt, filled, form_key, idempotency_key, is_form};
use super::state::AppState;
use crate::actions::surveys::{EarlierRequest, SurveyReceipt};
use crate::actions::{NewRecovery, NewSurvey, SurveyError, Surveys};
use crate::domain::{SurveyId, SurveyOrigin};
use crate::gold::Key;
use crate::live::Hub;
use crate::store::StoreError;

/// The title of the error about an interaction with an earlier request.
const ASKED_BEFORE: &str = "The customer was asked about this interaction before.";

/// A survey request as a form: every field is a text.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct SurveyForm {
    customer_name: String,
    customer_email: String,
    employee_email: String,
    employee_custom_id: String,
    channel: String,
    ext_interaction_id: String,
    tags: String,
    session_id: String,
    idempotency_key: String,
    again: String,
}

/// Requests a survey of a customer about the agent who helped them.
///
/// The state of the request is in `surveys` of the document. A customer is surveyed once about each interaction,
/// whichever user or program requests it: a second request is refused with 409 and the type
/// `urn:callboard:problem:already-requested`, whose `asked` says when and by which user it was requested (`id`, `at`,
/// `origin`, `by`, `state`), unless it says `again`.
#[utoipa::path(post, path = "/api/v1/surveys", params(IdempotencyKey),
    extensions(("x-least-role" = json!("team-lead"))),
    request_body(content((NewSurvey = "application/json"), (NewSurvey = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "It is stored and will be sent.", body = Receipt),
    (status = 303, description = "The same for a form of a page without script: leads back to the page."),
    BodyProblems, TargetProblems, ViewerProblems))]
pub async fn request(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let is_form = is_form(&headers);
    let mut typed = None;
    let (survey, key) = if is_form {
        let Form(form) = Form::<SurveyForm>::from_request(request, &()).await?;
        typed = Some(form.clone());
        form.read()?
    } else {
        let Json(survey) = Json::<NewSurvey>::from_request(request, &()).await?;
        (survey, idempotency_key(&headers)?)
    };
    let result = configured(&state)?.request(survey, key, &viewer.actor(), viewer.permission()).await;
    let result = result.map_err(|error| redacted(error, &state.hub, &viewer));
    let is_duplicate = matches!(result, Err(SurveyError::AlreadyRequested(_)));
    respond(&state, "survey", result, is_form).or_else(|error| {
        match typed.filter(|_| is_duplicate && wants_html(&headers)) {
            Some(form) => {
                let user = CurrentUser::of(&viewer, state.site.demo);
                Ok(ask_to_repeat(&error, "/api/v1/surveys", form.repeated(), &user))
            }
            None => Err(error),
        }
    })
}

impl SurveyForm {
    fn read(self) -> Result<(NewSurvey, Option<String>), ApiError> {
        let session_id = filled(&self.session_id)
            .map(|text| text.parse().map_err(|_| ApiError::unprocessable("The session is not a number.")))
            .transpose()?;
        let survey = NewSurvey {
            customer_name: filled(&self.customer_name),
            customer_email: filled(&self.customer_email),
            employee_email: filled(&self.employee_email),
            employee_custom_id: filled(&self.employee_custom_id),
            channel: self.channel,
            ext_interaction_id: self.ext_interaction_id,
            tags: self.tags.split(',').filter_map(filled).collect(),
            session_id,
            again: self.again.trim() == "true",
            ..NewSurvey::default()
        };
        Ok((survey, form_key(&self.idempotency_key)))
    }

    /// The fields of a form that sends the same once more, on purpose.
    fn repeated(self) -> Vec<(String, String)> {
        let fields = serde_json::to_value(Self { again: "true".to_owned(), ..self }).unwrap_or_default();
        let fields = fields.as_object().into_iter().flatten();
        fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }
}

/// How a survey request is sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SurveyRetry)]
pub struct Retry {
    /// Although another request about the same interaction was sent meanwhile.
    again: bool,
}

/// Sends a survey request again that was rejected, failed, needs a review or is lost.
///
/// A request of unknown outcome is looked up first, and refused with 409 until then. So is one that another replaced,
/// unless `again` says that it is meant. It needs no body.
#[utoipa::path(post, path = "/api/v1/surveys/{id}/retry", params(("id" = String, Path,
    description = "A key of `surveys`.")),
    extensions(("x-least-role" = json!("team-lead"))),
    request_body(content((Option<Retry> = "application/json"), (Option<Retry> = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "It will be sent.", body = Receipt),
    (status = 303, description = "The same for a form of a page without script: leads back to the page."),
    BodyProblems, TargetProblems, ViewerProblems))]
pub async fn retry(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    visible(&state.hub, &viewer, &id)?;
    let is_form = is_form(&headers);
    let Retry { again } = if body.is_empty() {
        Retry::default()
    } else if is_form {
        Retry { again: url::form_urlencoded::parse(&body).any(|(name, value)| name == "again" && value == "true") }
    } else {
        Json::from_bytes(&body)?.0
    };
    let to = format!("/api/v1/surveys/{}/retry", pages::segment(&id));
    let result = configured(&state)?.retry(&id.into(), again, &viewer.actor()).await;
    let result = result.map_err(|error| redacted(error, &state.hub, &viewer));
    let is_duplicate = matches!(result, Err(SurveyError::AlreadyRequested(_)));
    respond(&state, "survey.retry", result, is_form).or_else(|error| {
        match is_duplicate && is_form && wants_html(&headers) {
            true => {
                let again = vec![("again".to_owned(), "true".to_owned())];
                Ok(ask_to_repeat(&error, &to, again, &CurrentUser::of(&viewer, state.site.demo)))
            }
            false => Err(error),
        }
    })
}

/// A page with a form that sends the same once more, on purpose.
fn ask_to_repeat(error: &ApiError, to: &str, fields: Vec<(String, String)>, user: &CurrentUser) -> Response {
    match pages::duplicate_request(ASKED_BEFORE, error.user_detail().unwrap_or_default(), to, fields, user) {
        Ok(html) => (error.status(), Html(html)).into_response(),
        Err(render_error) => {
            tracing::error!(error = %render_error, "page could not be rendered");
            error.clone().into_response()
        }
    }
}

/// A request after a service recovery as a form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RecoveryForm {
    employee_email: String,
    tags: String,
}

/// Surveys a customer again after a problem was resolved, once for each survey.
///
/// It is refused with 409 until Agent Connect has reported its id of the survey.
#[utoipa::path(post, path = "/api/v1/surveys/{id}/recover",
    params(("id" = String, Path, description = "A key of `surveys`.")),
    extensions(("x-least-role" = json!("team-lead"))),
    request_body(content((NewRecovery = "application/json"), (NewRecovery = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "It is stored and will be sent, now or before.", body = Receipt),
    (status = 303, description = "The same for a form of a page without script: leads back to the page."),
    BodyProblems, TargetProblems, ViewerProblems))]
pub async fn recover(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    visible(&state.hub, &viewer, &id)?;
    let is_form = is_form(&headers);
    let recovery = if is_form {
        let Form(form) = Form::<RecoveryForm>::from_request(request, &()).await?;
        NewRecovery {
            employee_email: filled(&form.employee_email),
            tags: form.tags.split(',').filter_map(filled).collect(),
            ..NewRecovery::default()
        }
    } else {
        Json::<NewRecovery>::from_request(request, &()).await?.0
    };
    let result = configured(&state)?.recover(&SurveyId::from(id), recovery, &viewer.actor(), viewer.permission()).await;
    respond(&state, "survey.recover", result, is_form)
}

/// 404 for a request that the viewer may not see.
fn visible(hub: &Hub, viewer: &Viewer, id: &str) -> Result<(), ApiError> {
    let seen = hub.knows(&Key::Survey(id.into()), viewer.permission());
    if seen { Ok(()) } else { Err(ApiError::not_found()) }
}

/// The same error without the details of an earlier request that the viewer may not see.
fn redacted(error: SurveyError, hub: &Hub, viewer: &Viewer) -> SurveyError {
    match error {
        SurveyError::AlreadyRequested(before) if visible(hub, viewer, &before.id.0).is_err() => {
            SurveyError::Conflict(ASKED_BEFORE)
        }
        other => other,
    }
}

fn configured(state: &AppState) -> Result<Surveys, ApiError> {
    state
        .surveys
        .clone()
        .ok_or_else(|| ApiError::conflict("Agent Connect is not configured, so no survey can be asked for."))
}

fn respond(
    state: &AppState,
    action: &'static str,
    result: Result<SurveyReceipt, SurveyError>,
    is_form: bool,
) -> Result<Response, ApiError> {
    match result {
        Ok(receipt) => {
            state.metrics.action(action, if receipt.is_new { "written" } else { "repeated" });
            if is_form {
                return Ok(Redirect::to("/surveys").into_response());
            }
            Ok(Receipt { id: receipt.id.to_string(), state: receipt.state }.into_response())
        }
        Err(error) => {
            state.metrics.action(action, "refused");
            Err(api_error(error, &state.site.time_zone, state.clock.now()))
        }
    }
}

fn api_error(error: SurveyError, zone: &TimeZone, now: Timestamp) -> ApiError {
    match error {
        SurveyError::Invalid(why) => ApiError::unprocessable(why.to_string()),
        SurveyError::NotFound => ApiError::not_found(),
        SurveyError::Conflict(why) => ApiError::conflict(why),
        SurveyError::AlreadyRequested(before) => already_requested(&before, zone, now),
        SurveyError::Store(error @ StoreError::KeyReused) => ApiError::conflict(error.to_string()),
        SurveyError::Store(error) => {
            tracing::error!(error = %error, "survey request could not be stored");
            ApiError::busy()
        }
    }
}

/// The error about an earlier request, with who made it and when.
fn already_requested(before: &EarlierRequest, zone: &TimeZone, now: Timestamp) -> ApiError {
    let how = match (before.origin, &before.by) {
        (SurveyOrigin::Manual, Some(by)) => format!("by {by}"),
        (SurveyOrigin::Manual, None) => "manually".to_owned(),
        (SurveyOrigin::External, _) => "past Callboard, by another workflow".to_owned(),
        (SurveyOrigin::Session | SurveyOrigin::Conversation, _) => "automatically, when it was over".to_owned(),
    };
    let state = words::survey(before.state.as_str()).to_lowercase();
    let evidence = before.evidence.as_ref().map(|it| format!(" It is taken for {it}.")).unwrap_or_default();
    let at = before.at.map(|at| format!("on {}, ", format::moment(at, zone, now))).unwrap_or_default();
    let detail =
        format!("It was asked {at}{how}; that request is: {state}.{evidence} Request again only if you mean to.");
    let asked = serde_json::json!({
        "id": before.id, "at": before.at, "origin": before.origin.as_str(), "by": before.by,
        "state": before.state.as_str(),
    });
    ApiError::new(StatusCode::CONFLICT, "already-requested", ASKED_BEFORE).detail(detail).with("asked", asked)
}
