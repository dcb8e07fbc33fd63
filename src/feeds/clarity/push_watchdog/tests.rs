//! The watchdog by itself, and with the gold copy against pushes that are lost in every way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use base::{Clock, Lifecycle};
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentStatus, AgentStatusUpdate, AgentUpdate, Change, Fact, MetricValue, Modality, QueueUpdate, SessionId,
    SessionStatus, SessionUpdate,
};
use crate::gold::join::MatchRules;
use crate::gold::{BusinessDay, Entity, Gold, Key};

const ROB: AgentId = AgentId(41);
const ORDERS: QueueId = QueueId(11);

/// What happens, in seconds of its own.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many seconds pass.
    Wait(u64),
    /// Clarity is asked for both.
    Asked,
    AgentPush,
    QueuePush,
    /// A reading, which shows something new of the agent or of the queue, or nothing.
    Read,
    ReadsAgent,
    ReadsQueue,
}

struct Story {
    watchdog: PushWatchdog,
    now: Instant,
    place: u64,
}

impl Story {
    fn new() -> Self {
        let mut watchdog = PushWatchdog::default();
        watchdog.queues_are(1);
        Self { watchdog, now: Instant::now(), place: 0 }
    }

    fn after(steps: &[Step]) -> Self {
        let mut story = Self::new();
        for step in steps {
            story.take(*step);
        }
        story
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
            Step::Asked => {
                self.watchdog.asked(Kinds::ALL, now);
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
            Step::Read => {}
            Step::ReadsAgent => differences.agents.push((ROB, place)),
            Step::ReadsQueue => differences.queues.push((ORDERS, place)),
        }
        self.watchdog.read(place, &differences, now)
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
fn delivery_of_each_kind_decides_whether_it_is_live() {
    use Step::{AgentPush, Asked, QueuePush, Read, ReadsAgent, ReadsQueue, Wait};
    let fresh = [Asked, AgentPush, QueuePush, Read, Wait(10)];
    let cases: &[(&str, &[Step], Option<&str>)] = &[
        ("nothing speaks against it", &[Read], None),
        ("a change is only suspect at first", &[ReadsAgent], None),
        ("and no push has told of it by the next reading", &[ReadsAgent, Wait(5), Read], AGENTS),
        ("a push came a little late", &[ReadsAgent, AgentPush, Wait(3), Read], None),
        ("but only once it may be expected", &[ReadsAgent, Wait(2), Read], None),
        ("at a reading after that", &[ReadsAgent, Wait(2), Read, Wait(1), Read], AGENTS),
        ("and not if it came meanwhile", &[ReadsAgent, Wait(2), Read, AgentPush, Wait(1), Read], None),
        ("pushes of queues are none of agents", &[ReadsAgent, QueuePush, Wait(3), Read], AGENTS),
        ("a push ends it", &[ReadsAgent, Wait(3), Read, AgentPush], None),
        ("a push of the other kind does not", &[ReadsAgent, Wait(3), Read, QueuePush], AGENTS),
        ("drift beside living pushes", &[AgentPush, ReadsAgent, Wait(3), Read], None),
        ("queues that are not pushed", &[ReadsQueue, Wait(5), Read], QUEUES),
        ("pushes of agents are none of queues", &[ReadsQueue, AgentPush, Wait(3), Read], QUEUES),
        ("a push about the queue in time", &[ReadsQueue, QueuePush, Wait(3), Read], None),
        ("queues that were asked for in vain", &[Asked, Wait(8)], SILENT),
        ("queues that answer in time", &[Asked, Wait(7), QueuePush, Wait(60)], None),
        ("queues that answer late", &[Asked, Wait(20), QueuePush], None),
        ("agents alone answer", &[Asked, AgentPush, Wait(8)], SILENT),
        ("doubt that came back is not ended at once", &[Asked, Wait(8), QueuePush, Asked, Wait(8), QueuePush], SILENT),
        (
            "but after a while in which nothing spoke against it",
            &[Asked, Wait(8), QueuePush, Asked, Wait(8), QueuePush, Wait(30), QueuePush],
            None,
        ),
        (
            "doubt that comes back after a calm is ended at once",
            &[Asked, Wait(8), QueuePush, Wait(120), Asked, Wait(8), QueuePush],
            None,
        ),
    ];
    for (what, steps, trouble) in cases {
        let story = Story::after(&[&fresh[..], steps].concat());
        assert_eq!(story.watchdog.trouble(), *trouble, "{what}");
    }
}

#[test]
fn changes_that_were_not_pushed_are_counted_once() {
    let mut story = Story::new();
    assert_eq!(story.take(Step::ReadsAgent), 0);
    assert_eq!(story.take(Step::Read), 0, "what is new at the beginning is nobody's fault");
    story.take(Step::ReadsAgent);
    story.take(Step::Wait(3));
    assert_eq!((story.take(Step::Read), story.take(Step::Read)), (1, 0));
    story.take(Step::AgentPush);
    story.take(Step::ReadsAgent);
    story.take(Step::Wait(3));
    assert_eq!(story.take(Step::Read), 1, "drift is repaired and counted too");
    story.take(Step::ReadsAgent);
    story.watchdog.restart();
    story.take(Step::Wait(3));
    assert_eq!(story.take(Step::Read), 0, "pushes began anew");
}

#[test]
fn requests_are_made_when_due_and_in_vain_ones_reconnect() {
    use Step::{AgentPush, Asked, QueuePush, Read, ReadsAgent, Wait};
    let fresh = [Asked, AgentPush, QueuePush, Read];
    type Case<'a> = (&'a str, &'a [Step], (bool, bool, bool));
    let cases: &[Case<'_>] = &[
        ("just asked", &[], (false, false, false)),
        ("queues are renewed", &[Wait(10)], (false, true, false)),
        ("agents too once something speaks against them", &[Wait(10), ReadsAgent, Wait(3), Read], (true, true, false)),
        ("not at once", &[ReadsAgent, Wait(3), Read], (false, false, false)),
        ("in vain", &[Wait(10), ReadsAgent, Wait(3), Read, Asked, QueuePush, Wait(10)], (true, true, true)),
        (
            "heard in between",
            &[Wait(10), ReadsAgent, Wait(3), Read, Asked, AgentPush, QueuePush, Wait(10)],
            (false, true, false),
        ),
        ("queues in vain once", &[Asked, Wait(10)], (false, true, false)),
        ("queues in vain twice", &[Asked, Wait(10), Asked, Wait(10)], (false, true, true)),
        ("and no sooner", &[Asked, Wait(10), Asked, Wait(9)], (false, false, false)),
        ("then more slowly", &[Asked, Wait(10), Asked, Wait(10), Asked, Wait(19)], (false, false, false)),
        ("but still", &[Asked, Wait(10), Asked, Wait(10), Asked, Wait(20)], (false, true, true)),
    ];
    for (what, steps, decision) in cases {
        let mut story = Story::after(&[&fresh[..], steps].concat());
        assert_eq!(story.decide(), *decision, "{what}");
    }
}

#[test]
fn requests_in_vain_slow_down_and_never_end() {
    let mut story = Story::after(&[Step::Asked, Step::QueuePush, Step::Read, Step::Wait(10), Step::Asked]);
    let mut requests = Vec::new();
    for second in 0..3600_u64 {
        story.take(Step::Wait(1));
        if story.decide().1 {
            story.take(Step::Asked);
            requests.push(second);
        }
    }
    let gaps: Vec<u64> = requests.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps[..3], [10, 20, 30]);
    assert!(gaps[3..].iter().all(|gap| *gap == 45), "{gaps:?}");
}

#[test]
fn subscriptions_that_cannot_be_removed_are_renewed_by_connections() {
    let mut story = Story::after(&[Step::Asked, Step::QueuePush, Step::Wait(24)]);
    let decide = |story: &mut Story| story.watchdog.decide(Kinds::ALL, false, story.now);
    assert_eq!(decide(&mut story), Decision::default());
    story.take(Step::Wait(1));
    let decision = decide(&mut story);
    assert!(decision.reconnect && !decision.doubted.any(), "{decision:?}");
    let nothing = Kinds::default();
    assert_eq!(story.watchdog.decide(nothing, false, story.now), Decision::default(), "nothing to ask for");
}

#[test]
fn queues_that_never_answered_may_be_silent_for_longer() {
    let mut story = Story::new();
    story.watchdog.queues_are(2);
    for step in [Step::Asked, Step::QueuePush, Step::Wait(60)] {
        story.take(step);
    }
    assert_eq!(story.watchdog.trouble(), None, "nothing was asked since");
    for step in [Step::Asked, Step::Wait(10), Step::Asked, Step::Wait(19)] {
        story.take(step);
    }
    assert_eq!(story.watchdog.trouble(), None, "one of two is no answer: it may have changed");
    story.take(Step::Wait(1));
    assert_eq!(story.watchdog.trouble(), SILENT);
    story.take(Step::QueuePush);
    assert_eq!(story.watchdog.trouble(), None);

    // What there is becomes known after it was asked for, at the beginning.
    let mut story = Story::new();
    story.watchdog.queues_are(0);
    for step in [Step::Asked, Step::QueuePush] {
        story.take(step);
    }
    story.watchdog.queues_are(1);
    for step in [Step::Asked, Step::Wait(8)] {
        story.take(step);
    }
    assert_eq!(story.watchdog.trouble(), SILENT);
}

#[test]
fn ages_tell_what_is_too_old_to_be_believed() {
    let (mut ages, begin) = (Ages::default(), Instant::now());
    let at = |second| begin + Duration::from_secs(second);
    for second in 0..40 {
        assert_eq!(ages.pass(Ordinal(second), at(second)), None);
    }
    assert_eq!(ages.pass(Ordinal(40), at(40)), Some(Ordinal(0)));
    assert_eq!(ages.pass(Ordinal(41), at(41)), Some(Ordinal(1)));
    assert_eq!(ages.pass(Ordinal(42), at(100)), Some(Ordinal(41)), "a machine may have slept");
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
    /// Everything but what answers a subscription.
    Changes,
    /// What answers a subscription, and nothing else.
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

/// How old what is shown as live may be.
const PROMISE: usize = 45;

/// How long pushes are lost, from when to when.
const LOST: std::ops::Range<u64> = 60..240;

const AGENTS_THERE: i64 = 6;
const QUEUES_THERE: i64 = 4;

/// What is: agents by status, callers by queue and kind of contact.
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

/// One push on its way.
struct Push {
    due: u64,
    agent: Option<AgentUpdate>,
    queue: Option<QueueUpdate>,
}

/// Clarity, the way, and the feed, a second at a time.
struct Roster {
    loss: Loss,
    quiet: bool,
    rng: StdRng,
    gold: Gold,
    watchdog: PushWatchdog,
    ages: Ages,
    begin: Instant,
    second: u64,
    truth: Truth,
    /// The truth of each of the last seconds, newest first.
    past: VecDeque<Truth>,
    on_the_way: Vec<Push>,
    last_due: u64,
    next_caller: i64,
    next_reading: u64,
    reconnects: u64,
}

impl Roster {
    fn new(loss: Loss, quiet: bool, seed: u64, gold: Gold) -> Self {
        let mut floor = Self {
            loss,
            quiet,
            rng: StdRng::seed_from_u64(seed),
            gold,
            watchdog: PushWatchdog::default(),
            ages: Ages::default(),
            begin: Instant::now(),
            second: 0,
            truth: Truth::default(),
            past: VecDeque::new(),
            on_the_way: Vec::new(),
            last_due: 0,
            next_caller: 1000,
            next_reading: 0,
            reconnects: 0,
        };
        for id in 0..AGENTS_THERE {
            floor.truth.agents.insert(id, 0);
        }
        floor.watchdog.queues_are(usize::try_from(QUEUES_THERE).expect("few"));
        floor
    }

    fn now(&self) -> Instant {
        self.begin + Duration::from_secs(self.second)
    }

    fn is_lossy(&self) -> bool {
        LOST.contains(&self.second)
    }

    /// Sends a push, which arrives or not.
    fn send(&mut self, mut push: Push, is_answer: bool) {
        if self.is_lossy() {
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
                    self.on_the_way.push(again);
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
        self.on_the_way.push(push);
    }

    fn send_agent(&mut self, id: i64, is_answer: bool) {
        let (due, agent) = (self.second, Some(self.truth.agent(id)));
        self.send(Push { due, agent, queue: None }, is_answer);
    }

    /// Things happen, and are pushed as differences.
    fn live_on(&mut self) {
        if !self.quiet || self.second == LOST.start + 15 {
            if self.rng.random_bool(0.3) {
                let id = self.rng.random_range(0..AGENTS_THERE);
                let status = self.rng.random_range(0..AgentStatus::KNOWN.len());
                self.truth.agents.insert(id, status);
                self.send_agent(id, false);
            }
            if self.quiet || self.rng.random_bool(0.3) {
                self.callers_come_and_go();
            }
        }
        self.past.push_front(self.truth.clone());
        self.past.truncate(PROMISE + 1);
    }

    fn callers_come_and_go(&mut self) {
        let (queue, is_call) = (self.rng.random_range(0..QUEUES_THERE), self.rng.random_bool(0.6));
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

    async fn arrive(&mut self) {
        let second = self.second;
        let (arrived, later): (Vec<_>, Vec<_>) = self.on_the_way.drain(..).partition(|push| push.due <= second);
        self.on_the_way = later;
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

    async fn read(&mut self) {
        let decision = self.watchdog.decide(Kinds::ALL, true, self.now());
        let asked = if decision.reconnect { Kinds::ALL } else { decision.subscribe };
        self.reconnects += u64::from(decision.reconnect);
        self.watchdog.asked(asked, self.now());
        if asked.queues {
            for id in 0..QUEUES_THERE {
                let queue = self.truth.queue(id, None);
                self.send(Push { due: self.second, agent: None, queue: Some(queue) }, true);
            }
        }
        if asked.agents {
            for id in 0..AGENTS_THERE {
                self.send_agent(id, true);
            }
        }
        self.arrive().await;
        let asked = self.gold.next_ordinal();
        self.gold.flush().await;
        let agents: Vec<_> = (0..AGENTS_THERE).map(|id| self.truth.agent(id)).collect();
        let differs = |agent: &AgentUpdate| {
            let known = self.gold.copy().get(&Key::Agent(agent.id));
            let Some(Entity::Agent(known)) = known.as_deref() else { return true };
            agent.status.as_ref().is_some_and(|status| status.status != Change::Set(known.status.clone()))
        };
        let agents_differ = agents.iter().filter(|agent| differs(agent)).map(|agent| (agent.id, asked)).collect();
        self.gold.apply(Fact::AgentSnapshots { asked, agents }).await;
        self.watchdog.read(asked, &Differences { agents: agents_differ, queues: Vec::new() }, self.now());
    }

    /// One second. Returns whether it is shown as live.
    async fn step(&mut self) -> bool {
        self.live_on();
        self.arrive().await;
        if self.next_reading <= self.second {
            self.read().await;
            self.next_reading = self.second + if self.watchdog.trouble().is_some() { 5 } else { 15 };
        }
        self.watchdog.tick(Kinds::ALL, self.now());
        if self.watchdog.trouble().is_some() {
            self.next_reading = self.next_reading.min(self.second + 5);
        }
        if let Some(before) = self.ages.pass(self.gold.next_ordinal(), self.now()) {
            self.gold.apply(Fact::QueuePushesMissed { before, searched_too: true }).await;
        }
        self.gold.flush().await;
        let is_live = self.watchdog.trouble().is_none();
        if is_live {
            self.check();
        }
        self.second += 1;
        is_live
    }

    /// Whatever is shown was true at some time within the promise.
    fn check(&self) {
        let what = || format!("{:?} in second {}", self.loss, self.second);
        for id in 0..AGENTS_THERE {
            let known = self.gold.copy().get(&Key::Agent(AgentId(id)));
            let Some(Entity::Agent(known)) = known.as_deref() else { continue };
            let was = |truth: &Truth| truth.agents.get(&id).is_some_and(|it| AgentStatus::KNOWN[*it] == known.status);
            assert!(self.past.iter().any(was), "agent {id} is shown as {:?}: {}", known.status, what());
        }
        for id in 0..QUEUES_THERE {
            let known = self.gold.copy().get(&Key::Queue(QueueId(id)));
            let Some(Entity::Queue(known)) = known.as_deref() else { continue };
            if let Some(waiting) = known.waiting {
                // The kinds of contact are told by themselves.
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
        (0..QUEUES_THERE).all(|id| {
            let known = self.gold.copy().get(&Key::Queue(QueueId(id)));
            matches!(known.as_deref(), Some(Entity::Queue(queue)) if queue.waiting == Some(self.truth.waiting(id)))
        })
    }
}

fn gold() -> Gold {
    Gold::start(MatchRules::default(), BusinessDay::default(), Clock::system(), &Lifecycle::new())
}

/// Whatever is lost: within 45 seconds the truth, or not live, or unknown. And what is over is over within a minute and a
/// half: the longest pause between two requests, and the time on probation.
#[tokio::test]
async fn live_numbers_are_true_or_unknown_whatever_is_lost() {
    for loss in LOSSES {
        for seed in 0..12 {
            let mut floor = Roster::new(loss, seed % 4 == 3, seed, gold());
            let mut seconds_not_live = 0;
            while floor.second < LOST.end + 90 {
                seconds_not_live += u64::from(!floor.step().await);
                if loss == Loss::None {
                    assert!(floor.all_queues_are_known(), "seed {seed} in second {}", floor.second);
                }
            }
            assert!(floor.step().await && floor.all_queues_are_known(), "{loss:?} is over, seed {seed}");
            match loss {
                Loss::None | Loss::Doubled => assert_eq!((seconds_not_live, floor.reconnects), (0, 0), "seed {seed}"),
                Loss::All | Loss::Queues => assert!(seconds_not_live > 120, "{seconds_not_live}, seed {seed}"),
                _ => {}
            }
            assert!(floor.reconnects <= 8, "{loss:?}: {} connections, seed {seed}", floor.reconnects);
        }
    }
}
