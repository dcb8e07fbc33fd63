//! Credentials that a system refused, shown again because an administrator wants it.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::access::{Access, Viewer};
use super::api_error::ApiError;
use super::openapi::{TargetProblems, ViewerProblems};
use super::state::AppState;
use crate::actions::supervise::CredentialsTried;
use crate::domain::{Role, SourceName};

/// Tries credentials again that a system has refused, without waiting for `nextTry`.
///
/// The same credentials are tried at most three times in 30 minutes, whichever user requests it, and others once more:
/// an account that is tried too often may be locked.
#[utoipa::path(post, path = "/api/v1/sources/{source}/try-now", extensions(("x-least-role" = json!("administrator"))),
    params(("source" = String, Path, description = "The system.", pattern = "^clarity$")),
    responses((status = 200, description = "They were tried, or are valid.", body = TryResult), TargetProblems,
    ViewerProblems))]
pub async fn by_program(
    State(state): State<AppState>,
    State(access): State<Access>,
    viewer: Viewer,
    Path(source): Path<String>,
) -> Result<Json<TryResult>, ApiError> {
    // Clarity need not have confirmed them: it is what does not answer.
    let viewer = viewer.at_least(Role::Administrator)?;
    let (outcome, reason) = match try_now(&state, &access, &viewer, &source).await? {
        CredentialsTried::Taken => ("accepted", None),
        CredentialsTried::Failed(reason) => ("failed", Some(reason)),
        CredentialsTried::NotNow(left) => {
            let seconds = left.as_secs() + 1;
            return Err(ApiError::too_many_requests(seconds).detail(format!(
                "The credentials were tried as often as is safe: one more wrong try may lock the account. Wait {} \
                    minutes.",
                seconds.div_ceil(60)
            )));
        }
    };
    Ok(Json(TryResult { outcome, reason }))
}

/// The result of trying credentials.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CredentialsTried)]
pub struct TryResult {
    /// `accepted` or `failed`.
    #[schema(pattern = "^(accepted|failed)$")]
    outcome: &'static str,
    /// Why they failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `POST /status/{source}/try-now`: the same for the page's form. The page shows the result.
pub async fn by_form(
    state: State<AppState>,
    access: State<Access>,
    viewer: Viewer,
    source: Path<String>,
) -> Result<Response, ApiError> {
    let _outcome = by_program(state, access, viewer, source).await?;
    Ok(Redirect::to("/status").into_response())
}

async fn try_now(
    state: &AppState,
    access: &Access,
    viewer: &Viewer,
    source: &str,
) -> Result<CredentialsTried, ApiError> {
    let desk = state.supervision.as_ref().filter(|_| source == SourceName::Clarity.as_str());
    let desk = desk.ok_or_else(ApiError::not_found)?;
    let tried = desk.try_credentials_now().await;
    let outcome = match &tried {
        CredentialsTried::Taken => "accepted",
        CredentialsTried::Failed(_) => "failed",
        CredentialsTried::NotNow(_) => "too often",
    };
    access.audit(&viewer.actor(), "source.try-now", &format!("source {source}"), json!({ "outcome": outcome })).await;
    Ok(tried)
}
