//! `GET /api/v1/state`.

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base::Clock;
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::Viewer;
use super::api_error::ApiError;
use super::openapi::{ParameterProblems, Snapshot, ViewerProblems};
use super::wallboards::Wallboards;
use crate::live::Hub;

/// The query.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StateQuery {
    /// Part of the contact center: `all` (the default), `floor`, `feedback`, `surveys`, `status`, `agents:41,42`,
    /// `queues:1,2`, `teams:3`, `wallboard:name`, `response:id`, or one page of 100 of a long list: `feedback:1`,
    /// `surveys:2`. A page that the list does not have is refused. `agents:41,42` has the first page of the agents'
    /// feedback. A scope narrows what the caller may see and never widens it.
    scope: Option<String>,
}

/// The state of a scope, as the page shows it.
///
/// It is the snapshot that a socket would begin with.
#[utoipa::path(get, path = "/api/v1/state", params(StateQuery), extensions(("x-least-role" = json!("display"))),
    responses((status = 200, description = "The whole document.", body = Snapshot), ParameterProblems, ViewerProblems))]
pub async fn state(
    State(hub): State<Hub>,
    State(wallboards): State<Wallboards>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Query(query): Query<StateQuery>,
) -> Result<Response, ApiError> {
    let scope = wallboards.parse(query.scope.as_deref().unwrap_or("all"), viewer.permission())?;
    let rendered =
        hub.render(&viewer.view_key(scope)?, viewer.view_owner().as_ref()).map_err(ApiError::view_refused)?;
    let head = serde_json::json!({
        "build": hub.build(),
        "epoch": &*rendered.epoch,
        "now": clock.now().to_string(),
        "scope": rendered.scope,
        "type": "snapshot",
        "version": rendered.version,
    })
    .to_string();
    // The state is encoded once for all viewers of a version.
    let body = format!("{},\"state\":{}}}", head.trim_end_matches('}'), rendered.json);
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
