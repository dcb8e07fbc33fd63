//! A small contact center: people, queues, and what happens between them.
//!
//! [`World::step`] is a pure function of the seed and of virtual time. Everything that will happen waits in one list of
//! timers; a step carries out those that are due, in order, so that the history does not depend on how often somebody
//! steps. Virtual time is counted in milliseconds since the doors opened; the hour before that is history which the world
//! lives through when it is made, so that counters are not all zero.

mod contacts;
mod flow;
mod names;
mod papers;
mod people;
mod shifts;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use contacts::{Customer, Modality, Queue, Session, SessionStatus};
pub use papers::{DISPOSITIONS, Papers};
pub use people::{Agent, AgentTally, Group, REASONS, Status, Team, Unit};

/// Virtual milliseconds since the doors opened; negative before.
pub type Moment = i64;

/// One second of virtual time.
pub const SECOND: Moment = 1000;

/// How long the world has lived before anybody looks.
const HISTORY: Moment = 3600 * SECOND;

/// Whose contact ended not longer ago than this may still be about to say how it was.
const RECENT: Moment = 600 * SECOND;

/// What a step tells those who follow the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// An agent's status, counters or contacts changed.
    Agent(i64),
    /// A queue's counters or contacts changed.
    Queue(i64),
    /// A contact was answered and is over.
    Finished(Box<Session>),
}

/// Something that will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival { queue: i64 },
    GiveUp { session: i64 },
    Answer { session: i64, agent: i64 },
    NoAnswer { session: i64, agent: i64 },
    Hold { session: i64 },
    Resume { session: i64 },
    Transfer { session: i64, agent: i64 },
    Finish { session: i64, agent: i64 },
    Ready { agent: i64, stint: u64 },
    Discipline,
}

/// The contact center.
#[derive(Debug)]
pub struct World {
    now: Moment,
    chance: StdRng,
    timers: BinaryHeap<Reverse<(Moment, u64, Event)>>,
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

impl World {
    /// A contact center that has been open for an hour. There is always at least one agent and one queue.
    #[must_use]
    pub fn new(seed: u64, agents: u32, queues: u32) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let structure = people::Structure::new(&mut chance, agents.max(1), queues.max(1));
        let mut world = Self {
            now: -HISTORY,
            chance,
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
        world.open_doors();
        let lived = world.step(0);
        // The first who looks learns of those who were served last.
        world.finished.extend(lived.into_iter().filter_map(|happening| match happening {
            Happening::Finished(session) if session.ended >= Some(-RECENT) => Some(*session),
            _ => None,
        }));
        world
    }

    /// Lives up to `now` and tells what changed, each agent and queue once. Time never runs backwards.
    pub fn step(&mut self, now: Moment) -> Vec<Happening> {
        while let Some(Reverse((due, _, event))) = self.timers.peek().copied() {
            if due > now {
                break;
            }
            self.timers.pop();
            self.now = due;
            self.carry_out(event);
        }
        self.now = self.now.max(now);
        let mut happenings: Vec<_> =
            std::mem::take(&mut self.touched_agents).into_iter().map(Happening::Agent).collect();
        happenings.extend(std::mem::take(&mut self.touched_queues).into_iter().map(Happening::Queue));
        happenings.extend(
            std::mem::take(&mut self.finished).into_iter().map(|session| Happening::Finished(Box::new(session))),
        );
        happenings
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Everybody, by id.
    #[must_use]
    pub fn agents(&self) -> &BTreeMap<i64, Agent> {
        &self.agents
    }

    /// All queues, by id.
    #[must_use]
    pub fn queues(&self) -> &BTreeMap<i64, Queue> {
        &self.queues
    }

    /// The contacts that are going on, by id.
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

    /// How many contacts wait in a queue, or the number that somebody forced upon it.
    #[must_use]
    pub fn waiting(&self, queue: i64) -> u64 {
        let counted = || {
            self.sessions
                .values()
                .filter(|session| session.queue == queue && session.status == SessionStatus::Queued)
                .count()
        };
        let forced = self.queues.get(&queue).and_then(|queue| queue.forced_waiting);
        forced.unwrap_or_else(|| counted() as u64)
    }

    /// Makes a queue claim that so many wait, until its own waiting line moves again. False if there is no such queue.
    pub fn force_waiting(&mut self, queue: i64, waiting: u64) -> bool {
        let Some(found) = self.queues.get_mut(&queue) else { return false };
        found.forced_waiting = Some(waiting);
        self.touched_queues.insert(queue);
        true
    }

    /// Sets what an agent does, as a supervisor may. A contact in hand is not taken away. False if there is no such agent.
    pub fn set_status(&mut self, agent: i64, status: Status, reason: Option<(i64, &'static str)>) -> bool {
        if !self.agents.contains_key(&agent) {
            return false;
        }
        if self.agents[&agent].session.is_none() {
            self.turn_to(agent, status, reason);
            if status == Status::Available {
                self.find_work(agent);
            }
        }
        true
    }

    /// Suspends an agent, who then gets no contacts, or ends that. False if there is no such agent.
    pub fn set_suspended(&mut self, agent: i64, suspended: bool) -> bool {
        let Some(found) = self.agents.get_mut(&agent) else { return false };
        found.suspended = suspended;
        self.touched_agents.insert(agent);
        if !suspended {
            self.find_work(agent);
        }
        true
    }

    fn after(&mut self, wait: Moment, event: Event) {
        self.timers_set += 1;
        self.timers.push(Reverse((self.now + wait.max(1), self.timers_set, event)));
    }

    /// A random duration around `mean`: mostly shorter, now and then much longer, as waits and calls are.
    fn about(&mut self, mean: Moment) -> Moment {
        let chance: f64 = self.chance.random_range(0.02..1.0);
        ((mean as f64) * (0.3 - 0.7 * chance.ln())) as Moment
    }
}
