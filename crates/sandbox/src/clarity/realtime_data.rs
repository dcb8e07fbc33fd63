//! Realtime Data: what is shown of an agent or a queue, whole or as a difference (`apis.md` C102 to C106, B77).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::breakdown::{breakdowns, history};
use super::contacts::{by_modality, timed};
use super::wish::Wish;
use crate::floor::Doors;
use crate::world::{Agent, Modality, SessionStatus, World};

pub(super) type Object = Map<String, Value>;

/// An agent or a queue, as one caller wants to see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What it is, and whose.
    head: Object,
    metrics: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    status: Option<Object>,
    sessions: BTreeMap<&'static str, BTreeMap<i64, Object>>,
    /// What somebody did before, if it is wished for.
    history: Option<Vec<Object>>,
    /// Their metrics by queue, if they are wished for.
    pub(super) breakdowns: Option<BTreeMap<i64, Value>>,
}

impl Picture {
    /// An agent.
    pub fn of_agent(world: &World, doors: Doors, id: i64, wish: &Wish) -> Option<Self> {
        let agent = world.agents().get(&id)?;
        let session = agent.session.and_then(|session| world.sessions().get(&session));
        let mut metrics: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for modality in [Modality::Audio, Modality::InstantMessage, Modality::Message] {
            let tally = agent.tallies.get(&modality).copied().unwrap_or_default();
            let active =
                session.is_some_and(|session| session.modality == modality && session.status == SessionStatus::Active);
            let counters = tally.counters().into_iter().chain([("currentlyActiveCount", u64::from(active))]);
            keep(&mut metrics, modality, counters, wish);
        }
        if wish.wants_metric("availableTime") {
            metrics.insert("agnostic", BTreeMap::from([("availableTime", agent.available.unsigned_abs())]));
        }
        let mut status = current_status(agent, doors);
        wish.keep_status(&mut status);
        let sessions = by_modality(session.into_iter(), wish);
        let history = wish.history.then(|| history(agent, doors, wish));
        let breakdowns = wish.breakdowns.then(|| breakdowns(world, agent, wish));
        Some(Self {
            head: head("agent", id, agent.name()),
            metrics,
            status: Some(status),
            sessions,
            history,
            breakdowns,
        })
    }

    /// A queue.
    pub fn of_queue(world: &World, id: i64, wish: &Wish) -> Option<Self> {
        let queue = world.queues().get(&id)?;
        let here = || world.sessions().values().filter(|session| session.queue == id);
        let active = here().filter(|session| session.status == SessionStatus::Active).count() as u64;
        let mut metrics = BTreeMap::new();
        keep(&mut metrics, queue.modality, queue.counters(world.waiting(id), active), wish);
        let sessions = by_modality(here(), wish);
        Some(Self {
            head: head("queue", id, queue.name.clone()),
            metrics,
            status: None,
            sessions,
            history: None,
            breakdowns: None,
        })
    }

    /// Several as one: with neither id nor name, but with their ids; without metrics if there are none (`apis.md` C107, B78).
    pub fn of_several(
        kind: &str,
        group: Option<(&str, i64)>,
        ids: &[i64],
        members: impl Iterator<Item = Self>,
    ) -> Self {
        let mut head: Object =
            [("type", json!(kind)), ("entityIds", json!(ids))].map(|(n, v)| (n.to_owned(), v)).into_iter().collect();
        if let Some((kind, id)) = group {
            head.extend([("groupType".to_owned(), json!(kind)), ("groupId".to_owned(), json!(id))]);
        }
        let (metrics, sessions) = (BTreeMap::new(), BTreeMap::new());
        let mut all = Self { head, metrics, status: None, sessions, history: None, breakdowns: None };
        for member in members {
            for (modality, counters) in member.metrics {
                let sums: &mut BTreeMap<_, _> = all.metrics.entry(modality).or_default();
                counters.into_iter().for_each(|(name, count)| *sums.entry(name).or_default() += count);
            }
            for (modality, sessions) in member.sessions {
                all.sessions.entry(modality).or_default().extend(sessions);
            }
        }
        all
    }

    /// Shows only one of `metrics`, `sessions` and `status`. False if there is no such part.
    pub fn reduce_to(&mut self, part: &str) -> bool {
        let known = ["metrics", "sessions", "status"].contains(&part);
        if part != "metrics" {
            self.metrics.clear();
            self.breakdowns = None;
        }
        if part != "sessions" {
            self.sessions.clear();
        }
        if part != "status" {
            self.status = None;
            self.history = None;
        }
        known
    }

