//! Kustomer: look-ups of conversations, customers, tags and users (apis.md K2 to K6), and a webhook for each
//! conversation that is closed.
//!
//! A conversation belongs to one contact: its id ends with the session's id, and the agent of that contact is its
//! assigned user. Every id of that shape exists, so that tests can invent conversations.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use url::Url;

use super::contact_center::Event;
use super::faults::{Faults, Upstream, inject};
use super::goodays::webhook::deliver;
use super::simulation::Simulation;
use base::secret::ExposeSecret;
use base::{Lifecycle, Secret};

const CONVERSATION: &str = "c0";
const CUSTOMER: &str = "d0";
const USER: &str = "e0";
const TAGS: [&str; 6] = ["exchange", "backorder", "refund", "unsubscribe", "delivery", "praise"];

/// One contact in so many has a conversation.
const SHARE: i64 = 4;

/// The id of a contact's conversation, if it has one.
pub fn conversation_of(session: i64) -> Option<String> {
    (session.rem_euclid(SHARE) == 0).then(|| id(CONVERSATION, session))
}

/// The state of the Kustomer server: the simulation, and the webhooks to deliver.
#[derive(Debug, Clone)]
pub struct Kustomer {
    key: Secret,
    simulation: Simulation,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    target: watch::Sender<Option<Url>>,
}

impl Kustomer {
    /// Requires `key` of callers, and starts the task that delivers webhooks, signed with `token`.
    #[must_use]
    pub fn start(
        key: Secret,
        token: Secret,
        simulation: Simulation,
        client: reqwest::Client,
        life: &Lifecycle,
    ) -> Self {
        let (outbox, events) = mpsc::unbounded_channel();
        let (target, address) = watch::channel(None);
        let signed = ("x-kustomer-webhook-signature", token);
        life.spawn(deliver(events, address, signed, client, life.clone()));
        Self { key, simulation, outbox, target }
    }

    /// Sets the target of the webhooks; undelivered ones are sent there too.
    pub fn send_to(&self, url: Url) {
        self.target.send_replace(Some(url));
    }

    /// The agent of a contact closes its conversation when it ends. One webhook in five comes twice, as from the real
    /// Kustomer (apis.md B214).
    pub fn follow(&self, events: &[Event]) {
        for event in events {
            let Event::Finished(session) = event else { continue };
            let Some(conversation) = conversation_of(session.id) else { continue };
            for copy in 0..=i64::from(session.id % 20 == 0) {
                let webhook = json!({
                    "id": format!("{:024x}", session.id), "name": "kustomer.conversation.update", "orgName": "example",
                    "data": record(&self.simulation, session.id, &conversation, session.agent),
                    "changes": {"attributes": {"status": {"op": "replace", "before": "open", "after": "done"}}},
                    "createdAt": self.simulation.now().to_string(), "delivery": copy,
                });
                // The receiver is gone only when the sandbox has stopped.
                let _ = self.outbox.send(webhook.to_string().into_bytes());
            }
        }
    }
}

/// The Kustomer server.
pub fn router(kustomer: Kustomer, faults: Faults) -> Router {
    Router::new()
        .route("/v1/conversations/{id}", get(conversation))
        .route("/v1/customers/{id}", get(customer))
        .route("/v1/tags/{ids}", get(tags))
        .route("/v1/users/current", get(current_user))
        .route("/v1/users/{id}", get(user))
        .layer(from_fn_with_state(kustomer.clone(), authenticate))
        .layer(from_fn_with_state((faults, Upstream::Kustomer), inject))
        .with_state(kustomer)
}

async fn authenticate(State(kustomer): State<Kustomer>, request: Request, next: Next) -> Response {
    let wanted = format!("Bearer {}", kustomer.key.expose_secret());
    match request.headers().get(header::AUTHORIZATION) {
        Some(given) if given.as_bytes() == wanted.as_bytes() => next.run(request).await,
        _ => (StatusCode::UNAUTHORIZED, Json(json!({"errors": [{"status": 401, "title": "unauthorized"}]})))
            .into_response(),
    }
}

/// An id of 24 hexadecimal digits.
fn id(kind: &str, number: i64) -> String {
    format!("{kind}{number:022}")
}

