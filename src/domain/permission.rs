//! What a viewer may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AgentId, QueueId, Role, TeamId};

/// What a viewer may see. Viewers with equal permissions on the same scope share a view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    role: Role,
    /// `None`: everything.
    visibility: Option<Arc<Visibility>>,
}

/// The agents, queues and teams that a viewer may see.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Visibility {
    /// The agents.
    pub agents: BTreeSet<AgentId>,
    /// The queues.
    pub queues: BTreeSet<QueueId>,
    /// The teams.
    pub teams: BTreeSet<TeamId>,
}

impl Permission {
    /// Everything. For sites where a proxy authenticates viewers, and for displays, whose wallboard defines what they
    /// show.
    #[must_use]
    pub fn everything(role: Role) -> Self {
        Self { role, visibility: None }
    }

    /// Only these.
    #[must_use]
    pub fn only(role: Role, visibility: Visibility) -> Self {
        Self { role, visibility: Some(Arc::new(visibility)) }
    }

    /// Only the viewer's own agent, as long as it is unknown what else they may see.
    #[must_use]
    pub fn only_self(role: Role, agent: AgentId) -> Self {
        Self::only(role, Visibility { agents: BTreeSet::from([agent]), ..Visibility::default() })
    }

    /// The viewer's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// What the viewer is limited to. `None`: everything.
    #[must_use]
    pub fn visibility(&self) -> Option<&Visibility> {
        self.visibility.as_deref()
    }

    /// Whether the viewer may see this agent.
    #[must_use]
    pub fn sees_agent(&self, id: AgentId) -> bool {
        self.visibility().is_none_or(|visibility| visibility.agents.contains(&id))
    }

    /// Whether the viewer may see this queue.
    #[must_use]
    pub fn sees_queue(&self, id: QueueId) -> bool {
        self.visibility().is_none_or(|visibility| visibility.queues.contains(&id))
    }

    /// Whether the viewer may see this team.
    #[must_use]
    pub fn sees_team(&self, id: TeamId) -> bool {
        self.visibility().is_none_or(|visibility| visibility.teams.contains(&id))
    }

    /// Whether the viewer may see records that are attributed to no agent, queue or team. Supervisors may, so that no
    /// customer is overlooked.
    #[must_use]
    pub fn sees_unattributed(&self) -> bool {
        self.role >= Role::Supervisor
    }

    /// Whether the viewer may see a record that is attributed to these. The agent decides; without one the queue, then
    /// the team.
    #[must_use]
    pub fn sees_attributed_to(&self, agent: Option<AgentId>, queue: Option<QueueId>, team: Option<TeamId>) -> bool {
        match (agent, queue, team) {
            (Some(agent), ..) => self.sees_agent(agent),
            // Records of a queue without an agent are for team leads and above.
            (None, Some(queue), _) => self.role != Role::Agent && self.sees_queue(queue),
            (None, None, Some(team)) => self.role != Role::Agent && self.sees_team(team),
            (None, None, None) => self.sees_unattributed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn north(role: Role) -> Permission {
        let visibility = Visibility {
            agents: [41, 42].map(AgentId).into(),
            queues: [11].map(QueueId).into(),
            teams: [3].map(TeamId).into(),
        };
        Permission::only(role, visibility)
    }

    #[test]
    fn attributed_record_is_seen_by_agent_then_queue_then_team() {
        for (agent, queue, team, expected) in [
            (Some(41), Some(12), Some(4), true),
            (Some(43), Some(11), Some(3), false),
            (None, Some(11), Some(4), true),
            (None, Some(12), Some(3), false),
            (None, None, Some(3), true),
            (None, None, Some(4), false),
            (None, None, None, false),
        ] {
            let seen =
                north(Role::TeamLead).sees_attributed_to(agent.map(AgentId), queue.map(QueueId), team.map(TeamId));
            assert_eq!(seen, expected, "{agent:?} {queue:?} {team:?}");
        }
        assert!(north(Role::Supervisor).sees_attributed_to(None, None, None), "a supervisor sees unattributed records");
        assert!(
            !north(Role::Agent).sees_attributed_to(None, Some(QueueId(11)), None),
            "an agent does not see the queue's other records"
        );
    }

    #[test]
    fn only_self_sees_one_agent_and_nothing_else() {
        let alone = Permission::only_self(Role::TeamLead, AgentId(41));
        assert!(alone.sees_agent(AgentId(41)));
        assert!(!alone.sees_agent(AgentId(42)) && !alone.sees_queue(QueueId(11)) && !alone.sees_team(TeamId(3)));
        assert!(Permission::everything(Role::Display).sees_queue(QueueId(7)));
    }

    #[test]
    fn roles_are_ordered_and_named() {
        assert!(Role::Display < Role::Agent && Role::Supervisor < Role::Administrator);
        for role in Role::ALL {
            assert_eq!(Role::named(role.as_str()), Some(role));
        }
    }
}
