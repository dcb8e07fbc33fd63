//! Asks Clarity who a user is and what they may see.

use std::collections::{BTreeMap, BTreeSet};

use super::error::SignInError;
use super::roles::Roles;
use crate::domain::{AgentId, Permission, QueueId, Role, SourceName, SourceState, TeamId, Visibility};
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::Clarity;
use crate::upstream::clarity::wire::{Member, Profile, Structure};

/// What Clarity says about a user.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Confirmed {
    /// Who they are.
    pub agent: AgentId,
    /// What colleagues call them.
    pub name: String,
    /// Their team.
    pub team: Option<TeamId>,
    /// What they may see.
    pub permission: Permission,
}

/// Asks with the user's own token who they are (apis.md C12) and what they may see (apis.md C13).
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
        // Clarity does not show all users their own groups.
        groups.extend(team.groups.values().map(ToString::to_string));
    }
    let role = roles.of(agent, &groups);
    let permission = Permission::only(role, visibility(agent, team, role, structure));
    let name = profile.name.clone().unwrap_or_else(|| format!("Agent {agent}"));
    Some(Confirmed { agent, name, team, permission })
}

/// What a user may see: what Clarity shows them, for an agent without the colleagues.
fn visibility(agent: AgentId, team: Option<TeamId>, role: Role, structure: &Structure) -> Visibility {
    fn ids(list: &Option<Vec<Member>>) -> impl Iterator<Item = i64> + '_ {
        list.iter().flatten().filter_map(|member| member.id)
    }
    let mut visibility = Visibility { queues: ids(&structure.queues).map(QueueId).collect(), ..Visibility::default() };
    match role {
        Role::Display | Role::Agent => visibility.teams.extend(team),
        Role::TeamLead | Role::Supervisor | Role::Administrator => {
            visibility.agents = ids(&structure.agents).map(AgentId).collect();
            visibility.teams = ids(&structure.teams).map(TeamId).collect();
        }
    }
    visibility.agents.insert(agent);
    visibility
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

