//! Teams, and the structure of the house as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AgentUpdate, GroupId, QueueUpdate, TeamId};

/// One team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRecord {
    /// Which.
    pub id: TeamId,
    /// The name.
    pub name: Arc<str>,
    /// The groups it belongs to, with their names.
    pub groups: BTreeMap<GroupId, Arc<str>>,
    /// The name of the business unit it belongs to.
    pub unit: Option<Arc<str>>,
}

/// Everybody and every queue that we may see. What is absent from it is gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StructureSnapshot {
    /// The agents, with name and team.
    pub agents: Vec<AgentUpdate>,
    /// The queues, with name and teams.
    pub queues: Vec<QueueUpdate>,
    /// The teams.
    pub teams: Vec<TeamRecord>,
}
