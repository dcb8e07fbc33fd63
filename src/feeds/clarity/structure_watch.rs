//! Signs that the structure is no longer what it was: an agent, a queue or a team that it does not name, or names otherwise.
//!
//! A sign asks for the structure at once. Whatever the structure never comes to know asks less and less often, and all signs
//! together ask for it four times a minute at most: the load on Clarity is bounded whatever it tells.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::snapshot::Roster;
use crate::domain::{AgentUpdate, Change, Fact, QueueUpdate, SessionListUpdates};
use crate::gold::{Entity, Gold, Key};

/// How far apart two readings of the structure are, at least.
const PACE: Duration = Duration::from_secs(15);

/// How seldom one and the same sign asks in the end.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How many signs are told apart. More than that at once are one large change.
const MOST: usize = 2000;

/// What the structure does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sign {
    /// It does not name this agent.
    Agent(i64),
    /// It does not name this queue.
    Queue(i64),
    /// It has this agent in another team.
    Team(i64, i64),
    /// It has another name for this agent.
    AgentName(i64),
    /// It has another name for this queue.
    QueueName(i64),
}

/// When to ask for the structure beside the times at which it is asked for anyway.
#[derive(Debug, Default)]
pub(super) struct StructureWatch {
    /// When each sign may ask again, and how long it waits after that.
    signs: HashMap<Sign, (Instant, Duration)>,
    /// Since when there is reason to ask.
    wanted: Option<Instant>,
    /// When it was last asked for.
    asked: Option<Instant>,
}

impl StructureWatch {
    /// There is reason to ask.
    pub fn want(&mut self, now: Instant) {
        self.wanted.get_or_insert(now);
    }

    /// There is reason to ask, unless it was asked for just now.
    pub fn want_unless_fresh(&mut self, now: Instant) {
        if self.asked.is_none_or(|asked| now.duration_since(asked) >= PACE) {
            self.want(now);
        }
    }

    /// Something was told that the structure does not know.
    pub fn note(&mut self, sign: Sign, now: Instant) {
        if self.signs.len() >= MOST && !self.signs.contains_key(&sign) {
            // Those that may ask again are forgotten: they ask as if they were new.
            self.signs.retain(|_, (next, _)| *next > now);
        }
        let is_full = self.signs.len() >= MOST;
        match self.signs.get_mut(&sign) {
            Some((next, _)) if *next > now => {}
            Some((next, pause)) => {
                *pause = (*pause * 2).min(LONGEST_PAUSE);
                *next = now + *pause;
                self.want(now);
            }
            None if is_full => {}
            None => {
                self.signs.insert(sign, (now + PACE, PACE));
                self.want(now);
            }
        }
    }

    /// When to ask. `None`: there is no reason to.
    pub fn due(&self) -> Option<Instant> {
        let earliest = self.asked.map(|asked| asked + PACE);
        self.wanted.map(|wanted| earliest.map_or(wanted, |earliest| earliest.max(wanted)))
    }

    /// It is asked for now. A sign that comes while the answer is on its way asks again.
    pub fn ask(&mut self, now: Instant) {
        (self.asked, self.wanted) = (Some(now), None);
    }
}

/// The signs in what was pushed or answered about agents and queues.
pub(super) fn signs(fact: &Fact, floor: &Roster, gold: &Gold) -> Vec<Sign> {
    let mut signs = Vec::new();
    match fact {
        Fact::AgentUpdated { agent, .. } => of_agent(agent, floor, gold, &mut signs),
        Fact::AgentSnapshots { agents, .. } => agents.iter().for_each(|agent| of_agent(agent, floor, gold, &mut signs)),
        Fact::QueueUpdated { queue, .. } => of_queue(queue, floor, gold, &mut signs),
        Fact::QueueSnapshots { queues, .. } => queues.iter().for_each(|queue| of_queue(queue, floor, gold, &mut signs)),
        Fact::SearchResults { agents, queues, .. } => {
            agents.iter().for_each(|agent| of_agent(agent, floor, gold, &mut signs));
            queues.iter().for_each(|queue| of_queue(queue, floor, gold, &mut signs));
        }
        _ => {}
    }
    signs
}

fn of_agent(agent: &AgentUpdate, floor: &Roster, gold: &Gold, signs: &mut Vec<Sign>) {
    let id = agent.id.0;
    if !floor.has_agent(id) {
        signs.push(Sign::Agent(id));
    } else if agent.team.is_some() || agent.name.is_some() {
        let known = gold.copy().get(&Key::Agent(agent.id));
        if let Some(Entity::Agent(known)) = known.as_deref() {
            if let Some(team) = agent.team.filter(|team| known.team != Some(*team)) {
                signs.push(Sign::Team(id, team.0));
            }
            if known.name.is_some() && agent.name.is_some() && known.name != agent.name {
                signs.push(Sign::AgentName(id));
            }
        }
    }
    of_sessions(&agent.sessions, floor, signs);
}

fn of_queue(queue: &QueueUpdate, floor: &Roster, gold: &Gold, signs: &mut Vec<Sign>) {
    note_queue(queue.id.0, floor, signs);
    if queue.name.is_some() {
        let known = gold.copy().get(&Key::Queue(queue.id));
        if let Some(Entity::Queue(known)) = known.as_deref()
            && known.name.is_some()
            && known.name != queue.name
        {
            signs.push(Sign::QueueName(queue.id.0));
        }
    }
    of_sessions(&queue.sessions, floor, signs);
}

fn of_sessions(sessions: &SessionListUpdates, floor: &Roster, signs: &mut Vec<Sign>) {
    let lists = sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added));
    for session in lists {
        if let Change::Set(queue) = session.queue {
            note_queue(queue.0, floor, signs);
        }
        if let Change::Set(agent) = session.agent
            && !floor.has_agent(agent.0)
        {
            signs.push(Sign::Agent(agent.0));
        }
    }
}

