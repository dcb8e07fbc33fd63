//! Tests the watchdog by itself, and together with the gold copy while pushes are lost in every way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentStatus, AgentStatusUpdate, AgentUpdate, Change, Fact, MetricValue, Modality, QueueUpdate, SessionId,
    SessionStatus, SessionUpdate,
};
use crate::gold::join::MatchRules;
use crate::gold::{BusinessDay, Entity, Gold, Key};
use base::{Clock, Lifecycle};

const ROB: AgentId = AgentId(41);
const ORDERS: QueueId = QueueId(11);

/// One step of a scenario.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// This many seconds pass.
    Wait(u64),
    /// A subscription to both kinds is requested.
    Subscribed,
    AgentPush,
    QueuePush,
    /// A snapshot that shows nothing new, or a change of the agent or of the queue.
    Snapshot,
    SnapshotShowsAgent,
    SnapshotShowsQueue,
}

struct Scenario {
    watchdog: PushWatchdog,
    now: Instant,
    place: u64,
}

impl Scenario {
    fn new() -> Self {
        let mut watchdog = PushWatchdog::default();
        watchdog.set_queue_count(1);
        Self { watchdog, now: Instant::now(), place: 0 }
    }

    fn after(steps: &[Step]) -> Self {
        let mut scenario = Self::new();
        for step in steps {
            scenario.take(*step);
        }
        scenario
    }

    fn take(&mut self, step: Step) -> u64 {
        self.place += 1;
        let (place, now) = (Ordinal(self.place), self.now);
        let mut differences = Differences::default();
        match step {
            Step::Wait(seconds) => {
                for _ in 0..seconds {
                    self.now += Duration::from_secs(1);
                    self.watchdog.tick(Kinds::ALL, self.now);
                }
                return 0;
            }
            Step::Subscribed => {
                self.watchdog.subscribed(Kinds::ALL, now);
                return 0;
            }
            Step::AgentPush => {
                self.watchdog.agent_pushed(ROB, place, now);
                return 0;
            }
            Step::QueuePush => {
                self.watchdog.queue_pushed(ORDERS, place, now);
                return 0;
            }
            Step::Snapshot => {}
            Step::SnapshotShowsAgent => differences.agents.push((ROB, place)),
            Step::SnapshotShowsQueue => differences.queues.push((ORDERS, place)),
        }
        self.watchdog.compare(place, &differences, now)
    }

    fn decide(&mut self) -> (bool, bool, bool) {
        let decision = self.watchdog.decide(Kinds::ALL, true, self.now);
        (decision.subscribe.agents, decision.subscribe.queues, decision.reconnect)
    }
}

const AGENTS: Option<&str> = Some("Clarity shows changes of agents that it does not push.");
const QUEUES: Option<&str> = Some("Clarity shows changes in queues that it does not push.");
const SILENT: Option<&str> = Some("Clarity was asked to push queues and pushes nothing about them.");

