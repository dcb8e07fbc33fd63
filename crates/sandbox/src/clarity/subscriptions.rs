//! Subscriptions: who is pushed what (`apis.md` C35 to C43).

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::picture::Picture;
use super::target::{Kind, Target, Way};
use super::wish::{CommonQuery, Wish, WishBody};
use super::{Clarity, Refusal};
use crate::floor::{Floor, lock};
use crate::signalr::Hub;
use crate::world::Happening;

#[derive(Debug)]
struct Subscription {
    connection: String,
    topic: Topic,
    targets: Vec<Target>,
    wish: Wish,
    /// What was shown last, by the place of its target.
    shown: HashMap<usize, Picture>,
}

/// What a subscription is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Agents or queues.
    About(Kind, Way),
    /// Alerts. What they look like is not documented (`apis.md` B115).
    Alerts,
}

/// All subscriptions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    hub: Hub,
    book: Arc<Mutex<Book>>,
    /// Whether the answer to a new subscription is empty (`apis.md` B90).
    hides_ids: Arc<AtomicBool>,
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
        Self { hub, book: Arc::default(), hides_ids: Arc::default() }
    }

    /// Sends each connection what has changed for it since the last time, in one message.
    pub fn flush(&self, floor: &Floor, happenings: &[Happening]) {
        let mut touched = HashSet::new();
        for happening in happenings {
            match happening {
                Happening::Agent(id) => touched.insert((Kind::Agents, *id)),
                Happening::Queue(id) => touched.insert((Kind::Queues, *id)),
                Happening::Finished(_) => false,
            };
        }
        let mut book = lock(&self.book);
        book.entries.retain(|_, subscription| self.hub.knows(&subscription.connection));
        let mut pushes: HashMap<String, Vec<Value>> = HashMap::new();
        floor.read(|world, doors| {
            for subscription in book.entries.values_mut().filter(|entry| self.hub.is_started(&entry.connection)) {
                let Topic::About(kind, _) = subscription.topic else { continue };
                let news = pushes.entry(subscription.connection.clone()).or_default();
                for (place, target) in subscription.targets.iter().enumerate() {
                    let before = subscription.shown.get(&place);
                    if before.is_some() && !target.ids().iter().any(|id| touched.contains(&(kind, *id))) {
                        continue;
                    }
                    let Some(picture) = target.picture(world, doors, kind, &subscription.wish) else { continue };
                    news.extend(picture.since(before, world));
                    subscription.shown.insert(place, picture);
                }
            }
        });
        for (connection, news) in pushes.into_iter().filter(|(_, news)| !news.is_empty()) {
            self.hub.send(&connection, &json!({"H": "connect", "M": "onData", "A": [news]}));
        }
    }

    /// Pushes an alert to everybody who wants alerts. The shape is invented (`apis.md` B115).
    pub fn alert(&self, text: &str) {
        let book = lock(&self.book);
        for (id, subscription) in book.entries.iter().filter(|(_, subscription)| subscription.topic == Topic::Alerts) {
            let alert = json!({"subscriptionId": id, "data": [{"type": "alert", "text": text}]});
            self.hub.send(&subscription.connection, &json!({"H": "connect", "M": "onData", "A": [alert]}));
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

    /// Tells no ids of new subscriptions from now on, or tells them again.
    pub fn hide_ids(&self, hidden: bool) {
        self.hides_ids.store(hidden, Ordering::SeqCst);
    }

    fn create(
        &self,
        topic: Topic,
        targets: Vec<Target>,
        query: &CommonQuery,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let body = read(body)?;
        let connection = body.connection_id.clone().filter(|id| self.hub.knows(id));
        let connection = connection.ok_or((StatusCode::NOT_FOUND, "There is no such connection.".to_owned()))?;
        self.hub.join(&connection);
        let subscription =
            Subscription { connection, topic, targets, wish: Wish::new(query, &body), shown: HashMap::new() };
        let mut book = lock(&self.book);
        book.last += 1;
        let id = format!("sub-{}", book.last);
        book.entries.insert(id.clone(), subscription);
        if self.hides_ids.load(Ordering::SeqCst) {
            return Ok(StatusCode::OK.into_response());
        }
        Ok(Json(json!({"id": id})).into_response())
    }
}

fn read(body: &[u8]) -> Result<WishBody, Refusal> {
    WishBody::read(body).ok_or((StatusCode::INTERNAL_SERVER_ERROR, "The body cannot be read.".to_owned()))
}

/// Whom the query means; nobody, and whoever may not be seen, is 401 (`apis.md` B3).
fn targets(clarity: &Clarity, kind: Kind, way: Way, query: &CommonQuery) -> Result<Vec<Target>, Refusal> {
    let targets = clarity.floor.read(|world, _| Target::all(world, kind, way, query));
    let permitted = |target: &Target| kind == Kind::Queues || clarity.gate.permits(target.ids());
    targets.filter(|targets| targets.iter().all(permitted)).ok_or((StatusCode::UNAUTHORIZED, String::new()))
}

/// `POST /v2/subscriptions/…`: to agents or queues one by one, as one or by group, or to alerts.
pub async fn subscribe(
    topic: Topic,
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let targets = match topic {
        Topic::About(kind, way) => targets(&clarity, kind, way, &query)?,
        Topic::Alerts => Vec::new(),
    };
    clarity.subscriptions.create(topic, targets, &query, &body)
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
    if query.names_somebody()
        && let Topic::About(kind, way) = found.topic
    {
        found.targets = targets(&clarity, kind, way, &query)?;
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
