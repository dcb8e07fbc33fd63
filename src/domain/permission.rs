//! Whom and what a viewer may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AgentId, QueueId, Role, TeamId};

/// Whom and what a viewer may see. Equal permissions see the same: those who look at the same scope with them share a view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    role: Role,
    reach: Reach,
}

/// How far a permission reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Reach {
    /// Everything that there is.
    Everything,
    /// These and nobody else.
    Only(Arc<Visibility>),
}

/// Agents, queues and teams that somebody may see.
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
    /// Sees everything that there is. For houses where somebody else sees to it who comes in, and for displays, whose
    /// wallboard says what they show.
    #[must_use]
    pub fn everything(role: Role) -> Self {
        Self { role, reach: Reach::Everything }
    }

    /// Sees these and nobody else.
    #[must_use]
    pub fn only(role: Role, realm: Visibility) -> Self {
        Self { role, reach: Reach::Only(Arc::new(realm)) }
    }

    /// Sees themself and nobody else: what is left when nobody can say what somebody may see.
    #[must_use]
    pub fn only_self(role: Role, oneself: AgentId) -> Self {
        Self::only(role, Visibility { agents: BTreeSet::from([oneself]), ..Visibility::default() })
    }

    /// What the viewer is to the house.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it is limited to. `None`: everything.
    #[must_use]
    pub fn visibility(&self) -> Option<&Visibility> {
        match &self.reach {
            Reach::Everything => None,
            Reach::Only(realm) => Some(realm),
        }
    }

    /// Whether this agent exists for the viewer.
    #[must_use]
    pub fn sees_agent(&self, id: AgentId) -> bool {
        self.visibility().is_none_or(|realm| realm.agents.contains(&id))
    }

    /// Whether this queue exists for the viewer.
    #[must_use]
    pub fn sees_queue(&self, id: QueueId) -> bool {
        self.visibility().is_none_or(|realm| realm.queues.contains(&id))
    }

    /// Whether this team exists for the viewer.
    #[must_use]
    pub fn sees_team(&self, id: TeamId) -> bool {
        self.visibility().is_none_or(|realm| realm.teams.contains(&id))
    }

    /// Whether what hangs on nobody exists for the viewer: a customer whom nobody could be found for must not be forgotten,
    /// so those who keep the floor see them.
    #[must_use]
    pub fn sees_unattributed(&self) -> bool {
        self.role >= Role::Supervisor
    }

    /// Whether something that an agent did exists for the viewer; where nobody knows who did it, the queue or the team
    /// decides that it happened in.
    #[must_use]
    pub fn sees_attributed_to(&self, agent: Option<AgentId>, queue: Option<QueueId>, team: Option<TeamId>) -> bool {
        match (agent, queue, team) {
            (Some(agent), ..) => self.sees_agent(agent),
            // What happens in a queue to nobody's account is for those who lead somebody there.
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
        let realm = Visibility {
            agents: [41, 42].map(AgentId).into(),
            queues: [11].map(QueueId).into(),
            teams: [3].map(TeamId).into(),
        };
        Permission::only(role, realm)
    }

    #[test]
    fn what_somebody_did_is_theirs_even_where_the_queue_is_seen() {
        for (agent, queue, team, expected) in [
            (Some(41), Some(12), Some(4), true),
            (Some(43), Some(11), Some(3), false),
            (None, Some(11), Some(4), true),
            (None, Some(12), Some(3), false),
            (None, None, Some(3), true),
            (None, None, Some(4), false),
            (None, None, None, false),
        ] {
            let seen = north(Role::TeamLead).sees_attributed_to(agent.map(AgentId), queue.map(QueueId), team.map(TeamId));
            assert_eq!(seen, expected, "{agent:?} {queue:?} {team:?}");
        }
        assert!(north(Role::Supervisor).sees_attributed_to(None, None, None), "nobody's customer is not forgotten");
        assert!(!north(Role::Agent).sees_attributed_to(None, Some(QueueId(11)), None), "nor shown to all who answer");
    }

    #[test]
    fn oneself_is_one() {
        let alone = Permission::only_self(Role::TeamLead, AgentId(41));
        assert!(alone.sees_agent(AgentId(41)));
        assert!(!alone.sees_agent(AgentId(42)) && !alone.sees_queue(QueueId(11)) && !alone.sees_team(TeamId(3)));
        assert!(Permission::everything(Role::Display).sees_queue(QueueId(7)));
    }

    #[test]
    fn roles_rise_and_have_names() {
        assert!(Role::Display < Role::Agent && Role::Supervisor < Role::Administrator);
        for role in Role::ALL {
            assert_eq!(Role::named(role.as_str()), Some(role));
        }
    }
}
