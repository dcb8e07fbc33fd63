//! A mock of Agent Connect, written from its documents alone: closed bodies, records after a cursor, a key and a JWT.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use callboard::config::{AgentConnect as Config, Mode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

const KEY: &str = "the-key";
const SECRET: &str = "a-secret-that-signs-the-tokens-of-data-return";

/// The fields that a request may have, and those of its parts (apis.md B177).
const REQUEST: [&str; 12] = [
    "customer",
    "employee",
    "channel",
    "ext_interaction_id",
    "external_url",
    "tags",
    "brand",
    "language",
    "country",
    "do_not_send",
    "custom_properties",
    "reward",
];
const RECOVERY: [&str; 6] =
    ["initial_feedback_request_id", "employee", "ext_interaction_id", "external_url", "tags", "do_not_send"];

/// A running one.
#[derive(Clone)]
pub struct AgentConnect {
    pub root: String,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
pub struct Book {
    /// The bodies that were taken, each with the path it came to.
    pub taken: Vec<(&'static str, Value)>,
    /// How the next requests are answered: with a status, after taking them if it is 500. Then with success.
    pub script: VecDeque<(u16, Value)>,
    /// What Data Return has.
    pub records: Vec<Value>,
    /// With which places Data Return was asked.
    pub asked: Vec<Option<i64>>,
    /// How Data Return answers instead.
    pub closed: Option<u16>,
    /// Whether what is taken turns up in Data Return.
    pub records_what_it_takes: bool,
}

impl AgentConnect {
    pub async fn start() -> Self {
        let book = Arc::new(Mutex::new(Book { records_what_it_takes: true, ..Book::default() }));
        let app = Router::new()
            .route("/v1/requests", post(|state, headers, body| take("/v1/requests", state, headers, body)))
            .route("/v1/recoveries", post(|state, headers, body| take("/v1/recoveries", state, headers, body)))
            .route("/v2/data", get(data))
            .with_state(book.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { root, book }
    }

    /// The section that leads here, with fast polling.
    pub fn config(&self) -> Config {
        Config {
            api_root: self.root.parse().expect("an address"),
            api_key: Some(KEY.into()),
            api_secret: Some(SECRET.into()),
            mode: Mode::Production,
            data_return_interval: std::time::Duration::from_millis(50),
            ..Config::default()
        }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic")
    }

    /// The bodies that were taken at a path.
    pub fn taken(&self, path: &str) -> Vec<Value> {
        self.book().taken.iter().filter(|(at, _)| *at == path).map(|(_, body)| body.clone()).collect()
    }
}

impl Book {
    /// Lets the customer of a record answer: it gets a new place (apis.md P10).
    pub fn answer(&mut self, interaction: &str, stars: u8, comment: &str) {
        let next = self.next();
        let found = self.records.iter_mut().find(|record| record["ext_interaction_id"] == interaction);
        let record = found.expect("a record");
        record["sequence_id"] = json!(next);
        record["response_received_at"] = json!("2026-11-21T12:00:00Z");
        record["request_delivery_status"] = json!("Delivered");
        let option = |value: u8| json!({"1": {"option_id": 1, "option_text": "x", "integer_value": value}});
        record["answers"] = json!({
            "agent_star_rating": {"question_text": "How?", "comment": comment, "selected_options": option(stars)},
            "nps": {"question_text": "Would you?", "comment": null, "selected_options": option(stars * 2)},
        });
    }

    /// The next place.
    pub fn next(&self) -> i64 {
        self.records.iter().filter_map(|record| record["sequence_id"].as_i64()).max().unwrap_or(0) + 1
    }

    fn record(&mut self, body: &Value, uuid: &str) {
        let parent = body.get("initial_feedback_request_id");
        let next = self.next();
        self.records.push(json!({
            "uuid": uuid, "sequence_id": next, "parent_uuid": parent, "is_recovery": parent.is_some(),
            "channel": body["channel"], "ext_interaction_id": body["ext_interaction_id"], "tags": body["tags"],
            "request_created_at": now(), "request_delivery_status": null, "requested_via": "API",
            "employee": body["employee"], "customer": {"full_name": body["customer"]["name"]},
            "custom_properties": body["custom_properties"], "answers": {},
        }));
    }
}

fn now() -> String {
    base::Clock::system().now().to_string()
}

type Shared = State<Arc<Mutex<Book>>>;
type Answer = (StatusCode, Json<Value>);

async fn take(path: &'static str, State(book): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    let bad = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "message": why })));
    if headers.get("x-api-key").is_none_or(|key| key != KEY) {
        return (StatusCode::FORBIDDEN, Json(Value::Null));
    }
    let known: &[&str] = if path == "/v1/requests" { &REQUEST } else { &RECOVERY };
    if let Some(unknown) = body.as_object().and_then(|fields| fields.keys().find(|key| !known.contains(&key.as_str())))
    {
        return bad(&format!("additional property {unknown}"));
    }
    let texts = body.get("custom_properties").and_then(Value::as_object);
    if texts.is_some_and(|texts| texts.values().any(|value| !value.is_string())) {
        return bad("custom_properties is not flat");
    }
    if body["employee"]["email"].as_str().or(body["employee"]["custom_id"].as_str()).is_none() {
        return bad("Employee not found");
    }
    let mut book = book.lock().expect("no panic");
    let script = book.script.pop_front();
    if let Some((status, answer)) = &script
        && *status != 500
    {
        return (StatusCode::from_u16(*status).expect("a status"), Json(answer.clone()));
    }
    let uuid = format!("uuid-{}", book.taken.len() + 1);
    if book.records_what_it_takes {
        book.record(&body, &uuid);
    }
    book.taken.push((path, body));
    match script {
        Some(_) => (StatusCode::INTERNAL_SERVER_ERROR, Json(Value::Null)),
        None => (StatusCode::OK, Json(json!({ "request_id": uuid }))),
    }
}

#[derive(serde::Deserialize)]
struct Wanted {
    after: Option<i64>,
    limit: usize,
    include_recovery: bool,
}

async fn data(State(book): Shared, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Answer {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut rules = Validation::new(Algorithm::HS256);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::decode::<Value>(header("authorization"), &key, &rules);
    let fresh = token.is_ok_and(|token| {
        let age = base::Clock::system().now().as_second() - token.claims["iat"].as_i64().unwrap_or(0);
        (-60..600).contains(&age)
    });
    let mut book = book.lock().expect("no panic");
    if header("x-api-key") != KEY || !fresh || !wanted.include_recovery {
        return (StatusCode::FORBIDDEN, Json(Value::Null));
    }
    if let Some(status) = book.closed {
        return (StatusCode::from_u16(status).expect("a status"), Json(Value::Null));
    }
    book.asked.push(wanted.after);
    let place = |record: &Value| record["sequence_id"].as_i64().expect("a place");
    let mut found: Vec<Value> =
        book.records.iter().filter(|record| place(record) > wanted.after.unwrap_or(0)).cloned().collect();
    found.sort_by_key(place);
    found.truncate(wanted.limit.min(1000));
    (StatusCode::OK, Json(Value::Array(found)))
}
