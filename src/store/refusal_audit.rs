//! Refused requests in the audit.
//!
//! Neither a response nor a client can be slowed down by it, and no client can fill the disk: an entry tells of the
//! first refusal of its kind in a minute, a second one how many more there were, and unauthenticated clients together
//! have a small rate of entries. `callboard_refusals_total` counts all, and those that the audit omits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::{Lifecycle, Metrics, RateLimit, network_of};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{NewAuditEntry, Store};
use crate::domain::{Actor, ActorKind};

/// How long refusals of a kind share an entry.
const WINDOW: Duration = Duration::from_secs(60);

/// How many kinds are kept apart at once. Refusals of further kinds are only counted.
const MAX_OPEN: usize = 2048;

/// How many refusals may wait to be written.
const QUEUE: usize = 256;

/// Entries caused by unauthenticated clients together: the burst, and the pause between two. With the usual retention
/// that is at most half a million entries a year.
const UNAUTHENTICATED: (u32, Duration) = (200, Duration::from_secs(60));

/// The same for users, displays and programs, who are known by name.
const AUTHENTICATED: (u32, Duration) = (1000, Duration::from_secs(6));

/// A request that was refused.
#[derive(Debug, Clone)]
pub struct RefusedRequest {
    /// Who sent it.
    pub actor: Actor,
    /// The action, such as `agent.status`.
    pub action: &'static str,
    /// The target, such as `agent 41`.
    pub target: String,
    /// What else is known of it. An object.
    pub after: Value,
    /// Why, as a sentence of ours.
    pub reason: String,
}

/// Writes refused requests to the audit, in a task of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RefusalAudit {
    queue: mpsc::Sender<RefusedRequest>,
    metrics: Metrics,
}

impl RefusalAudit {
    /// Starts the task. On shutdown it writes what is queued.
    #[must_use]
    pub fn start(store: Store, metrics: Metrics, life: &Lifecycle) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        let writer = Writer {
            store,
            metrics: metrics.clone(),
            open: HashMap::new(),
            unauthenticated: RateLimit::new(UNAUTHENTICATED.0, UNAUTHENTICATED.1),
            authenticated: RateLimit::new(AUTHENTICATED.0, AUTHENTICATED.1),
        };
        life.spawn(writer.run(queued, life.clone()));
        Self { queue, metrics }
    }

    /// Queues a refusal without waiting. If the queue is full, it is only counted.
    pub fn record(&self, refused: RefusedRequest) {
        if self.queue.try_send(refused).is_err() {
            self.metrics.refusals("omitted", 1);
        }
    }
}

/// Refusals that share an entry. An unauthenticated client chooses targets freely, so its refusals are not kept apart
/// by target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RefusalKind {
    Authenticated(String, &'static str, String),
    Unauthenticated(Option<IpAddr>, &'static str),
}

impl RefusalKind {
    fn of(refused: &RefusedRequest) -> Self {
        let RefusedRequest { actor, action, target, .. } = refused;
        let display = actor.name.clone().filter(|_| actor.kind == ActorKind::Display);
        match actor.agent.map(|agent| agent.to_string()).or_else(|| actor.sign_in.clone()).or(display) {
            Some(who) => Self::Authenticated(who, action, target.clone()),
            None => Self::Unauthenticated(actor.address.map(network_of), action),
        }
    }
}

/// The first refusal of its kind, which is written already, and how many have followed.
struct Open {
    first: RefusedRequest,
    until: Instant,
    more: u64,
}

struct Writer {
    store: Store,
    metrics: Metrics,
    open: HashMap<RefusalKind, Open>,
    unauthenticated: RateLimit,
    authenticated: RateLimit,
}

impl Writer {
    async fn run(mut self, mut queued: mpsc::Receiver<RefusedRequest>, life: Lifecycle) {
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
                refused = queued.recv() => match refused {
                    Some(refused) => self.take(refused).await,
                    None => break,
                },
                () = flush => self.flush(Some(Instant::now())).await,
            }
        }
        queued.close();
        while let Ok(refused) = queued.try_recv() {
            self.take(refused).await;
        }
        self.flush(None).await;
    }

    async fn take(&mut self, refused: RefusedRequest) {
        let (kind, now) = (RefusalKind::of(&refused), Instant::now());
        if let Some(open) = self.open.get_mut(&kind) {
            open.more += 1;
            self.metrics.refusals("counted", 1);
            return;
        }
        if self.open.len() >= MAX_OPEN || !self.may_write(&kind, now) {
            self.metrics.refusals("omitted", 1);
            return;
        }
        self.write(&refused, 1).await;
        self.open.insert(kind, Open { first: refused, until: now + WINDOW, more: 0 });
    }

    /// Writes how many more refusals of each kind there were. `by`: only of kinds whose window has ended by then.
    async fn flush(&mut self, by: Option<Instant>) {
        let ended: Vec<Open> =
            self.open.extract_if(|_, open| by.is_none_or(|by| open.until <= by)).map(|(_, open)| open).collect();
        for Open { mut first, more, .. } in ended.into_iter().filter(|open| open.more > 0) {
            // They were counted when they came. Beyond the rate limit they are in the metrics only.
            if self.may_write(&RefusalKind::of(&first), Instant::now()) {
                first.after["more"] = json!(more);
                self.write(&first, 0).await;
            }
        }
    }

    fn may_write(&self, kind: &RefusalKind, now: Instant) -> bool {
        let limit = match kind {
            RefusalKind::Authenticated(..) => &self.authenticated,
            RefusalKind::Unauthenticated(..) => &self.unauthenticated,
        };
        limit.take_at(now.into_std()).is_some()
    }

    async fn write(&self, refused: &RefusedRequest, count: u64) {
        let RefusedRequest { actor, action, target, after, reason } = refused.clone();
        let entry = NewAuditEntry { actor, action, target, before: json!({}), after };
        match self.store.audit().record_refused(entry, reason).await {
            Ok(()) => self.metrics.refusals("written", count),
            Err(error) => {
                self.metrics.refusals("omitted", count);
                tracing::error!(error = %error, action, "refused request could not be written to the audit");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AgentId;

    #[test]
    fn unauthenticated_refusals_share_an_entry_for_each_network() {
        let refused = |actor: Actor, target: &str| RefusedRequest {
            actor,
            action: "agent.status",
            target: target.to_owned(),
            after: json!({}),
            reason: String::new(),
        };
        let alike = |one: &RefusedRequest, other: &RefusedRequest| RefusalKind::of(one) == RefusalKind::of(other);
        let unknown = |address: &str, target: &str| refused(Actor::unknown(address.parse().ok()), target);
        assert!(alike(&unknown("192.0.2.7", "agent 1"), &unknown("192.0.2.7", "agent 2")));
        assert!(alike(&unknown("2001:db8::1", "agent 1"), &unknown("2001:db8::2:2", "agent 1")));
        assert!(!alike(&unknown("192.0.2.7", "agent 1"), &unknown("192.0.2.8", "agent 1")));
        let user = |target: &str| refused(Actor::user(AgentId(5), "Ann", "s1"), target);
        assert!(alike(&user("agent 1"), &user("agent 1")) && !alike(&user("agent 1"), &user("agent 2")));
    }
}