#[test]
fn live_depends_on_the_delivery_of_each_kind() {
    use Step::{AgentPush, QueuePush, Snapshot, SnapshotShowsAgent, SnapshotShowsQueue, Subscribed, Wait};
    let fresh = [Subscribed, AgentPush, QueuePush, Snapshot, Wait(10)];
    let cases: &[(&str, &[Step], Option<&str>)] = &[
        ("nothing is wrong", &[Snapshot], None),
        ("a change is only suspected at first", &[SnapshotShowsAgent], None),
        ("and no push has reported it by the next snapshot", &[SnapshotShowsAgent, Wait(5), Snapshot], AGENTS),
        ("a push came a little late", &[SnapshotShowsAgent, AgentPush, Wait(3), Snapshot], None),
        ("a push may be delayed", &[SnapshotShowsAgent, Wait(2), Snapshot], None),
        ("but not until a snapshot after that", &[SnapshotShowsAgent, Wait(2), Snapshot, Wait(1), Snapshot], AGENTS),
        ("and not if it came meanwhile", &[SnapshotShowsAgent, Wait(2), Snapshot, AgentPush, Wait(1), Snapshot], None),
        ("pushes of queues are none of agents", &[SnapshotShowsAgent, QueuePush, Wait(3), Snapshot], AGENTS),
        ("a push ends it", &[SnapshotShowsAgent, Wait(3), Snapshot, AgentPush], None),
        ("a push of the other kind does not", &[SnapshotShowsAgent, Wait(3), Snapshot, QueuePush], AGENTS),
        ("drift beside living pushes", &[AgentPush, SnapshotShowsAgent, Wait(3), Snapshot], None),
        ("queues that are not pushed", &[SnapshotShowsQueue, Wait(5), Snapshot], QUEUES),
        ("pushes of agents are none of queues", &[SnapshotShowsQueue, AgentPush, Wait(3), Snapshot], QUEUES),
        ("a push about the queue in time", &[SnapshotShowsQueue, QueuePush, Wait(3), Snapshot], None),
        ("a subscription to queues is not answered", &[Subscribed, Wait(8)], SILENT),
        ("queues that answer in time", &[Subscribed, Wait(7), QueuePush, Wait(60)], None),
        ("queues that answer late", &[Subscribed, Wait(20), QueuePush], None),
        ("agents alone answer", &[Subscribed, AgentPush, Wait(8)], SILENT),
        (
            "a relapse is not ended by the first push",
            &[Subscribed, Wait(8), QueuePush, Subscribed, Wait(8), QueuePush],
            SILENT,
        ),
        (
            "but by one after the probation",
            &[Subscribed, Wait(8), QueuePush, Subscribed, Wait(8), QueuePush, Wait(30), QueuePush],
            None,
        ),
        (
            "a suspicion long after the last is no relapse",
            &[Subscribed, Wait(8), QueuePush, Wait(120), Subscribed, Wait(8), QueuePush],
            None,
        ),
    ];
    for (what, steps, trouble) in cases {
        let scenario = Scenario::after(&[&fresh[..], steps].concat());
        assert_eq!(scenario.watchdog.problem(), *trouble, "{what}");
    }
}

#[test]
fn unreported_change_is_counted_once() {
    let mut scenario = Scenario::new();
    assert_eq!(scenario.take(Step::SnapshotShowsAgent), 0);
    assert_eq!(scenario.take(Step::Snapshot), 0, "a change before the first snapshot does not count");
    scenario.take(Step::SnapshotShowsAgent);
    scenario.take(Step::Wait(3));
    assert_eq!((scenario.take(Step::Snapshot), scenario.take(Step::Snapshot)), (1, 0));
    scenario.take(Step::AgentPush);
    scenario.take(Step::SnapshotShowsAgent);
    scenario.take(Step::Wait(3));
    assert_eq!(scenario.take(Step::Snapshot), 1, "drift is repaired and counted too");
    scenario.take(Step::SnapshotShowsAgent);
    scenario.watchdog.restart();
    scenario.take(Step::Wait(3));
    assert_eq!(scenario.take(Step::Snapshot), 0, "pushes began anew");
}

#[test]
fn subscriptions_are_renewed_and_failed_ones_reconnect() {
    use Step::{AgentPush, QueuePush, Snapshot, SnapshotShowsAgent, Subscribed, Wait};
    let fresh = [Subscribed, AgentPush, QueuePush, Snapshot];
    type Case<'a> = (&'a str, &'a [Step], (bool, bool, bool));
    let cases: &[Case<'_>] = &[
        ("just subscribed", &[], (false, false, false)),
        ("queues are renewed", &[Wait(10)], (false, true, false)),
        ("agents too once they are suspected", &[Wait(10), SnapshotShowsAgent, Wait(3), Snapshot], (true, true, false)),
        ("not at once", &[SnapshotShowsAgent, Wait(3), Snapshot], (false, false, false)),
        (
            "failed",
            &[Wait(10), SnapshotShowsAgent, Wait(3), Snapshot, Subscribed, QueuePush, Wait(10)],
            (true, true, true),
        ),
        (
            "pushed in between",
            &[Wait(10), SnapshotShowsAgent, Wait(3), Snapshot, Subscribed, AgentPush, QueuePush, Wait(10)],
            (false, true, false),
        ),
        ("queues failed once", &[Subscribed, Wait(10)], (false, true, false)),
        ("queues failed twice", &[Subscribed, Wait(10), Subscribed, Wait(10)], (false, true, true)),
        ("and no sooner", &[Subscribed, Wait(10), Subscribed, Wait(9)], (false, false, false)),
        (
            "then more slowly",
            &[Subscribed, Wait(10), Subscribed, Wait(10), Subscribed, Wait(19)],
            (false, false, false),
        ),
        ("but still", &[Subscribed, Wait(10), Subscribed, Wait(10), Subscribed, Wait(20)], (false, true, true)),
    ];
    for (what, steps, decision) in cases {
        let mut scenario = Scenario::after(&[&fresh[..], steps].concat());
        assert_eq!(scenario.decide(), *decision, "{what}");
    }
}

