//! Requests that were refused, for the audit: actions, and what only administrators and supervisors may read.
//!
//! Whoever is refused waits for nothing here, and no caller can fill the disk: an entry tells of the first such refusal of a
//! minute, a second one how many more there were, and strangers together have a small allowance of entries. What the audit
//! leaves out is counted in `callboard_refusals_total`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::access::Access;
use super::access::viewer::SentToSignIn;
use super::client_ip::address_of;
use super::problem::Problem;
use super::serve::network_of;
use crate::actions::feedback;
use crate::domain::{Actor, ActorKind, FeedbackActionKind};
use crate::store::{NewAuditEntry, Store};
use base::{Lifecycle, Metrics, RateLimit};

/// How long refusals that are alike share an entry.
const WINDOW: Duration = Duration::from_secs(60);

/// How many different refusals are told apart at once. Beyond that they are only counted.
const MOST_OPEN: usize = 2048;

/// How many may wait to be written.
const QUEUE: usize = 256;

/// How many entries strangers together may cause at once after a rest, and how soon one more: with the usual retention that
/// is half a million in a year, whatever they do.
const STRANGERS: (u32, Duration) = (200, Duration::from_secs(60));

/// The same for users, displays and programs, who are known by name.
const KNOWN: (u32, Duration) = (1000, Duration::from_secs(6));

/// How much of an id in an address is kept.
const LONGEST_ID: usize = 80;

/// A request that was refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Who sent it.
    pub actor: Actor,
    /// What it would have done.
    pub what: &'static str,
    /// To whom or what.
    pub entity: String,
    /// What else is known of it. An object.
    pub after: Value,
    /// Why, as a sentence of ours.
    pub reason: String,
}

/// The way to the audit. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RefusalAudit {
    told: mpsc::Sender<Refused>,
    metrics: Metrics,
}

impl RefusalAudit {
    /// Starts to write, for as long as the process runs.
    #[must_use]
    pub fn start(store: Store, metrics: Metrics, life: &Lifecycle) -> Self {
        let (told, heard) = mpsc::channel(QUEUE);
        let writer = Writer {
            store,
            metrics: metrics.clone(),
            open: HashMap::new(),
            strangers: RateLimit::new(STRANGERS.0, STRANGERS.1),
            known: RateLimit::new(KNOWN.0, KNOWN.1),
        };
        life.spawn(writer.run(heard, life.clone()));
        Self { told, metrics }
    }

    /// Tells of a refusal, at once: what finds no place in the queue is only counted.
    pub fn tell(&self, refused: Refused) {
        if self.told.try_send(refused).is_err() {
            self.metrics.refusals("omitted", 1);
        }
    }
}

/// RefusalAudit that share an entry. A stranger chooses targets freely, so that those are not told apart for them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Alike {
    Known(String, &'static str, String),
    Stranger(Option<IpAddr>, &'static str),
}

impl Alike {
    fn of(refused: &Refused) -> Self {
        let Refused { actor, what, entity, .. } = refused;
        let display = actor.name.clone().filter(|_| actor.kind == ActorKind::Display);
        match actor.agent.map(|agent| agent.to_string()).or_else(|| actor.sign_in.clone()).or(display) {
            Some(known) => Self::Known(known, what, entity.clone()),
            None => Self::Stranger(actor.address.map(network_of), what),
        }
    }
}

/// The first of its kind, which is written already, and how many have come since.
struct Open {
    first: Refused,
    until: Instant,
    more: u64,
}

struct Writer {
    store: Store,
    metrics: Metrics,
    open: HashMap<Alike, Open>,
    strangers: RateLimit,
    known: RateLimit,
}

impl Writer {
    async fn run(mut self, mut heard: mpsc::Receiver<Refused>, life: Lifecycle) {
        loop {
            let due = self.open.values().map(|open| open.until).min();
            let flush = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = life.stopping() => break,
                refused = heard.recv() => match refused {
                    Some(refused) => self.take(refused).await,
                    None => break,
                },
                () = flush => self.flush(Some(Instant::now())).await,
            }
        }
        heard.close();
        while let Ok(refused) = heard.try_recv() {
            self.take(refused).await;
        }
        self.flush(None).await;
    }

    async fn take(&mut self, refused: Refused) {
        let (alike, now) = (Alike::of(&refused), Instant::now());
        if let Some(open) = self.open.get_mut(&alike) {
            open.more += 1;
            self.metrics.refusals("counted", 1);
            return;
        }
        if self.open.len() >= MOST_OPEN || !self.has_room(&alike, now) {
            self.metrics.refusals("omitted", 1);
            return;
        }
        self.write(&refused, 1).await;
        self.open.insert(alike, Open { first: refused, until: now + WINDOW, more: 0 });
    }

    /// Writes how many more there were. `by`: only of those whose time is over by then.
    async fn flush(&mut self, by: Option<Instant>) {
        let over: Vec<Open> =
            self.open.extract_if(|_, open| by.is_none_or(|by| open.until <= by)).map(|(_, open)| open).collect();
        for Open { mut first, more, .. } in over.into_iter().filter(|open| open.more > 0) {
            // They were counted as they came; what finds no allowance any more is in the metrics alone.
            if self.has_room(&Alike::of(&first), Instant::now()) {
                first.after["more"] = json!(more);
                self.write(&first, 0).await;
            }
        }
    }

    fn has_room(&self, alike: &Alike, now: Instant) -> bool {
        let allowance = match alike {
            Alike::Known(..) => &self.known,
            Alike::Stranger(..) => &self.strangers,
        };
        allowance.take_at(now.into_std()).is_some()
    }

    async fn write(&self, refused: &Refused, count: u64) {
        let Refused { actor, what, entity, after, reason } = refused.clone();
        let deed = NewAuditEntry { actor, action: what, target: entity, before: json!({}), after };
        match self.store.audit().record_refused(deed, reason).await {
            Ok(()) => self.metrics.refusals("written", count),
            Err(error) => {
                self.metrics.refusals("omitted", count);
                tracing::error!(error = %error, what, "a refusal could not be written to the audit");
            }
        }
    }
}

