//! A simulated contact center: agents, queues, teams, and the contacts between them.
//!
//! [`ContactCenter::step`] is a pure function of the seed and of virtual time. All future events are in one queue of
//! timers; a step runs those that are due, in order, so that the history does not depend on how often `step` is called.
//! Virtual time is in milliseconds since the start. The hour before the start is simulated on creation, so that
//! counters are not all zero.

mod annotations;
mod contacts;
mod flow;
mod names;
mod past;
mod statuses;
mod structure;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use annotations::{Annotations, DISPOSITIONS};
pub use contacts::{Customer, Modality, Queue, Session, SessionStatus};
pub use structure::{Agent, AgentCounters, Group, REASONS, Status, Team, Unit};

/// Virtual milliseconds since the start of the simulation; negative before it.
pub type Moment = i64;

/// One second of virtual time.
pub const SECOND: Moment = 1000;

/// The simulated time before the start.
const HISTORY: Moment = 3600 * SECOND;

/// Customers whose contact ended this long before the start may still answer a survey.
const RECENT: Moment = 600 * SECOND;

/// A change that a step reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An agent's status, counters or contacts changed.
    Agent(i64),
    /// A queue's counters or contacts changed.
    Queue(i64),
    /// An answered contact ended.
    Finished(Box<Session>),
}

/// A scheduled event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Arrival { queue: i64 },
    Abandon { session: i64 },
    Answer { session: i64, agent: i64 },
    NoAnswer { session: i64, agent: i64 },
    Hold { session: i64 },
    Resume { session: i64 },
    Transfer { session: i64, agent: i64 },
    Finish { session: i64, agent: i64 },
    Ready { agent: i64, status_revision: u64 },
    RotateSuspension,
}

/// The contact center.
#[derive(Debug)]
pub struct ContactCenter {
    now: Moment,
    rng: StdRng,
    timers: BinaryHeap<Reverse<(Moment, u64, Timer)>>,
    timers_set: u64,
    last_session: i64,
    agents: BTreeMap<i64, Agent>,
    queues: BTreeMap<i64, Queue>,
    sessions: BTreeMap<i64, Session>,
    past: BTreeMap<i64, Session>,
    teams: BTreeMap<i64, Team>,
    groups: BTreeMap<i64, Group>,
    units: BTreeMap<i64, Unit>,
    touched_agents: BTreeSet<i64>,
    touched_queues: BTreeSet<i64>,
    finished: Vec<Session>,
}

impl ContactCenter {
    /// A contact center that has been open for an hour. It has at least one agent and one queue.
    #[must_use]
    pub fn new(seed: u64, agents: u32, queues: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let structure = structure::Structure::new(&mut rng, agents.max(1), queues.max(1));
        let mut center = Self {
            now: -HISTORY,
            rng,
            timers: BinaryHeap::new(),
            timers_set: 0,
            last_session: 82_000,
            agents: structure.agents,
            queues: structure.queues,
            sessions: BTreeMap::new(),
            past: BTreeMap::new(),
            teams: structure.teams,
            groups: structure.groups,
            units: structure.units,
            touched_agents: BTreeSet::new(),
            touched_queues: BTreeSet::new(),
            finished: Vec::new(),
        };
        center.open();
        let history = center.step(0);
        // The first step reports the contacts that ended just before the start.
        center.finished.extend(history.into_iter().filter_map(|event| match event {
            Event::Finished(session) if session.ended >= Some(-RECENT) => Some(*session),
            _ => None,
        }));
        center
    }

    /// Advances to `now` and returns what changed, each agent and queue once. An earlier `now` changes nothing.
    pub fn step(&mut self, now: Moment) -> Vec<Event> {
        while let Some(Reverse((due, _, event))) = self.timers.peek().copied() {
            if due > now {
                break;
            }
            self.timers.pop();
            self.now = due;
            self.run(event);
        }
        self.now = self.now.max(now);
        let mut events: Vec<_> = std::mem::take(&mut self.touched_agents).into_iter().map(Event::Agent).collect();
        events.extend(std::mem::take(&mut self.touched_queues).into_iter().map(Event::Queue));
        events.extend(std::mem::take(&mut self.finished).into_iter().map(|session| Event::Finished(Box::new(session))));
        events
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// All agents, by id.
    #[must_use]
    pub fn agents(&self) -> &BTreeMap<i64, Agent> {
        &self.agents
    }

    /// All queues, by id.
    #[must_use]
    pub fn queues(&self) -> &BTreeMap<i64, Queue> {
        &self.queues
    }

    /// The open contacts, by id.
    #[must_use]
    pub fn sessions(&self) -> &BTreeMap<i64, Session> {
        &self.sessions
    }

    /// All teams, by id.
    #[must_use]
    pub fn teams(&self) -> &BTreeMap<i64, Team> {
        &self.teams
    }

    /// All groups of teams, by id.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<i64, Group> {
        &self.groups
    }

    /// All business units, by id.
    #[must_use]
    pub fn units(&self) -> &BTreeMap<i64, Unit> {
        &self.units
    }

    /// Number of contacts that wait in a queue, or its override.
    #[must_use]
    pub fn waiting(&self, queue: i64) -> u64 {
        let counted = || {
            self.sessions
                .values()
                .filter(|session| session.queue == queue && session.status == SessionStatus::Queued)
                .count()
        };
        let waiting_override = self.queues.get(&queue).and_then(|queue| queue.waiting_override);
        waiting_override.unwrap_or_else(|| counted() as u64)
    }

    /// Overrides the number of waiting contacts until a contact enters or leaves the queue. False for an unknown queue.
    pub fn override_waiting(&mut self, queue: i64, waiting: u64) -> bool {
        let Some(found) = self.queues.get_mut(&queue) else { return false };
        found.waiting_override = Some(waiting);
        self.touched_queues.insert(queue);
        true
    }

    /// Sets the status of an agent, as a supervisor may; an agent with a contact keeps theirs. False for an unknown
    /// agent.
    pub fn set_status(&mut self, agent: i64, status: Status, reason: Option<(i64, &'static str)>) -> bool {
        if !self.agents.contains_key(&agent) {
            return false;
        }
        if self.agents[&agent].session.is_none() {
            self.change_status(agent, status, reason);
            if status == Status::Available {
                self.offer_longest_waiting(agent);
            }
        }
        true
    }

    /// Suspends an agent, who is then offered no contacts, or ends that. False for an unknown agent.
    pub fn set_suspended(&mut self, agent: i64, suspended: bool) -> bool {
        let Some(found) = self.agents.get_mut(&agent) else { return false };
        found.suspended = suspended;
        self.touched_agents.insert(agent);
        if !suspended {
            self.offer_longest_waiting(agent);
        }
        true
    }

    fn after(&mut self, wait: Moment, timer: Timer) {
        self.timers_set += 1;
        self.timers.push(Reverse((self.now + wait.max(1), self.timers_set, timer)));
    }

    /// A random duration around `mean`, exponentially distributed like waits and calls, and never near zero.
    fn random_duration(&mut self, mean: Moment) -> Moment {
        let rng: f64 = self.rng.random_range(0.02..1.0);
        ((mean as f64) * (0.3 - 0.7 * rng.ln())) as Moment
    }
}