#[test]
fn failed_subscriptions_slow_down_and_never_end() {
    let mut scenario =
        Scenario::after(&[Step::Subscribed, Step::QueuePush, Step::Snapshot, Step::Wait(10), Step::Subscribed]);
    let mut requests = Vec::new();
    for second in 0..3600_u64 {
        scenario.take(Step::Wait(1));
        if scenario.decide().1 {
            scenario.take(Step::Subscribed);
            requests.push(second);
        }
    }
    let gaps: Vec<u64> = requests.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps[..3], [10, 20, 30]);
    assert!(gaps[3..].iter().all(|gap| *gap == 45), "{gaps:?}");
}

#[test]
fn unremovable_subscriptions_are_renewed_by_reconnecting() {
    let mut scenario = Scenario::after(&[Step::Subscribed, Step::QueuePush, Step::Wait(24)]);
    let decide = |scenario: &mut Scenario| scenario.watchdog.decide(Kinds::ALL, false, scenario.now);
    assert_eq!(decide(&mut scenario), Decision::default());
    scenario.take(Step::Wait(1));
    let decision = decide(&mut scenario);
    assert!(decision.reconnect && !decision.suspected.any(), "{decision:?}");
    let nothing = Kinds::default();
    assert_eq!(scenario.watchdog.decide(nothing, false, scenario.now), Decision::default(), "nothing to subscribe to");
}

#[test]
fn first_answer_about_queues_may_take_longer() {
    let mut scenario = Scenario::new();
    scenario.watchdog.set_queue_count(2);
    for step in [Step::Subscribed, Step::QueuePush, Step::Wait(60)] {
        scenario.take(step);
    }
    assert_eq!(scenario.watchdog.problem(), None, "no subscription since");
    for step in [Step::Subscribed, Step::Wait(10), Step::Subscribed, Step::Wait(19)] {
        scenario.take(step);
    }
    assert_eq!(scenario.watchdog.problem(), None, "one of two is no answer: it may have changed");
    scenario.take(Step::Wait(1));
    assert_eq!(scenario.watchdog.problem(), SILENT);
    scenario.take(Step::QueuePush);
    assert_eq!(scenario.watchdog.problem(), None);

    // At the start the number of queues becomes known after they were subscribed.
    let mut scenario = Scenario::new();
    scenario.watchdog.set_queue_count(0);
    for step in [Step::Subscribed, Step::QueuePush] {
        scenario.take(step);
    }
    scenario.watchdog.set_queue_count(1);
    for step in [Step::Subscribed, Step::Wait(8)] {
        scenario.take(step);
    }
    assert_eq!(scenario.watchdog.problem(), SILENT);
}

#[test]
fn queue_data_expires_after_its_maximum_age() {
    let (mut expiry, begin) = (QueueExpiry::default(), Instant::now());
    let at = |second| begin + Duration::from_secs(second);
    for second in 0..40 {
        assert_eq!(expiry.advance(Ordinal(second), at(second)), None);
    }
    assert_eq!(expiry.advance(Ordinal(40), at(40)), Some(Ordinal(0)));
    assert_eq!(expiry.advance(Ordinal(41), at(41)), Some(Ordinal(1)));
    assert_eq!(expiry.advance(Ordinal(42), at(100)), Some(Ordinal(41)), "a machine may have slept");
}

/// How pushes are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    None,
    All,
    Half,
    Queues,
    SomeQueues,
    Agents,
    OneModality,
    Late,
    Doubled,
    /// Everything but answers to subscriptions.
    Changes,
    /// Answers to subscriptions, and nothing else.
    Answers,
}

const LOSSES: [Loss; 11] = [
    Loss::None,
    Loss::All,
    Loss::Half,
    Loss::Queues,
    Loss::SomeQueues,
    Loss::Agents,
    Loss::OneModality,
    Loss::Late,
    Loss::Doubled,
    Loss::Changes,
    Loss::Answers,
];

/// The greatest age of what is shown as live, in seconds.
const MAX_AGE: usize = 45;

/// The seconds in which pushes are lost.
const OUTAGE: std::ops::Range<u64> = 60..240;

const AGENT_COUNT: i64 = 6;
const QUEUE_COUNT: i64 = 4;

