//! Derives entities from records. Pure: the same records give the same entities.

use super::Records;
use crate::domain::{AgentId, QueueId};
use crate::gold::entity::{Agent, Entity, Key, Queue, Team};
use crate::gold::rollup::RollupGroup;

impl Records {
    /// The current entity of a key. `None`: it does not exist.
    pub(super) fn derive(&self, key: &Key) -> Option<Entity> {
        Some(match key {
            Key::Agent(id) => Entity::Agent(self.agent(*id)?),
            Key::Queue(id) => Entity::Queue(self.queue(*id)?),
            Key::Team(id) => {
                let team = self.teams.get(id)?;
                Entity::Team(Team {
                    id: *id,
                    name: team.name.clone(),
                    groups: team.groups.clone(),
                    unit: team.unit.clone(),
                    feedback: self.totals(&RollupGroup::Team(*id)),
                })
            }
            Key::Response(id) => Entity::Response(Box::new(self.feedback.shown(id)?)),
            Key::Survey(id) => Entity::Survey(Box::new(self.survey(id)?)),
            Key::Place(id) => Entity::Place(self.place(id)?),
            Key::Tag(name) => Entity::Tag(self.tag(name)?),
            Key::Floor => Entity::Floor(self.floor()?),
            Key::Label(name) => Entity::Label(self.labels.get(name)?.clone()),
            Key::Source(name) => Entity::Source(self.sources.get(name)?.clone()),
        })
    }

    fn agent(&self, id: AgentId) -> Option<Agent> {
        let record = self.agents.get(&id)?;
        Some(Agent {
            id,
            name: record.name.best(),
            team: record.team,
            email: record.email.clone(),
            login: record.login.clone(),
            sip: record.sip.clone(),
            not_permitted: record.not_permitted,
            status: record.status.clone(),
            contradicting_status: record.contradicting_status.clone(),
            reason: record.reason.clone(),
            since: record.since,
            suspended: record.suspended,
            metrics: record.metrics.clone(),
            sessions: self.sessions.of_agent(id),
            feedback: self.totals(&RollupGroup::Agent(id)),
            detail: record.detail.clone(),
            other: record.other.clone(),
        })
    }

    fn queue(&self, id: QueueId) -> Option<Queue> {
        let record = self.queues.get(&id)?;
        let sessions = self.sessions.waiting_in(id);
        let listed = i64::try_from(sessions.len()).unwrap_or(i64::MAX);
        let waiting = record.waiting(listed);
        Some(Queue {
            id,
            name: record.name.best(),
            is_unlisted: !record.is_structured,
            open: record.open,
            teams: record.teams.clone(),
            waiting,
            // If not all waiting sessions are listed, the oldest listed one may not be the longest wait.
            longest_wait_since: waiting
                .filter(|waiting| listed >= *waiting)
                .and_then(|_| sessions.values().filter_map(|session| session.queued_since).min()),
            agents_online: record.agents_online,
            agents_available: record.agents_available,
            estimated_wait_seconds: record.estimated_wait_seconds,
            calls_today: record.calls_today,
            metrics: record.metrics.clone(),
            sessions,
            feedback: self.totals(&RollupGroup::Queue(id)),
            other: record.other.clone(),
        })
    }
}
