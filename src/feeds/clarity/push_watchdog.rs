//! Decides whether changes are pushed, and what to do when they are not.
//!
//! SignalR can lose groups and subscriptions without a word (signalr.md, section 8): the connection lives, keep-alives
//! come, and nothing is pushed. So `live` depends on what is delivered, for each kind of subscription by itself:
//!
//! - **Agents** are read over REST. A snapshot that shows a change which no push has reported by the next snapshot
//!   speaks against their subscription.
//! - **Who waits in a queue** cannot be read over REST (apis.md 0.2). Clarity answers a new subscription with the
//!   current state, so queues are subscribed again and again, and a subscription without an answer speaks against
//!   theirs. So does a change that shows elsewhere: an agent has a caller who still waits here, or the number of calls
//!   today has changed.
//!
//! A push of the same kind ends the suspicion. How old data about a queue may become is decided by [`QueueExpiry`].
//!
//! Time is an argument: there is no clock inside.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{AgentId, Ordinal, QueueId};

/// How long pushed data about queues counts that is not pushed again. Together with the time to find that out and to
/// show it, nothing older than 45 s is shown.
const MAX_QUEUE_AGE: Duration = Duration::from_secs(40);

/// The longest time between two snapshots, and with them between renewals of the subscription to queues: two of them
/// can fail before data about queues expires.
pub(super) const MAX_SNAPSHOT_INTERVAL: Duration = Duration::from_secs(18);

/// How soon a Clarity that answers a subscription to queues with pushes does so.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a Clarity that was never seen to answer may push nothing about any queue after a subscription. No document
/// says that it answers at all (apis.md B113), and a quiet contact center has nothing else to push.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How much later than a snapshot a push about the same change may come.
const PUSH_DELAY: Duration = Duration::from_secs(3);

/// The shortest time between two subscriptions of one kind, by the number of attempts that have failed; the last counts
/// for all further ones. Whatever recovers is noticed within a minute.
const RETRY_PAUSES: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(45),
];

/// The same where a subscription costs a new connection, because subscriptions have no ids by which to end them.
const MIN_RECONNECT_PAUSE: Duration = Duration::from_secs(25);

/// A suspicion that comes back within this time is a relapse: the first push does not end it.
const RELAPSE_WITHIN: Duration = Duration::from_secs(120);

/// How long nothing must speak against a subscription until a push ends its relapse.
const PROBATION: Duration = Duration::from_secs(30);

/// One flag for each kind of subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kinds {
    pub agents: bool,
    pub queues: bool,
}

impl Kinds {
    pub const ALL: Self = Self { agents: true, queues: true };

    pub fn or(self, other: Self) -> Self {
        Self { agents: self.agents || other.agents, queues: self.queues || other.queues }
    }

    pub fn without(self, other: Self) -> Self {
        Self { agents: self.agents && !other.agents, queues: self.queues && !other.queues }
    }

    pub fn any(self) -> bool {
        self.agents || self.queues
    }
}

/// What to request from Clarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Decision {
    /// Subscribe to these again, over the same connection.
    pub subscribe: Kinds,
    /// Open another connection, and subscribe to everything over it.
    pub reconnect: bool,
    /// The subscriptions that probably no longer deliver: this is more than the usual renewal.
    pub suspected: Kinds,
}

/// What a snapshot shows that gold did not know, with the place of each request in the order of events.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Agents with another status or other sessions.
    pub agents: Vec<(AgentId, Ordinal)>,
    /// Queues in which something else has happened.
    pub queues: Vec<(QueueId, Ordinal)>,
}

/// Watches what is pushed over a connection.
#[derive(Debug, Default)]
pub(super) struct PushWatchdog {
    agents: Delivery,
    queues: Delivery,
    agent_pushes: PushLog<AgentId>,
    queue_pushes: PushLog<QueueId>,
    /// The place of the previous snapshot in the order of events. `None`: there was none since pushes began.
    previous: Option<Ordinal>,
    queue_count: usize,
    /// Queues that were pushed within [`ANSWER_TIMEOUT`] of the last subscription.
    answered: HashSet<QueueId>,
    /// Whether a subscription was ever answered with all queues.
    answers_subscriptions: bool,
}

impl PushWatchdog {
    /// Pushes begin, or begin again: no change until the next snapshot is held against them.
    pub fn restart(&mut self) {
        self.agent_pushes.suspects.clear();
        self.queue_pushes.suspects.clear();
        self.previous = None;
    }

    /// A new connection has no subscriptions: whatever is due may be subscribed at once.
    pub fn forget_subscriptions(&mut self) {
        (self.agents.subscribed_at, self.queues.subscribed_at) = (None, None);
    }

    /// A subscription to these was requested.
    pub fn subscribed(&mut self, kinds: Kinds, now: Instant) {
        if kinds.agents {
            self.agents.subscribed(now);
        }
        if kinds.queues {
            self.queues.subscribed(now);
            self.answered.clear();
        }
    }

