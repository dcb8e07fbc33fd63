//! Subscriptions: who is pushed what (`apis.md` C35, C38, C42, C43).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::picture::Picture;
use super::wish::{CommonQuery, Wish, WishBody};
use super::{Clarity, Refusal};
use crate::sandbox::floor::{Floor, lock};
use crate::sandbox::signalr::Hub;
use crate::sandbox::world::Happening;

/// What a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Agents,
    Queues,
}

#[derive(Debug)]
struct Subscription {
    connection: String,
    kind: Kind,
    ids: Vec<i64>,
    wish: Wish,
    shown: HashMap<i64, Picture>,
}

/// All subscriptions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    hub: Hub,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    last: u64,
    entries: HashMap<String, Subscription>,
}

impl Subscriptions {
    /// None yet.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub, book: Arc::default() }
    }

    /// Sends each connection what has changed for it since the last time, in one message.
    pub fn flush(&self, floor: &Floor, happenings: &[Happening]) {
        let mut touched = HashSet::new();
        for happening in happenings {
            match happening {
                Happening::Agent(id) => touched.insert((Kind::Agents as u8, *id)),
                Happening::Queue(id) => touched.insert((Kind::Queues as u8, *id)),
                Happening::Finished(_) => false,
            };
        }
        let mut book = lock(&self.book);
        book.entries.retain(|_, subscription| self.hub.knows(&subscription.connection));
        let mut pushes: HashMap<String, Vec<Value>> = HashMap::new();
        floor.read(|world, doors| {
            for subscription in book.entries.values_mut().filter(|entry| self.hub.is_started(&entry.connection)) {
                let news = pushes.entry(subscription.connection.clone()).or_default();
                for id in &subscription.ids {
                    let before = subscription.shown.get(id);
                    if before.is_some() && !touched.contains(&(subscription.kind as u8, *id)) {
                        continue;
                    }
                    let picture = match subscription.kind {
                        Kind::Agents => Picture::of_agent(world, doors, *id, &subscription.wish),
                        Kind::Queues => Picture::of_queue(world, *id, &subscription.wish),
                    };
                    let Some(picture) = picture else { continue };
                    news.extend(picture.since(before, world));
                    subscription.shown.insert(*id, picture);
                }
            }
        });
        for (connection, news) in pushes.into_iter().filter(|(_, news)| !news.is_empty()) {
            self.hub.send(&connection, &json!({"H": "connect", "M": "onData", "A": [news]}));
        }
    }

    /// Forgets all of them. Nobody is told.
    pub fn lose(&self) {
        lock(&self.book).entries.clear();
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.book).entries.len()
    }

    fn create(&self, floor: &Floor, kind: Kind, query: &CommonQuery, body: &[u8]) -> Result<Json<Value>, Refusal> {
        if !query.names_somebody() {
            return Err((StatusCode::UNAUTHORIZED, String::new()));
        }
        let body = read(body)?;
        let connection = body.connection_id.clone().filter(|id| self.hub.knows(id));
        let connection = connection.ok_or((StatusCode::NOT_FOUND, "There is no such connection.".to_owned()))?;
        self.hub.join(&connection);
        let ids = ids(floor, kind, query);
        let subscription = Subscription { connection, kind, ids, wish: Wish::new(query, &body), shown: HashMap::new() };
        let mut book = lock(&self.book);
        book.last += 1;
        let id = format!("sub-{}", book.last);
        book.entries.insert(id.clone(), subscription);
        Ok(Json(json!({"id": id})))
    }
}

fn read(body: &[u8]) -> Result<WishBody, Refusal> {
    WishBody::read(body).ok_or((StatusCode::INTERNAL_SERVER_ERROR, "The body cannot be read.".to_owned()))
}

fn ids(floor: &Floor, kind: Kind, query: &CommonQuery) -> Vec<i64> {
    floor.read(|world, _| match kind {
        Kind::Agents => query.agents(world),
        Kind::Queues => query.queues(world),
    })
}

/// `POST /v2/subscriptions/agents`.
pub async fn to_agents(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    if !clarity.gate.permits(&ids(&clarity.floor, Kind::Agents, &query)) {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    clarity.subscriptions.create(&clarity.floor, Kind::Agents, &query, &body)
}

/// `POST /v2/subscriptions/queues`.
pub async fn to_queues(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    clarity.subscriptions.create(&clarity.floor, Kind::Queues, &query, &body)
}

/// `POST /v2/subscriptions/{id}`: everything is shown anew as it is wished now.
pub async fn update(
    State(clarity): State<Clarity>,
    Path(id): Path<String>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let body = read(&body)?;
    let mut book = lock(&clarity.subscriptions.book);
    let found = book.entries.get_mut(&id).ok_or((StatusCode::NOT_FOUND, "Subscription id not found.".to_owned()))?;
    if query.names_somebody() {
        found.ids = ids(&clarity.floor, found.kind, &query);
    }
    found.wish = Wish::new(&query, &body);
    found.shown.clear();
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v2/subscriptions/{id}`, with a body (`apis.md` B32); an unknown id is no error, as none is documented.
pub async fn delete(
    State(clarity): State<Clarity>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let connection = read(&body)?.connection_id;
    let mut book = lock(&clarity.subscriptions.book);
    if book.entries.get(&id).is_some_and(|found| Some(&found.connection) != connection.as_ref()) {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    book.entries.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}
