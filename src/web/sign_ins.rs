//! The list of sign-ins: for users their own, for administrators all.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::access::Access;
use super::access::viewer::{Agent, Viewer};
use super::api_error::ApiError;
use super::openapi::{TargetProblems, ViewerProblems};
use crate::actions::SignIn;
use crate::actions::sign_in::SignInSummary;
use crate::domain::{AgentId, Role};

/// Your sign-ins; for administrators those of all users.
#[utoipa::path(get, path = "/api/v1/sign-ins", extensions(("x-least-role" = json!("agent"))),
    responses((status = 200, description = "The newest first.", body = SignIns), ViewerProblems))]
pub async fn list(State(access): State<Access>, Agent(viewer): Agent) -> Json<SignIns> {
    Json(SignIns { sign_ins: listed(&access, &viewer).into_iter().map(|it| line(it, &viewer)).collect() })
}

/// Sign-ins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignIns {
    /// The newest first.
    sign_ins: Vec<SignInLine>,
}

/// A sign-in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignIn)]
pub struct SignInLine {
    /// Its id.
    id: String,
    /// The user's agent number.
    agent: AgentId,
    /// The user's name.
    name: String,
    /// The user's role.
    role: Role,
    /// When it began.
    began: Timestamp,
    /// When it was last used.
    last_used: Timestamp,
    /// The address that it began from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// What the browser calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
    /// Its open sockets.
    sockets: usize,
    /// Whether it is the caller's.
    current: bool,
}

/// Ends a sign-in and its sockets.
#[utoipa::path(delete, path = "/api/v1/sign-ins/{id}", extensions(("x-least-role" = json!("agent"))),
    params(("id" = String, Path)),
    responses((status = 204, description = "It has ended."), TargetProblems, ViewerProblems))]
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

fn line(listed: SignInSummary, viewer: &Viewer) -> SignInLine {
    SignInLine {
        current: viewer.sign_in().is_some_and(|own| own.id() == listed.id),
        id: listed.id,
        agent: listed.agent,
        name: listed.name,
        role: listed.role,
        began: listed.began,
        last_used: listed.used,
        address: listed.client.address,
        browser: listed.client.browser,
        sockets: listed.sockets,
    }
}
