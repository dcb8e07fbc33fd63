//! Asks Clarity about sessions that feedback names and that nobody here remembers: feedback comes days later, and we may
//! have been away when the call was (`apis.md` J60).
//!
//! One question at a time, each session once: what Clarity no longer has is not asked for again.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::ended_sessions::{EndedSessionRules, translate};
use base::Lifecycle;
use crate::domain::{Fact, ResponseId, SessionId};
use crate::gold::join::MatchRule;
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::Clarity;
use crate::upstream::clarity::methods::SessionIncludes;

/// How long a session that is named may take to become known by itself: what is remembered is read at a start, and a call
/// that has just begun is pushed.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far apart questions are, at least.
const PACE: Duration = Duration::from_millis(200);

/// When Clarity is asked again that did not answer.
const AGAIN: Duration = Duration::from_secs(30);

/// How often it is asked about one session.
const QUESTIONS: u32 = 5;

/// How many sessions are known to have been taken up. When there are more, some may be asked for twice.
const TAKEN_UP: usize = 10_000;

/// Looks sessions up.
pub struct SessionLookup {
    upstream: Clarity,
    gold: Gold,
    rules: EndedSessionRules,
    /// When to look at which response, and how often Clarity was asked about its session.
    waiting: BTreeSet<(Instant, ResponseId, u32)>,
    taken_up: BTreeSet<SessionId>,
}

impl SessionLookup {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(upstream: Clarity, gold: Gold, rules: EndedSessionRules) -> Self {
        Self { upstream, gold, rules, waiting: BTreeSet::new(), taken_up: BTreeSet::new() }
    }

    /// Looks up until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let mut deltas = self.gold.subscribe();
        self.look_afresh();
        loop {
            let due = self.waiting.first().map(|(due, ..)| *due);
            tokio::select! {
                () = life.stopping() => return,
                delta = deltas.recv() => match delta {
                    Ok(delta) => {
                        for change in &delta.changes {
                            self.look_at(&change.key, change.after.as_deref());
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.look_afresh(),
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    tokio::select! {
                        () = life.stopping() => return,
                        () = self.ask() => {}
                    }
                }
            }
        }
    }

    fn look_afresh(&mut self) {
        let mut responses = Vec::new();
        self.gold.copy().for_each(|key, _, entity| {
            if sought(entity).is_some() {
                responses.push((key.clone(), entity.clone()));
            }
        });
        for (key, entity) in responses {
            self.look_at(&key, Some(&entity));
        }
    }

    fn look_at(&mut self, key: &Key, entity: Option<&Entity>) {
        let (Key::Response(id), Some(session)) = (key, entity.and_then(sought)) else { return };
        if self.taken_up.len() >= TAKEN_UP {
            self.taken_up.clear();
        }
        if self.taken_up.insert(session) {
            self.waiting.insert((Instant::now() + PATIENCE, id.clone(), 0));
        }
    }

    /// Asks about the session of the response that is due first, if it still waits.
    async fn ask(&mut self) {
        let Some((_, id, questions)) = self.waiting.pop_first() else { return };
        let entity = self.gold.copy().get(&Key::Response(id.clone()));
        let Some(session) = entity.as_deref().and_then(sought) else { return };
        let includes = SessionIncludes { extra_items: true, ..SessionIncludes::default() };
        match self.upstream.session(session.0, includes).await {
            Ok(Some(found)) => {
                let trace = translate::trace(session, &found, None, &self.rules, self.upstream.clock());
                self.gold.apply(Fact::Session(Box::new(trace))).await;
            }
            Ok(None) => {}
            Err(error) if questions + 1 < QUESTIONS => {
                tracing::info!(%error, "a session that feedback names could not be looked up; it is tried again");
                self.waiting.insert((Instant::now() + AGAIN, id, questions + 1));
            }
            Err(error) => tracing::warn!(%error, "a session that feedback names could not be looked up"),
        }
        tokio::time::sleep(PACE).await;
    }
}

/// The session that a response hangs on or waits for, if nothing is known of it.
fn sought(entity: &Entity) -> Option<SessionId> {
    let Entity::Response(response) = entity else { return None };
    let joined = &response.attribution;
    let is_unknown = match joined.rule {
        MatchRule::Waiting => true,
        MatchRule::Pinned => joined.agent.is_none() && joined.queue.is_none(),
        _ => false,
    };
    joined.session.filter(|_| is_unknown)
}
