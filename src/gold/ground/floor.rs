//! Agents, queues and the structure of the house.
//!
//! A full answer and a pushed change are merged by different functions: what a full answer leaves out is not there, what
//! a change leaves out is as it was (`apis.md` B77).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Ground;
use super::sessions::{Holder, Moved};
use crate::domain::metric::ByQueueReading;
use crate::domain::{
    AgentId, AgentReading, AgentStatus, MetricValue, Metrics, Modality, Ordinal, QueueId, QueueReading, StatusHistory,
    StatusReading, StructureReading, TeamId, Unclassified,
};
use crate::gold::detail::{Detail, as_past};
use crate::gold::entity::Key;
use crate::gold::roll::Names;

#[derive(Debug)]
pub(super) struct AgentRecord {
    pub name: Option<Arc<str>>,
    pub team: Option<TeamId>,
    pub email: Option<Arc<str>>,
    pub login: Option<Arc<str>>,
    pub sip: Option<Arc<str>>,
    /// Whether the source refuses to show them to this account.
    pub not_permitted: bool,
    pub status: AgentStatus,
    pub reason: Option<Arc<str>>,
    pub since: Option<Timestamp>,
    pub suspended: bool,
    pub metrics: Arc<Metrics>,
    pub other: Arc<Unclassified>,
    pub detail: Arc<Detail>,
    /// The last change that was pushed.
    heard: Ordinal,
}

