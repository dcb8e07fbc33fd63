//! Tells of sessions that ended after an agent had them.
//!
//! A session that nobody lists any more has ended or is on its way to another agent: Clarity itself is asked which, and
//! what it knows of the customer. That is remembered, so that feedback that comes days later finds its call, and told to
//! whoever asks customers how it was. Those that are followed are remembered too, so that a restart forgets nobody whom it
//! knew, but for those that are over for so long that nobody is to be asked any more.
//!
//! What began and ended while nobody looked is not told, because nobody can be asked for it: the search knows agents and
//! queues alone (`apis.md` C46), the lists of sessions hold those that go on (C16), a customer's history wants the number
//! of one of their sessions (C20), what an agent did in the last 24 hours names no session (C106), and the look-up wants
//! its number (C18). That numbers follow each other is nowhere promised, and to try them would be to look at sessions that
//! are not ours to see.

mod timeline;
mod tracker;
pub(super) mod translate;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::names::real;
use base::{Clock, Lifecycle};
use crate::config::NamedAgent;
use crate::domain::ended_interaction::CallDetails;
use crate::domain::{AgentId, EndedInteraction, Fact, Interaction, QueueId, SessionId, SessionRecord, SkipReason};
use crate::gold::entity::Agent;
use crate::gold::{EndedInteractions, Entity, Gold, Key, SurveyDecision};
use crate::store::{Store, StoreError};
use crate::upstream::clarity::methods::SessionIncludes;
use crate::upstream::clarity::{Clarity, wire};
use crate::upstream::tolerant::normalized;

use timeline::SessionTimeline;
use tracker::SessionTracker;

/// When Clarity is asked again that did not answer, or says that a session goes on which nobody lists.
const AGAIN: Duration = Duration::from_secs(30);

/// How often it is asked about one session.
const QUESTIONS: u32 = 20;

/// What the store calls a session that is followed.
const SESSION: &str = "clarity.session";

/// How a session becomes a [`EndedInteraction`].
#[derive(Debug, Clone)]
pub struct EndedSessionRules {
    /// Which agent is named.
    pub agent: NamedAgent,
    /// Extra items that may hold the customer's address.
    pub email_items: Vec<String>,
    /// The extra item that names the conversation.
    pub conversation_item: String,
    /// Domains whose SIP addresses are e-mail addresses as well.
    pub federated_domains: Vec<String>,
}

/// Follows sessions to their end.
pub struct EndedSessions {
    upstream: Clarity,
    gold: Gold,
    /// Whoever asks customers how it was. `None`: nobody does.
    closings: Option<EndedInteractions>,
    rules: EndedSessionRules,
    store: Store,
    clock: Clock,
    followed: SessionTracker,
    /// Whether those of earlier lives are followed again.
    has_recalled: bool,
}

