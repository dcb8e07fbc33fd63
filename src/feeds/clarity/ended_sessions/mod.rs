//! Reports sessions that ended after an agent had them.
//!
//! A session that no agent lists any more has ended or is on its way to another agent: Clarity is asked which, and what
//! it knows of the customer. The answer becomes part of the session history, so that later feedback finds its call, and
//! an ended interaction, about which the customer may be asked. Tracked sessions are stored, so that a restart loses
//! none of them.
//!
//! Sessions that began and ended while the process was down are not reported, because Clarity cannot list them: the
//! search finds agents and queues only (apis.md C46), lists of sessions hold active ones (C16), a customer's history
//! needs the id of one of their sessions (C20), an agent's status history names no session (C106), and a lookup needs
//! an id (C18). No document says that ids are consecutive, and guessing them would show sessions that the account may
//! not see.

mod rules;
mod timeline;
mod tracker;
pub(super) mod translate;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::names::real;
use crate::config::NamedAgent;
use crate::domain::ended_interaction::CallDetails;
use crate::domain::{AgentId, EndedInteraction, Fact, Interaction, QueueId, SessionId, SessionRecord, SkipReason};
use crate::gold::entity::Agent;
use crate::gold::{EndedInteractions, Entity, Gold, Key, SurveyDecision};
use crate::store::{Store, StoreError};
use crate::upstream::clarity::methods::SessionIncludes;
use crate::upstream::clarity::{Clarity, wire};
use crate::upstream::tolerant::normalized;
use base::{Clock, Lifecycle};

pub use rules::EndedSessionRules;
use timeline::SessionTimeline;
use tracker::SessionTracker;

/// When Clarity is asked again, if it did not answer or the session goes on though no agent lists it.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How often Clarity is asked about one session.
const MAX_ATTEMPTS: u32 = 20;

/// The key of a tracked session in the store.
const SESSION: &str = "clarity.session";

/// Tracks sessions to their end.
pub struct EndedSessions {
    clarity: Clarity,
    gold: Gold,
    /// Sends survey requests. `None`: there are none.
    closings: Option<EndedInteractions>,
    rules: EndedSessionRules,
    store: Store,
    clock: Clock,
    tracker: SessionTracker,
    /// Whether stored sessions are tracked again.
    has_restored: bool,
}

impl EndedSessions {
    /// Nothing is tracked yet.
    #[must_use]
    pub fn new(
        clarity: Clarity,
        gold: Gold,
        closings: Option<EndedInteractions>,
        rules: EndedSessionRules,
        store: Store,
        clock: Clock,
    ) -> Self {
        let tracker = SessionTracker::default();
        Self { clarity, gold, closings, rules, store, clock, tracker, has_restored: false }
    }