impl Default for AgentRecord {
    fn default() -> Self {
        Self {
            name: None,
            team: None,
            email: None,
            login: None,
            sip: None,
            not_permitted: false,
            status: AgentStatus::Unknown,
            reason: None,
            since: None,
            suspended: false,
            metrics: Arc::default(),
            other: Arc::default(),
            detail: Arc::default(),
            heard: Ordinal::default(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct QueueRecord {
    pub name: Option<Arc<str>>,
    pub teams: BTreeSet<TeamId>,
    pub open: Option<bool>,
    pub agents_online: Option<i64>,
    pub agents_available: Option<i64>,
    pub estimated_wait_seconds: Option<i64>,
    pub calls_today: Option<i64>,
    pub metrics: Arc<Metrics>,
    pub other: Arc<Unclassified>,
    /// Whether anybody lists who waits in it. If so, an empty list means that nobody does.
    pub listed: bool,
    /// The last change that was pushed.
    heard: Ordinal,
}

impl Ground {
    /// Who and what there is. Agents, queues and teams that it leaves out are gone.
    pub(super) fn restructure(&mut self, structure: StructureReading) {
        let agents: HashSet<AgentId> = structure.agents.iter().map(|agent| agent.id).collect();
        let queues: HashSet<QueueId> = structure.queues.iter().map(|queue| queue.id).collect();
        let teams: HashSet<TeamId> = structure.teams.iter().map(|team| team.id).collect();
        for id in self.agents.keys().filter(|id| !agents.contains(id)).copied().collect::<Vec<_>>() {
            let moved = self.sessions.release_all(Holder::Agent(id));
            self.moved(moved);
            self.touched.extend(self.surveys_about(id));
            if let Some(agent) = self.agents.remove(&id) {
                self.roll.change(id, agent.names(), Names::default());
            }
            self.touched.insert(Key::Agent(id));
            self.agent_changed_teams(id);
        }
        let unlisted: Vec<QueueId> = self.queues.keys().filter(|id| !queues.contains(id)).copied().collect();
        for id in &unlisted {
            let moved = self.sessions.release_all(Holder::Queue(*id));
            self.moved(moved);
        }
        for id in unlisted {
            self.feedback.rejoin_all_of(&Key::Queue(id));
            self.touched.insert(Key::Queue(id));
            if self.sessions.name_queue(id) {
                // No structure knows it, least of all the numbers that stand for no queue; an agent's session names it.
                self.queues.entry(id).or_default().teams.clear();
            } else {
                self.queues.remove(&id);
            }
        }
        for id in self.teams.keys().filter(|id| !teams.contains(id)).copied().collect::<Vec<_>>() {
            self.teams.remove(&id);
            self.touched.insert(Key::Team(id));
        }

        for team in structure.teams {
            self.touched.insert(Key::Team(team.id));
            self.teams.insert(team.id, team);
        }
        for reading in structure.agents {
            self.change_names(&reading);
            let record = self.agents.entry(reading.id).or_default();
            let is_another = record.identify(&reading) || record.team != reading.team;
            // Whoever is in no team here is in none.
            record.team = reading.team;
            self.touched.insert(Key::Agent(reading.id));
            if is_another {
                self.agent_changed_teams(reading.id);
            }
        }
        for reading in structure.queues {
            let record = self.queues.entry(reading.id).or_default();
            record.name = reading.name.or_else(|| record.name.take());
            let teams: BTreeSet<TeamId> = reading.teams.unwrap_or_default().into_iter().collect();
            self.touched.insert(Key::Queue(reading.id));
            if record.teams != teams {
                record.teams = teams;
                self.feedback.rejoin_all_of(&Key::Queue(reading.id));
            }
        }
    }

    /// A full answer about an agent, asked at a certain place in the order of events.
    pub(super) fn agent_in_full(&mut self, asked: Ordinal, mut reading: AgentReading, now: Timestamp) {
        let id = reading.id;
        let record = self.agents.entry(id).or_default();
        // What was long ago does not depend on what was pushed just now.
        if let Some(history) = reading.history.take() {
            record.remember(history, now);
            self.touched.insert(Key::Agent(id));
        }
        if record.heard > asked && !reading.not_permitted {
            // Something newer was pushed while the question was on its way (`apis.md` B114); the next answer will do.
            return;
        }
        record.not_permitted = reading.not_permitted;
        self.change_names(&reading);
        let record = self.agents.entry(id).or_default();
        let team_changed = record.identify(&reading);
        if let Some(status) = reading.status {
            record.become_(status, now);
        }
        if *record.metrics != reading.metrics {
            record.metrics = Arc::new(reading.metrics);
        }
        if *record.other != reading.other {
            record.other = Arc::new(reading.other);
        }
        record.replace_by_queue(reading.by_queue);
        self.touched.insert(Key::Agent(id));
        if team_changed {
            self.agent_changed_teams(id);
        }
        let moved = self.sessions.replace(Holder::Agent(id), reading.sessions, now);
        self.moved(moved);
    }

    /// A pushed change of an agent.
    pub(super) fn agent_changed(&mut self, heard: Ordinal, mut reading: AgentReading, now: Timestamp) {
        let id = reading.id;
        if self.agents.get(&id).is_some_and(|record| record.not_permitted) {
            // A leftover of a subscription from before they were refused: it would be an old value by the time of the next.
            let found = AgentReading::new(id);
            reading = AgentReading { email: reading.email, login: reading.login, sip: reading.sip, ..found };
        }
        self.change_names(&reading);
        let record = self.agents.entry(id).or_default();
        record.heard = record.heard.max(heard);
        let team_changed = record.identify(&reading);
        if let Some(status) = reading.status {
            record.become_(status, now);
        }
        merge_metrics(&mut record.metrics, reading.metrics);
        merge_other(&mut record.other, reading.other);
        if let Some(by_queue) = reading.by_queue {
            Arc::make_mut(&mut record.detail).change(*by_queue);
        }
        if let Some(history) = reading.history {
            record.remember(history, now);
        }
        self.touched.insert(Key::Agent(id));
        if team_changed {
            self.agent_changed_teams(id);
        }
        let moved = self.sessions.change(Holder::Agent(id), reading.sessions, now);
        self.moved(moved);
    }

    /// A full answer about a queue, asked at a certain place in the order of events. Only sites that answer what is not
    /// documented give any (`apis.md` C48).
    pub(super) fn queue_in_full(&mut self, asked: Ordinal, reading: QueueReading, now: Timestamp) {
        let id = reading.id;
        let record = self.queues.entry(id).or_default();
        if record.heard > asked {
            // Something newer was pushed while the question was on its way (`apis.md` B114).
            return;
        }
        record.name = reading.name.or_else(|| record.name.take());
        if *record.metrics != reading.metrics {
            record.metrics = Arc::new(reading.metrics);
        }
        if *record.other != reading.other {
            record.other = Arc::new(reading.other);
        }
        record.listed |= reading.sessions.iter().any(|(_, list)| list.all.is_some());
        self.touched.insert(Key::Queue(id));
        let moved = self.sessions.replace(Holder::Queue(id), reading.sessions, now);
        self.moved(moved);
    }

    /// A pushed change of a queue, or a partial answer about it. The two have no field in common, and pushes carry no
    /// order but that of their arrival (`apis.md` B114).
    pub(super) fn queue_changed(&mut self, heard: Ordinal, reading: QueueReading, now: Timestamp) {
        let id = reading.id;
        let record = self.queues.entry(id).or_default();
        record.heard = record.heard.max(heard);
        record.name = reading.name.or_else(|| record.name.take());
        record.open = reading.open.or(record.open);
        record.agents_online = reading.agents_online.or(record.agents_online);
        record.agents_available = reading.agents_available.or(record.agents_available);
        record.estimated_wait_seconds = reading.estimated_wait_seconds.or(record.estimated_wait_seconds);
        record.calls_today = reading.calls_today.or(record.calls_today);
        merge_metrics(&mut record.metrics, reading.metrics);
        merge_other(&mut record.other, reading.other);
        record.listed |= reading.sessions.iter().any(|(_, list)| list.all.is_some());
        self.touched.insert(Key::Queue(id));
        let moved = self.sessions.change(Holder::Queue(id), reading.sessions, now);
        self.moved(moved);
    }

    /// Whatever only pushes could tell us about queues is no longer known.
    pub(super) fn queues_uncertain(&mut self) {
        for id in self.queues.keys().copied().collect::<Vec<_>>() {
            let moved = self.sessions.release_all(Holder::Queue(id));
            self.moved(moved);
            if let Some(record) = self.queues.get_mut(&id) {
                record.metrics = Arc::default();
                record.listed = false;
            }
            self.touched.insert(Key::Queue(id));
        }
    }

    /// Feedback and surveys count for the team that their agent is in.
    fn agent_changed_teams(&mut self, id: AgentId) {
        self.feedback.rejoin_all_of(&Key::Agent(id));
        self.recount_agent(id);
        self.touched.extend(self.surveys_about(id));
    }

    fn surveys_about(&self, id: AgentId) -> Vec<Key> {
        let names = self.agents.get(&id).map(AgentRecord::names).unwrap_or_default();
        self.surveys.about(id, names)
    }

    /// Whoever had other names before is no longer meant by them. To be told before the reading is merged.
    fn change_names(&mut self, reading: &AgentReading) {
        let known = self.agents.get(&reading.id);
        let before = known.map(AgentRecord::names).unwrap_or_default();
        let after = Names::of_reading(reading).or(before);
        if after == before {
            return;
        }
        if known.is_some() {
            let touched = self.surveys.about(reading.id, before);
            self.touched.extend(touched);
        }
        self.roll.change(reading.id, before, after);
    }

    fn moved(&mut self, moved: Moved) {
        for holder in moved.holders {
            match holder {
                Holder::Agent(id) => {
                    self.touched.insert(Key::Agent(id));
                }
                Holder::Queue(id) => {
                    // A session may name a queue that no structure knows: kept and shown.
                    if self.sessions.name_queue(id) {
                        self.queues.entry(id).or_default();
                    }
                    self.touched.insert(Key::Queue(id));
                }
            }
        }
        self.follow(&moved.clues);
    }
}

impl AgentRecord {
    /// Returns whether the team or what others call them is another one.
    fn identify(&mut self, reading: &AgentReading) -> bool {
        let (team, is_renamed) = (self.team, Names::of_reading(reading).or(self.names()) != self.names());
        self.name = reading.name.clone().or_else(|| self.name.take());
        self.email = reading.email.clone().or_else(|| self.email.take());
        self.login = reading.login.clone().or_else(|| self.login.take());
        self.sip = reading.sip.clone().or_else(|| self.sip.take());
        self.team = reading.team.or(self.team);
        self.team != team || is_renamed
    }

    /// What other systems may call them.
    pub fn names(&self) -> Names<'_> {
        Names { email: self.email.as_deref(), login: self.login.as_deref(), sip: self.sip.as_deref() }
    }

    fn become_(&mut self, reading: StatusReading, now: Timestamp) {
        let same = self.status == reading.status && self.reason == reading.reason;
        let before = self.since;
        self.since = reading.since.or(if same { self.since } else { Some(now) });
        self.status = reading.status;
        self.reason = reading.reason;
        self.suspended = reading.suspended.unwrap_or(self.suspended);
        if (!same || self.since != before) && self.detail.history.is_some() {
            self.note_status();
        }
    }

    /// What they do now goes on where the history ends.
    fn note_status(&mut self) {
        let Some(since) = self.since else { return };
        let status = as_past(&self.status, self.reason.as_ref(), self.suspended);
        if let Some(history) = &mut Arc::make_mut(&mut self.detail).history {
            history.saw(since, status);
        }
    }

    fn remember(&mut self, history: StatusHistory, now: Timestamp) {
        let mut detail = Detail::clone(&self.detail);
        detail.remember(history, now);
        self.keep(detail);
        if self.status != AgentStatus::Unknown {
            self.note_status();
        }
    }

    fn replace_by_queue(&mut self, reading: Option<Box<ByQueueReading>>) {
        if reading.is_none() && self.detail.by_queue.is_empty() && self.detail.unread.is_empty() {
            return;
        }
        let mut detail = Detail::clone(&self.detail);
        detail.replace(reading.map(|reading| *reading));
        self.keep(detail);
    }

    /// The same said once more is no change, and no other pointer.
    fn keep(&mut self, detail: Detail) {
        if *self.detail != detail {
            self.detail = Arc::new(detail);
        }
    }
}

fn merge_metrics(known: &mut Arc<Metrics>, read: Metrics) {
    // Whoever reads the entity shares its metrics: writing copies them all.
    let is_known = |(modality, bag): (&Modality, &BTreeMap<Arc<str>, MetricValue>)| {
        let known = known.get(modality);
        known.is_some_and(|known| bag.iter().all(|(name, value)| known.get(name) == Some(value)))
    };
    if read.iter().all(is_known) {
        return;
    }
    let known = Arc::make_mut(known);
    for (modality, bag) in read {
        known.entry(modality).or_default().extend(bag);
    }
}

fn merge_other(known: &mut Arc<Unclassified>, read: Unclassified) {
    if !read.is_empty() {
        Arc::make_mut(known).extend(read);
    }
}
