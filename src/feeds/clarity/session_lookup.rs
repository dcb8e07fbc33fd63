//! Looks up sessions that feedback names and that are not in the session history: feedback comes days later, and the
//! process may have been down during the call (apis.md J60).
//!
//! One request at a time, each session once: what Clarity no longer has is not requested again.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::ended_sessions::{EndedSessionRules, translate};
use crate::domain::{Fact, ResponseId, SessionId};
use crate::gold::join::MatchRule;
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::Clarity;
use crate::upstream::clarity::methods::SessionIncludes;
use base::Lifecycle;

/// How long a named session may take to become known by itself: the history is read at the start, and a call that has
/// just begun is pushed.
const DELAY: Duration = Duration::from_secs(5);

/// The shortest time between two requests.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// The pause after a request that failed.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Requests for one session at most.
const MAX_ATTEMPTS: u32 = 5;

/// Sessions that are known to have been requested. Beyond that all are forgotten, and some are requested twice.
const MAX_REQUESTED: usize = 10_000;

/// Looks up sessions.
pub struct SessionLookup {
    clarity: Clarity,
    gold: Gold,
    rules: EndedSessionRules,
    /// When to look up the session of which response, and the number of attempts so far.
    due: BTreeSet<(Instant, ResponseId, u32)>,
    requested: BTreeSet<SessionId>,
}

impl SessionLookup {
    /// Nothing has been requested yet.
    #[must_use]
    pub fn new(clarity: Clarity, gold: Gold, rules: EndedSessionRules) -> Self {
        Self { clarity, gold, rules, due: BTreeSet::new(), requested: BTreeSet::new() }
    }

    /// Runs until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let mut deltas = self.gold.subscribe();
        self.look_at_all();
        loop {
            let due = self.due.first().map(|(due, ..)| *due);
            tokio::select! {
                () = life.stopping() => return,
                delta = deltas.recv() => match delta {
                    Ok(delta) => {
                        for change in &delta.changes {
                            self.look_at(&change.key, change.after.as_deref());
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.look_at_all(),
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    tokio::select! {
                        () = life.stopping() => return,
                        () = self.look_up_next() => {}
                    }
                }
            }
        }
    }

    fn look_at_all(&mut self) {
        let mut responses = Vec::new();
        self.gold.copy().for_each(|key, _, entity| {
            if missing_session(entity).is_some() {
                responses.push((key.clone(), entity.clone()));
            }
        });
        for (key, entity) in responses {
            self.look_at(&key, Some(&entity));
        }
    }

    fn look_at(&mut self, key: &Key, entity: Option<&Entity>) {
        let (Key::Response(id), Some(session)) = (key, entity.and_then(missing_session)) else { return };
        if self.requested.len() >= MAX_REQUESTED {
            self.requested.clear();
        }
        if self.requested.insert(session) {
            self.due.insert((Instant::now() + DELAY, id.clone(), 0));
        }
    }

    /// Looks up the session of the response that is due first, if it is still missing.
    async fn look_up_next(&mut self) {
        let Some((_, id, attempts)) = self.due.pop_first() else { return };
        let entity = self.gold.copy().get(&Key::Response(id.clone()));
        let Some(session) = entity.as_deref().and_then(missing_session) else { return };
        let includes = SessionIncludes { extra_items: true, ..SessionIncludes::default() };
        match self.clarity.session(session.0, includes).await {
            Ok(Some(found)) => {
                let trace = translate::trace(session, &found, None, &self.rules, self.clarity.clock());
                self.gold.apply(Fact::Session(Box::new(trace))).await;
            }
            Ok(None) => {}
            Err(error) if attempts + 1 < MAX_ATTEMPTS => {
                tracing::info!(%error, "a session that feedback names could not be looked up; trying again");
                self.due.insert((Instant::now() + RETRY_AFTER, id, attempts + 1));
            }
            Err(error) => tracing::warn!(%error, "a session that feedback names could not be looked up"),
        }
        tokio::time::sleep(MIN_INTERVAL).await;
    }
}

/// The session that a response is matched to or waits for, if nothing else is known of it.
fn missing_session(entity: &Entity) -> Option<SessionId> {
    let Entity::Response(response) = entity else { return None };
    let joined = &response.attribution;
    let is_unknown = match joined.rule {
        MatchRule::Pending => true,
        MatchRule::Pinned => joined.agent.is_none() && joined.queue.is_none(),
        _ => false,
    };
    joined.session.filter(|_| is_unknown)
}