/// Who sent a request, as an extension of it: the viewer says so as soon as it is known.
#[derive(Debug, Clone, Default)]
pub struct Caller(Arc<OnceLock<Actor>>);

impl Caller {
    /// It is known now.
    pub fn is(&self, actor: Actor) {
        // A handler may ask for its viewer twice, and gets the same.
        let _ = self.0.set(actor);
    }
}

/// A middleware for the routes that need somebody to be signed in: tells the audit what was refused.
pub async fn note(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let Some((what, entity)) = sensitive(&request) else { return next.run(request).await };
    let (caller, address) = (Caller::default(), address_of(request.extensions()));
    let changes = !request.method().is_safe();
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    let actor = || caller.0.get().cloned().unwrap_or_else(|| Actor::unknown(address));
    if let Some((status, reason)) = refusal(&response, changes) {
        access.refuse(Refused { actor: actor(), what, entity, after: json!({ "status": status.as_u16() }), reason });
    }
    response
}

/// Whether an answer is a refusal that the audit has not been told of, and why. What a caller may not act on does not exist
/// for them: 404.
fn refusal(response: &Response, changes: bool) -> Option<(StatusCode, String)> {
    let problem = response.extensions().get::<Arc<Problem>>();
    let status = match response.status() {
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => status,
        StatusCode::NOT_FOUND if changes => StatusCode::NOT_FOUND,
        _ if response.extensions().get::<SentToSignIn>().is_some() => StatusCode::UNAUTHORIZED,
        _ => return None,
    };
    if problem.is_some_and(|problem| problem.is_audited()) {
        return None;
    }
    Some((status, problem.map_or_else(|| Problem::of(status).title().to_owned(), |it| it.title().to_owned())))
}

/// What a request would do, in the words of the audit, and to what; `None` for what is merely shown.
fn sensitive(request: &Request) -> Option<(&'static str, String)> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    let path = request.uri().path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let (what, kind) = named(route, last, !request.method().is_safe())?;
    let place = route.split('/').position(|part| part.starts_with('{'));
    let id = place.and_then(|place| path.split('/').nth(place));
    let id = id.map(|id| id.chars().filter(char::is_ascii_graphic).take(LONGEST_ID).collect::<String>());
    Some((what, id.map_or_else(|| kind.to_owned(), |id| format!("{kind} {id}"))))
}

