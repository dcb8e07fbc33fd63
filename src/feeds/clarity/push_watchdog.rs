//! Whether changes are pushed, and what to do when they are not.
//!
//! SignalR can lose groups and subscriptions without a word (`signalr.md` section 8): the connection lives, keep-alives
//! come, and nothing is pushed any more. So `live` follows what is delivered, for each kind of subscription by itself:
//!
//! - **Agents** are read over REST. A reading that shows a change which no push has told of by the next reading speaks
//!   against their subscription.
//! - **Who waits in a queue** cannot be read (`apis.md` 0.2). A new subscription is answered with what is, so queues are
//!   asked for again and again, and a request that nothing answers speaks against theirs. So does whatever else shows a
//!   change in a queue: an agent who has a caller that still waits here, another number of calls today.
//!
//! A push of the kind ends the doubt. How old the word on a queue may become is another question, see [`Ages`].
//!
//! Facts go in with the time at which they became known, decisions come out. There is no clock inside.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{AgentId, Ordinal, QueueId};

/// How long what was told of queues is believed that is not told again. With the time that it takes to find out, and to
/// show it, nothing older than 45 s is shown.
const BELIEVED_FOR: Duration = Duration::from_secs(40);

/// How far apart readings, and with them renewals of subscriptions to queues, may be at most: two of them can go wrong
/// before a queue is no longer believed.
pub(super) const LONGEST_INTERVAL: Duration = Duration::from_secs(18);

/// How soon a Clarity that answers a request to push queues by pushing them does so.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// How long a Clarity that was not seen to answer may push nothing about any queue, though it was asked. It is not documented
/// that it answers at all (`apis.md` B113), and a quiet floor has nothing else to push.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// How much later than an answer a push may come that tells of the same: before that, nothing is held against it.
const LATE: Duration = Duration::from_secs(3);

/// How far apart requests of one kind are at least, by how many of them were in vain. The last stands for all that follow:
/// whatever heals is noticed within a minute.
const BETWEEN_REQUESTS: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(45),
];

/// The same where a request costs a new connection, because subscriptions have no ids by which they could be removed.
const BETWEEN_CONNECTIONS: Duration = Duration::from_secs(25);

/// Doubts that come back within this time are not ended by the first push.
const CALM: Duration = Duration::from_secs(120);

/// How long nothing must speak against a subscription whose doubts came back.
const PROBATION: Duration = Duration::from_secs(30);

/// One flag for each kind of subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kinds {
    pub agents: bool,
    pub queues: bool,
}

impl Kinds {
    /// Both.
    pub const ALL: Self = Self { agents: true, queues: true };

    /// What is in either.
    pub fn or(self, other: Self) -> Self {
        Self { agents: self.agents || other.agents, queues: self.queues || other.queues }
    }

    /// What is in this and not in the other.
    pub fn without(self, other: Self) -> Self {
        Self { agents: self.agents && !other.agents, queues: self.queues && !other.queues }
    }

    /// Whether it is any.
    pub fn any(self) -> bool {
        self.agents || self.queues
    }
}

/// What to ask Clarity for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Decision {
    /// Subscribe to these again, over the same connection.
    pub subscribe: Kinds,
    /// Begin another connection, and subscribe to everything over it.
    pub reconnect: bool,
    /// Against which of them something speaks: this is more than the usual renewal.
    pub doubted: Kinds,
}

/// What a full reading shows that gold did not know, with the place of each question in the order of events.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Agents who do something else.
    pub agents: Vec<(AgentId, Ordinal)>,
    /// Queues in which something else has happened.
    pub queues: Vec<(QueueId, Ordinal)>,
}

/// Watches over what is pushed.
#[derive(Debug, Default)]
pub(super) struct PushWatchdog {
    agents: Delivery,
    queues: Delivery,
    agent_pushes: Pushes<AgentId>,
    queue_pushes: Pushes<QueueId>,
    /// When the last reading was asked. `None`: there was none since pushes began.
    previous: Option<Ordinal>,
    /// How many queues there are.
    queues_there: usize,
    /// Those that were pushed since queues were asked for.
    answered: HashSet<QueueId>,
    /// Whether a request was ever answered by all of them.
    answers: bool,
}

impl PushWatchdog {
    /// Pushes begin, or begin again: what happened until the next reading is nobody's fault.
    pub fn restart(&mut self) {
        self.agent_pushes.suspects.clear();
        self.queue_pushes.suspects.clear();
        self.previous = None;
    }

    /// Nobody has asked for anything over the connection of now, or what was pushed before is no longer believed: whatever
    /// is due may be asked for at once.
    pub fn ask_at_once(&mut self) {
        (self.agents.asked, self.queues.asked) = (None, None);
    }

