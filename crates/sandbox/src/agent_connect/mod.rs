//! Agent Connect: accepts survey requests and returns their results later (apis.md A.3, C.1).

mod bodies;
mod data;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use bodies::{RecoveryBody, RequestBody};

use super::contact_center::{Moment, SECOND};
use super::faults::{Faults, Upstream, inject};
use super::simulation::Simulation;
use base::Secret;
use base::secret::ExposeSecret;

/// The state that the routes and the simulation share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentConnect {
    key: Secret,
    secret: Secret,
    simulation: Simulation,
    log: Arc<Mutex<RequestLog>>,
}

#[derive(Debug)]
struct RequestLog {
    rng: StdRng,
    sequence: u64,
    records: Vec<Record>,
}

/// A request and its result.
#[derive(Debug)]
struct Record {
    uuid: String,
    sequence: u64,
    body: Value,
    parent: Option<String>,
    created: Timestamp,
    answer_due: Option<Moment>,
    answered: Option<(Timestamp, u8)>,
}

impl AgentConnect {
    /// No requests.
    #[must_use]
    pub fn new(seed: u64, key: Secret, secret: Secret, simulation: Simulation) -> Self {
        let log = RequestLog { rng: StdRng::seed_from_u64(seed), sequence: 0, records: Vec::new() };
        Self { key, secret, simulation, log: Arc::new(Mutex::new(log)) }
    }

    /// Adds the answers that are due. An answered record gets a new sequence id (apis.md P10).
    pub fn step(&self) {
        let (moment, now) = (self.simulation.read(|center, _| center.now()), self.simulation.now());
        let RequestLog { rng, sequence, records } = &mut *self.log.lock();
        for record in records.iter_mut().filter(|record| record.answer_due.is_some_and(|due| due <= moment)) {
            record.answer_due = None;
            record.answered = Some((now, [5, 5, 5, 4, 4, 3, 2, 1][rng.random_range(0..8)]));
            *sequence += 1;
            record.sequence = *sequence;
        }
    }

    fn add(&self, body: Value, parent: Option<String>) -> String {
        let (moment, created) = (self.simulation.read(|center, _| center.now()), self.simulation.now());
        let RequestLog { rng, sequence, records } = &mut *self.log.lock();
        let is_unanswered = body["do_not_send"] == json!(true) || rng.random_bool(0.35);
        let answer_due = (!is_unanswered).then(|| moment + rng.random_range(15 * SECOND..90 * SECOND));
        *sequence += 1;
        let uuid = uuid(rng);
        records.push(Record {
            uuid: uuid.clone(),
            sequence: *sequence,
            body,
            parent,
            created,
            answer_due,
            answered: None,
        });
        uuid
    }
}

/// The Agent Connect server.
pub fn router(agent_connect: AgentConnect, faults: Faults) -> Router {
    Router::new()
        .route("/v1/requests", post(request))
        .route("/v1/recoveries", post(recovery))
        .route("/v2/data", get(data::data))
        .layer(from_fn_with_state(agent_connect.clone(), authenticate))
        .layer(from_fn_with_state((faults, Upstream::AgentConnect), inject))
        .with_state(agent_connect)
}

async fn authenticate(State(agent_connect): State<AgentConnect>, request: Request, next: Next) -> Response {
    match request.headers().get("x-api-key") {
        Some(key) if key.as_bytes() == agent_connect.key.expose_secret().as_bytes() => next.run(request).await,
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

fn bad(why: impl Into<String>) -> (StatusCode, Json<Value>) {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why.into()})))
}

async fn request(State(agent_connect): State<AgentConnect>, bytes: Bytes) -> Answer {
    let body: RequestBody = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    body.employee.check().map_err(bad)?;
    let email = body.customer.as_ref().and_then(|customer| customer.email.as_deref());
    if body.do_not_send != Some(true) && !email.is_some_and(|email| email.contains('@')) {
        return Err(bad("Invalid customer email format"));
    }
    if body.tags.as_ref().is_some_and(|tags| tags.len() > 20) {
        return Err(bad("No more than 20 tags are allowed"));
    }
    let raw = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    Ok(Json(json!({"request_id": agent_connect.add(raw, None)})))
}

async fn recovery(State(agent_connect): State<AgentConnect>, bytes: Bytes) -> Answer {
    let body: RecoveryBody = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    body.employee.check().map_err(bad)?;
    let parent = body.initial_feedback_request_id;
    if !agent_connect.log.lock().records.iter().any(|record| record.uuid == parent) {
        return Err(bad("Initial feedback request not found"));
    }
    let raw = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    Ok(Json(json!({"request_id": agent_connect.add(raw, Some(parent))})))
}

fn uuid(rng: &mut StdRng) -> String {
    let text = format!("{:032x}", rng.random::<u128>());
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