/// The action and the kind of its target. The names are ours, whatever is asked for.
fn named(route: &str, last: &str, changes: bool) -> Option<(&'static str, &'static str)> {
    let sensitive = match (changes, route) {
        (false, "/audit" | "/api/v1/audit") => ("audit.read", "audit"),
        (false, "/audit.csv") => ("audit.export", "audit"),
        (false, "/displays" | "/api/v1/displays") => ("display.list", "display"),
        (false, "/sign-ins" | "/api/v1/sign-ins") => ("sign-in.list", "sign-in"),
        (false, "/status/events/{seq}") => ("webhook.read", "webhook"),
        // It shows a form once more and changes nothing.
        (false, _) | (true, "/confirm") => return None,
        // The sign-in itself tells of it.
        (true, "/api/v1/sign-in") => return None,
        (true, "/displays/pair") => ("display.pair", "display"),
        (true, "/displays/{id}/{action}" | "/api/v1/displays/{id}/{action}") => match last {
            "revoke" => ("display.revoke", "display"),
            "reload" => ("display.reload", "display"),
            _ => ("display", "display"),
        },
        (true, "/sign-ins/{id}/end" | "/api/v1/sign-ins/{id}") => ("sign-in.end", "sign-in"),
        (true, "/status/{source}/try-now" | "/api/v1/sources/{source}/try-now") => ("source.try-now", "source"),
        (true, "/api/v1/live-ticket") => ("live.ticket", "ticket"),
        (true, "/api/v1/surveys") => ("survey.request", "survey"),
        (true, "/api/v1/surveys/{id}/retry") => ("survey.retry", "survey"),
        (true, "/api/v1/surveys/{id}/recover") => ("survey.recover", "survey"),
        (true, "/api/v1/agents/{id}/status") => ("agent.status", "agent"),
        (true, "/api/v1/agents/{id}/suspend") => ("agent.suspend", "agent"),
        (true, "/api/v1/agents/{id}/recording") => ("agent.recording", "agent"),
        (true, "/api/v1/sessions/{id}/notes") => ("session.notes", "session"),
        (true, "/api/v1/sessions/{id}/disposition") => ("session.disposition", "session"),
        (true, "/api/v1/sessions/{id}/extra-items") => ("session.extraItems", "session"),
        (true, "/api/v1/feedback/{response}/pin") => ("feedback.pin", "response"),
        (true, "/api/v1/feedback/{response}/actions/{action}/retry") => ("feedback.retry", "response"),
        (true, "/api/v1/feedback/{response}/{action}") => {
            (FeedbackActionKind::named(last).map_or("feedback", feedback::audit_action), "response")
        }
        // A route that has come since: it is told of all the same.
        (true, _) => ("request", "address"),
    };
    Some(sensitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_that_changes_something_has_a_name_of_its_own() {
        let document = crate::web::openapi::document();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            let changes = operations.as_object().expect("operations").keys().any(|verb| verb != "get");
            // Sign-ins that are refused are told of where they are.
            if changes && path.starts_with("/api/") && path != "/api/v1/sign-in" {
                let last = path.rsplit('/').next().expect("a part");
                // The document has a path for each of these.
                let route =
                    FeedbackActionKind::named(last).map_or(path.as_str(), |_| "/api/v1/feedback/{response}/{action}");
                let (what, _) = named(route, last, true).expect("a change is sensitive");
                assert_ne!(what, "request", "{path}");
            }
        }
        assert_eq!(named("/api/v1/feedback/{response}/{action}", "close", true), Some(("feedback.close", "response")));
        assert_eq!(named("/api/v1/feedback/{response}/{action}", "<x>", true), Some(("feedback", "response")));
        assert_eq!(named("/feedback", "feedback", false), None);
    }

    #[test]
    fn stranger_cannot_tell_entries_apart_by_targets_or_by_addresses_of_one_network() {
        let refused = |actor: Actor, entity: &str| Refused {
            actor,
            what: "agent.status",
            entity: entity.to_owned(),
            after: json!({}),
            reason: String::new(),
        };
        let alike = |one: &Refused, other: &Refused| Alike::of(one) == Alike::of(other);
        let stranger = |address: &str, entity: &str| refused(Actor::unknown(address.parse().ok()), entity);
        assert!(alike(&stranger("192.0.2.7", "agent 1"), &stranger("192.0.2.7", "agent 2")));
        assert!(alike(&stranger("2001:db8::1", "agent 1"), &stranger("2001:db8::2:2", "agent 1")));
        assert!(!alike(&stranger("192.0.2.7", "agent 1"), &stranger("192.0.2.8", "agent 1")));
        let user = |entity: &str| refused(Actor::user(crate::domain::AgentId(5), "Ann", "s1"), entity);
        assert!(alike(&user("agent 1"), &user("agent 1")) && !alike(&user("agent 1"), &user("agent 2")));
    }
}
