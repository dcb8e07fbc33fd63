//! The list of sign-ins: for users their own, for administrators all.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::access::Access;
use super::access::viewer::{Agent, Viewer};
use super::api_error::ApiError;
use crate::actions::SignIn;
use crate::actions::sign_in::SignInSummary;
use crate::domain::{AgentId, Role};

/// `GET /api/v1/sign-ins`: the newest first.
pub async fn list(State(access): State<Access>, Agent(viewer): Agent) -> Json<Value> {
    let listed: Vec<Value> = listed(&access, &viewer).iter().map(|it| line(it, &viewer)).collect();
    Json(json!({ "signIns": listed }))
}

/// `DELETE /api/v1/sign-ins/{id}`.
pub async fn end(State(access): State<Access>, viewer: Viewer, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    end_one(&access, viewer, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /sign-ins/{id}/end`: the same, from the page.
pub async fn end_by_form(
    State(access): State<Access>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    end_one(&access, viewer, &id).await?;
    Ok(Redirect::to("/sign-ins").into_response())
}

/// The sign-ins that this viewer may see.
#[must_use]
pub fn listed(access: &Access, viewer: &Viewer) -> Vec<SignInSummary> {
    access.sign_ins().map(|sign_ins| sign_ins.list(whose(viewer))).unwrap_or_default()
}

/// One's own sign-ins may be ended at any time, those of others only while Clarity confirms the administrator.
async fn end_one(access: &Access, viewer: Viewer, id: &str) -> Result<(), ApiError> {
    let viewer = viewer.at_least(Role::Agent)?;
    let Some(sign_ins) = access.sign_ins() else { return Err(ApiError::not_found()) };
    let may_act = viewer.sign_in().is_none_or(SignIn::may_act);
    let whose = if may_act { whose(&viewer) } else { viewer.agent() };
    if !sign_ins.end(id, whose).await {
        return Err(ApiError::not_found());
    }
    access.audit(&viewer.actor(), "sign-in.end", &format!("sign-in {id}"), json!({})).await;
    Ok(())
}

/// The agent whose sign-ins the viewer may see. `None`: all.
fn whose(viewer: &Viewer) -> Option<AgentId> {
    viewer.agent().filter(|_| viewer.role() < Role::Administrator)
}

fn line(listed: &SignInSummary, viewer: &Viewer) -> Value {
    json!({
        "id": listed.id, "agent": listed.agent, "name": listed.name, "role": listed.role.as_str(),
        "began": listed.began, "lastUsed": listed.used, "address": listed.client.address,
        "browser": listed.client.browser,
        "sockets": listed.sockets, "current": viewer.sign_in().is_some_and(|own| own.id() == listed.id),
    })
}
