//! Agent Connect: takes survey requests and, later, hands out what became of them (`apis.md` A.3, C.1).

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{Faults, Vendor, happen};
use super::floor::{Floor, lock};
use super::world::{Moment, SECOND};
use crate::base::Secret;
use crate::base::secret::ExposeSecret;

/// The handle that routes and the ticker share.
#[derive(Debug, Clone)]
pub struct AgentConnect {
    key: Secret,
    secret: Secret,
    floor: Floor,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug)]
struct Book {
    chance: StdRng,
    sequence: u64,
    records: Vec<Record>,
}

/// A request and what became of it.
#[derive(Debug)]
struct Record {
    uuid: String,
    sequence: u64,
    body: Value,
    parent: Option<String>,
    asked: Timestamp,
    answer_due: Option<Moment>,
    answered: Option<(Timestamp, u8)>,
}

impl AgentConnect {
    /// No requests yet.
    #[must_use]
    pub fn new(seed: u64, key: Secret, secret: Secret, floor: Floor) -> Self {
        let book = Book { chance: StdRng::seed_from_u64(seed), sequence: 0, records: Vec::new() };
        Self { key, secret, floor, book: Arc::new(Mutex::new(book)) }
    }

    /// Lets customers answer whose time has come: their records get new sequence ids (`apis.md` P10).
    pub fn step(&self) {
        let (moment, now) = (self.floor.read(|world, _| world.now()), self.floor.now());
        let Book { chance, sequence, records } = &mut *lock(&self.book);
        for record in records.iter_mut().filter(|record| record.answer_due.is_some_and(|due| due <= moment)) {
            record.answer_due = None;
            record.answered = Some((now, [5, 5, 5, 4, 4, 3, 2, 1][chance.random_range(0..8)]));
            *sequence += 1;
            record.sequence = *sequence;
        }
    }

