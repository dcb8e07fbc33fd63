//! What a viewer sees: the scope that they look at, as far as they are permitted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::counts::CountedAgent;
use super::document::{Member, visible_member};
use super::project::project;
use super::scope::{DetailLevel, Scope, Topic};
use crate::domain::{Permission, Role, TeamId, Visibility};
use crate::gold::Entity;

/// A scope as far as its viewer is permitted. Equal keys share a view, and different keys never do: a document of one
/// can never be resumed by the other. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewKey {
    scope: Scope,
    permission: Permission,
}

impl ViewKey {
    /// This scope, as far as permitted.
    #[must_use]
    pub fn new(scope: Scope, permission: Permission) -> Self {
        Self { scope: scope.permitted(&permission), permission }
    }

    /// Everything in a scope, for a viewer who may see everything.
    #[must_use]
    pub fn unlimited(scope: Scope) -> Self {
        Self::new(scope, Permission::everything(Role::Administrator))
    }

    /// What is looked at.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same with the first page of its list.
    #[must_use]
    pub fn first_page(&self) -> Self {
        Self::new(self.scope.clone().page(1), self.permission.clone())
    }

    /// What the viewer may see.
    #[must_use]
    pub fn permission(&self) -> &Permission {
        &self.permission
    }

    /// How much of an entity is shown.
    #[must_use]
    pub fn detail_level(&self) -> DetailLevel {
        self.scope.detail_level()
    }

    /// An entity as it is seen. `None`: it is not.
    pub(super) fn of(&self, entity: &Arc<Entity>) -> Option<Arc<Entity>> {
        self.scope.contains(entity).then(|| project(entity, &self.permission)).flatten()
    }

    /// An entity's member of the document. `None`: it has none.
    pub(super) fn member(&self, entity: &Arc<Entity>) -> Option<Member> {
        if !self.scope.contains(entity) {
            return None;
        }
        visible_member(entity, project(entity, &self.permission).as_deref(), self.detail_level())
    }

    /// What an agent adds to the counts, whether or not the document shows agents. `None`: nothing.
    pub(super) fn counted_agent(&self, entity: &Entity) -> Option<CountedAgent> {
        let Entity::Agent(agent) = entity else { return None };
        let team = agent.team.filter(|team| self.permission.sees_team(*team));
        self.permission.sees_agent(agent.id).then(|| CountedAgent { team, activity: agent.activity() })
    }

    /// What to follow, where the queues and teams that are seen name these teams. Every entity that is seen or counted
    /// has one of these topics; not every such entity is visible. Where a limited viewer follows all agents, the
    /// visible ones are followed one by one, so that changes of others do not wake them.
    pub(super) fn topics(&self, named: &BTreeSet<TeamId>) -> BTreeSet<Topic> {
        let mut wanted = self.scope.topics().clone();
        // A wallboard shows no agents and counts them.
        if self.scope.counts_all_agents() {
            wanted.insert(Topic::Agents);
        } else if self.scope.has_counts() {
            wanted.extend(named.iter().copied().map(Topic::Team));
        }
        let Some(Visibility { agents, queues, teams }) = self.permission.visibility() else { return wanted };
        let agents = || agents.iter().copied().map(Topic::Agent);
        let queues = || queues.iter().copied().map(Topic::Queue);
        let teams = || teams.iter().copied().map(Topic::Team);
        let mut followed = BTreeSet::new();
        for topic in wanted {
            match topic {
                Topic::Agents => followed.extend(agents()),
                Topic::Queues => followed.extend(queues()),
                Topic::Teams => followed.extend(teams()),
                other => drop(followed.insert(other)),
            }
        }
        followed
    }
}
