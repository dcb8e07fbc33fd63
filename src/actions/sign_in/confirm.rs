//! Asking Clarity who somebody is and whom they may see.

use std::collections::{BTreeMap, BTreeSet};

use super::error::SignInError;
use super::roles::Roles;
use crate::domain::{AgentId, Permission, QueueId, Realm, Role, SourceName, SourceState, TeamId};
use crate::gold::{Entity, Gold, Key};
use crate::vendor::clarity::Clarity;
use crate::vendor::clarity::wire::{Member, Profile, Structure};

/// What Clarity says of somebody.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Confirmed {
    /// Who they are.
    pub agent: AgentId,
    /// What colleagues call them.
    pub name: String,
    /// Their team.
    pub team: Option<TeamId>,
    /// Whom and what they may see.
    pub permission: Permission,
}

/// Asks, with the person's own token: who they are (`apis.md` C12), and whom and what they may see (C13).
pub(super) async fn ask(person: &Clarity, roles: &Roles, gold: &Gold) -> Result<Confirmed, SignInError> {
    let profile = person.profile().await.map_err(|error| SignInError::of(&error))?;
    let structure = person.structure().await.map_err(|error| SignInError::of(&error))?;
    read(&profile, &structure, roles, gold).ok_or(SignInError::Refused)
}

fn read(profile: &Profile, structure: &Structure, roles: &Roles, gold: &Gold) -> Option<Confirmed> {
    let agent = AgentId(profile.id.filter(|id| *id > 0)?);
    let team = profile.team().map(TeamId);
    let mut groups = groups_of(team, structure);
    if let Some(team) = team
        && let Some(Entity::Team(team)) = gold.copy().get(&Key::Team(team)).as_deref()
    {
        // Not everybody is shown their own groups.
        groups.extend(team.groups.values().map(ToString::to_string));
    }
    let role = roles.of(agent, &groups);
    let permission = Permission::only(role, realm(agent, team, role, structure));
    let name = profile.name.clone().unwrap_or_else(|| format!("Agent {agent}"));
    Some(Confirmed { agent, name, team, permission })
}

/// Whom and what somebody may see: what Clarity shows them, of which an agent's colleagues are left out.
fn realm(agent: AgentId, team: Option<TeamId>, role: Role, structure: &Structure) -> Realm {
    fn ids(list: &Option<Vec<Member>>) -> impl Iterator<Item = i64> + '_ {
        list.iter().flatten().filter_map(|member| member.id)
    }
    let mut realm = Realm { queues: ids(&structure.queues).map(QueueId).collect(), ..Realm::default() };
    match role {
        Role::Display | Role::Agent => realm.teams.extend(team),
        Role::TeamLead | Role::Supervisor | Role::Administrator => {
            realm.agents = ids(&structure.agents).map(AgentId).collect();
            realm.teams = ids(&structure.teams).map(TeamId).collect();
        }
    }
    realm.agents.insert(agent);
    realm
}

fn groups_of(team: Option<TeamId>, structure: &Structure) -> BTreeSet<String> {
    let names: BTreeMap<i64, &str> =
        structure.groups.iter().flatten().filter_map(|group| Some((group.id?, group.name.as_deref()?))).collect();
    let teams = structure.teams.iter().flatten();
    let own = teams.filter(|member| member.id.map(TeamId) == team && team.is_some());
    own.flat_map(|team| team.group_ids.iter().flatten())
        .filter_map(|group| names.get(group).map(|name| (*name).to_owned()))
        .collect()
}

/// Vouches for somebody whose own token has ended: the floor is being heard, and they are on it, in the team that they were
/// in. While it is not heard nothing can be said.
pub(super) fn vouch(gold: &Gold, agent: AgentId, team: Option<TeamId>) -> Result<(), SignInError> {
    let is_heard = match gold.copy().get(&Key::Source(SourceName::Clarity)).as_deref() {
        Some(Entity::Source(health)) => matches!(health.state, SourceState::Live | SourceState::Polling),
        _ => false,
    };
    let is_there = match gold.copy().get(&Key::Agent(agent)).as_deref() {
        Some(Entity::Agent(known)) => known.team == team,
        _ => false,
    };
    match (is_heard, is_there) {
        (false, _) => Err(SignInError::Unreachable),
        (true, false) => Err(SignInError::Refused),
        (true, true) => Ok(()),
    }
}
