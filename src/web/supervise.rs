//! What supervisors do, as routes. Whoever acts brings their own Clarity token, which is sent on and kept nowhere.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::access::viewer::{Refusal, bearer};
use super::access::{Supervisor, Viewer};
use super::api::idempotency_key;
use super::problem::Problem;
use super::state::AppState;
use crate::actions::supervise::{
    AgentAction, Disposition, ExtraItem, NewStatus, Note, PossibleStatus, Recording, SessionAction, Suspension,
};
use crate::actions::{ActingUser, SupervisorAction, SupervisorActions, SupervisorError};
use crate::domain::{AgentId, SessionId};
use crate::gold::Key;
use crate::live::Hub;
use crate::store::StoreError;

/// How long to wait when Clarity does not say, in seconds.
const COME_BACK: u64 = 5;

/// Somebody who may act, at the desk where they act.
pub struct Acting {
    desk: SupervisorActions,
    actor: ActingUser,
    viewer: Viewer,
    hub: Hub,
    key: Option<String>,
}

impl FromRequestParts<AppState> for Acting {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refusal> {
        let Supervisor(viewer) = Supervisor::from_request_parts(parts, state).await?;
        let Some(desk) = state.supervision.clone() else {
            return Err(Problem::conflict("Clarity is not configured, so nothing can be done there.").into());
        };
        let actor = match viewer.sign_in() {
            Some(sign_in) => {
                let clarity = sign_in.clarity().ok_or_else(|| {
                    Problem::sign_in_needed().detail("Your Clarity token has ended: sign in again to act.")
                })?;
                ActingUser { actor: viewer.actor(), clarity, permission: viewer.permission().clone() }
            }
            None => desk.acting_user(bearer(&parts.headers), viewer.address()).ok_or_else(|| {
                Problem::sign_in_needed()
                    .detail("Send your own Clarity token: Authorization: Bearer followed by the token.")
            })?,
        };
        Ok(Self { desk, actor, viewer, hub: state.hub.clone(), key: idempotency_key(&parts.headers)? })
    }
}

impl Acting {
    /// What somebody may not see does not exist for them.
    fn sees(&self, agent: AgentId) -> Result<(), Problem> {
        let seen = self.hub.knows(&Key::Agent(agent), self.viewer.permission());
        if seen { Ok(()) } else { Err(Problem::not_found()) }
    }

    /// Has Clarity say that it knows whoever acts.
    pub(super) async fn is_known(&self) -> Result<(), SupervisorError> {
        self.desk.confirm_user(&self.actor).await
    }

    async fn act(self, deed: SupervisorAction) -> Result<Response, Problem> {
        let done = self.desk.act(self.actor, deed, self.key).await.map_err(problem)?;
        Ok(Json(json!({"id": done.id, "outcome": "accepted", "answer": done.answer})).into_response())
    }
}

/// A body, or what is wrong with it as a problem.
type Body<T> = Result<Json<T>, JsonRejection>;

/// `POST /api/v1/agents/{id}/status`.
pub async fn status(acting: Acting, Path(id): Path<i64>, body: Body<NewStatus>) -> Result<Response, Response> {
    act_on_agent(acting, id, body.map(|Json(new)| AgentAction::Status(new))).await
}

/// `POST /api/v1/agents/{id}/suspend`.
pub async fn suspend(acting: Acting, Path(id): Path<i64>, body: Body<Suspension>) -> Result<Response, Response> {
    act_on_agent(acting, id, body.map(|Json(new)| AgentAction::Suspension(new))).await
}

/// `POST /api/v1/agents/{id}/recording`.
pub async fn recording(acting: Acting, Path(id): Path<i64>, body: Body<Recording>) -> Result<Response, Response> {
    act_on_agent(acting, id, body.map(|Json(new)| AgentAction::Recording(new))).await
}

/// `POST /api/v1/sessions/{id}/notes`.
pub async fn notes(acting: Acting, Path(id): Path<i64>, body: Body<Note>) -> Result<Response, Response> {
    act_on_session(acting, id, body.map(|Json(new)| SessionAction::Note(new))).await
}

/// `POST /api/v1/sessions/{id}/disposition`.
pub async fn disposition(acting: Acting, Path(id): Path<i64>, body: Body<Disposition>) -> Result<Response, Response> {
    act_on_session(acting, id, body.map(|Json(new)| SessionAction::Disposition(new))).await
}

/// `POST /api/v1/sessions/{id}/extra-items`.
pub async fn extra_items(acting: Acting, Path(id): Path<i64>, body: Body<ExtraItem>) -> Result<Response, Response> {
    act_on_session(acting, id, body.map(|Json(new)| SessionAction::ExtraItem(new))).await
}

/// `GET /api/v1/agents/{id}/statuses`: what `status` takes for this agent.
pub async fn statuses(acting: Acting, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    acting.sees(AgentId(id))?;
    let listed: Vec<PossibleStatus> =
        acting.desk.possible_statuses(&acting.actor, AgentId(id)).await.map_err(problem)?;
    Ok(Json(json!({ "statuses": listed })))
}

async fn act_on_agent(acting: Acting, id: i64, deed: Result<AgentAction, JsonRejection>) -> Result<Response, Response> {
    acting.sees(AgentId(id)).map_err(IntoResponse::into_response)?;
    let deed = SupervisorAction::Agent(AgentId(id), deed.map_err(IntoResponse::into_response)?);
    acting.act(deed).await.map_err(IntoResponse::into_response)
}

async fn act_on_session(
    acting: Acting,
    id: i64,
    deed: Result<SessionAction, JsonRejection>,
) -> Result<Response, Response> {
    let deed = SupervisorAction::Session(SessionId(id), deed.map_err(IntoResponse::into_response)?);
    acting.act(deed).await.map_err(IntoResponse::into_response)
}

/// What is wrong, for whoever acts.
pub(super) fn problem(error: SupervisorError) -> Problem {
    let said = error.to_string();
    match error {
        // In the same words as for what is there and not theirs to see.
        SupervisorError::NotFound => Problem::not_found(),
        SupervisorError::Invalid(_) => Problem::not_valid(said),
        SupervisorError::NotPermitted { sent: false } => Problem::not_allowed().detail(said),
        SupervisorError::NotPermitted { sent: true } => Problem::not_allowed().detail(said).audited(),
        SupervisorError::Refused(_) => {
            Problem::new(StatusCode::CONFLICT, "refused-by-clarity", "Clarity refused.").detail(said)
        }
        SupervisorError::InHand => Problem::conflict(said),
        SupervisorError::Busy(wait) => Problem::not_now(wait.map_or(COME_BACK, |wait| wait.as_secs())).detail(said),
        SupervisorError::Unreachable(_) => {
            let title = "Clarity could not be asked. Nothing was changed: try again in a moment.";
            Problem::new(StatusCode::BAD_GATEWAY, "clarity-unreachable", title).detail(said)
        }
        SupervisorError::Unclear(_) => {
            let title = "Clarity did not say whether it was done.";
            Problem::new(StatusCode::BAD_GATEWAY, "outcome-unknown", title).detail(said)
        }
        SupervisorError::Store(StoreError::KeyReused) => Problem::conflict(StoreError::KeyReused.to_string()),
        SupervisorError::Store(error) => {
            tracing::error!(error = %error, "a deed could not be written down, so it was not done");
            Problem::not_now(COME_BACK)
        }
    }
}