/// The real state: agents by status, callers by queue and kind of contact.
#[derive(Debug, Clone, Default)]
struct Truth {
    agents: BTreeMap<i64, usize>,
    callers: BTreeMap<(i64, bool), BTreeSet<i64>>,
}

impl Truth {
    fn of(&self, queue: i64, is_call: bool) -> i64 {
        let callers = self.callers.get(&(queue, is_call)).map_or(0, BTreeSet::len);
        i64::try_from(callers).expect("few")
    }

    fn waiting(&self, queue: i64) -> i64 {
        self.of(queue, true) + self.of(queue, false)
    }

    fn agent(&self, id: i64) -> AgentUpdate {
        let mut agent = AgentUpdate::new(AgentId(id));
        let status = AgentStatus::KNOWN[self.agents.get(&id).copied().unwrap_or_default()].clone();
        agent.status = Some(AgentStatusUpdate::new(status));
        agent
    }

    /// A queue in full, as the answer to a subscription; kinds of contact without callers have no list.
    fn queue(&self, id: i64, only: Option<bool>) -> QueueUpdate {
        let mut queue = QueueUpdate::new(QueueId(id));
        for is_call in [true, false] {
            if only.is_some_and(|only| only != is_call) {
                continue;
            }
            let modality = if is_call { Modality::Audio } else { Modality::Message };
            let callers = self.callers.get(&(id, is_call)).cloned().unwrap_or_default();
            let count = MetricValue::Count(i64::try_from(callers.len()).expect("few"));
            queue.metrics.entry(modality.clone()).or_default().insert("queuedCount".into(), count);
            if !callers.is_empty() {
                let session = |caller: &i64| {
                    let mut session = SessionUpdate::new(SessionId(*caller));
                    session.status = Some(SessionStatus::Queued);
                    session.queue = Change::Set(QueueId(id));
                    session
                };
                let all = Some(callers.iter().map(session).collect());
                queue.sessions.push((modality, SessionListUpdate { all, ..SessionListUpdate::default() }));
            }
        }
        queue
    }
}

/// One push in flight.
struct Push {
    due: u64,
    agent: Option<AgentUpdate>,
    queue: Option<QueueUpdate>,
}

/// Clarity, the network and the feed, a second at a time.
struct Simulation {
    loss: Loss,
    quiet: bool,
    rng: StdRng,
    gold: Gold,
    watchdog: PushWatchdog,
    expiry: QueueExpiry,
    begin: Instant,
    second: u64,
    truth: Truth,
    /// The truth of each of the last seconds, newest first.
    past: VecDeque<Truth>,
    in_flight: Vec<Push>,
    last_due: u64,
    next_caller: i64,
    next_snapshot: u64,
    reconnects: u64,
}

impl Simulation {
    fn new(loss: Loss, quiet: bool, seed: u64, gold: Gold) -> Self {
        let mut simulation = Self {
            loss,
            quiet,
            rng: StdRng::seed_from_u64(seed),
            gold,
            watchdog: PushWatchdog::default(),
            expiry: QueueExpiry::default(),
            begin: Instant::now(),
            second: 0,
            truth: Truth::default(),
            past: VecDeque::new(),
            in_flight: Vec::new(),
            last_due: 0,
            next_caller: 1000,
            next_snapshot: 0,
            reconnects: 0,
        };
        for id in 0..AGENT_COUNT {
            simulation.truth.agents.insert(id, 0);
        }
        simulation.watchdog.set_queue_count(usize::try_from(QUEUE_COUNT).expect("few"));
        simulation
    }

    fn now(&self) -> Instant {
        self.begin + Duration::from_secs(self.second)
    }

    fn is_outage(&self) -> bool {
        OUTAGE.contains(&self.second)
    }

    /// Sends a push, which may be lost.
    fn send(&mut self, mut push: Push, is_answer: bool) {
        if self.is_outage() {
            let lost = match self.loss {
                Loss::All => true,
                Loss::Half => self.rng.random_bool(0.5),
                Loss::Queues => push.queue.is_some(),
                Loss::SomeQueues => push.queue.as_ref().is_some_and(|queue| queue.id.0 < 2),
                Loss::Agents => push.agent.is_some(),
                Loss::Changes => !is_answer,
                Loss::Answers => is_answer,
                Loss::OneModality => {
                    if let Some(queue) = &mut push.queue {
                        queue.metrics.remove(&Modality::Audio);
                        queue.sessions.retain(|(modality, _)| *modality != Modality::Audio);
                    }
                    false
                }
                Loss::Late => {
                    self.last_due = self.last_due.max(push.due + self.rng.random_range(3..20));
                    false
                }
                Loss::Doubled => {
                    let again = Push { due: push.due, agent: push.agent.clone(), queue: push.queue.clone() };
                    self.in_flight.push(again);
                    false
                }
                Loss::None => false,
            };
            if lost {
                return;
            }
        }
        // SignalR keeps the order.
        push.due = push.due.max(self.last_due);
        self.in_flight.push(push);
    }

