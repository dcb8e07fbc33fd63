//! What people do with surveys that were asked for: send one again, and ask again after something was made good.

use axum::Json;
use axum::extract::{Form, FromRequest, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::access::{TeamLead, Viewer};
use super::pages::{self, CurrentUser, format, words};
use super::present::wants_html;
use super::problem::Problem;
use super::state::AppState;
use crate::actions::surveys::{EarlierRequest, SurveyReceipt};
use crate::actions::{NewRecovery, SurveyError, Surveys};
use crate::domain::{SurveyId, SurveyOrigin};
use crate::gold::Key;
use crate::live::Hub;
use crate::store::StoreError;

/// How long to wait when the store is busy, in seconds.
const COME_BACK: u64 = 5;

/// What a person is told who asks about what was asked about before.
pub(super) const ASKED_BEFORE: &str = "The customer was asked about this interaction before.";

/// What may be said with a retry.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Retry {
    /// Whether it is sent on purpose although another request about the same interaction was sent meanwhile.
    again: bool,
}

/// `POST /api/v1/surveys/{id}/retry`. 202: it will be sent. 409: it is on its way, has arrived, or may have, or another
/// was sent in its place. It needs no body.
pub async fn retry(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    seen(&state.hub, &viewer, &id).map_err(IntoResponse::into_response)?;
    let is_form = is_form(&headers);
    let Retry { again } = if body.is_empty() {
        Retry::default()
    } else if is_form {
        Retry { again: url::form_urlencoded::parse(&body).any(|(name, value)| name == "again" && value == "true") }
    } else {
        Json::from_bytes(&body).map_err(IntoResponse::into_response)?.0
    };
    let to = format!("/api/v1/surveys/{}/retry", pages::segment(&id));
    let asked = desk(&state).map_err(IntoResponse::into_response)?.retry(&id.into(), again, &viewer.actor()).await;
    let asked = asked.map_err(|error| as_seen(error, &state.hub, &viewer));
    let was_asked = matches!(asked, Err(SurveyError::AlreadyRequested(_)));
    answer(&state, "survey.retry", asked, is_form).map_err(|problem| {
        match was_asked && is_form && wants_html(&headers) {
            true => {
                let again = vec![("again".to_owned(), "true".to_owned())];
                ask_again(&problem, &to, again, &CurrentUser::of(&viewer, state.site.demo))
            }
            false => problem.into_response(),
        }
    })
}

/// The same form, to be sent once more on purpose: one without script has no other place for that.
pub(super) fn ask_again(problem: &Problem, to: &str, fields: Vec<(String, String)>, user: &CurrentUser) -> Response {
    match pages::duplicate_request(ASKED_BEFORE, problem.user_detail().unwrap_or_default(), to, fields, user) {
        Ok(html) => (problem.status(), Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a page cannot be rendered");
            problem.clone().into_response()
        }
    }
}

/// A recovery as the form of the page sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RecoveryForm {
    employee_email: String,
    tags: String,
}

/// `POST /api/v1/surveys/{id}/recover`. 202: it will be sent, or was asked for before. 409: the upstream has not told yet
/// under which id it knows the survey.
pub async fn recover(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Response> {
    seen(&state.hub, &viewer, &id).map_err(IntoResponse::into_response)?;
    let is_form = is_form(&headers);
    let by = if is_form {
        let Form(form) = Form::<RecoveryForm>::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        NewRecovery {
            employee_email: given(&form.employee_email),
            tags: form.tags.split(',').filter_map(given).collect(),
            ..NewRecovery::default()
        }
    } else {
        let Json(by) = Json::<NewRecovery>::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        by
    };
    let recovered = async {
        let asked = desk(&state)?.recover(&SurveyId::from(id), by, &viewer.actor(), viewer.permission()).await;
        answer(&state, "survey.recover", asked, is_form)
    };
    recovered.await.map_err(IntoResponse::into_response)
}

/// What somebody may not see does not exist for them.
fn seen(hub: &Hub, viewer: &Viewer, id: &str) -> Result<(), Problem> {
    let seen = hub.knows(&Key::Survey(id.into()), viewer.permission());
    if seen { Ok(()) } else { Err(Problem::not_found()) }
}

/// The same error without anything of a request that they may not see.
pub(super) fn as_seen(error: SurveyError, hub: &Hub, viewer: &Viewer) -> SurveyError {
    match error {
        SurveyError::AlreadyRequested(before) if seen(hub, viewer, &before.id.0).is_err() => {
            SurveyError::Conflict(ASKED_BEFORE)
        }
        other => other,
    }
}

fn desk(state: &AppState) -> Result<Surveys, Problem> {
    state
        .surveys
        .clone()
        .ok_or_else(|| Problem::conflict("Agent Connect is not configured, so no survey can be asked for."))
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}

fn answer(
    state: &AppState,
    action: &'static str,
    asked: Result<SurveyReceipt, SurveyError>,
    is_form: bool,
) -> Result<Response, Problem> {
    match asked {
        Ok(asked) => {
            state.metrics.action(action, if asked.is_new { "written" } else { "repeated" });
            if is_form {
                return Ok(Redirect::to("/surveys").into_response());
            }
            let body = serde_json::json!({ "id": asked.id, "state": asked.state.as_str() });
            Ok((StatusCode::ACCEPTED, Json(body)).into_response())
        }
        Err(error) => {
            state.metrics.action(action, "refused");
            Err(problem(error, &state.site.time_zone, state.clock.now()))
        }
    }
}

/// What is wrong, for the person who asked.
pub(super) fn problem(error: SurveyError, zone: &TimeZone, now: Timestamp) -> Problem {
    match error {
        SurveyError::Invalid(why) => Problem::not_valid(why.to_string()),
        SurveyError::NotFound => Problem::not_found(),
        SurveyError::Conflict(why) => Problem::conflict(why),
        SurveyError::AlreadyRequested(before) => asked_before(&before, zone, now),
        SurveyError::Store(error @ StoreError::KeyReused) => Problem::conflict(error.to_string()),
        SurveyError::Store(error) => {
            tracing::error!(error = %error, "a survey request could not be stored");
            Problem::not_now(COME_BACK)
        }
    }
}

/// When and by whom it was asked before. Whoever asks again does so on purpose.
fn asked_before(before: &EarlierRequest, zone: &TimeZone, now: Timestamp) -> Problem {
    let how = match (before.origin, &before.by) {
        (SurveyOrigin::Manual, Some(by)) => format!("by {by}"),
        (SurveyOrigin::Manual, None) => "manual".to_owned(),
        (SurveyOrigin::External, _) => "past Callboard, by another workflow".to_owned(),
        (SurveyOrigin::Session | SurveyOrigin::Conversation, _) => "automatically, when it was over".to_owned(),
    };
    let stands = words::survey(before.state.as_str()).to_lowercase();
    let evidence = before.evidence.as_ref().map(|it| format!(" It is taken for {it}.")).unwrap_or_default();
    let at = before.at.map(|at| format!("on {}, ", format::moment(at, zone, now))).unwrap_or_default();
    let detail =
        format!("It was asked {at}{how}; that request is: {stands}.{evidence} Request again only if you mean to.");
    let asked = serde_json::json!({
        "id": before.id, "at": before.at, "origin": before.origin.as_str(), "by": before.by,
        "state": before.state.as_str(),
    });
    Problem::new(StatusCode::CONFLICT, "already-requested", ASKED_BEFORE).detail(detail).with("asked", asked)
}
