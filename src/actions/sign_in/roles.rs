//! Who has which role.

use std::collections::BTreeSet;

use crate::domain::{AgentId, Role};

/// Who has which role. A user who is named nowhere is an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Administrators.
    pub administrators: RoleMembers,
    /// Supervisors.
    pub supervisors: RoleMembers,
    /// Team leads.
    pub team_leads: RoleMembers,
}

/// People, one by one or by their groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleMembers {
    /// Agents.
    pub agents: BTreeSet<AgentId>,
    /// Groups, by name; letters count alike, large or small.
    pub groups: BTreeSet<String>,
}

impl Roles {
    /// The highest role of a user, by their agent number and by the groups of their team.
    #[must_use]
    pub fn of(&self, agent: AgentId, groups: &BTreeSet<String>) -> Role {
        let lists = [
            (Role::Administrator, &self.administrators),
            (Role::Supervisor, &self.supervisors),
            (Role::TeamLead, &self.team_leads),
        ];
        let named = lists.into_iter().find(|(_, named)| named.contains(agent, groups));
        named.map_or(Role::Agent, |(role, _)| role)
    }
}

impl RoleMembers {
    /// These agents and groups.
    #[must_use]
    pub fn new(agents: &[i64], groups: &[String]) -> Self {
        let agents = agents.iter().copied().map(AgentId).collect();
        Self { agents, groups: groups.iter().map(|name| name.trim().to_lowercase()).collect() }
    }

    fn contains(&self, agent: AgentId, groups: &BTreeSet<String>) -> bool {
        self.agents.contains(&agent) || groups.iter().any(|name| self.groups.contains(&name.trim().to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_the_highest_one_and_agent_by_default() {
        let roles = Roles {
            administrators: RoleMembers::new(&[5], &[]),
            supervisors: RoleMembers::new(&[6], &["Floor managers".to_owned()]),
            team_leads: RoleMembers::new(&[5, 6, 7], &[]),
        };
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        for (agent, groups, expected) in [
            (5, groups(&[]), Role::Administrator),
            (6, groups(&[]), Role::Supervisor),
            (7, groups(&[]), Role::TeamLead),
            (7, groups(&["FLOOR managers "]), Role::Supervisor),
            (8, groups(&["Floor"]), Role::Agent),
        ] {
            assert_eq!(roles.of(AgentId(agent), &groups), expected, "{agent} {groups:?}");
        }
        assert_eq!(Roles::default().of(AgentId(1), &groups(&["", "x"])), Role::Agent);
    }
}