    fn send_agent(&mut self, id: i64, is_answer: bool) {
        let (due, agent) = (self.second, Some(self.truth.agent(id)));
        self.send(Push { due, agent, queue: None }, is_answer);
    }

    /// Changes the real state at random and pushes the changes.
    fn change_something(&mut self) {
        if !self.quiet || self.second == OUTAGE.start + 15 {
            if self.rng.random_bool(0.3) {
                let id = self.rng.random_range(0..AGENT_COUNT);
                let status = self.rng.random_range(0..AgentStatus::KNOWN.len());
                self.truth.agents.insert(id, status);
                self.send_agent(id, false);
            }
            if self.quiet || self.rng.random_bool(0.3) {
                self.callers_come_and_go();
            }
        }
        self.past.push_front(self.truth.clone());
        self.past.truncate(MAX_AGE + 1);
    }

    fn callers_come_and_go(&mut self) {
        let (queue, is_call) = (self.rng.random_range(0..QUEUE_COUNT), self.rng.random_bool(0.6));
        let callers = self.truth.callers.entry((queue, is_call)).or_default();
        let mut list = SessionListUpdate::default();
        let gone = if self.rng.random_bool(0.5) { callers.pop_first() } else { None };
        match gone {
            Some(caller) => list.removed.push(SessionId(caller)),
            None => {
                self.next_caller += 1;
                callers.insert(self.next_caller);
                let mut session = SessionUpdate::new(SessionId(self.next_caller));
                session.status = Some(SessionStatus::Queued);
                list.added.push(session);
            }
        }
        let mut reading = self.truth.queue(queue, Some(is_call));
        let modality = if is_call { Modality::Audio } else { Modality::Message };
        reading.sessions = vec![(modality, list)];
        self.send(Push { due: self.second, agent: None, queue: Some(reading) }, false);
    }

    async fn deliver(&mut self) {
        let second = self.second;
        let (arrived, later): (Vec<_>, Vec<_>) = self.in_flight.drain(..).partition(|push| push.due <= second);
        self.in_flight = later;
        for push in arrived {
            let (heard, now) = (self.gold.next_ordinal(), self.now());
            if let Some(agent) = push.agent {
                self.watchdog.agent_pushed(agent.id, heard, now);
                self.gold.apply(Fact::AgentUpdated { received: heard, agent: Box::new(agent) }).await;
            }
            if let Some(queue) = push.queue {
                self.watchdog.queue_pushed(queue.id, heard, now);
                self.gold.apply(Fact::QueueUpdated { received: heard, queue: Box::new(queue) }).await;
            }
        }
    }

    async fn take_snapshot(&mut self) {
        let decision = self.watchdog.decide(Kinds::ALL, true, self.now());
        let asked = if decision.reconnect { Kinds::ALL } else { decision.subscribe };
        self.reconnects += u64::from(decision.reconnect);
        self.watchdog.subscribed(asked, self.now());
        if asked.queues {
            for id in 0..QUEUE_COUNT {
                let queue = self.truth.queue(id, None);
                self.send(Push { due: self.second, agent: None, queue: Some(queue) }, true);
            }
        }
        if asked.agents {
            for id in 0..AGENT_COUNT {
                self.send_agent(id, true);
            }
        }
        self.deliver().await;
        let asked = self.gold.next_ordinal();
        self.gold.flush().await;
        let agents: Vec<_> = (0..AGENT_COUNT).map(|id| self.truth.agent(id)).collect();
        let differs = |agent: &AgentUpdate| {
            let known = self.gold.copy().get(&Key::Agent(agent.id));
            let Some(Entity::Agent(known)) = known.as_deref() else { return true };
            agent.status.as_ref().is_some_and(|status| status.status != Change::Set(known.status.clone()))
        };
        let agents_differ = agents.iter().filter(|agent| differs(agent)).map(|agent| (agent.id, asked)).collect();
        self.gold.apply(Fact::AgentSnapshots { asked, agents }).await;
        self.watchdog.compare(asked, &Differences { agents: agents_differ, queues: Vec::new() }, self.now());
    }

