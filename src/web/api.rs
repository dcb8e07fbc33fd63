//! The routes for programs, sockets aside.

use axum::Json;
use axum::extract::{Form, FromRequest, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::access::{TeamLead, Viewer};
use super::pages::CurrentUser;
use super::present::wants_html;
use super::problem::Problem;
use super::state::AppState;
use super::surveys;
use super::wallboards::Wallboards;
use crate::actions::{NewSurvey, SurveyError};
use crate::live::Hub;
use base::Clock;

/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// Whose state.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// As in `live::Scope`. Default `all`.
    scope: Option<String>,
}

/// `GET /api/v1/state`: the same state as the page, with its epoch and version: what a socket would begin with.
pub async fn state(
    State(hub): State<Hub>,
    State(boards): State<Wallboards>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let scope = boards.parse(wanted.scope.as_deref().unwrap_or("all"), viewer.permission())?;
    let painted = hub.render(&viewer.view_key(scope)?, viewer.view_owner().as_ref()).map_err(Problem::not_watched)?;
    let head = serde_json::json!({
        "build": hub.build(),
        "epoch": &*painted.epoch,
        "now": clock.now().to_string(),
        "scope": painted.scope,
        "type": "snapshot",
        "version": painted.version,
    })
    .to_string();
    // The state is JSON already, encoded once for everybody who asks at this version.
    let body = format!("{},\"state\":{}}}", head.trim_end_matches('}'), painted.json);
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// A survey as the form of the page sends it: everything is text.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
#[serde(default)]
struct SurveyForm {
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

/// `POST /api/v1/surveys`: as JSON for programs, as a form for the page without script. `Idempotency-Key` makes a second
/// press harmless. 202: written down and on its way; its state is in the document from now on.
pub async fn ask_for_survey(
    State(state): State<AppState>,
    TeamLead(viewer): TeamLead,
    headers: HeaderMap,
    request: Request,
) -> Response {
    match ask(&state, &viewer, &headers, request).await {
        Ok(answer) | Err(answer) => answer,
    }
}

async fn ask(state: &AppState, viewer: &Viewer, headers: &HeaderMap, request: Request) -> Result<Response, Response> {
    let is_form =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let mut typed = None;
    let (survey, key) = if is_form {
        let Form(form) = Form::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        typed = Some(SurveyForm::clone(&form));
        read_form(form).map_err(IntoResponse::into_response)?
    } else {
        let Json(survey) = Json::<NewSurvey>::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        (survey, idempotency_key(headers).map_err(IntoResponse::into_response)?)
    };
    let Some(desk) = &state.surveys else {
        let why = "Agent Connect is not configured, so no survey can be asked for.";
        return Err(Problem::conflict(why).into_response());
    };
    let asked = desk.request(survey, key, &viewer.actor(), viewer.permission()).await;
    match asked.map_err(|error| surveys::as_seen(error, &state.hub, viewer)) {
        Ok(asked) => {
            state.metrics.action("survey", if asked.is_new { "written" } else { "repeated" });
            if is_form {
                return Ok(Redirect::to("/surveys").into_response());
            }
            let body = serde_json::json!({ "id": asked.id, "state": asked.state.as_str() });
            Ok((StatusCode::ACCEPTED, Json(body)).into_response())
        }
        Err(error) => {
            state.metrics.action("survey", "refused");
            let was_asked = matches!(error, SurveyError::AlreadyRequested(_));
            let problem = surveys::problem(error, &state.site.time_zone, state.clock.now());
            match typed.filter(|_| was_asked && wants_html(headers)) {
                Some(typed) => {
                    let user = CurrentUser::of(viewer, state.site.demo);
                    Err(surveys::ask_again(&problem, "/api/v1/surveys", typed_again(&typed), &user))
                }
                None => Err(problem.into_response()),
            }
        }
    }
}

/// What was typed, to be sent once more on purpose.
fn typed_again(typed: &SurveyForm) -> Vec<(String, String)> {
    let fields = serde_json::to_value(SurveyForm { again: "true".to_owned(), ..typed.clone() }).unwrap_or_default();
    let fields = fields.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// What makes a second press harmless.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request(format!("Idempotency-Key must be 1 to {LONGEST_KEY} plain characters."))),
    }
}

/// The key that a form carries, if it does.
pub(super) fn given_key(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|key| (1..=LONGEST_KEY).contains(&key.len()))
}

fn read_form(form: SurveyForm) -> Result<(NewSurvey, Option<String>), Problem> {
    let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let session_id = given(form.session_id)
        .map(|text| text.parse().map_err(|_| Problem::not_valid("The session is not a number.")))
        .transpose()?;
    let survey = NewSurvey {
        customer_name: given(form.customer_name),
        customer_email: given(form.customer_email),
        employee_email: given(form.employee_email),
        employee_custom_id: given(form.employee_custom_id),
        channel: form.channel,
        ext_interaction_id: form.ext_interaction_id,
        tags: form.tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect(),
        session_id,
        again: form.again.trim() == "true",
        ..NewSurvey::default()
    };
    Ok((survey, given_key(&form.idempotency_key)))
}