    pub fn set_queue_count(&mut self, count: usize) {
        self.queue_count = count;
        self.check_answer();
    }

    fn check_answer(&mut self) {
        self.answers_subscriptions |= self.queue_count > 0 && self.answered.len() >= self.queue_count;
    }

    pub fn agent_pushed(&mut self, agent: AgentId, at: Ordinal, now: Instant) {
        self.agent_pushes.pushed.insert(agent, at);
        self.agents.pushed(now);
    }

    pub fn queue_pushed(&mut self, queue: QueueId, at: Ordinal, now: Instant) {
        self.queue_pushes.pushed.insert(queue, at);
        self.queues.pushed(now);
        if self.queues.subscribed_at.is_some_and(|at| now.duration_since(at) < ANSWER_TIMEOUT) {
            self.answered.insert(queue);
            self.check_answer();
        }
    }

    /// A snapshot was taken, requested from `asked` on. Returns how many agents were shown wrongly until then.
    pub fn compare(&mut self, asked: Ordinal, differences: &Differences, now: Instant) -> u64 {
        let agents = self.agent_pushes.compare(self.previous, asked, &differences.agents, now);
        let queues = self.queue_pushes.compare(self.previous, asked, &differences.queues, now);
        self.previous = Some(asked);
        if agents.without_any_push > 0 {
            self.agents.suspect(Suspicion::UnreportedChange, now);
        }
        if queues.without_any_push > 0 {
            self.queues.suspect(Suspicion::UnreportedChange, now);
        }
        agents.unreported
    }

    /// Time passes. `wanted` names the kinds of which there is anything.
    pub fn tick(&mut self, wanted: Kinds, now: Instant) {
        self.reset_all_but(wanted);
        let timeout = if self.answers_subscriptions { ANSWER_TIMEOUT } else { FIRST_ANSWER_TIMEOUT };
        if self.queues.is_unanswered_for(timeout, now) && self.queues.suspicion.is_none() {
            self.queues.suspect(Suspicion::NoAnswer, now);
        }
    }

    /// What to request now. `wanted` names the kinds of which there is anything; `removable` is whether a subscription
    /// can be ended once another replaces it.
    pub fn decide(&mut self, wanted: Kinds, removable: bool, now: Instant) -> Decision {
        self.reset_all_but(wanted);
        let min_pause = if removable { Duration::ZERO } else { MIN_RECONNECT_PAUSE };
        let subscribe = Kinds {
            agents: wanted.agents && self.agents.suspicion.is_some() && self.agents.may_subscribe(min_pause, now),
            queues: wanted.queues && self.queues.may_subscribe(min_pause, now),
        };
        let has_failed =
            (subscribe.agents && self.agents.has_failed()) || (subscribe.queues && self.queues.has_failed());
        Decision {
            subscribe,
            reconnect: has_failed || (subscribe.any() && !removable),
            suspected: Kinds {
                agents: subscribe.agents && self.agents.suspicion.is_some(),
                queues: subscribe.queues && self.queues.suspicion.is_some(),
            },
        }
    }

    fn reset_all_but(&mut self, wanted: Kinds) {
        if !wanted.agents {
            self.agents = Delivery::default();
        }
        if !wanted.queues {
            self.queues = Delivery::default();
        }
    }

    /// Why the data is not live though the connection is open. `None`: nothing speaks against it.
    pub fn problem(&self) -> Option<&'static str> {
        match (self.agents.suspicion, self.queues.suspicion) {
            (_, Some(Suspicion::NoAnswer)) => Some("Clarity was asked to push queues and pushes nothing about them."),
            (_, Some(Suspicion::UnreportedChange)) => Some("Clarity shows changes in queues that it does not push."),
            (Some(_), None) => Some("Clarity shows changes of agents that it does not push."),
            (None, None) => None,
        }
    }
}

/// What speaks against a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    /// A snapshot shows a change that was not pushed.
    UnreportedChange,
    /// No push answered the subscription.
    NoAnswer,
}

/// How pushes of one kind are delivered.
#[derive(Debug, Default)]
struct Delivery {
    /// When a subscription was last requested.
    subscribed_at: Option<Instant>,
    /// When a subscription was first requested since the last push. `None`: a push has come since.
    unanswered_since: Option<Instant>,
    /// Subscriptions requested while suspected, since the last time without a relapse.
    attempts: u32,
    suspicion: Option<Suspicion>,
    /// When something last spoke against it.
    suspected_at: Option<Instant>,
    is_relapse: bool,
}

impl Delivery {
    fn subscribed(&mut self, now: Instant) {
        // The first subscription of a connection that was opened for a suspicion is part of the attempt to reconnect.
        if self.suspicion.is_some() && self.subscribed_at.is_some() {
            self.attempts += 1;
        }
        self.subscribed_at = Some(now);
        self.unanswered_since = self.unanswered_since.or(Some(now));
    }