/// What the structure, as the service account sees it, leaves of what Clarity granted a user whose own token has ended:
/// the agents who are in their teams now, and the role that they have by it now. While Clarity is not heard nothing can
/// be said. Who is not there any more, or in another team, is refused: Clarity would say something else of them.
pub(super) fn by_structure(
    gold: &Gold,
    roles: &Roles,
    agent: AgentId,
    team: Option<TeamId>,
    granted: &Permission,
) -> Result<Permission, SignInError> {
    let copy = gold.copy();
    match copy.get(&Key::Source(SourceName::Clarity)).as_deref() {
        Some(Entity::Source(health)) if matches!(health.state, SourceState::Live | SourceState::Polling) => {}
        _ => return Err(SignInError::Unreachable),
    }
    match copy.get(&Key::Agent(agent)).as_deref() {
        Some(Entity::Agent(known)) if known.team == team => {}
        _ => return Err(SignInError::Refused),
    }
    let groups = match team.and_then(|team| copy.get(&Key::Team(team))).as_deref() {
        Some(Entity::Team(team)) => team.groups.values().map(ToString::to_string).collect(),
        _ => BTreeSet::new(),
    };
    let role = roles.of(agent, &groups).min(granted.role());
    let Some(known) = granted.visibility() else { return Ok(Permission::everything(role)) };
    let is_there = |key: Key| copy.get(&key).is_some();
    let mut visibility = Visibility {
        agents: BTreeSet::from([agent]),
        queues: known.queues.iter().copied().filter(|id| is_there(Key::Queue(*id))).collect(),
        teams: known.teams.iter().copied().filter(|id| is_there(Key::Team(*id))).collect(),
    };
    if role > Role::Agent {
        let in_their_teams = |id: &AgentId| match copy.get(&Key::Agent(*id)).as_deref() {
            Some(Entity::Agent(it)) => it.team.map_or(role >= Role::Supervisor, |team| known.teams.contains(&team)),
            _ => false,
        };
        visibility.agents.extend(known.agents.iter().copied().filter(in_their_teams));
    } else {
        visibility.teams.retain(|id| Some(*id) == team);
    }
    Ok(Permission::only(role, visibility))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::sign_in::RoleMembers;
    use crate::domain::{AgentUpdate, Fact, GroupId, Health, QueueUpdate, StructureSnapshot, TeamRecord};
    use crate::gold::{BusinessDay, MatchRules};
    use base::{Clock, Lifecycle};

    /// Agents with their teams.
    fn structure(agents: &[(i64, Option<i64>)]) -> Fact {
        let agents =
            agents.iter().map(|(id, team)| AgentUpdate { team: team.map(TeamId), ..AgentUpdate::new(AgentId(*id)) });
        let team = |id: i64, group: &str| TeamRecord {
            id: TeamId(id),
            name: format!("Team {id}").into(),
            groups: [(GroupId(id), group.into())].into(),
            unit: None,
        };
        Fact::Structure(StructureSnapshot {
            agents: agents.collect(),
            queues: vec![QueueUpdate::new(QueueId(11))],
            teams: vec![team(3, "Leads"), team(4, "Others")],
        })
    }

    fn live(state: SourceState) -> Fact {
        Fact::Source(SourceName::Clarity, Health::new(state, Clock::system().now()))
    }

    #[tokio::test]
    async fn structure_takes_away_what_was_granted_and_adds_nothing() {
        let life = Lifecycle::new();
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), Clock::system(), &life);
        let roles = Roles { team_leads: RoleMembers::new(&[], &["Leads".to_owned()]), ..Roles::default() };
        let visibility = Visibility {
            agents: [41, 42, 43].map(AgentId).into(),
            queues: [11, 12].map(QueueId).into(),
            teams: [TeamId(3)].into(),
        };
        let granted = Permission::only(Role::TeamLead, visibility);
        let now = || by_structure(&gold, &roles, AgentId(41), Some(TeamId(3)), &granted);
        assert_eq!(now(), Err(SignInError::Unreachable), "nothing is heard");

        gold.apply(live(SourceState::Live)).await;
        // 42 has moved away, 44 has come, and queue 12 is gone.
        gold.apply(structure(&[(41, Some(3)), (42, Some(4)), (43, Some(3)), (44, Some(3))])).await;
        gold.flush().await;
        let left = now().expect("they are there");
        let visibility = left.visibility().expect("a part");
        assert_eq!((left.role(), &visibility.agents), (Role::TeamLead, &[41, 43].map(AgentId).into()));
        assert_eq!((&visibility.queues, &visibility.teams), (&[QueueId(11)].into(), &[TeamId(3)].into()));

        let fewer = Roles::default();
        let left = by_structure(&gold, &fewer, AgentId(41), Some(TeamId(3)), &granted).expect("they are there");
        assert_eq!(left.role(), Role::Agent, "no configuration names them any more");
        assert_eq!(left.visibility().map(|visibility| visibility.agents.clone()), Some([AgentId(41)].into()));
        let more = Roles { administrators: RoleMembers::new(&[41], &[]), ..Roles::default() };
        let left = by_structure(&gold, &more, AgentId(41), Some(TeamId(3)), &granted).expect("they are there");
        assert_eq!(left.role(), Role::TeamLead, "no more than Clarity granted");

        for gone in [vec![(43, Some(3))], vec![(41, Some(4)), (43, Some(3))]] {
            gold.apply(structure(&gone)).await;
            gold.flush().await;
            assert_eq!(now(), Err(SignInError::Refused), "{gone:?}");
        }
        gold.apply(live(SourceState::Down)).await;
        gold.flush().await;
        assert_eq!(now(), Err(SignInError::Unreachable));
        life.kill();
    }
}