impl EndedSessions {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(
        upstream: Clarity,
        gold: Gold,
        closings: Option<EndedInteractions>,
        rules: EndedSessionRules,
        store: Store,
        clock: Clock,
    ) -> Self {
        let followed = SessionTracker::default();
        Self { upstream, gold, closings, rules, store, clock, followed, has_recalled: false }
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let mut deltas = self.gold.subscribe();
        self.look_afresh();
        loop {
            if let Err(error) = self.remember().await {
                tracing::error!(error = %error, "which sessions are followed cannot be kept yet");
            }
            let due = self.followed.next_due();
            tokio::select! {
                () = life.stopping() => return,
                delta = deltas.recv() => match delta {
                    Ok(delta) => {
                        for change in &delta.changes {
                            if let Key::Agent(id) = change.key {
                                self.agent_has(id, agent(change.after.as_ref()));
                            }
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

    /// Brings what is remembered and what is known together. What fails is done at the next change.
    async fn remember(&mut self) -> Result<(), StoreError> {
        if !self.has_recalled {
            for (id, memory) in self.store.feed_state().all(SESSION).await? {
                let course = SessionTimeline::from_memory(&memory, self.clock.now());
                if let (Ok(id), Some(course)) = (id.parse(), course) {
                    self.followed.recall(id, course);
                }
            }
            self.has_recalled = true;
        }
        let news = self.followed.news();
        if !news.is_empty() {
            self.store.feed_state().set(SESSION, news).await?;
            self.followed.is_remembered();
        }
        Ok(())
    }

    fn look_afresh(&mut self) {
        let mut agents = Vec::new();
        self.gold.copy().for_each(|_, _, entity| agents.push(Arc::clone(entity)));
        let present: Vec<&Agent> = agents.iter().filter_map(|entity| agent(Some(entity))).collect();
        let known = self.followed.holders();
        for gone in known.into_iter().filter(|id| !present.iter().any(|agent| agent.id == *id)) {
            self.agent_has(gone, None);
        }
        for agent in present {
            self.agent_has(agent.id, Some(agent));
        }
    }

    fn agent_has(&mut self, id: AgentId, agent: Option<&Agent>) {
        self.followed.agent_has(id, agent, self.clock.now());
    }

    /// Asks Clarity about the first that is due.
    async fn ask(&mut self) {
        let now = Instant::now();
        let Some((id, mut course)) = self.followed.take_due(now) else { return };
        course.questions += 1;
        let last_question = course.questions >= QUESTIONS;
        let includes = SessionIncludes { extra_items: true, ..SessionIncludes::default() };
        let helped = match self.upstream.session(id.0, includes).await {
            Ok(Some(session)) if session.is_over() => {
                let trace = translate::trace(id, &session, course.last(), &self.rules, self.upstream.clock());
                let helped = self.helped(&trace, &course, &session);
                self.gold.apply(Fact::Session(Box::new(trace))).await;
                helped
            }
            Ok(None) => unfit(id, "skippedSessionNotFound"),
            Ok(Some(_)) if last_question => unfit(id, "skippedNotEnded"),
            Err(_) if last_question => unfit(id, "skippedClarityUnavailable"),
            Ok(Some(_)) | Err(_) => {
                self.followed.ask_at(now + AGAIN, id, course);
                return;
            }
        };
        if let Some(closings) = &self.closings
            && closings.submit(helped).await == SurveyDecision::Retry
        {
            return self.followed.ask_at(Instant::now() + AGAIN, id, course);
        }
        self.followed.is_settled(id);
    }

    fn helped(&self, trace: &SessionRecord, course: &SessionTimeline, session: &wire::Session) -> EndedInteraction {
        let id = trace.id;
        match session.session_status.as_deref().map(normalized).as_deref() {
            Some("abandoned") => return unfit(id, "skippedAbandoned"),
            // The customer goes on talking, in another session.
            Some("transferred") => return unfit(id, "skippedTransferred"),
            _ => {}
        }
        let mut helped = EndedInteraction::new(Interaction::Session(id));
        helped.conversation = translate::conversation(session, &self.rules).map(Arc::from);
        helped.ended = translate::ended(session, self.upstream.clock()).or(course.seen());
        helped.queue = session.queue_id.map(QueueId).or(course.queue);
        helped.agent = self.named(course, session);
        helped.customer = real(session.customer_name.as_deref()).map(Arc::from).or_else(|| course.customer.clone());
        helped.email = translate::email(session, &self.rules).map(Arc::from);
        helped.modality = Some(course.modality.clone());
        let took_part = session.agents.iter().flatten().filter_map(|agent| agent.agent_id).map(AgentId);
        helped.call = Some(Box::new(CallDetails {
            person: trace.person.clone(),
            agents: took_part.chain(helped.agent).chain(trace.agent).collect(),
            began: trace.began,
            ..CallDetails::default()
        }));
        helped
    }

    /// Whom the request names (`apis.md` J41). Clarity's own `agentId` is the first who answered (B88).
    fn named(&self, course: &SessionTimeline, session: &wire::Session) -> Option<AgentId> {
        let told = session.agents.as_deref().unwrap_or_default();
        let by_clarity = match self.rules.agent {
            NamedAgent::Last => told.iter().find(|agent| agent.is_primary_agent == Some(true)),
            NamedAgent::First => return session.agent().map(|(id, _)| AgentId(id)).or_else(|| course.first()),
            NamedAgent::Longest => told.iter().filter(|agent| agent.active_ms.is_some()).max_by_key(|it| it.active_ms),
        };
        by_clarity.and_then(|agent| agent.agent_id).map(AgentId).or_else(|| match self.rules.agent {
            NamedAgent::Longest => course.longest(self.clock.now()),
            _ => course.last(),
        })
    }
}

fn agent(entity: Option<&Arc<Entity>>) -> Option<&Agent> {
    match entity.map(|entity| &**entity) {
        Some(Entity::Agent(agent)) => Some(agent),
        _ => None,
    }
}

fn unfit(id: SessionId, why: SkipReason) -> EndedInteraction {
    let mut helped = EndedInteraction::new(Interaction::Session(id));
    helped.skip_reason = Some(why);
    helped
}