    /// The whole picture. Without sessions there is no such key.
    pub fn whole(&self, world: &World) -> Value {
        let mut object = self.head.clone();
        if !self.metrics.is_empty() {
            object.insert("metrics".to_owned(), json!(self.metrics));
        }
        if let Some(status) = &self.status {
            object.insert("currentStatus".to_owned(), json!(status));
        }
        let bags: Object = self
            .sessions
            .iter()
            .map(|(modality, sessions)| ((*modality).to_owned(), json!({"sessions": timed(sessions.values(), world)})))
            .collect();
        if !bags.is_empty() {
            object.insert("sessions".to_owned(), json!(bags));
        }
        if let Some(history) = &self.history {
            object.insert("statusHistory".to_owned(), json!(history));
        }
        if let Some(breakdowns) = &self.breakdowns {
            object.insert("breakdowns".to_owned(), json!(breakdowns.values().collect::<Vec<_>>()));
        }
        Value::Object(object)
    }

    /// What has changed since `before`; everything, with all sessions as added ones, if nothing was shown before.
    pub fn since(&self, before: Option<&Self>, world: &World) -> Option<Value> {
        let mut object = self.head.clone();
        let metrics: Object = self
            .metrics
            .iter()
            .filter_map(|(modality, counters)| {
                let old = before.and_then(|before| before.metrics.get(modality));
                let new: BTreeMap<_, _> = counters
                    .iter()
                    .filter(|(name, value)| old.and_then(|old| old.get(*name)) != Some(*value))
                    .collect();
                (!new.is_empty()).then(|| ((*modality).to_owned(), json!(new)))
            })
            .collect();
        if !metrics.is_empty() {
            object.insert("metrics".to_owned(), json!(metrics));
        }
        if self.status.as_ref() != before.and_then(|before| before.status.as_ref())
            && let Some(status) = &self.status
        {
            object.insert("currentStatus".to_owned(), json!(status));
        }
        let sessions = self.sessions_since(before, world);
        if !sessions.is_empty() {
            object.insert("sessions".to_owned(), json!(sessions));
        }
        if let Some(history) = &self.history
            && Some(history) != before.and_then(|before| before.history.as_ref())
        {
            object.insert("statusHistory".to_owned(), json!(history));
        }
        object.extend(self.breakdowns_since(before));
        (object.len() > self.head.len()).then_some(Value::Object(object))
    }

    fn sessions_since(&self, before: Option<&Self>, world: &World) -> Object {
        let none = BTreeMap::new();
        let mut bags = Object::new();
        for modality in [Modality::Audio, Modality::InstantMessage, Modality::Message].map(Modality::name) {
            let old = before.and_then(|before| before.sessions.get(modality)).unwrap_or(&none);
            let new = self.sessions.get(modality).unwrap_or(&none);
            let added: Vec<_> =
                new.iter().filter(|(id, _)| !old.contains_key(id)).map(|(_, session)| session).collect();
            let removed: Vec<_> =
                old.iter().filter(|(id, _)| !new.contains_key(id)).map(|(_, session)| session).collect();
            let changed = new.iter().any(|(id, session)| old.get(id).is_some_and(|old| old != session));
            let mut bag = Object::new();
            if !removed.is_empty() {
                bag.insert("removedSessions".to_owned(), json!(removed));
            }
            if changed {
                bag.insert("sessions".to_owned(), json!(timed(new.values(), world)));
            } else if !added.is_empty() {
                bag.insert("addedSessions".to_owned(), json!(timed(added.into_iter(), world)));
            }
            if !bag.is_empty() {
                bags.insert(modality.to_owned(), json!(bag));
            }
        }
        bags
    }
}

fn head(kind: &str, id: i64, name: String) -> Object {
    let head = [("type", json!(kind)), ("id", json!(id)), ("name", json!(name))];
    head.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The status as metrics show it: a small first letter and no status id, and the reason's id as text (`apis.md` B61, B65).
pub(super) fn current_status(agent: &Agent, doors: Doors) -> Object {
    let mut status = Object::new();
    status.insert("agentStatus".to_owned(), json!(agent.status.camel()));
    if let Some((id, name)) = agent.reason {
        status.insert("reasonCodeName".to_owned(), json!(name));
        status.insert("reasonCodeId".to_owned(), json!(id.to_string()));
    }
    status.insert("startTime".to_owned(), json!(doors.time(agent.since).to_string()));
    status.insert("isSuspended".to_owned(), json!(agent.suspended));
    status
}

pub(super) fn keep<'a>(
    metrics: &mut BTreeMap<&'static str, BTreeMap<&'a str, u64>>,
    modality: Modality,
    counters: impl IntoIterator<Item = (&'a str, u64)>,
    wish: &Wish,
) {
    let kept: BTreeMap<_, _> = counters.into_iter().filter(|(name, _)| wish.wants_metric(name)).collect();
    if wish.wants_modality(modality) && !kept.is_empty() {
        metrics.insert(modality.name(), kept);
    }
}
