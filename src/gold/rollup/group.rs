//! The groups that feedback is counted by, and what a record is attributed to.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{AgentId, QueueId, TeamId};

/// A group of records that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RollupGroup {
    /// All records, also those that are attributed to nothing (apis.md J53).
    Floor,
    /// Records about one agent.
    Agent(AgentId),
    /// Records about the agents and places of one team.
    Team(TeamId),
    /// Records about one queue.
    Queue(QueueId),
    /// Records about one place.
    Place(Arc<str>),
    /// Records with one tag.
    Tag(Arc<str>),
}

/// What a counted record is attributed to. It decides which viewers may see totals that contain the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributedTo {
    /// The agent.
    pub agent: Option<AgentId>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The team.
    pub team: Option<TeamId>,
}

impl AttributedTo {
    /// What a record with these groups is attributed to.
    pub(super) fn of(groups: &BTreeSet<RollupGroup>) -> Self {
        let mut attributed = Self::default();
        for group in groups {
            match group {
                RollupGroup::Agent(id) => attributed.agent = Some(*id),
                RollupGroup::Queue(id) => attributed.queue = Some(*id),
                RollupGroup::Team(id) => attributed.team = Some(*id),
                RollupGroup::Floor | RollupGroup::Place(_) | RollupGroup::Tag(_) => {}
            }
        }
        attributed
    }
}
