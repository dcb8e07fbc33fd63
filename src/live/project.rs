//! The one way from an entity to what a viewer may see of it: for pages, states, patches, counts, and whether something
//! exists at all.
//!
//! What is not permitted is absent: both the entity and the numbers that count it. Most entities are permitted whole;
//! then the same `Arc` is returned, so that all viewers who see it whole share its rendering.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{Health, Permission, ResponseRecord, Role, SessionId};
use crate::gold::Entity;
use crate::gold::agent_detail::AgentDetail;
use crate::gold::entity::{Agent, Queue, Response, Session, SurveyRequest, Tag, Team};
use crate::gold::rollup::FeedbackTotals;

/// What a viewer may see of an entity. `None`: it does not exist for them.
#[must_use]
pub fn project(entity: &Arc<Entity>, permission: &Permission) -> Option<Arc<Entity>> {
    if permission.visibility().is_none() && permission.role() > Role::Agent {
        return Some(Arc::clone(entity));
    }
    let seen = match &**entity {
        Entity::Agent(it) if !permission.sees_agent(it.id) => return None,
        Entity::Queue(it) if !permission.sees_queue(it.id) => return None,
        Entity::Team(it) if !permission.sees_team(it.id) => return None,
        Entity::Agent(it) => agent(it, permission).map(Entity::Agent),
        Entity::Queue(it) => queue(it, permission).map(Entity::Queue),
        Entity::Team(it) => team(it, permission).map(Entity::Team),
        Entity::Response(it) => {
            let joined = &it.attribution;
            if !permission.sees_attributed_to(joined.agent, joined.queue, joined.team) {
                return None;
            }
            response(it, permission).map(|it| Entity::Response(Box::new(it)))
        }
        Entity::Survey(it) => {
            if !permission.sees_attributed_to(it.agent, None, it.team) {
                return None;
            }
            survey(it, permission).map(|it| Entity::Survey(Box::new(it)))
        }
        Entity::Place(it) if !it.feedback.is_seen_by(permission) => return None,
        Entity::Tag(it) if !it.feedback.is_seen_by(permission) => return None,
        Entity::Floor(it) if !it.feedback.is_seen_by(permission) => return None,
        // Compared with everything else, which is not theirs to know.
        Entity::Tag(it) if it.effect.is_some() => Some(Entity::Tag(Tag { effect: None, ..it.clone() })),
        Entity::Place(_) | Entity::Tag(_) | Entity::Floor(_) => None,
        // What metrics are called is no secret.
        Entity::Label(_) => None,
        // Counts of received events include what the viewer may not see; supervisors and administrators need them.
        Entity::Source(it) => source(it, permission).map(Entity::Source),
    };
    Some(seen.map_or_else(|| Arc::clone(entity), Arc::new))
}

/// Each of these says `None` where everything is seen.
fn source(health: &Health, permission: &Permission) -> Option<Health> {
    let mut seen = health.clone();
    if permission.role() != Role::Administrator {
        seen.counters.clear();
    }
    seen.not_permitted.retain(|agent, _| permission.sees_agent(*agent));
    (seen != *health).then_some(seen)
}

fn agent(agent: &Agent, permission: &Permission) -> Option<Agent> {
    let team = agent.team.filter(|team| permission.sees_team(*team));
    let sessions = contacts(&agent.sessions, permission);
    let detail = agent.detail.by_queue.keys().any(|queue| !permission.sees_queue(*queue));
    let feedback = total(&agent.feedback, permission);
    if team == agent.team && sessions.is_none() && !detail && feedback == agent.feedback {
        return None;
    }
    let mut seen = agent.clone();
    (seen.team, seen.feedback) = (team, feedback);
    if let Some(sessions) = sessions {
        seen.sessions = sessions;
    }
    if detail {
        let mut shorter = AgentDetail::clone(&agent.detail);
        shorter.by_queue.retain(|queue, _| permission.sees_queue(*queue));
        seen.detail = Arc::new(shorter);
    }
    Some(seen)
}

