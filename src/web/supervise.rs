//! The API for supervisors' actions in Clarity, with the caller's own Clarity token.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::access::viewer::{AuthError, bearer};
use super::access::{Supervisor, Viewer};
use super::api_error::ApiError;
use super::openapi::{BodyProblems, ClarityProblems, TargetProblems, ViewerProblems};
use super::request_body::{IdempotencyKey, idempotency_key};
use super::state::AppState;
use crate::actions::supervise::{
    AgentAction, Disposition, ExtraItem, NewStatus, Note, PossibleStatus, Recording, SessionAction, Suspension,
};
use crate::actions::{ActingUser, SupervisorAction, SupervisorActions, SupervisorError};
use crate::domain::{AgentId, SessionId};
use crate::gold::Key;
use crate::live::Hub;
use crate::store::StoreError;

/// A supervisor with what their action needs, as an extractor.
pub struct ActingSupervisor {
    actions: SupervisorActions,
    user: ActingUser,
    viewer: Viewer,
    hub: Hub,
    key: Option<String>,
}

impl FromRequestParts<AppState> for ActingSupervisor {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, AuthError> {
        let Supervisor(viewer) = Supervisor::from_request_parts(parts, state).await?;
        let Some(actions) = state.supervision.clone() else {
            return Err(ApiError::conflict("Clarity is not configured, so nothing can be done there.").into());
        };
        let user = match viewer.sign_in() {
            Some(sign_in) => {
                let clarity = sign_in.clarity().ok_or_else(|| {
                    ApiError::unauthorized().detail("Your Clarity token has ended: sign in again to act.")
                })?;
                ActingUser { actor: viewer.actor(), clarity, permission: viewer.permission().clone() }
            }
            None => actions.acting_user(bearer(&parts.headers), viewer.address()).ok_or_else(|| {
                ApiError::unauthorized()
                    .detail("Send your own Clarity token: Authorization: Bearer followed by the token.")
            })?,
        };
        Ok(Self { actions, user, viewer, hub: state.hub.clone(), key: idempotency_key(&parts.headers)? })
    }
}

impl ActingSupervisor {
    /// 404 for an agent that they may not see.
    fn check_visible(&self, agent: AgentId) -> Result<(), ApiError> {
        let seen = self.hub.knows(&Key::Agent(agent), self.viewer.permission());
        if seen { Ok(()) } else { Err(ApiError::not_found()) }
    }

    /// Has Clarity confirm the caller.
    pub(super) async fn confirm_user(&self) -> Result<(), SupervisorError> {
        self.actions.confirm_user(&self.user).await
    }

    async fn act(self, action: SupervisorAction) -> Result<Response, ApiError> {
        let receipt = self.actions.act(self.user, action, self.key).await?;
        Ok(Json(ActionDone { id: receipt.id, outcome: "accepted", answer: receipt.answer }).into_response())
    }
}

/// A body, or what is wrong with it as a problem.
type Body<T> = Result<Json<T>, JsonRejection>;

/// Sets an agent's status.
///
/// Sent to Clarity once, with the caller's own token, and written to the audit. The effect is in the document.
#[utoipa::path(post, path = "/api/v1/agents/{id}/status", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number."), IdempotencyKey), security(("clarityToken" = [])),
    responses((status = 200, description = "Clarity did it, now or when the same key came first.", body = ActionDone),
    BodyProblems, TargetProblems, ClarityProblems, ViewerProblems), request_body = NewStatus)]
pub async fn status(
    acting: ActingSupervisor,
    Path(id): Path<i64>,
    body: Body<NewStatus>,
) -> Result<Response, ApiError> {
    act_on_agent(acting, id, body.map(|Json(new)| AgentAction::Status(new))).await
}

/// Suspends an agent, who then gets no contacts, or ends the suspension.
///
/// Sent to Clarity once, with the caller's own token, and written to the audit. The effect is in the document.
#[utoipa::path(post, path = "/api/v1/agents/{id}/suspend", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number."), IdempotencyKey), security(("clarityToken" = [])),
    responses((status = 200, description = "Clarity did it, now or when the same key came first.", body = ActionDone),
    BodyProblems, TargetProblems, ClarityProblems, ViewerProblems), request_body = Suspension)]
pub async fn suspend(
    acting: ActingSupervisor,
    Path(id): Path<i64>,
    body: Body<Suspension>,
) -> Result<Response, ApiError> {
    act_on_agent(acting, id, body.map(|Json(new)| AgentAction::Suspension(new))).await
}

/// Starts or stops the recording of all sessions of an agent.
///
/// Sent to Clarity once, with the caller's own token, and written to the audit. The effect is in the document.
#[utoipa::path(post, path = "/api/v1/agents/{id}/recording", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number."), IdempotencyKey), security(("clarityToken" = [])),
    responses((status = 200, description = "Clarity did it, now or when the same key came first.", body = ActionDone),
    BodyProblems, TargetProblems, ClarityProblems, ViewerProblems), request_body = Recording)]
pub async fn recording(
    acting: ActingSupervisor,
    Path(id): Path<i64>,
    body: Body<Recording>,
) -> Result<Response, ApiError> {
    act_on_agent(acting, id, body.map(|Json(new)| AgentAction::Recording(new))).await
}

