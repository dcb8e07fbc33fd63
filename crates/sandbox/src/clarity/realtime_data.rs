//! Realtime Data of an agent or a queue, in full or as a difference (apis.md C102 to C106, B77).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::agent_parts::{breakdowns, current_status, history};
use super::contacts::{by_modality, with_durations};
use super::selection::{Object, Selection, insert_selected};
use crate::contact_center::{ContactCenter, Modality, SessionStatus};
use crate::simulation::Timeline;

/// Realtime Data of an agent, a queue, or a group of them, as one caller selected it.
#[derive(Debug, Clone, PartialEq)]
pub struct RealtimeData {
    /// Type, id and name; or type, ids and group.
    head: Object,
    metrics: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    status: Option<Object>,
    sessions: BTreeMap<&'static str, BTreeMap<i64, Object>>,
    /// Past statuses, if selected.
    history: Option<Vec<Object>>,
    /// Metrics by queue, if selected.
    breakdowns: Option<BTreeMap<i64, Value>>,
}

impl RealtimeData {
    /// An agent; `None` for an unknown id.
    pub fn of_agent(center: &ContactCenter, timeline: Timeline, id: i64, selection: &Selection) -> Option<Self> {
        let agent = center.agents().get(&id)?;
        let session = agent.session.and_then(|session| center.sessions().get(&session));
        let mut metrics: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for modality in [Modality::Audio, Modality::InstantMessage, Modality::Message] {
            let counters = agent.by_modality.get(&modality).copied().unwrap_or_default();
            let active =
                session.is_some_and(|session| session.modality == modality && session.status == SessionStatus::Active);
            let counters = counters.by_name().into_iter().chain([("currentlyActiveCount", u64::from(active))]);
            insert_selected(&mut metrics, modality, counters, selection);
        }
        if selection.includes_metric("availableTime") {
            metrics.insert("agnostic", BTreeMap::from([("availableTime", agent.available.unsigned_abs())]));
        }
        let mut status = current_status(agent, timeline);
        selection.keep_status(&mut status);
        let sessions = by_modality(session.into_iter(), selection);
        let history = selection.history.then(|| history(agent, timeline, selection));
        let breakdowns = selection.breakdowns.then(|| breakdowns(center, agent, selection));
        Some(Self {
            head: head("agent", id, agent.name()),
            metrics,
            status: Some(status),
            sessions,
            history,
            breakdowns,
        })
    }

    /// A queue; `None` for an unknown id.
    pub fn of_queue(center: &ContactCenter, id: i64, selection: &Selection) -> Option<Self> {
        let queue = center.queues().get(&id)?;
        let here = || center.sessions().values().filter(|session| session.queue == id);
        let active = here().filter(|session| session.status == SessionStatus::Active).count() as u64;
        let mut metrics = BTreeMap::new();
        insert_selected(&mut metrics, queue.modality, queue.metrics(center.waiting(id), active), selection);
        let sessions = by_modality(here(), selection);
        Some(Self {
            head: head("queue", id, queue.name.clone()),
            metrics,
            status: None,
            sessions,
            history: None,
            breakdowns: None,
        })
    }

    /// An aggregate: it has the ids of its members instead of an id and a name. Without members it has no metrics
    /// (apis.md C107, B78).
    pub fn aggregate(kind: &str, group: Option<(&str, i64)>, ids: &[i64], members: impl Iterator<Item = Self>) -> Self {
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

    /// Keeps only one of `metrics`, `sessions` and `status`. False for another name.
    pub fn keep_part(&mut self, part: &str) -> bool {
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

    /// All of it. Parts that are empty have no key.
    pub fn full(&self, center: &ContactCenter) -> Value {
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
            .map(|(modality, sessions)| {
                ((*modality).to_owned(), json!({"sessions": with_durations(sessions.values(), center)}))
            })
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

    /// The difference to `before`; without it everything, with all sessions as added ones. `None` if nothing changed.
    pub fn diff(&self, before: Option<&Self>, center: &ContactCenter) -> Option<Value> {
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
        let sessions = self.sessions_diff(before, center);
        if !sessions.is_empty() {
            object.insert("sessions".to_owned(), json!(sessions));
        }
        if let Some(history) = &self.history
            && Some(history) != before.and_then(|before| before.history.as_ref())
        {
            object.insert("statusHistory".to_owned(), json!(history));
        }
        object.extend(self.breakdowns_diff(before));
        (object.len() > self.head.len()).then_some(Value::Object(object))
    }

    /// As with sessions: all breakdowns if one changed, else the added and the removed ones.
    fn breakdowns_diff(&self, before: Option<&Self>) -> Object {
        let none = BTreeMap::new();
        let Some(new) = &self.breakdowns else { return Object::new() };
        let old = before.and_then(|before| before.breakdowns.as_ref()).unwrap_or(&none);
        if new.iter().any(|(id, bag)| old.get(id).is_some_and(|old| old != bag)) {
            return [("breakdowns".to_owned(), json!(new.values().collect::<Vec<_>>()))].into_iter().collect();
        }
        let only_in = |these: &BTreeMap<i64, Value>, those: &BTreeMap<i64, Value>| -> Vec<Value> {
            these.iter().filter(|(id, _)| !those.contains_key(id)).map(|(_, bag)| bag.clone()).collect()
        };
        [("addedBreakdowns", only_in(new, old)), ("removedBreakdowns", only_in(old, new))]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| (name.to_owned(), json!(list)))
            .collect()
    }

    fn sessions_diff(&self, before: Option<&Self>, center: &ContactCenter) -> Object {
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
                bag.insert("sessions".to_owned(), json!(with_durations(new.values(), center)));
            } else if !added.is_empty() {
                bag.insert("addedSessions".to_owned(), json!(with_durations(added.into_iter(), center)));
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