    /// Clarity was asked to push these.
    pub fn asked(&mut self, kinds: Kinds, now: Instant) {
        if kinds.agents {
            self.agents.ask(now);
        }
        if kinds.queues {
            self.queues.ask(now);
            self.answered.clear();
        }
    }

    /// There are so many queues.
    pub fn queues_are(&mut self, count: usize) {
        self.queues_there = count;
        self.look_at_answer();
    }

    fn look_at_answer(&mut self) {
        self.answers |= self.queues_there > 0 && self.answered.len() >= self.queues_there;
    }

    /// An agent was pushed.
    pub fn agent_pushed(&mut self, agent: AgentId, heard: Ordinal, now: Instant) {
        self.agent_pushes.heard.insert(agent, heard);
        self.agents.push(now);
    }

    /// A queue was pushed.
    pub fn queue_pushed(&mut self, queue: QueueId, heard: Ordinal, now: Instant) {
        self.queue_pushes.heard.insert(queue, heard);
        self.queues.push(now);
        if self.queues.asked.is_some_and(|asked| now.duration_since(asked) < ANSWER_WITHIN) {
            self.answered.insert(queue);
            self.look_at_answer();
        }
    }

    /// Everybody was read in full, asked for from `asked` on. Returns how many agents were shown wrongly until then.
    pub fn read(&mut self, asked: Ordinal, differences: &Differences, now: Instant) -> u64 {
        let agents = self.agent_pushes.compare(self.previous, asked, &differences.agents, now);
        let queues = self.queue_pushes.compare(self.previous, asked, &differences.queues, now);
        self.previous = Some(asked);
        if agents.unannounced > 0 {
            self.agents.doubt(Doubt::Unannounced, now);
        }
        if queues.unannounced > 0 {
            self.queues.doubt(Doubt::Unannounced, now);
        }
        agents.confirmed
    }

    /// Time passes. `wanted` is of what kinds there is anything.
    pub fn tick(&mut self, wanted: Kinds, now: Instant) {
        self.forget_all_but(wanted);
        let patience = if self.answers { ANSWER_WITHIN } else { SILENT_FOR };
        if self.queues.is_silent_for(patience, now) && self.queues.doubted.is_none() {
            self.queues.doubt(Doubt::Unanswered, now);
        }
    }

    /// What to ask for now. `wanted` is of what kinds there is anything; `removable` is whether what is subscribed can be
    /// removed once something else replaces it.
    pub fn decide(&mut self, wanted: Kinds, removable: bool, now: Instant) -> Decision {
        self.forget_all_but(wanted);
        let floor = if removable { Duration::ZERO } else { BETWEEN_CONNECTIONS };
        let subscribe = Kinds {
            agents: wanted.agents && self.agents.doubted.is_some() && self.agents.may_ask(floor, now),
            queues: wanted.queues && self.queues.may_ask(floor, now),
        };
        let is_vain = (subscribe.agents && self.agents.is_vain()) || (subscribe.queues && self.queues.is_vain());
        Decision {
            subscribe,
            reconnect: is_vain || (subscribe.any() && !removable),
            doubted: Kinds {
                agents: subscribe.agents && self.agents.doubted.is_some(),
                queues: subscribe.queues && self.queues.doubted.is_some(),
            },
        }
    }

    fn forget_all_but(&mut self, wanted: Kinds) {
        if !wanted.agents {
            self.agents = Delivery::default();
        }
        if !wanted.queues {
            self.queues = Delivery::default();
        }
    }

    /// Why what is shown is not live, though the connection is open. `None`: nothing speaks against it.
    pub fn trouble(&self) -> Option<&'static str> {
        match (self.agents.doubted, self.queues.doubted) {
            (_, Some(Doubt::Unanswered)) => Some("Clarity was asked to push queues and pushes nothing about them."),
            (_, Some(Doubt::Unannounced)) => Some("Clarity shows changes in queues that it does not push."),
            (Some(_), None) => Some("Clarity shows changes of agents that it does not push."),
            (None, None) => None,
        }
    }
}

/// What speaks against a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// A change was seen that was not pushed.
    Unannounced,
    /// A request was not answered by any push.
    Unanswered,
}

/// How pushes of one kind come.
#[derive(Debug, Default)]
struct Delivery {
    /// When Clarity was last asked for them.
    asked: Option<Instant>,
    /// When it was first asked since the last push. `None`: it was not.
    in_vain: Option<Instant>,
    /// How often it was asked in doubt, since the last calm.
    tries: u32,
    doubted: Option<Doubt>,
    /// When something last spoke against it.
    doubted_at: Option<Instant>,
    /// Whether the doubt came back.
    again: bool,
}

