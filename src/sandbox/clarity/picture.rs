//! Realtime Data: what is shown of an agent or a queue, whole or as a difference (`apis.md` C102 to C106, B77).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::wish::Wish;
use crate::sandbox::floor::Doors;
use crate::sandbox::world::{Agent, Modality, Moment, Session, SessionStatus, World};

type Object = Map<String, Value>;

/// An agent or a queue, as one caller wants to see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    kind: &'static str,
    id: i64,
    name: String,
    metrics: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    status: Option<Object>,
    sessions: BTreeMap<&'static str, BTreeMap<i64, Object>>,
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
            let counters = [
                ("answeredCount", tally.answered),
                ("ronaCount", tally.rona),
                ("takenCount", tally.taken),
                ("currentlyActiveCount", u64::from(active)),
            ];
            keep(&mut metrics, modality, counters, wish);
        }
        if wish.wants_metric("availableTime") {
            metrics.insert("agnostic", BTreeMap::from([("availableTime", agent.available.unsigned_abs())]));
        }
        let mut status = current_status(agent, doors);
        wish.keep_status(&mut status);
        let sessions = by_modality(session.into_iter(), wish);
        Some(Self { kind: "agent", id, name: agent.name(), metrics, status: Some(status), sessions })
    }

    /// A queue.
    pub fn of_queue(world: &World, id: i64, wish: &Wish) -> Option<Self> {
        let queue = world.queues().get(&id)?;
        let here = || world.sessions().values().filter(|session| session.queue == id);
        let active = here().filter(|session| session.status == SessionStatus::Active).count() as u64;
        let mut metrics = BTreeMap::new();
        keep(&mut metrics, queue.modality, queue.counters(world.waiting(id), active), wish);
        let sessions = by_modality(here(), wish);
        Some(Self { kind: "queue", id, name: queue.name.clone(), metrics, status: None, sessions })
    }

    /// Shows only one of `metrics`, `sessions` and `status`. False if there is no such part.
    pub fn reduce_to(&mut self, part: &str) -> bool {
        let known = ["metrics", "sessions", "status"].contains(&part);
        if part != "metrics" {
            self.metrics.clear();
        }
        if part != "sessions" {
            self.sessions.clear();
        }
        if part != "status" {
            self.status = None;
        }
        known
    }

    /// The whole picture. Without sessions there is no such key.
    pub fn whole(&self, world: &World) -> Value {
        let mut object = self.head();
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
        Value::Object(object)
    }

    /// What has changed since `before`; everything, with all sessions as added ones, if nothing was shown before.
    pub fn since(&self, before: Option<&Self>, world: &World) -> Option<Value> {
        let mut object = self.head();
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
        (object.len() > 3).then_some(Value::Object(object))
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

    fn head(&self) -> Object {
        let head = [("type", json!(self.kind)), ("id", json!(self.id)), ("name", json!(self.name))];
        head.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The status as metrics show it: a small first letter and no status id, and the reason's id as text (`apis.md` B61, B65).
fn current_status(agent: &Agent, doors: Doors) -> Object {
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

fn keep<'a>(
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

fn by_modality<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    wish: &Wish,
) -> BTreeMap<&'static str, BTreeMap<i64, Object>> {
    let mut bags: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for session in sessions.filter(|session| wish.wants_modality(session.modality)) {
        let mut model = session_model(session);
        wish.keep_session(&mut model);
        bags.entry(session.modality.name()).or_default().insert(session.id, model);
    }
    bags
}

/// The Session Model of metrics (`apis.md` C105). The two durations are put in when it is sent: they change by themselves
/// and must not look like news.
fn session_model(session: &Session) -> Object {
    let model = json!({
        "sessionId": session.id,
        "sessionType": "queued",
        "queueId": session.queue,
        "customerName": format!("{} {}", session.customer.first, session.customer.last),
        "agentId": session.agent,
        "isRecording": session.recording && session.status == SessionStatus::Active,
        "canBeRecorded": session.modality == Modality::Audio,
        "isSilentJoined": false,
        "isWhisperJoined": false,
        "sessionStatus": session.status.name(),
        "queuedMs": 0,
        "activeMs": 0,
        "canBeSilentJoined": session.modality == Modality::Audio,
        "canBeWhisperJoined": session.modality == Modality::Audio,
    });
    match model {
        Value::Object(mut model) => {
            // Nobody has it yet: there is no such key.
            model.retain(|_, value| !value.is_null());
            model
        }
        _ => Object::new(),
    }
}

fn timed<'a>(models: impl Iterator<Item = &'a Object>, world: &World) -> Vec<Object> {
    models
        .map(|model| {
            let mut model = model.clone();
            let session = model["sessionId"].as_i64().and_then(|id| world.sessions().get(&id));
            let since = |moment: Moment| json!(world.now() - moment);
            if let Some(session) = session {
                if let Some(queued) = model.get_mut("queuedMs").filter(|_| session.status == SessionStatus::Queued) {
                    *queued = since(session.began);
                }
                if let (Some(active), Some(answered)) = (model.get_mut("activeMs"), session.answered) {
                    *active = since(answered);
                }
            }
            model
        })
        .collect()
}
