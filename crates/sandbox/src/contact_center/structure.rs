//! Agents, teams, groups and business units.

use std::collections::{BTreeMap, VecDeque};

use rand::RngExt;
use rand::rngs::StdRng;

use super::contacts::{Modality, Queue, QueueTotals};
use super::{Moment, SECOND, names};

/// The status of an agent, by Clarity's names and ids (apis.md C50).
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
    /// All statuses of the simulation.
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

    /// The name in the list of statuses, such as `InCall`. Metrics write `inCall` instead (apis.md B63).
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The name in metrics and pushes, such as `inCall`.
    #[must_use]
    pub fn camel(self) -> String {
        let name = self.name();
        name[..1].to_ascii_lowercase() + &name[1..]
    }
}

/// Reason codes of the status Unavailable: id and name.
pub const REASONS: [(i64, &str); 4] = [(1, "On Break"), (2, "At Lunch"), (3, "In A Meeting"), (4, "Training")];

/// Counters of an agent, for one modality or one queue.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AgentCounters {
    /// Contacts answered from a queue.
    pub answered: u64,
    /// Contacts not answered (RONA).
    pub rona: u64,
    /// Contacts answered, transferred ones included.
    pub taken: u64,
}

impl AgentCounters {
    /// The counters by their names on the wire.
    #[must_use]
    pub fn by_name(self) -> [(&'static str, u64); 3] {
        [("answeredCount", self.answered), ("ronaCount", self.rona), ("takenCount", self.taken)]
    }
}

/// A past status.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatusInterval {
    /// The status.
    pub status: Status,
    /// The reason code.
    pub reason: Option<(i64, &'static str)>,
    /// When it began.
    pub began: Moment,
    /// When it ended.
    pub ended: Moment,
}

/// An agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Counted from 1.
    pub id: i64,
    /// First name.
    pub first: &'static str,
    /// Last name.
    pub last: &'static str,
    /// The team.
    pub team: i64,
    /// The current status.
    pub status: Status,
    /// The reason code of the current status.
    pub reason: Option<(i64, &'static str)>,
    /// When the current status began.
    pub since: Moment,
    /// Suspended agents are offered no contacts.
    pub suspended: bool,
    /// The contact that the agent handles or is offered.
    pub session: Option<i64>,
    /// Counters by modality.
    pub by_modality: BTreeMap<Modality, AgentCounters>,
    /// Counters by queue.
    pub by_queue: BTreeMap<i64, AgentCounters>,
    /// Earlier statuses, oldest first.
    pub past: VecDeque<StatusInterval>,
    /// Total time in the status Available, up to the last change.
    pub available: Moment,
    /// Increases with each change of status, so that a timer of an earlier status can be ignored.
    pub status_revision: u64,
}

impl Agent {
    /// Counts a contact of this modality and queue.
    pub(super) fn count(&mut self, modality: Modality, queue: i64, count: impl Fn(&mut AgentCounters)) {
        count(self.by_modality.entry(modality).or_default());
        count(self.by_queue.entry(queue).or_default());
    }

    /// The public name, such as `Rob T.`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}.", self.first, self.last.chars().next().unwrap_or('X'))
    }

    /// The login name and mailbox; unique, because it contains the id.
    #[must_use]
    pub fn login(&self) -> String {
        format!("{}.{}{}", self.first, self.last, self.id).to_lowercase()
    }

    /// The mail address.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}@example.com", self.login())
    }

    /// Whether a contact can be offered to the agent.
    #[must_use]
    pub fn can_be_offered(&self) -> bool {
        self.status == Status::Available && !self.suspended && self.session.is_none()
    }
}

/// A team.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// Counted from 1.
    pub id: i64,
    /// The name.
    pub name: String,
    /// The business unit.
    pub unit: i64,
    /// The groups that it belongs to.
    pub groups: Vec<i64>,
}

/// A group of teams.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Counted from 1.
    pub id: i64,
    /// The name.
    pub name: &'static str,
}

/// A business unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Counted from 1.
    pub id: i64,
    /// The name.
    pub name: &'static str,
}

/// The entities at the start.
pub(super) struct Structure {
    pub agents: BTreeMap<i64, Agent>,
    pub queues: BTreeMap<i64, Queue>,
    pub teams: BTreeMap<i64, Team>,
    pub groups: BTreeMap<i64, Group>,
    pub units: BTreeMap<i64, Unit>,
}

impl Structure {
    pub fn new(rng: &mut StdRng, agents: u32, queues: u32) -> Self {
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
        let agents = (1..=i64::from(agents)).map(|id| (id, agent(rng, id, team_count))).collect::<BTreeMap<_, _>>();
        let queue_count = i64::from(queues);
        // All queues together get one contact every two minutes per agent.
        let gap = 117 * SECOND * queue_count / agents.len() as i64;
        let queues = (1..=queue_count).map(|id| (id, queue(rng, id, queue_count, team_count, gap))).collect();
        Self { agents, queues, teams, groups, units }
    }
}

fn agent(rng: &mut StdRng, id: i64, teams: i64) -> Agent {
    Agent {
        id,
        first: names::FIRST[rng.random_range(0..names::FIRST.len())],
        last: names::LAST[rng.random_range(0..names::LAST.len())],
        team: (id - 1) % teams + 1,
        status: Status::LoggedOut,
        reason: None,
        since: 0,
        suspended: false,
        session: None,
        by_modality: BTreeMap::new(),
        by_queue: BTreeMap::new(),
        past: VecDeque::new(),
        available: 0,
        status_revision: 0,
    }
}

fn queue(rng: &mut StdRng, id: i64, queues: i64, teams: i64, mean_arrival_gap: Moment) -> Queue {
    // Three consecutive teams serve each queue, and consecutive queues share teams.
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
        totals: QueueTotals::default(),
        waiting_override: None,
        mean_arrival_gap,
        load_curve: (rng.random_range(180..480) * SECOND, rng.random_range(0.0..1.0)),
    }
}
