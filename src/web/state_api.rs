//! `GET /api/v1/state`.

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base::Clock;
use serde::Deserialize;

use super::access::Viewer;
use super::api_error::ApiError;
use super::wallboards::Wallboards;
use crate::live::Hub;

/// The query.
#[derive(Debug, Deserialize)]
pub struct StateQuery {
    /// See [`crate::live::Scope`]; `all` if absent.
    scope: Option<String>,
}

/// `GET /api/v1/state`: the snapshot that a socket would begin with.
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