/// Numbers that stand for no queue are in no structure (`apis.md` C57).
fn note_queue(queue: i64, floor: &Roster, signs: &mut Vec<Sign>) {
    if queue > 0 && queue != 9999 && !floor.has_queue(queue) {
        signs.push(Sign::Queue(queue));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::SessionListUpdate;
    use crate::domain::{AgentId, Modality, Ordinal, QueueId, SessionId, SessionUpdate, StructureSnapshot, TeamId};

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// When the structure is asked for in an hour in which these signs come every second.
    fn asked_in_an_hour(signs: impl Fn(u64) -> Sign) -> Vec<u64> {
        let (mut watch, start) = (StructureWatch::default(), Instant::now());
        watch.ask(start);
        let mut asked = Vec::new();
        for second in 1..=3600 {
            let now = start + seconds(second);
            watch.note(signs(second), now);
            if watch.due().is_some_and(|due| due <= now) {
                watch.ask(now);
                asked.push(second);
            }
        }
        asked
    }

    #[test]
    fn sign_that_never_comes_true_asks_less_and_less_often() {
        let asked = asked_in_an_hour(|_| Sign::Agent(99));
        // Each time that it may ask again its pause is twice as long; the first two wait for the pace.
        assert_eq!(asked, [15, 30, 46, 106, 226, 466, 946, 1906], "a doubling pause");
    }

    #[test]
    fn signs_without_end_ask_four_times_a_minute_at_most() {
        let asked = asked_in_an_hour(|second| Sign::Queue(i64::try_from(second).expect("small")));
        assert!(asked.windows(2).all(|two| two[1] - two[0] >= 15) && asked.len() <= 240, "{asked:?}");
    }

    #[test]
    fn sign_asks_at_once_where_the_last_question_was_long_ago() {
        let (mut watch, start) = (StructureWatch::default(), Instant::now());
        assert_eq!(watch.due(), None);
        watch.ask(start);
        watch.note(Sign::Team(41, 4), start + seconds(20));
        assert_eq!(watch.due(), Some(start + seconds(20)));
        watch.ask(start + seconds(20));
        assert_eq!(watch.due(), None);
        watch.want_unless_fresh(start + seconds(21));
        assert_eq!(watch.due(), None);
        watch.note(Sign::Agent(43), start + seconds(21));
        assert_eq!(watch.due(), Some(start + seconds(35)));
    }

    #[test]
    fn signs_without_end_do_not_fill_the_memory() {
        let (mut watch, start) = (StructureWatch::default(), Instant::now());
        for number in 0..MOST + 100 {
            watch.note(Sign::Agent(i64::try_from(number).expect("small")), start);
        }
        assert_eq!(watch.signs.len(), MOST);
        watch.note(Sign::Agent(-1), start + LONGEST_PAUSE);
        assert_eq!(watch.signs.len(), 1, "those that may ask again are forgotten");
    }

    #[tokio::test]
    async fn what_the_structure_does_not_know_is_a_sign() {
        let (clock, life) = (base::Clock::system(), base::Lifecycle::new());
        let gold = Gold::start(crate::gold::MatchRules::default(), crate::gold::BusinessDay::default(), clock, &life);
        let named = |id: i64, name: &str, team: Option<i64>| AgentUpdate {
            name: Some(name.into()),
            team: team.map(TeamId),
            ..AgentUpdate::new(AgentId(id))
        };
        let queue = |id: i64, name: &str| QueueUpdate { name: Some(name.into()), ..QueueUpdate::new(QueueId(id)) };
        let (agents, queues) = (vec![named(41, "Ada", Some(3))], vec![queue(11, "Sales")]);
        gold.apply(Fact::Structure(StructureSnapshot { agents, queues, teams: Vec::new() })).await;
        gold.flush().await;
        let floor = Roster::of([41], [(11, "Sales")]);
        let call = |agent: i64, queue: i64| {
            let mut session = SessionUpdate::new(SessionId(1));
            (session.agent, session.queue) = (Change::Set(AgentId(agent)), Change::Set(QueueId(queue)));
            let list = SessionListUpdate { added: vec![session], ..SessionListUpdate::default() };
            AgentUpdate { sessions: vec![(Modality::Audio, list)], ..AgentUpdate::new(AgentId(41)) }
        };
        let pushed = |agent| Fact::AgentUpdated { received: Ordinal(1), agent: Box::new(agent) };
        let told = |queue| Fact::QueueUpdated { received: Ordinal(1), queue: Box::new(queue) };
        for (fact, expected) in [
            (pushed(named(41, "Ada", Some(3))), vec![]),
            (pushed(named(43, "Mia", None)), vec![Sign::Agent(43)]),
            (pushed(named(41, "Ada", Some(4))), vec![Sign::Team(41, 4)]),
            (pushed(named(41, "Ada X.", None)), vec![Sign::AgentName(41)]),
            (told(queue(11, "Sales")), vec![]),
            (told(queue(11, "Service")), vec![Sign::QueueName(11)]),
            (told(queue(12, "Service")), vec![Sign::Queue(12)]),
            (pushed(call(41, 11)), vec![]),
            (pushed(call(43, 12)), vec![Sign::Queue(12), Sign::Agent(43)]),
            (pushed(call(41, -2)), vec![]),
            (pushed(call(41, 9999)), vec![]),
        ] {
            let what = format!("{fact:?}");
            assert_eq!(signs(&fact, &floor, &gold), expected, "{what}");
        }
        life.kill();
    }
}
