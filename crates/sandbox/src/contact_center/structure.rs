//! Agents, and the structure in which they stand.

use std::collections::{BTreeMap, VecDeque};

use rand::RngExt;
use rand::rngs::StdRng;

use super::contacts::{Modality, Queue, QueueTally};
use super::{Moment, SECOND, names};

/// What an agent does; the names are the upstream's (`apis.md` C50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Available = 1,
    InCall = 2,
    Unavailable = 3,
    AfterCall = 5,
    LoggedOut = 6,
    OffPhoneActivity = 7,
    RingOnNoAnswer = 8,
    Busy = 9,
    BeRightBack = 10,
    InImCall = 14,
    AtLunch = 17,
    OffWork = 18,
    Ringing = 20,
}

impl Status {
    /// All that this world knows.
    pub const ALL: [Self; 13] = [
        Self::Available,
        Self::InCall,
        Self::Unavailable,
        Self::AfterCall,
        Self::LoggedOut,
        Self::OffPhoneActivity,
        Self::RingOnNoAnswer,
        Self::Busy,
        Self::BeRightBack,
        Self::InImCall,
        Self::AtLunch,
        Self::OffWork,
        Self::Ringing,
    ];

    /// The name as the list of statuses writes it; metrics write it with a small first letter (`apis.md` B63).
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The name in metrics and pushes.
    #[must_use]
    pub fn camel(self) -> String {
        let name = self.name();
        name[..1].to_ascii_lowercase() + &name[1..]
    }
}

/// Why somebody is away.
pub const REASONS: [(i64, &str); 4] = [(1, "On Break"), (2, "At Lunch"), (3, "In A Meeting"), (4, "Training")];

/// Counters of one modality of an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AgentTally {
    /// Contacts answered from a queue.
    pub answered: u64,
    /// Contacts that rang in vain.
    pub rona: u64,
    /// Contacts taken, passed-on ones included.
    pub taken: u64,
}

impl AgentTally {
    /// The counters by the upstream's names.
    #[must_use]
    pub fn counters(self) -> [(&'static str, u64); 3] {
        [("answeredCount", self.answered), ("ronaCount", self.rona), ("takenCount", self.taken)]
    }
}

/// A status that is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stint {
    /// What they did.
    pub status: Status,
    /// Why they were away.
    pub reason: Option<(i64, &'static str)>,
    /// From when.
    pub began: Moment,
    /// Until when.
    pub ended: Moment,
}

/// Somebody who takes contacts.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// From 1 on.
    pub id: i64,
    /// First name.
    pub first: &'static str,
    /// Last name.
    pub last: &'static str,
    /// The team.
    pub team: i64,
    /// What they do.
    pub status: Status,
    /// Why they are away.
    pub reason: Option<(i64, &'static str)>,
    /// Since when.
    pub since: Moment,
    /// Whether they get no contacts.
    pub suspended: bool,
    /// The contact in hand, or the one that rings.
    pub session: Option<i64>,
    /// Counters by modality.
    pub tallies: BTreeMap<Modality, AgentTally>,
    /// Counters by queue.
    pub by_queue: BTreeMap<i64, AgentTally>,
    /// What they did before, the oldest first.
    pub past: VecDeque<Stint>,
    /// How long they have been available in all, up to the last change.
    pub available: Moment,
    /// Rises with each change of status, so that a timer can tell whether it is out of date.
    pub stint: u64,
}

impl Agent {
    /// A contact of this kind and queue was counted.
    pub(super) fn count(&mut self, modality: Modality, queue: i64, count: impl Fn(&mut AgentTally)) {
        count(self.tallies.entry(modality).or_default());
        count(self.by_queue.entry(queue).or_default());
    }

    /// The name that colleagues see: `Rob T.`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}.", self.first, self.last.chars().next().unwrap_or('X'))
    }

    /// The mailbox, before the `@`: unique, because the id is in it.
    #[must_use]
    pub fn login(&self) -> String {
        format!("{}.{}{}", self.first, self.last, self.id).to_lowercase()
    }

    /// The mail address.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}@example.com", self.login())
    }

    /// Whether a contact may be offered.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.status == Status::Available && !self.suspended && self.session.is_none()
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// From 1 on.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// The business unit.
    pub unit: i64,
    /// The groups it belongs to.
    pub groups: Vec<i64>,
}

/// A group of teams.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// From 1 on.
    pub id: i64,
    /// What it is called.
    pub name: &'static str,
}

/// A business unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// From 1 on.
    pub id: i64,
    /// What it is called.
    pub name: &'static str,
}

/// Who exists, before anything happens.
pub(super) struct Structure {
    pub agents: BTreeMap<i64, Agent>,
    pub queues: BTreeMap<i64, Queue>,
    pub teams: BTreeMap<i64, Team>,
    pub groups: BTreeMap<i64, Group>,
    pub units: BTreeMap<i64, Unit>,
}

impl Structure {
    pub fn new(chance: &mut StdRng, agents: u32, queues: u32) -> Self {
        let team_count = i64::from((agents / 12).max(1));
        let group_names = ["Europe", "Americas", "Specialists"];
        let unit_names = ["Retail", "Services"];
        let groups = (1..=3).zip(group_names).map(|(id, name)| (id, Group { id, name })).collect();
        let units = (1..=2).zip(unit_names).map(|(id, name)| (id, Unit { id, name })).collect();
        let teams = (1..=team_count)
            .map(|id| {
                let name = names::pick(&names::TEAMS, id);
                (id, Team { id, name, unit: (id - 1) % 2 + 1, groups: vec![(id - 1) % 3 + 1] })
            })
            .collect();
        let agents = (1..=i64::from(agents)).map(|id| (id, agent(chance, id, team_count))).collect::<BTreeMap<_, _>>();
        let queue_count = i64::from(queues);
        // The floor as a whole gets one contact every two minutes for each agent, shared among the queues.
        let pace = 117 * SECOND * queue_count / agents.len() as i64;
        let queues = (1..=queue_count).map(|id| (id, queue(chance, id, queue_count, team_count, pace))).collect();
        Self { agents, queues, teams, groups, units }
    }
}

fn agent(chance: &mut StdRng, id: i64, teams: i64) -> Agent {
    Agent {
        id,
        first: names::FIRST[chance.random_range(0..names::FIRST.len())],
        last: names::LAST[chance.random_range(0..names::LAST.len())],
        team: (id - 1) % teams + 1,
        status: Status::LoggedOut,
        reason: None,
        since: 0,
        suspended: false,
        session: None,
        tallies: BTreeMap::new(),
        by_queue: BTreeMap::new(),
        past: VecDeque::new(),
        available: 0,
        stint: 0,
    }
}

fn queue(chance: &mut StdRng, id: i64, queues: i64, teams: i64, pace: Moment) -> Queue {
    // Each queue is served by three neighbouring teams, and neighbours overlap: help is near, but never from everywhere.
    let first = (id - 1) * teams / queues;
    let mut serving: Vec<i64> = (0..3.min(teams)).map(|step| (first + step) % teams + 1).collect();
    serving.sort_unstable();
    Queue {
        id,
        name: names::pick(&names::QUEUES, id),
        modality: match id % 6 {
            4 => Modality::InstantMessage,
            0 => Modality::Message,
            _ => Modality::Audio,
        },
        unit: (id - 1) % 2 + 1,
        teams: serving,
        tally: QueueTally::default(),
        forced_waiting: None,
        pace,
        rhythm: (chance.random_range(180..480) * SECOND, chance.random_range(0.0..1.0)),
    }
}
