//! Tells of sessions that ended after an agent had them.
//!
//! A session that nobody lists any more has ended or is on its way to another agent: Clarity itself is asked which, and
//! what it knows of the customer. That is remembered, so that feedback that comes days later finds its call, and told to
//! whoever asks customers how it was. What ended before anybody looked is not told, so that a restart asks nobody twice.

mod course;
pub(super) mod told;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::base::{Clock, Lifecycle};
use crate::config::NamedAgent;
use crate::domain::{AgentId, Fact, Helped, Interaction, QueueId, SessionId, SessionStatus};
use crate::gold::entity::Agent;
use crate::gold::{Closings, Considered, Entity, Gold, Key};
use crate::vendor::clarity::lenient::plain;
use crate::vendor::clarity::methods::Includes;
use crate::vendor::clarity::{Clarity, wire};

use course::Course;

/// When Clarity is asked again that did not answer, or says that a session goes on which nobody lists.
const AGAIN: Duration = Duration::from_secs(30);

/// How often it is asked about one session.
const QUESTIONS: u32 = 20;

/// How a session becomes a [`Helped`].
#[derive(Debug, Clone)]
pub struct EndRules {
    /// Which agent is named.
    pub agent: NamedAgent,
    /// Extra items that may hold the customer's address.
    pub email_items: Vec<String>,
    /// The extra item that names the conversation.
    pub conversation_item: String,
}

/// Follows sessions to their end.
pub struct SessionEnds {
    vendor: Clarity,
    gold: Gold,
    /// Whoever asks customers how it was. `None`: nobody does.
    closings: Option<Closings>,
    rules: EndRules,
    clock: Clock,
    sessions: HashMap<SessionId, Course>,
}

impl SessionEnds {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(vendor: Clarity, gold: Gold, closings: Option<Closings>, rules: EndRules, clock: Clock) -> Self {
        Self { vendor, gold, closings, rules, clock, sessions: HashMap::new() }
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        let mut deltas = self.gold.follow();
        self.look_afresh();
        loop {
            let due = self.sessions.values().filter_map(|course| course.due).min();
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

    fn look_afresh(&mut self) {
        let mut agents = Vec::new();
        self.gold.copy().each(|_, _, entity| agents.push(Arc::clone(entity)));
        let known: BTreeSet<AgentId> =
            self.sessions.values().flat_map(|course| course.holders.iter().copied()).collect();
        let present: Vec<&Agent> = agents.iter().filter_map(|entity| agent(Some(entity))).collect();
        for gone in known.into_iter().filter(|id| !present.iter().any(|agent| agent.id == *id)) {
            self.agent_has(gone, None);
        }
        for agent in present {
            self.agent_has(agent.id, Some(agent));
        }
    }

    /// An agent has these sessions in hand, and no others.
    fn agent_has(&mut self, id: AgentId, agent: Option<&Agent>) {
        let now = self.clock.now();
        let held = |session: &SessionId| agent.is_some_and(|agent| agent.sessions.contains_key(session));
        for (session, course) in &mut self.sessions {
            if course.holders.contains(&id) && !held(session) {
                course.leave(id, now);
            }
        }
        for session in agent.into_iter().flat_map(|agent| agent.sessions.values()) {
            // Who only hears it ring has not helped anybody.
            if !matches!(session.status, SessionStatus::Active | SessionStatus::AfterCall) {
                continue;
            }
            let course = self.sessions.entry(session.id).or_insert_with(|| Course::new(session.modality.clone()));
            course.queue = course.queue.or(session.queue);
            course.customer = session.customer.clone().or_else(|| course.customer.take());
            course.come(id, now);
        }
    }

    /// Asks Clarity about the first that is due.
    async fn ask(&mut self) {
        let now = Instant::now();
        let due = self.sessions.iter().find(|(_, course)| course.due.is_some_and(|due| due <= now)).map(|(id, _)| *id);
        let Some((id, mut course)) = due.and_then(|id| self.sessions.remove_entry(&id)) else { return };
        course.questions += 1;
        let last_question = course.questions >= QUESTIONS;
        let includes = Includes { extra_items: true, ..Includes::default() };
        let helped = match self.vendor.session(id.0, includes).await {
            Ok(Some(session)) if session.is_over() => {
                let trace = told::trace(id, &session, course.last(), &self.rules, self.clock.now());
                self.gold.tell(Fact::Session(Box::new(trace))).await;
                self.helped(id, &course, &session)
            }
            Ok(None) => unfit(id, "notAskedSessionGone"),
            Ok(Some(_)) if last_question => unfit(id, "notAskedNeverEnded"),
            Err(_) if last_question => unfit(id, "notAskedClaritySilent"),
            Ok(Some(_)) | Err(_) => {
                course.due = Some(now + AGAIN);
                self.sessions.insert(id, course);
                return;
            }
        };
        let Some(closings) = &self.closings else { return };
        if closings.tell(helped).await == Considered::Again {
            course.due = Some(Instant::now() + AGAIN);
            self.sessions.insert(id, course);
        }
    }

    fn helped(&self, id: SessionId, course: &Course, session: &wire::Session) -> Helped {
        match session.session_status.as_deref().map(plain).as_deref() {
            Some("abandoned") => return unfit(id, "notAskedAbandoned"),
            // The customer goes on talking, in another session.
            Some("transferred") => return unfit(id, "notAskedTransferred"),
            _ => {}
        }
        let mut helped = Helped::new(Interaction::Session(id));
        helped.conversation = told::conversation(session, &self.rules).map(Arc::from);
        helped.queue = session.queue_id.map(QueueId).or(course.queue);
        helped.agent = self.named(course, session);
        helped.customer = session.customer_name.as_deref().map(Arc::from).or_else(|| course.customer.clone());
        helped.email = told::email(session, &self.rules).map(Arc::from);
        helped.modality = Some(course.modality.clone());
        helped
    }

    /// Whom the request names (`apis.md` J41). Clarity's own `agentId` is the first who answered (B88).
    fn named(&self, course: &Course, session: &wire::Session) -> Option<AgentId> {
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

fn unfit(id: SessionId, why: &'static str) -> Helped {
    let mut helped = Helped::new(Interaction::Session(id));
    helped.unfit = Some(why);
    helped
}