impl Delivery {
    fn ask(&mut self, now: Instant) {
        // What is asked for over a new connection is what that was begun for.
        if self.doubted.is_some() && self.asked.is_some() {
            self.tries += 1;
        }
        self.asked = Some(now);
        self.in_vain = self.in_vain.or(Some(now));
    }

    fn push(&mut self, now: Instant) {
        self.in_vain = None;
        let is_over = |at: Instant| !self.again || now.duration_since(at) >= PROBATION;
        if self.doubted_at.is_none_or(is_over) {
            self.doubted = None;
        }
    }

    fn doubt(&mut self, why: Doubt, now: Instant) {
        if self.doubted.is_none() {
            self.again = self.doubted_at.is_some_and(|at| now.duration_since(at) < CALM);
            if !self.again {
                self.tries = 0;
            }
        }
        self.doubted = Some(why);
        self.doubted_at = Some(now);
    }

    fn is_silent_for(&self, patience: Duration, now: Instant) -> bool {
        self.in_vain.is_some_and(|asked| now.duration_since(asked) >= patience)
    }

    /// Whether asking over this connection has not helped.
    fn is_vain(&self) -> bool {
        self.doubted.is_some() && self.tries > 0 && self.in_vain.is_some()
    }

    fn may_ask(&self, floor: Duration, now: Instant) -> bool {
        let tries = if self.doubted.is_some() { self.tries } else { 0 };
        let last = BETWEEN_REQUESTS.len() - 1;
        let pause = BETWEEN_REQUESTS[last.min(usize::try_from(tries).unwrap_or(last))].max(floor);
        self.asked.is_none_or(|asked| now.duration_since(asked) >= pause)
    }
}

/// What was pushed, and what speaks against it. A push may be on its way while an answer is read, so a difference is only
/// suspect at first. If by a later reading still nothing was pushed, nothing will be.
#[derive(Debug)]
struct Pushes<Id> {
    heard: HashMap<Id, Ordinal>,
    suspects: HashMap<Id, Suspect>,
}

impl<Id> Default for Pushes<Id> {
    fn default() -> Self {
        Self { heard: HashMap::new(), suspects: HashMap::new() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    /// When the question was asked whose answer shows the difference.
    asked: Ordinal,
    /// The same by the clock.
    since: Instant,
    /// Whether nothing had been pushed since the reading before either.
    unannounced: bool,
}

/// Differences that no push has told of.
#[derive(Debug, Default)]
struct Confirmed {
    confirmed: u64,
    /// Of these, about so many nothing was pushed at all since the reading before.
    unannounced: u64,
}

impl<Id: Copy + Eq + Hash> Pushes<Id> {
    fn compare(
        &mut self,
        previous: Option<Ordinal>,
        asked: Ordinal,
        differing: &[(Id, Ordinal)],
        now: Instant,
    ) -> Confirmed {
        let silent_since = |id: &Id, since: Ordinal| self.heard.get(id).is_none_or(|heard| *heard < since);
        let mut confirmed = Confirmed::default();
        self.suspects.retain(|id, suspect| {
            let is_silent = silent_since(id, suspect.asked);
            let is_late = now.duration_since(suspect.since) >= LATE;
            if is_silent && is_late {
                confirmed.confirmed += 1;
                confirmed.unannounced += u64::from(suspect.unannounced);
            }
            is_silent && !is_late
        });
        let previous = previous.unwrap_or(Ordinal(u64::MAX));
        for (id, asked) in differing.iter().filter(|(id, asked)| silent_since(id, *asked)) {
            if previous <= *asked {
                let unannounced = silent_since(id, previous);
                self.suspects.entry(*id).or_insert(Suspect { asked: *asked, since: now, unannounced });
            }
        }
        // What was pushed before this reading speaks for no later one, but for what is suspect since.
        let oldest = self.suspects.values().map(|suspect| suspect.asked).fold(asked, Ordinal::min);
        self.heard.retain(|_, heard| *heard >= oldest);
        confirmed
    }
}

/// How old what was told is: which place in the order of events is so long ago that nothing from before it is believed
/// that was not told again since.
#[derive(Debug, Default)]
pub(super) struct Ages(VecDeque<(Instant, Ordinal)>);

impl Ages {
    /// Notes where in the order of events we are. Returns the place before which nothing is believed any more.
    pub fn pass(&mut self, here: Ordinal, now: Instant) -> Option<Ordinal> {
        self.0.push_back((now, here));
        let mut before = None;
        while let Some((then, place)) = self.0.front().copied()
            && now.duration_since(then) >= BELIEVED_FOR
        {
            before = Some(place);
            self.0.pop_front();
        }
        before
    }
}

#[cfg(test)]
mod tests;