fn queue(queue: &Queue, permission: &Permission) -> Option<Queue> {
    let mut seen = queue.clone();
    seen.teams.retain(|team| permission.sees_team(*team));
    seen.feedback = total(&queue.feedback, permission);
    if let Some(sessions) = contacts(&seen.sessions, permission) {
        seen.sessions = sessions;
    }
    // Who waits for all of us has no name for one who answers.
    if permission.role() <= Role::Agent {
        for session in seen.sessions.values_mut() {
            if session.customer.is_some() {
                *session = Arc::new(Session { customer: None, other: Arc::default(), ..Session::clone(session) });
            }
        }
    }
    (seen != *queue).then_some(seen)
}

fn team(team: &Team, permission: &Permission) -> Option<Team> {
    let feedback = total(&team.feedback, permission);
    (feedback != team.feedback).then(|| Team { feedback, ..team.clone() })
}

/// A total over partly hidden records would reveal them: it is shown whole or not at all.
fn total(total: &Option<Arc<FeedbackTotals>>, permission: &Permission) -> Option<Arc<FeedbackTotals>> {
    total.clone().filter(|total| total.is_seen_by(permission))
}

fn response(response: &Response, permission: &Permission) -> Option<Response> {
    let joined = &response.attribution;
    let queue = joined.queue.filter(|queue| permission.sees_queue(*queue));
    let team = joined.team.filter(|team| permission.sees_team(*team));
    let reads_only = permission.role() <= Role::Agent;
    let candidates = joined.candidates.values().all(|it| permission.sees_attributed_to(it.agent, it.queue, None));
    if queue == joined.queue && team == joined.team && candidates && !reads_only {
        return None;
    }
    let mut seen = response.clone();
    (seen.attribution.queue, seen.attribution.team) = (queue, team);
    if !candidates {
        seen.attribution.candidates.retain(|_, it| permission.sees_attributed_to(it.agent, it.queue, None));
        // It names a call of another agent.
        seen.attribution.conflict = None;
    }
    if reads_only {
        // What is not theirs to do is not offered, and what colleagues do about it is between colleagues.
        seen.record =
            Arc::new(ResponseRecord { actions: Default::default(), ..ResponseRecord::clone(&response.record) });
        seen.actions_taken.clear();
    }
    Some(seen)
}

fn survey(request: &SurveyRequest, permission: &Permission) -> Option<SurveyRequest> {
    let team = request.team.filter(|team| permission.sees_team(*team));
    let reads_only = permission.role() <= Role::Agent;
    if team == request.team && !reads_only {
        return None;
    }
    let mut seen = SurveyRequest { team, ..request.clone() };
    if reads_only {
        let survey = Arc::make_mut(&mut seen.survey);
        (survey.customer, survey.body, survey.link) = (None, None, None);
        // What is not theirs to do is not offered, and does not need them.
        (survey.may_retry, seen.may_recover) = (false, false);
    }
    Some(seen)
}

/// The contacts of a visible agent, without hidden queues.
fn contacts(
    sessions: &BTreeMap<SessionId, Arc<Session>>,
    permission: &Permission,
) -> Option<BTreeMap<SessionId, Arc<Session>>> {
    let without = |session: &Arc<Session>| {
        let queue = session.queue.filter(|queue| permission.sees_queue(*queue));
        let first_agent = session.first_agent.filter(|agent| permission.sees_agent(*agent));
        if (queue, first_agent) == (session.queue, session.first_agent) {
            return Arc::clone(session);
        }
        Arc::new(Session { queue, first_agent, ..Session::clone(session) })
    };
    if sessions.values().all(|session| Arc::ptr_eq(session, &without(session))) {
        return None;
    }
    Some(sessions.iter().map(|(id, session)| (*id, without(session))).collect())
}

#[cfg(test)]
mod tests;
