//! The API: actions, responses, users (apis.md A.2.4, P21 to P25).

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::feedback::ActionError;
use super::{Goodays, payload};
use crate::faults::{Faults, Upstream, inject};
use crate::simulation::Simulation;
use base::secret::ExposeSecret;

#[derive(Clone)]
struct ApiState {
    goodays: Goodays,
    simulation: Simulation,
}

/// The Goodays server.
pub fn router(goodays: Goodays, simulation: Simulation, faults: Faults) -> Router {
    Router::new()
        .route("/v2/responses/bulk", get(bulk))
        .route("/v2/responses/{id}/{action}", put(act))
        .route("/v2/users", get(users))
        .layer(from_fn_with_state(goodays.clone(), authenticate))
        .layer(from_fn_with_state((faults, Upstream::Goodays), inject))
        .with_state(ApiState { goodays, simulation })
}

/// `Authorization` contains the token without a scheme (apis.md P21).
async fn authenticate(State(goodays): State<Goodays>, request: Request, next: Next) -> Response {
    let refuse = |status: StatusCode, message: &str| (status, Json(json!({"message": message}))).into_response();
    match request.headers().get(header::AUTHORIZATION) {
        None => refuse(StatusCode::UNAUTHORIZED, "No API key found in request"),
        Some(token) if token.as_bytes() != goodays.token.expose_secret().as_bytes() => {
            refuse(StatusCode::FORBIDDEN, "Invalid authentication credentials")
        }
        Some(_) => next.run(request).await,
    }
}

async fn act(State(state): State<ApiState>, Path((id, action)): Path<(String, String)>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"message": "The body is not JSON."}))).into_response();
    };
    match state.goodays.feedback.lock().act(&id, &action, &body, state.simulation.now()) {
        Ok(()) => Json(json!({})).into_response(),
        Err(ActionError::NotFound) => (StatusCode::NOT_FOUND, Json(json!({"message": "Not found."}))).into_response(),
        Err(ActionError::BadRequest(why)) => (StatusCode::BAD_REQUEST, Json(json!({"message": why}))).into_response(),
    }
}

#[derive(Deserialize)]
struct Range {
    start_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
    page_size: Option<usize>,
    cursor: Option<usize>,
}

/// The responses that webhooks have reported, in pages (apis.md P23, P24).
async fn bulk(State(state): State<ApiState>, Query(range): Query<Range>) -> Json<Value> {
    let (start, end) = (range.start_date.unwrap_or(Timestamp::MIN), range.end_date.unwrap_or(Timestamp::MAX));
    let (size, cursor) = (range.page_size.unwrap_or(20).clamp(1, 1000), range.cursor.unwrap_or(0));
    let feedback = state.goodays.feedback.lock();
    let found: Vec<_> =
        feedback.responses().into_iter().filter(|response| (start..=end).contains(&response.created)).collect();
    let page: Vec<_> = found.iter().skip(cursor).take(size).map(|response| payload::response(response)).collect();
    let link = |cursor: usize| {
        format!("/v2/responses/bulk?start_date={start}&end_date={end}&page_size={size}&cursor={cursor}")
    };
    let next = (cursor + size < found.len()).then(|| link(cursor + size));
    let previous = (cursor > 0).then(|| link(cursor.saturating_sub(size)));
    Json(json!({"next": next, "previous": previous, "results": page}))
}

#[derive(Deserialize)]
struct UserQuery {
    #[serde(default)]
    email: String,
}

/// Every agent is a user (apis.md G36).
async fn users(State(state): State<ApiState>, Query(query): Query<UserQuery>) -> Json<Value> {
    let results: Vec<_> = state.simulation.read(|center, _| {
        (center.agents().values())
            .filter(|agent| query.email.is_empty() || agent.email().eq_ignore_ascii_case(query.email.trim()))
            .take(20)
            .map(|agent| {
                let id = format!("{:07x}", 0x1a2_b3c4 + agent.id);
                json!({"id": id, "email": agent.email(), "first_name": agent.first, "last_name": agent.last})
            })
            .collect()
    });
    Json(json!({"next": null, "previous": null, "results": results}))
}