    fn pushed(&mut self, now: Instant) {
        self.unanswered_since = None;
        let is_over = |at: Instant| !self.is_relapse || now.duration_since(at) >= PROBATION;
        if self.suspected_at.is_none_or(is_over) {
            self.suspicion = None;
        }
    }

    fn suspect(&mut self, why: Suspicion, now: Instant) {
        if self.suspicion.is_none() {
            self.is_relapse = self.suspected_at.is_some_and(|at| now.duration_since(at) < RELAPSE_WITHIN);
            if !self.is_relapse {
                self.attempts = 0;
            }
        }
        self.suspicion = Some(why);
        self.suspected_at = Some(now);
    }

    fn is_unanswered_for(&self, timeout: Duration, now: Instant) -> bool {
        self.unanswered_since.is_some_and(|since| now.duration_since(since) >= timeout)
    }

    /// Whether subscribing again over this connection has not helped.
    fn has_failed(&self) -> bool {
        self.suspicion.is_some() && self.attempts > 0 && self.unanswered_since.is_some()
    }

    fn may_subscribe(&self, min_pause: Duration, now: Instant) -> bool {
        let attempts = if self.suspicion.is_some() { self.attempts } else { 0 };
        let last = RETRY_PAUSES.len() - 1;
        let pause = RETRY_PAUSES[last.min(usize::try_from(attempts).unwrap_or(last))].max(min_pause);
        self.subscribed_at.is_none_or(|at| now.duration_since(at) >= pause)
    }
}

/// What was pushed of each agent or queue, and changes that no push has reported yet. A push may be on its way while an
/// answer is read, so such a change counts only if nothing was pushed by a later snapshot either.
#[derive(Debug)]
struct PushLog<Id> {
    pushed: HashMap<Id, Ordinal>,
    suspects: HashMap<Id, Suspect>,
}

impl<Id> Default for PushLog<Id> {
    fn default() -> Self {
        Self { pushed: HashMap::new(), suspects: HashMap::new() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    /// The place in the order of events of the request whose answer shows the difference.
    asked: Ordinal,
    /// When that answer was compared.
    since: Instant,
    /// Whether nothing had been pushed of it since the previous snapshot either.
    without_any_push: bool,
}

/// Differences that no push has reported.
#[derive(Debug, Default)]
struct Unreported {
    unreported: u64,
    /// Of these, so many of which nothing at all was pushed since the previous snapshot.
    without_any_push: u64,
}

impl<Id: Copy + Eq + Hash> PushLog<Id> {
    fn compare(
        &mut self,
        previous: Option<Ordinal>,
        asked: Ordinal,
        differing: &[(Id, Ordinal)],
        now: Instant,
    ) -> Unreported {
        let no_push_since = |id: &Id, since: Ordinal| self.pushed.get(id).is_none_or(|at| *at < since);
        let mut found = Unreported::default();
        self.suspects.retain(|id, suspect| {
            let has_no_push = no_push_since(id, suspect.asked);
            let is_late = now.duration_since(suspect.since) >= PUSH_DELAY;
            if has_no_push && is_late {
                found.unreported += 1;
                found.without_any_push += u64::from(suspect.without_any_push);
            }
            has_no_push && !is_late
        });
        let previous = previous.unwrap_or(Ordinal(u64::MAX));
        for (id, asked) in differing.iter().filter(|(id, asked)| no_push_since(id, *asked)) {
            if previous <= *asked {
                let without_any_push = no_push_since(id, previous);
                self.suspects.entry(*id).or_insert(Suspect { asked: *asked, since: now, without_any_push });
            }
        }
        // Pushes from before this snapshot matter to no later one, except for the suspects.
        let oldest = self.suspects.values().map(|suspect| suspect.asked).fold(asked, Ordinal::min);
        self.pushed.retain(|_, at| *at >= oldest);
        found
    }
}

/// Finds the place in the order of events that lies [`MAX_QUEUE_AGE`] back: what was pushed of a queue before it, and
/// not again since, has expired.
#[derive(Debug, Default)]
pub(super) struct QueueExpiry(VecDeque<(Instant, Ordinal)>);

impl QueueExpiry {
    /// Notes the current place. Returns the place before which everything has expired, if it has moved.
    pub fn advance(&mut self, current: Ordinal, now: Instant) -> Option<Ordinal> {
        self.0.push_back((now, current));
        let mut expired = None;
        while let Some((then, place)) = self.0.front().copied()
            && now.duration_since(then) >= MAX_QUEUE_AGE
        {
            expired = Some(place);
            self.0.pop_front();
        }
        expired
    }
}

#[cfg(test)]
mod tests;