/// The number in such an id; 404 for an id of another kind or shape.
fn number(kind: &str, id: &str) -> Result<i64, StatusCode> {
    let digits = id.strip_prefix(kind).filter(|digits| digits.len() == 22);
    digits.and_then(|digits| digits.parse().ok()).ok_or(StatusCode::NOT_FOUND)
}

fn document(kind: &str, id: &str, attributes: Value, relationships: Value) -> Json<Value> {
    Json(json!({"data": {"type": kind, "id": id, "attributes": attributes, "relationships": relationships}}))
}

async fn conversation(State(kustomer): State<Kustomer>, Path(text): Path<String>) -> Result<Json<Value>, StatusCode> {
    let session = number(CONVERSATION, &text)?;
    let agent = kustomer.simulation.read(|center, _| center.session(session).and_then(|session| session.agent));
    Ok(Json(json!({"data": record(&kustomer.simulation, session, &text, agent)})))
}

/// A closed conversation.
fn record(simulation: &Simulation, session: i64, text: &str, agent: Option<i64>) -> Value {
    let agent =
        agent.unwrap_or_else(|| simulation.read(|center, _| session.rem_euclid(center.agents().len() as i64) + 1));
    let channel = ["voice", "chat", "email", "sms"][(session / SHARE).rem_euclid(4) as usize];
    let attributes = json!({
        "name": format!("Conversation {session}"),
        "status": "done",
        "channels": [channel],
        "tags": [id("f0", session.rem_euclid(TAGS.len() as i64))],
        "assignedUsers": [id(USER, agent)],
        "assignedTeams": [],
        "direction": "in",
        "rev": 1,
        "spam": false,
        "custom": {"doNotSendAgentConnectRequestBool": session % 25 == 0},
    });
    let relationships = json!({"customer": {"data": {"type": "customer", "id": id(CUSTOMER, session)}}});
    json!({"type": "conversation", "id": text, "attributes": attributes, "relationships": relationships})
}

async fn customer(State(kustomer): State<Kustomer>, Path(text): Path<String>) -> Result<Json<Value>, StatusCode> {
    let session = number(CUSTOMER, &text)?;
    let known = kustomer.simulation.read(|center, _| center.session(session).map(|session| session.customer.clone()));
    let (name, email) = match known {
        Some(customer) => (format!("{} {}", customer.first, customer.last), customer.email),
        None => (format!("Customer {session}"), format!("customer{session}@customers.example")),
    };
    let attributes = json!({
        "name": name,
        "emails": [{"type": "home", "email": email, "verified": true}],
        "phones": [],
        "externalIds": [],
    });
    Ok(document("customer", &text, attributes, json!({})))
}

/// Several ids return a list without the unknown ones; a single id returns an object (apis.md B205).
async fn tags(Path(ids): Path<String>) -> Result<Json<Value>, StatusCode> {
    let tag = |text: &str| {
        let index = usize::try_from(number("f0", text).ok()?).ok()?;
        Some(json!({"type": "tag", "id": text, "attributes": {"name": TAGS.get(index)?}}))
    };
    if ids.contains(',') {
        return Ok(Json(json!({"data": ids.split(',').filter_map(tag).collect::<Vec<_>>()})));
    }
    tag(&ids).map(|tag| Json(json!({"data": tag}))).ok_or(StatusCode::NOT_FOUND)
}

async fn user(State(kustomer): State<Kustomer>, Path(text): Path<String>) -> Result<Json<Value>, StatusCode> {
    let agent = number(USER, &text)?;
    let attributes = kustomer.simulation.read(|center, _| {
        let agent = center.agents().get(&agent)?;
        Some(json!({"email": agent.email(), "displayName": agent.name(), "name": format!("{} {}", agent.first,
            agent.last)}))
    });
    attributes.map(|attributes| document("user", &text, attributes, json!({}))).ok_or(StatusCode::NOT_FOUND)
}

async fn current_user() -> Json<Value> {
    document(
        "user",
        &id(USER, 0),
        json!({"email": "callboard@example.com", "roles": ["org.admin.tag.read"]}),
        json!({}),
    )
}