    /// Runs until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let mut deltas = self.gold.subscribe();
        self.compare_all();
        loop {
            if let Err(error) = self.save().await {
                tracing::error!(error = %error, "tracked sessions cannot be stored yet");
            }
            let due = self.tracker.next_due();
            tokio::select! {
                () = life.stopping() => return,
                delta = deltas.recv() => match delta {
                    Ok(delta) => {
                        for change in &delta.changes {
                            if let Key::Agent(id) = change.key {
                                self.update_agent(id, agent(change.after.as_ref()));
                            }
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.compare_all(),
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

    /// Restores stored sessions once, and stores what has changed. What fails is tried again at the next change.
    async fn save(&mut self) -> Result<(), StoreError> {
        if !self.has_restored {
            for (id, stored) in self.store.feed_state().all(SESSION).await? {
                let timeline = SessionTimeline::from_json(&stored, self.clock.now());
                if let (Ok(id), Some(timeline)) = (id.parse(), timeline) {
                    self.tracker.restore(id, timeline);
                }
            }
            self.has_restored = true;
        }
        let unsaved = self.tracker.unsaved();
        if !unsaved.is_empty() {
            self.store.feed_state().set(SESSION, unsaved).await?;
            self.tracker.saved();
        }
        Ok(())
    }

    fn compare_all(&mut self) {
        let mut agents = Vec::new();
        self.gold.copy().for_each(|_, _, entity| agents.push(Arc::clone(entity)));
        let present: Vec<&Agent> = agents.iter().filter_map(|entity| agent(Some(entity))).collect();
        let holders = self.tracker.holders();
        for gone in holders.into_iter().filter(|id| !present.iter().any(|agent| agent.id == *id)) {
            self.update_agent(gone, None);
        }
        for agent in present {
            self.update_agent(agent.id, Some(agent));
        }
    }

    fn update_agent(&mut self, id: AgentId, agent: Option<&Agent>) {
        self.tracker.update_agent(id, agent, self.clock.now());
    }

    /// Asks Clarity about the first session that is due.
    async fn ask(&mut self) {
        let now = Instant::now();
        let Some((id, mut timeline)) = self.tracker.take_due(now) else { return };
        timeline.attempts += 1;
        let is_last_attempt = timeline.attempts >= MAX_ATTEMPTS;
        let includes = SessionIncludes { extra_items: true, ..SessionIncludes::default() };
        let ended = match self.clarity.session(id.0, includes).await {
            Ok(Some(session)) if session.is_over() => {
                let trace = translate::trace(id, &session, timeline.last(), &self.rules, self.clarity.clock());
                let ended = self.ended(&trace, &timeline, &session);
                self.gold.apply(Fact::Session(Box::new(trace))).await;
                ended
            }
            Ok(None) => skipped(id, SkipReason::SessionNotFound),
            Ok(Some(_)) if is_last_attempt => skipped(id, SkipReason::NotEnded),
            Err(_) if is_last_attempt => skipped(id, SkipReason::ClarityUnavailable),
            Ok(Some(_)) | Err(_) => {
                self.tracker.ask_at(now + RETRY_AFTER, id, timeline);
                return;
            }
        };
        if let Some(closings) = &self.closings
            && closings.submit(ended).await == SurveyDecision::Retry
        {
            return self.tracker.ask_at(Instant::now() + RETRY_AFTER, id, timeline);
        }
        self.tracker.finish(id);
    }

    fn ended(&self, trace: &SessionRecord, timeline: &SessionTimeline, session: &wire::Session) -> EndedInteraction {
        let id = trace.id;
        match session.session_status.as_deref().map(normalized).as_deref() {
            Some("abandoned") => return skipped(id, SkipReason::Abandoned),
            // The customer goes on in another session.
            Some("transferred") => return skipped(id, SkipReason::Transferred),
            _ => {}
        }
        let mut ended = EndedInteraction::new(Interaction::Session(id));
        ended.conversation = translate::conversation(session, &self.rules).map(Arc::from);
        ended.ended = translate::ended(session, self.clarity.clock()).or(timeline.last_change());
        ended.queue = session.queue_id.map(QueueId).or(timeline.queue);
        ended.agent = self.named_agent(timeline, session);
        ended.customer = real(session.customer_name.as_deref()).map(Arc::from).or_else(|| timeline.customer.clone());
        ended.email = translate::email(session, &self.rules).map(Arc::from);
        ended.modality = Some(timeline.modality.clone());
        let participants = session.agents.iter().flatten().filter_map(|agent| agent.agent_id).map(AgentId);
        ended.call = Some(Box::new(CallDetails {
            person: trace.person.clone(),
            agents: participants.chain(ended.agent).chain(trace.agent).collect(),
            began: trace.began,
            ..CallDetails::default()
        }));
        ended
    }

    /// The agent in the survey request (apis.md J41). Clarity's own `agentId` is the first who answered (B88).
    fn named_agent(&self, timeline: &SessionTimeline, session: &wire::Session) -> Option<AgentId> {
        let agents = session.agents.as_deref().unwrap_or_default();
        let by_clarity = match self.rules.agent {
            NamedAgent::Last => agents.iter().find(|agent| agent.is_primary_agent == Some(true)),
            NamedAgent::First => return session.agent().map(|(id, _)| AgentId(id)).or_else(|| timeline.first()),
            NamedAgent::Longest => {
                agents.iter().filter(|agent| agent.active_ms.is_some()).max_by_key(|it| it.active_ms)
            }
        };
        by_clarity.and_then(|agent| agent.agent_id).map(AgentId).or_else(|| match self.rules.agent {
            NamedAgent::Longest => timeline.longest(self.clock.now()),
            _ => timeline.last(),
        })
    }
}

fn agent(entity: Option<&Arc<Entity>>) -> Option<&Agent> {
    match entity.map(|entity| &**entity) {
        Some(Entity::Agent(agent)) => Some(agent),
        _ => None,
    }
}

fn skipped(id: SessionId, reason: SkipReason) -> EndedInteraction {
    let mut ended = EndedInteraction::new(Interaction::Session(id));
    ended.skip_reason = Some(reason);
    ended
}
