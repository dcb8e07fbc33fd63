//! Watches for signs that the structure has changed: an answer or a push about an agent, queue or team that the
//! structure does not name, or names otherwise.
//!
//! A new mismatch asks for the structure at once. One that a fresh structure does not explain asks less and less often,
//! and all of them together ask four times a minute at most: the load on Clarity is bounded whatever it sends.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::roster::Roster;
use crate::domain::{AgentUpdate, Change, Fact, QueueUpdate, SessionListUpdates};
use crate::gold::{Entity, Gold, Key};

/// The shortest time between two reads of the structure.
const MIN_INTERVAL: Duration = Duration::from_secs(15);

/// The longest time between two requests for the structure because of one mismatch.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// The number of mismatches that are handled one by one. More at once are one large change.
const MAX_MISMATCHES: usize = 2000;

/// Something that the structure does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mismatch {
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

/// Decides when to read the structure earlier than it is due.
#[derive(Debug, Default)]
pub(super) struct StructureWatch {
    /// When each mismatch may ask again, and its current pause.
    mismatches: HashMap<Mismatch, (Instant, Duration)>,
    /// Since when there is a reason to read the structure.
    wanted: Option<Instant>,
    /// When it was last requested.
    requested: Option<Instant>,
}

impl StructureWatch {
    /// Asks for the structure, unless it was requested just now.
    pub fn want_unless_fresh(&mut self, now: Instant) {
        if self.requested.is_none_or(|requested| now.duration_since(requested) >= MIN_INTERVAL) {
            self.want(now);
        }
    }

    fn want(&mut self, now: Instant) {
        self.wanted.get_or_insert(now);
    }

    /// Notes a mismatch, which asks for the structure unless it has asked lately.
    pub fn note(&mut self, mismatch: Mismatch, now: Instant) {
        if self.mismatches.len() >= MAX_MISMATCHES && !self.mismatches.contains_key(&mismatch) {
            // Those that may ask again are forgotten: they ask as if they were new.
            self.mismatches.retain(|_, (next, _)| *next > now);
        }
        let is_full = self.mismatches.len() >= MAX_MISMATCHES;
        match self.mismatches.get_mut(&mismatch) {
            Some((next, _)) if *next > now => {}
            Some((next, pause)) => {
                *pause = (*pause * 2).min(MAX_PAUSE);
                *next = now + *pause;
                self.want(now);
            }
            None if is_full => {}
            None => {
                self.mismatches.insert(mismatch, (now + MIN_INTERVAL, MIN_INTERVAL));
                self.want(now);
            }
        }
    }

    /// When to read the structure. `None`: no reason to.
    pub fn due(&self) -> Option<Instant> {
        let earliest = self.requested.map(|requested| requested + MIN_INTERVAL);
        self.wanted.map(|wanted| earliest.map_or(wanted, |earliest| earliest.max(wanted)))
    }

    /// The structure is requested now. A mismatch that comes while the answer is on its way asks again.
    pub fn requested(&mut self, now: Instant) {
        (self.requested, self.wanted) = (Some(now), None);
    }
}

/// The mismatches between the structure and a fact about agents and queues.
pub(super) fn mismatches(fact: &Fact, roster: &Roster, gold: &Gold) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let (agents, queues) = match fact {
        Fact::AgentUpdated { agent, .. } => (std::slice::from_ref(&**agent), &[][..]),
        Fact::AgentSnapshots { agents, .. } => (&agents[..], &[][..]),
        Fact::QueueUpdated { queue, .. } => (&[][..], std::slice::from_ref(&**queue)),
        Fact::QueueSnapshots { queues, .. } => (&[][..], &queues[..]),
        Fact::SearchResults { agents, queues, .. } => (&agents[..], &queues[..]),
        _ => return found,
    };
    agents.iter().for_each(|agent| of_agent(agent, roster, gold, &mut found));
    queues.iter().for_each(|queue| of_queue(queue, roster, gold, &mut found));
    found
}

fn of_agent(agent: &AgentUpdate, roster: &Roster, gold: &Gold, found: &mut Vec<Mismatch>) {
    let id = agent.id.0;
    if !roster.has_agent(id) {
        found.push(Mismatch::Agent(id));
    } else if agent.team.is_some() || agent.name.is_some() {
        let known = gold.copy().get(&Key::Agent(agent.id));
        if let Some(Entity::Agent(known)) = known.as_deref() {
            if let Some(team) = agent.team.filter(|team| known.team != Some(*team)) {
                found.push(Mismatch::Team(id, team.0));
            }
            if known.name.is_some() && agent.name.is_some() && known.name != agent.name {
                found.push(Mismatch::AgentName(id));
            }
        }
    }
    of_sessions(&agent.sessions, roster, found);
}

fn of_queue(queue: &QueueUpdate, roster: &Roster, gold: &Gold, found: &mut Vec<Mismatch>) {
    note_queue(queue.id.0, roster, found);
    if queue.name.is_some() {
        let known = gold.copy().get(&Key::Queue(queue.id));
        if let Some(Entity::Queue(known)) = known.as_deref()
            && known.name.is_some()
            && known.name != queue.name
        {
            found.push(Mismatch::QueueName(queue.id.0));
        }
    }
    of_sessions(&queue.sessions, roster, found);
}