    fn take(&self, body: Value, parent: Option<String>) -> String {
        let (moment, asked) = (self.floor.read(|world, _| world.now()), self.floor.now());
        let Book { chance, sequence, records } = &mut *lock(&self.book);
        let silent = body["do_not_send"] == json!(true) || chance.random_bool(0.35);
        let answer_due = (!silent).then(|| moment + chance.random_range(15 * SECOND..90 * SECOND));
        *sequence += 1;
        let uuid = uuid(chance);
        records.push(Record {
            uuid: uuid.clone(),
            sequence: *sequence,
            body,
            parent,
            asked,
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
        .route("/v1/recoveries", post(recover))
        .route("/v2/data", get(data))
        .layer(from_fn_with_state(agent_connect.clone(), admit))
        .layer(from_fn_with_state((faults, Vendor::AgentConnect), happen))
        .with_state(agent_connect)
}

async fn admit(State(agent_connect): State<AgentConnect>, request: Request, next: Next) -> Response {
    match request.headers().get("x-api-key") {
        Some(key) if key.as_bytes() == agent_connect.key.expose_secret().as_bytes() => next.run(request).await,
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// The body of a request; closed to unknown fields (`apis.md` B177).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are here to be allowed and typed; the record keeps the body as it came")]
struct RequestBody {
    customer: Option<Customer>,
    employee: Employee,
    channel: String,
    ext_interaction_id: Option<String>,
    external_url: Option<String>,
    tags: Option<Vec<String>>,
    brand: Option<String>,
    language: Option<String>,
    country: Option<String>,
    do_not_send: Option<bool>,
    custom_properties: Option<std::collections::BTreeMap<String, String>>,
}

/// The body of a recovery (`apis.md` P4).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
struct RecoveryBody {
    initial_feedback_request_id: String,
    employee: Employee,
    ext_interaction_id: Option<String>,
    external_url: Option<String>,
    tags: Option<Vec<String>>,
    do_not_send: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
struct Customer {
    name: Option<String>,
    email: Option<String>,
    custom_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Employee {
    email: Option<String>,
    custom_id: Option<String>,
}

impl Employee {
    /// One employee in twenty has no profile, always the same ones (`apis.md` P5).
    fn check(&self) -> Result<(), String> {
        let name = self.email.as_deref().or(self.custom_id.as_deref()).filter(|name| !name.trim().is_empty());
        let name = name.ok_or("Employee email or custom_id is required")?;
        let number = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        match number % 40 {
            0 => Err("Employee not found".to_owned()),
            1 => Err("Employee profile not complete".to_owned()),
            _ => Ok(()),
        }
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
    Ok(Json(json!({"request_id": agent_connect.take(raw, None)})))
}

async fn recover(State(agent_connect): State<AgentConnect>, bytes: Bytes) -> Answer {
    let body: RecoveryBody = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    body.employee.check().map_err(bad)?;
    let parent = body.initial_feedback_request_id;
    if !lock(&agent_connect.book).records.iter().any(|record| record.uuid == parent) {
        return Err(bad("Initial feedback request not found"));
    }
    let raw = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    Ok(Json(json!({"request_id": agent_connect.take(raw, Some(parent))})))
}

#[derive(Deserialize)]
struct DataQuery {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    #[serde(default)]
    include_recovery: bool,
}

async fn data(
    State(agent_connect): State<AgentConnect>,
    Query(query): Query<DataQuery>,
    headers: HeaderMap,
) -> Result<Json<Vec<Value>>, StatusCode> {
    // A self-signed token besides the key, raw in the header; only its signature and `iat` matter (`apis.md` P11).
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut rules = Validation::new(Algorithm::HS256);
    rules.validate_exp = false;
    rules.required_spec_claims.clear();
    let key = DecodingKey::from_secret(agent_connect.secret.expose_secret().as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).map_err(|_| StatusCode::FORBIDDEN)?.claims;
    if !claims["iat"].is_number() {
        return Err(StatusCode::FORBIDDEN);
    }
    let book = lock(&agent_connect.book);
    let mut found: Vec<_> = (book.records.iter())
        .filter(|record| record.sequence > query.after && (query.include_recovery || record.parent.is_none()))
        .collect();
    found.sort_by_key(|record| record.sequence);
    Ok(Json(found.into_iter().take(query.limit.unwrap_or(1000).min(1000)).map(show).collect()))
}

/// A record of Data Return (`apis.md` P8, P9).
fn show(record: &Record) -> Value {
    let body = &record.body;
    let status = if body["do_not_send"] == json!(true) { "Not sent: do not send flag" } else { "Delivered" };
    let answers = record.answered.map_or_else(|| json!({}), |(_, stars)| answers(stars));
    json!({
        "uuid": record.uuid,
        "sequence_id": record.sequence,
        "parent_uuid": record.parent,
        "is_recovery": record.parent.is_some(),
        "branding": body["brand"],
        "channel": body["channel"],
        "ext_interaction_id": body["ext_interaction_id"],
        "external_url": body["external_url"],
        "language": body["language"],
        "survey_id": 1,
        "survey_name": "After your contact",
        "tags": body["tags"].as_array().cloned().unwrap_or_default(),
        "request_created_at": record.asked,
        "request_delivery_status": status,
        "request_sent_at": record.asked,
        "delivered_at": record.asked,
        "requested_via": "API",
        "response_received_at": record.answered.map(|(at, _)| at),
        "reward_eligible": false,
        "reward_name": null,
        "marketing": {},
        "employee": {
            "custom_id": body["employee"]["custom_id"], "email": body["employee"]["email"],
            "first_name": null, "last_name": null,
        },
        "team_leader": {"custom_id": null, "full_name": null},
        "customer": {"custom_id": null, "email": body["customer"]["email"], "full_name": body["customer"]["name"]},
        "custom_properties": if body["custom_properties"].is_object() { body["custom_properties"].clone() } else { json!({}) },
        "answers": answers,
    })
}

fn answers(stars: u8) -> Value {
    let comment = match stars {
        4.. => "Everything was explained calmly. I would call again.",
        3 => "It took a while. The answer was right, though.",
        _ => "I had to explain everything twice. Nobody has called me back since.",
    };
    let option = |text: &str, value: u8| json!({"1": {"option_id": 1, "option_text": text, "integer_value": value}});
    json!({
        "agent_star_rating": {
            "question_id": 1, "question_text": "How was the person who helped you?", "comment": comment,
            "selected_options": option(&format!("{stars} stars"), stars),
        },
        "nps": {
            "question_id": 2, "question_text": "Would you recommend us?", "comment": null,
            "selected_options": option(&(stars * 2).to_string(), stars * 2),
        },
        "fcr": {"question_id": 3, "question_text": "Is it solved?", "comment": null, "selected_options": {}},
    })
}

fn uuid(chance: &mut StdRng) -> String {
    let text = format!("{:032x}", chance.random::<u128>());
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