/// Replaces the note about a session.
///
/// Sent to Clarity once, with the caller's own token, and written to the audit. The effect is in the document.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/notes", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number."), IdempotencyKey), security(("clarityToken" = [])),
    responses((status = 200, description = "Clarity did it, now or when the same key came first.", body = ActionDone),
    BodyProblems, TargetProblems, ClarityProblems, ViewerProblems), request_body = Note)]
pub async fn notes(acting: ActingSupervisor, Path(id): Path<i64>, body: Body<Note>) -> Result<Response, ApiError> {
    act_on_session(acting, id, body.map(|Json(new)| SessionAction::Note(new))).await
}

/// Sets the disposition of a session.
///
/// Sent to Clarity once, with the caller's own token, and written to the audit. The effect is in the document.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/disposition", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number."), IdempotencyKey), security(("clarityToken" = [])),
    responses((status = 200, description = "Clarity did it, now or when the same key came first.", body = ActionDone),
    BodyProblems, TargetProblems, ClarityProblems, ViewerProblems), request_body = Disposition)]
pub async fn disposition(
    acting: ActingSupervisor,
    Path(id): Path<i64>,
    body: Body<Disposition>,
) -> Result<Response, ApiError> {
    act_on_session(acting, id, body.map(|Json(new)| SessionAction::Disposition(new))).await
}

/// Sets an extra item of a session.
///
/// Sent to Clarity once, with the caller's own token, and written to the audit. The effect is in the document.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/extra-items", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number."), IdempotencyKey), security(("clarityToken" = [])),
    responses((status = 200, description = "Clarity did it, now or when the same key came first.", body = ActionDone),
    BodyProblems, TargetProblems, ClarityProblems, ViewerProblems), request_body = ExtraItem)]
pub async fn extra_items(
    acting: ActingSupervisor,
    Path(id): Path<i64>,
    body: Body<ExtraItem>,
) -> Result<Response, ApiError> {
    act_on_session(acting, id, body.map(|Json(new)| SessionAction::ExtraItem(new))).await
}

/// The statuses that an agent may be set to.
#[utoipa::path(get, path = "/api/v1/agents/{id}/statuses", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = i64, Path, description = "Clarity's number.")), security(("clarityToken" = [])),
    responses((status = 200, description = "Each status, `unavailable` once for each reason.", body = Statuses),
    TargetProblems, ClarityProblems, ViewerProblems))]
pub async fn statuses(acting: ActingSupervisor, Path(id): Path<i64>) -> Result<Json<Statuses>, ApiError> {
    acting.check_visible(AgentId(id))?;
    Ok(Json(Statuses { statuses: acting.actions.possible_statuses(&acting.user, AgentId(id)).await? }))
}

/// The statuses that an agent may be set to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statuses {
    /// Each of them.
    statuses: Vec<PossibleStatus>,
}

/// An action that Clarity did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionDone {
    /// Its id.
    id: String,
    /// Always `accepted`.
    #[schema(pattern = "^accepted$")]
    outcome: &'static str,
    /// Clarity's answer; for a recording, the result for each session.
    #[schema(value_type = Object)]
    answer: Value,
}

async fn act_on_agent(
    acting: ActingSupervisor,
    id: i64,
    action: Result<AgentAction, JsonRejection>,
) -> Result<Response, ApiError> {
    acting.check_visible(AgentId(id))?;
    let action = SupervisorAction::Agent(AgentId(id), action?);
    acting.act(action).await
}

async fn act_on_session(
    acting: ActingSupervisor,
    id: i64,
    action: Result<SessionAction, JsonRejection>,
) -> Result<Response, ApiError> {
    let action = SupervisorAction::Session(SessionId(id), action?);
    acting.act(action).await
}

impl From<SupervisorError> for ApiError {
    fn from(error: SupervisorError) -> Self {
        let detail = error.to_string();
        match error {
            // The same answer as for an agent that the caller may not see.
            SupervisorError::NotFound => Self::not_found(),
            SupervisorError::Invalid(_) => Self::unprocessable(detail),
            SupervisorError::NotPermitted { sent: false } => Self::forbidden().detail(detail),
            SupervisorError::NotPermitted { sent: true } => Self::forbidden().detail(detail).audited(),
            SupervisorError::Refused(_) => {
                Self::new(StatusCode::CONFLICT, "refused-by-clarity", "Clarity refused.").detail(detail)
            }
            SupervisorError::InHand => Self::conflict(detail),
            SupervisorError::Busy(None) => Self::busy().detail(detail),
            SupervisorError::Busy(Some(wait)) => Self::unavailable(wait.as_secs()).detail(detail),
            SupervisorError::Unreachable(_) => {
                let title = "Clarity could not be asked. Nothing was changed: try again in a moment.";
                Self::new(StatusCode::BAD_GATEWAY, "clarity-unreachable", title).detail(detail)
            }
            SupervisorError::Unclear(_) => {
                let title = "Clarity did not say whether it was done.";
                Self::new(StatusCode::BAD_GATEWAY, "outcome-unknown", title).detail(detail)
            }
            SupervisorError::Store(StoreError::KeyReused) => Self::conflict(StoreError::KeyReused.to_string()),
            SupervisorError::Store(error) => {
                tracing::error!(error = %error, "supervisor action could not be stored, so it was not done");
                Self::busy()
            }
        }
    }
}