fn of_sessions(sessions: &SessionListUpdates, roster: &Roster, found: &mut Vec<Mismatch>) {
    for session in sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added)) {
        if let Change::Set(queue) = session.queue {
            note_queue(queue.0, roster, found);
        }
        if let Change::Set(agent) = session.agent
            && !roster.has_agent(agent.0)
        {
            found.push(Mismatch::Agent(agent.0));
        }
    }
}

/// Numbers that stand for direct calls are queues in no structure (apis.md C57).
fn note_queue(queue: i64, roster: &Roster, found: &mut Vec<Mismatch>) {
    if queue > 0 && queue != 9999 && !roster.has_queue(queue) {
        found.push(Mismatch::Queue(queue));
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

    /// The seconds at which the structure is requested, in an hour in which these mismatches come every second.
    fn asked_in_an_hour(mismatch: impl Fn(u64) -> Mismatch) -> Vec<u64> {
        let (mut watch, start) = (StructureWatch::default(), Instant::now());
        watch.requested(start);
        let mut asked = Vec::new();
        for second in 1..=3600 {
            let now = start + seconds(second);
            watch.note(mismatch(second), now);
            if watch.due().is_some_and(|due| due <= now) {
                watch.requested(now);
                asked.push(second);
            }
        }
        asked
    }

    #[test]
    fn unexplained_mismatch_asks_less_and_less_often() {
        let asked = asked_in_an_hour(|_| Mismatch::Agent(99));
        // Each time that it may ask again its pause is twice as long; the first two wait for the shortest interval.
        assert_eq!(asked, [15, 30, 46, 106, 226, 466, 946, 1906], "a doubling pause");
    }

    #[test]
    fn endless_mismatches_ask_four_times_a_minute_at_most() {
        let asked = asked_in_an_hour(|second| Mismatch::Queue(i64::try_from(second).expect("small")));
        assert!(asked.windows(2).all(|two| two[1] - two[0] >= 15) && asked.len() <= 240, "{asked:?}");
    }

    #[test]
    fn mismatch_long_after_the_last_read_asks_at_once() {
        let (mut watch, start) = (StructureWatch::default(), Instant::now());
        assert_eq!(watch.due(), None);
        watch.requested(start);
        watch.note(Mismatch::Team(41, 4), start + seconds(20));
        assert_eq!(watch.due(), Some(start + seconds(20)));
        watch.requested(start + seconds(20));
        assert_eq!(watch.due(), None);
        watch.want_unless_fresh(start + seconds(21));
        assert_eq!(watch.due(), None);
        watch.note(Mismatch::Agent(43), start + seconds(21));
        assert_eq!(watch.due(), Some(start + seconds(35)));
    }

    #[test]
    fn endless_mismatches_do_not_fill_the_memory() {
        let (mut watch, start) = (StructureWatch::default(), Instant::now());
        for number in 0..MAX_MISMATCHES + 100 {
            watch.note(Mismatch::Agent(i64::try_from(number).expect("small")), start);
        }
        assert_eq!(watch.mismatches.len(), MAX_MISMATCHES);
        watch.note(Mismatch::Agent(-1), start + MAX_PAUSE);
        assert_eq!(watch.mismatches.len(), 1, "those that may ask again are forgotten");
    }

    #[tokio::test]
    async fn fact_that_the_structure_contradicts_is_a_mismatch() {
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
        let roster = Roster::of([41], [(11, "Sales")]);
        let call = |agent: i64, queue: i64| {
            let mut session = SessionUpdate::new(SessionId(1));
            (session.agent, session.queue) = (Change::Set(AgentId(agent)), Change::Set(QueueId(queue)));
            let list = SessionListUpdate { added: vec![session], ..SessionListUpdate::default() };
            AgentUpdate { sessions: vec![(Modality::Audio, list)], ..AgentUpdate::new(AgentId(41)) }
        };
        let pushed = |agent| Fact::AgentUpdated { received: Ordinal(1), agent: Box::new(agent) };
        let queue_pushed = |queue| Fact::QueueUpdated { received: Ordinal(1), queue: Box::new(queue) };
        for (fact, expected) in [
            (pushed(named(41, "Ada", Some(3))), vec![]),
            (pushed(named(43, "Mia", None)), vec![Mismatch::Agent(43)]),
            (pushed(named(41, "Ada", Some(4))), vec![Mismatch::Team(41, 4)]),
            (pushed(named(41, "Ada X.", None)), vec![Mismatch::AgentName(41)]),
            (queue_pushed(queue(11, "Sales")), vec![]),
            (queue_pushed(queue(11, "Service")), vec![Mismatch::QueueName(11)]),
            (queue_pushed(queue(12, "Service")), vec![Mismatch::Queue(12)]),
            (pushed(call(41, 11)), vec![]),
            (pushed(call(43, 12)), vec![Mismatch::Queue(12), Mismatch::Agent(43)]),
            (pushed(call(41, -2)), vec![]),
            (pushed(call(41, 9999)), vec![]),
        ] {
            let what = format!("{fact:?}");
            assert_eq!(mismatches(&fact, &roster, &gold), expected, "{what}");
        }
        life.kill();
    }
}