    /// Simulates one second. Returns whether the source is live.
    async fn step(&mut self) -> bool {
        self.change_something();
        self.deliver().await;
        if self.next_snapshot <= self.second {
            self.take_snapshot().await;
            self.next_snapshot = self.second + if self.watchdog.problem().is_some() { 5 } else { 15 };
        }
        self.watchdog.tick(Kinds::ALL, self.now());
        if self.watchdog.problem().is_some() {
            self.next_snapshot = self.next_snapshot.min(self.second + 5);
        }
        if let Some(before) = self.expiry.advance(self.gold.next_ordinal(), self.now()) {
            self.gold.apply(Fact::QueuePushesMissed { before, searched_too: true }).await;
        }
        self.gold.flush().await;
        let is_live = self.watchdog.problem().is_none();
        if is_live {
            self.check();
        }
        self.second += 1;
        is_live
    }

    /// Checks that everything shown was true within the last [`MAX_AGE`] seconds.
    fn check(&self) {
        let what = || format!("{:?} in second {}", self.loss, self.second);
        for id in 0..AGENT_COUNT {
            let known = self.gold.copy().get(&Key::Agent(AgentId(id)));
            let Some(Entity::Agent(known)) = known.as_deref() else { continue };
            let was = |truth: &Truth| truth.agents.get(&id).is_some_and(|it| AgentStatus::KNOWN[*it] == known.status);
            assert!(self.past.iter().any(was), "agent {id} is shown as {:?}: {}", known.status, what());
        }
        for id in 0..QUEUE_COUNT {
            let known = self.gold.copy().get(&Key::Queue(QueueId(id)));
            let Some(Entity::Queue(known)) = known.as_deref() else { continue };
            if let Some(waiting) = known.waiting {
                // Each kind of contact is pushed by itself.
                let were = |is_call| self.past.iter().map(|truth| truth.of(id, is_call)).collect::<BTreeSet<_>>();
                let (calls, messages) = (were(true), were(false));
                let is_sum = calls.iter().any(|calls| messages.contains(&(waiting - calls)));
                assert!(is_sum, "{waiting} wait in queue {id}, of {calls:?} and {messages:?}: {}", what());
            }
            for caller in known.sessions.keys() {
                let was = |truth: &Truth| truth.callers.values().any(|callers| callers.contains(&caller.0));
                assert!(self.past.iter().any(was), "caller {caller:?} waits in queue {id}: {}", what());
            }
        }
    }

    fn all_queues_are_known(&self) -> bool {
        (0..QUEUE_COUNT).all(|id| {
            let known = self.gold.copy().get(&Key::Queue(QueueId(id)));
            matches!(known.as_deref(), Some(Entity::Queue(queue)) if queue.waiting == Some(self.truth.waiting(id)))
        })
    }
}

fn gold() -> Gold {
    Gold::start(MatchRules::default(), BusinessDay::default(), Clock::system(), &Lifecycle::new())
}

/// Whatever is lost, what is shown as live is at most 45 seconds old, or unknown. Recovery takes at most a minute and a
/// half: the longest pause between two subscriptions, and the probation.
#[tokio::test]
async fn live_numbers_are_true_or_unknown_whatever_is_lost() {
    for loss in LOSSES {
        for seed in 0..12 {
            let mut simulation = Simulation::new(loss, seed % 4 == 3, seed, gold());
            let mut seconds_not_live = 0;
            while simulation.second < OUTAGE.end + 90 {
                seconds_not_live += u64::from(!simulation.step().await);
                if loss == Loss::None {
                    assert!(simulation.all_queues_are_known(), "seed {seed} in second {}", simulation.second);
                }
            }
            assert!(simulation.step().await && simulation.all_queues_are_known(), "{loss:?} is over, seed {seed}");
            match loss {
                Loss::None | Loss::Doubled => {
                    assert_eq!((seconds_not_live, simulation.reconnects), (0, 0), "seed {seed}")
                }
                Loss::All | Loss::Queues => assert!(seconds_not_live > 120, "{seconds_not_live}, seed {seed}"),
                _ => {}
            }
            assert!(simulation.reconnects <= 8, "{loss:?}: {} connections, seed {seed}", simulation.reconnects);
        }
    }
}
