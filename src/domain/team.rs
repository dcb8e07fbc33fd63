//! Teams, and the structure of the site.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AgentUpdate, GroupId, QueueUpdate, TeamId};

/// One team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRecord {
    /// The team's id.
    pub id: TeamId,
    /// The name.
    pub name: Arc<str>,
    /// The groups it belongs to, by id, with their names.
    pub groups: BTreeMap<GroupId, Arc<str>>,
    /// The name of the business unit it belongs to.
    pub unit: Option<Arc<str>>,
}

/// All agents, queues and teams that our account may see. What is absent is gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StructureSnapshot {
    /// The agents, with name and team.
    pub agents: Vec<AgentUpdate>,
    /// The queues, with name and teams.
    pub queues: Vec<QueueUpdate>,
    /// The teams.
    pub teams: Vec<TeamRecord>,
}
