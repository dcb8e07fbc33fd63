//! Agent statuses: read the current one, list all, change one (apis.md C26 to C28, C79).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Clarity, ErrorResponse};
use crate::contact_center::{REASONS, Status};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentOnly {
    current_only: Option<bool>,
}

/// `GET /v2/agentStatus/{id}`. Unlike metrics, it contains the ids.
pub async fn current(
    State(clarity): State<Clarity>,
    Path(id): Path<i64>,
    Query(query): Query<CurrentOnly>,
) -> Result<Json<Value>, ErrorResponse> {
    if query.current_only == Some(false) {
        return Err((StatusCode::BAD_REQUEST, "The query must have currentOnly=true.".to_owned()));
    }
    clarity.simulation.read(|center, timeline| {
        let agent = center.agents().get(&id).ok_or((StatusCode::UNAUTHORIZED, String::new()))?;
        let mut status = json!({
            "agentStatus": agent.status.camel(),
            "agentStatusId": agent.status as i64,
            "startTime": timeline.time(agent.since).to_string(),
            "isSuspended": agent.suspended,
        });
        if let Some((id, name)) = agent.reason {
            status["reasonCodeName"] = json!(name);
            status["reasonCodeId"] = json!(id);
        }
        Ok(Json(json!({"type": "agent", "id": id, "name": agent.name(), "currentStatus": status})))
    })
}

/// `GET /v2/agentStatus/list/{id}`. Names start with a capital here, and reason ids are text (apis.md B61, B63).
pub async fn list() -> Json<Value> {
    let without_reason =
        [Status::Available, Status::Unavailable, Status::BeRightBack, Status::AtLunch, Status::OffWork];
    let mut items: Vec<_> = without_reason
        .iter()
        .map(|status| json!({"agentStatus": status.name(), "agentStatusId": *status as i64}))
        .collect();
    items.extend(REASONS.iter().map(|(id, name)| {
        json!({"agentStatus": "Unavailable", "agentStatusId": 3, "reasonCodeName": name,
            "reasonCodeId": id.to_string()})
    }));
    let count = items.len();
    Json(json!({"items": items, "count": count}))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Update {
    agent_status_id: Option<i64>,
    reason_code_id: Option<i64>,
    is_suspended: Option<bool>,
}

/// `POST /v2/agentStatus/update/{id}`.
pub async fn update(
    State(clarity): State<Clarity>,
    Path(id): Path<i64>,
    body: Bytes,
) -> Result<StatusCode, ErrorResponse> {
    let bad = |why: &str| (StatusCode::BAD_REQUEST, why.to_owned());
    let update: Update =
        serde_json::from_slice(&body).map_err(|_| bad("The request body is null or cannot be read."))?;
    let known = match (update.agent_status_id, update.reason_code_id, update.is_suspended) {
        (None, None, None) => return Err(bad("The request body is empty.")),
        (Some(_), _, Some(_)) => return Err(bad("Send either agentStatusId or isSuspended.")),
        (Some(status), Some(_), None) if status != 3 => return Err(bad("A reason code is for status 3 alone.")),
        (None, None, Some(suspended)) => clarity.simulation.change(|center| center.set_suspended(id, suspended)),
        (status, reason, _) => {
            let wanted = status.unwrap_or(3);
            let status = Status::ALL
                .into_iter()
                .find(|status| *status as i64 == wanted)
                .ok_or_else(|| bad("Unknown status."))?;
            let reason = reason.and_then(|wanted| REASONS.into_iter().find(|(id, _)| *id == wanted));
            clarity.simulation.change(|center| center.set_status(id, status, reason))
        }
    };
    if known { Ok(StatusCode::NO_CONTENT) } else { Err((StatusCode::UNAUTHORIZED, String::new())) }
}
