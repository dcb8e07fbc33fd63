//! Subscriptions to pushes (apis.md C35 to C43).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::realtime_data::RealtimeData;
use super::selection::{CommonQuery, Selection, SelectionBody};
use super::target::{Grouping, Kind, Target};
use super::{Clarity, ErrorResponse};
use crate::contact_center::Event;
use crate::signalr::Hub;
use crate::simulation::Simulation;

#[derive(Debug)]
struct Subscription {
    connection: String,
    topic: Topic,
    targets: Vec<Target>,
    selection: Selection,
    /// What was pushed last, by the index of its target.
    sent: HashMap<usize, RealtimeData>,
}

/// The subject of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Realtime Data of agents or queues.
    Metrics(Kind, Grouping),
    /// Alerts. Their shape is not documented (apis.md B115).
    Alerts,
}

/// All subscriptions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    hub: Hub,
    registry: Arc<Mutex<Registry>>,
    /// Whether the answer to a new subscription is empty (apis.md B90).
    omit_ids: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Registry {
    last: u64,
    entries: HashMap<String, Subscription>,
}

impl Subscriptions {
    /// No subscriptions.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub, registry: Arc::default(), omit_ids: Arc::default() }
    }

    /// Sends each connection the changes since the last call, in one message.
    pub fn flush(&self, simulation: &Simulation, events: &[Event]) {
        let mut touched = HashSet::new();
        for event in events {
            match event {
                Event::Agent(id) => touched.insert((Kind::Agents, *id)),
                Event::Queue(id) => touched.insert((Kind::Queues, *id)),
                Event::Finished(_) => false,
            };
        }
        let mut registry = self.registry.lock();
        registry.entries.retain(|_, subscription| self.hub.knows(&subscription.connection));
        let mut pushes: HashMap<String, Vec<Value>> = HashMap::new();
        simulation.read(|center, timeline| {
            for subscription in registry.entries.values_mut().filter(|entry| self.hub.is_started(&entry.connection)) {
                let Topic::Metrics(kind, _) = subscription.topic else { continue };
                let changes = pushes.entry(subscription.connection.clone()).or_default();
                for (index, target) in subscription.targets.iter().enumerate() {
                    let before = subscription.sent.get(&index);
                    if before.is_some() && !target.ids().iter().any(|id| touched.contains(&(kind, *id))) {
                        continue;
                    }
                    let Some(data) = target.data(center, timeline, kind, &subscription.selection) else { continue };
                    changes.extend(data.diff(before, center));
                    subscription.sent.insert(index, data);
                }
            }
        });
        for (connection, changes) in pushes.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            self.hub.send(&connection, &json!({"H": "connect", "M": "onData", "A": [changes]}));
        }
    }

    /// Pushes an alert to its subscribers. The shape is invented (apis.md B115).
    pub fn push_alert(&self, text: &str) {
        let registry = self.registry.lock();
        for (id, subscription) in
            registry.entries.iter().filter(|(_, subscription)| subscription.topic == Topic::Alerts)
        {
            let alert = json!({"subscriptionId": id, "data": [{"type": "alert", "text": text}]});
            self.hub.send(&subscription.connection, &json!({"H": "connect", "M": "onData", "A": [alert]}));
        }
    }

    /// Drops all subscriptions without telling the clients.
    pub fn clear(&self) {
        self.registry.lock().entries.clear();
    }

    /// Number of subscriptions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.registry.lock().entries.len()
    }

    /// Omits the id from the answer to a new subscription while set.
    pub fn omit_ids(&self, omitted: bool) {
        self.omit_ids.store(omitted, Ordering::SeqCst);
    }

    fn create(
        &self,
        topic: Topic,
        targets: Vec<Target>,
        query: &CommonQuery,
        body: &[u8],
    ) -> Result<Response, ErrorResponse> {
        let body = read(body)?;
        let connection = body.connection_id.clone().filter(|id| self.hub.knows(id));
        let connection = connection.ok_or((StatusCode::NOT_FOUND, "There is no such connection.".to_owned()))?;
        self.hub.join(&connection);
        let subscription =
            Subscription { connection, topic, targets, selection: Selection::new(query, &body), sent: HashMap::new() };
        let mut registry = self.registry.lock();
        registry.last += 1;
        let id = format!("sub-{}", registry.last);
        registry.entries.insert(id.clone(), subscription);
        if self.omit_ids.load(Ordering::SeqCst) {
            return Ok(StatusCode::OK.into_response());
        }
        Ok(Json(json!({"id": id})).into_response())
    }
}

fn read(body: &[u8]) -> Result<SelectionBody, ErrorResponse> {
    SelectionBody::parse(body).ok_or((StatusCode::INTERNAL_SERVER_ERROR, "The body cannot be read.".to_owned()))
}

/// The targets of the query. A query that names no entity, or a hidden agent, is answered 401 (apis.md B3).
fn targets(
    clarity: &Clarity,
    kind: Kind,
    grouping: Grouping,
    query: &CommonQuery,
) -> Result<Vec<Target>, ErrorResponse> {
    let targets = clarity.simulation.read(|center, _| Target::all(center, kind, grouping, query));
    let permitted = |target: &Target| kind == Kind::Queues || clarity.auth.permits(target.ids());
    targets.filter(|targets| targets.iter().all(permitted)).ok_or((StatusCode::UNAUTHORIZED, String::new()))
}

/// `POST /v2/subscriptions/…`: to agents or queues, each, aggregated or grouped, or to alerts.
pub async fn subscribe(
    topic: Topic,
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Response, ErrorResponse> {
    let targets = match topic {
        Topic::Metrics(kind, grouping) => targets(&clarity, kind, grouping, &query)?,
        Topic::Alerts => Vec::new(),
    };
    clarity.subscriptions.create(topic, targets, &query, &body)
}

/// `POST /v2/subscriptions/{id}`: changes the selection and pushes everything again.
pub async fn update(
    State(clarity): State<Clarity>,
    Path(id): Path<String>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<StatusCode, ErrorResponse> {
    let body = read(&body)?;
    let mut registry = clarity.subscriptions.registry.lock();
    let found =
        registry.entries.get_mut(&id).ok_or((StatusCode::NOT_FOUND, "Subscription id not found.".to_owned()))?;
    if query.names_an_entity()
        && let Topic::Metrics(kind, grouping) = found.topic
    {
        found.targets = targets(&clarity, kind, grouping, &query)?;
    }
    found.selection = Selection::new(&query, &body);
    found.sent.clear();
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/subscriptions/{id}`, with a body (apis.md B32). The document names no error for an unknown id, so this
/// is 204.
pub async fn delete(
    State(clarity): State<Clarity>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ErrorResponse> {
    let connection = read(&body)?.connection_id;
    let mut registry = clarity.subscriptions.registry.lock();
    if registry.entries.get(&id).is_some_and(|found| Some(&found.connection) != connection.as_ref()) {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    registry.entries.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}
