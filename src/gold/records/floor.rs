//! Agents, queues and the structure of the house.
//!
//! A full answer and a pushed change are merged by different functions: what a full answer leaves out is not there, what
//! a change leaves out is as it was (`apis.md` B77).
//!
//! Who is there, what they are called and in which team they are is for the structure to say; a search, and then everything
//! else, only fills in what it leaves open.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Records;
use super::sessions::{Holder, Moved};
use crate::domain::metric::{MetricPath, QueueMetricsUpdate};
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Change, Metric, MetricValue, Metrics, Modality, Ordinal,
    QueueId, QueueUpdate, SessionListUpdates, StatusHistory, StructureSnapshot, TeamId, Unclassified,
};
use crate::gold::agent_detail::{AgentDetail, as_past};
use crate::gold::directory::AgentNames;
use crate::gold::entity::Key;
use crate::gold::merge;

/// What an agent or a queue is called, by who says so.
#[derive(Debug, Default)]
pub(super) struct Name {
    by_structure: Option<Arc<str>>,
    by_search: Option<Arc<str>>,
    /// In an answer or a push about what they do.
    by_the_way: Option<Arc<str>>,
}

impl Name {
    /// The one to show.
    pub fn best(&self) -> Option<Arc<str>> {
        self.by_structure.as_ref().or(self.by_search.as_ref()).or(self.by_the_way.as_ref()).cloned()
    }

    fn by_the_way(&mut self, name: Option<Arc<str>>) {
        self.by_the_way = name.or_else(|| self.by_the_way.take());
    }
}

/// When each part was last pushed. An answer to an older question says nothing of that part (`apis.md` B114), and is news
/// of the others.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    status: Ordinal,
    metrics: Ordinal,
    sessions: Ordinal,
    by_queue: Ordinal,
    other: Ordinal,
    /// What a search tells of queues, too.
    numbers: Ordinal,
}

impl Heard {
    fn note(part: &mut Ordinal, heard: Ordinal, is_said: bool) {
        if is_said {
            *part = heard.max(*part);
        }
    }
}

#[derive(Debug)]
pub(super) struct AgentRecord {
    pub name: Name,
    pub team: Option<TeamId>,
    pub email: Option<Arc<str>>,
    pub login: Option<Arc<str>>,
    pub sip: Option<Arc<str>>,
    /// Whether the source refuses to show them to this account.
    pub not_permitted: bool,
    pub status: AgentStatus,
    pub contradicting_status: Option<Arc<str>>,
    pub reason: Option<Arc<str>>,
    pub since: Option<Timestamp>,
    pub suspended: bool,
    pub metrics: Arc<Metrics>,
    pub other: Arc<Unclassified>,
    pub detail: Arc<AgentDetail>,
    heard: Heard,
}

impl Default for AgentRecord {
    fn default() -> Self {
        Self {
            name: Name::default(),
            team: None,
            email: None,
            login: None,
            sip: None,
            not_permitted: false,
            status: AgentStatus::Unknown,
            contradicting_status: None,
            reason: None,
            since: None,
            suspended: false,
            metrics: Arc::default(),
            other: Arc::default(),
            detail: Arc::default(),
            heard: Heard::default(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct QueueRecord {
    pub name: Name,
    pub teams: BTreeSet<TeamId>,
    pub open: Option<bool>,
    pub agents_online: Option<i64>,
    pub agents_available: Option<i64>,
    pub estimated_wait_seconds: Option<i64>,
    pub calls_today: Option<i64>,
    pub metrics: Arc<Metrics>,
    pub other: Arc<Unclassified>,
    /// When each metric was last told.
    told: BTreeMap<Modality, BTreeMap<Metric, Ordinal>>,
    /// When fields without a word were last told.
    other_told: Ordinal,
    /// When the numbers that a search tells, too, were last told.
    numbers_told: Ordinal,
    /// The kinds of contact of which it was told who waits, and when: an empty list means that nobody does. `None`: it was
    /// told, and is no longer known.
    listed: BTreeMap<Modality, Option<Ordinal>>,
    /// The kinds of contact of which it was told how many wait, and which is no longer known. Without them the others add
    /// up to too few.
    uncounted: BTreeSet<Modality>,
    /// Whether the structure names it.
    pub is_structured: bool,
    heard: Heard,
}

impl Records {
    /// Who and what there is. Agents, queues and teams that it leaves out are gone.
    pub(super) fn restructure(&mut self, structure: StructureSnapshot, now: Timestamp) {
        self.is_structured = true;
        let agents: HashSet<AgentId> = structure.agents.iter().map(|agent| agent.id).collect();
        let queues: HashSet<QueueId> = structure.queues.iter().map(|queue| queue.id).collect();
        let teams: HashSet<TeamId> = structure.teams.iter().map(|team| team.id).collect();
        for id in self.agents.keys().filter(|id| !agents.contains(id)).copied().collect::<Vec<_>>() {
            let moved = self.sessions.release_all(Holder::Agent(id));
            self.moved(moved);
            self.touched.extend(self.surveys_about(id));
            if let Some(agent) = self.agents.remove(&id) {
                self.directory.change(id, agent.names(), AgentNames::default());
            }
            self.touched.insert(Key::Agent(id));
            self.agent_changed_teams(id);
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
            let id = reading.id;
            let record = self.agents.entry(id).or_default();
            let is_another = record.team != reading.team;
            // Whoever is in no team here is in none.
            record.team = reading.team;
            record.name.by_structure = reading.name;
            self.touched.insert(Key::Agent(id));
            if is_another {
                self.agent_changed_teams(id);
            }
            for (at, heard, update) in self.early_agents.take(&id) {
                self.agent_changed(heard, update, at);
            }
        }
        for reading in structure.queues {
            let id = reading.id;
            let record = self.queues.entry(id).or_default();
            record.is_structured = true;
            record.name.by_structure = reading.name;
            let teams: BTreeSet<TeamId> = reading.teams.unwrap_or_default().into_iter().collect();
            self.touched.insert(Key::Queue(id));
            if record.teams != teams {
                record.teams = teams;
                self.feedback.rejoin_all_of(&Key::Queue(id));
            }
            for (at, heard, update) in self.early_queues.take(&id) {
                self.queue_changed(heard, update, at);
            }
        }
        // Last, because updates that waited may have named queues in passing that nothing names any more.
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
                let record = self.queues.entry(id).or_default();
                record.teams.clear();
                record.is_structured = false;
            } else {
                self.queues.remove(&id);
            }
        }
        self.early_agents.give_up(now);
        self.early_queues.give_up(now);
    }

    fn has_agent(&self, id: AgentId) -> bool {
        !self.is_structured || self.agents.contains_key(&id)
    }

    fn has_queue(&self, id: QueueId) -> bool {
        // The numbers that stand for no queue are in no structure (`apis.md` C57).
        let is_special = id.0 <= 0 || id.0 == 9999;
        !self.is_structured || is_special || self.queues.get(&id).is_some_and(|record| record.is_structured)
    }

    /// A full answer about an agent, asked at a certain place in the order of events.
    pub(super) fn agent_in_full(&mut self, asked: Ordinal, mut reading: AgentUpdate, now: Timestamp) {
        let id = reading.id;
        if !self.has_agent(id) {
            return;
        }
        self.identify(&reading);
        let record = self.agents.entry(id).or_default();
        // What was long ago does not depend on what was pushed just now.
        if let Some(history) = reading.history.take() {
            record.remember(history, now);
        }
        record.not_permitted = reading.not_permitted;
        // Whatever was pushed of somebody who is not for us to see, before or after the question, is not known.
        let heard = if reading.not_permitted { Heard::default() } else { record.heard };
        if heard.status <= asked
            && let Some(status) = reading.status
        {
            record.set_status(status, true, now);
        }
        if heard.metrics <= asked && *record.metrics != reading.metrics {
            record.metrics = Arc::new(reading.metrics);
        }
        let other = merge::present(reading.other);
        if heard.other <= asked && *record.other != other {
            record.other = Arc::new(other);
        }
        if heard.by_queue <= asked {
            record.replace_by_queue(reading.by_queue);
        }
        self.touched.insert(Key::Agent(id));
        if heard.sessions <= asked {
            let moved = self.sessions.replace(Holder::Agent(id), asked, reading.sessions, now);
            self.moved(moved);
        }
    }

    /// A pushed change of an agent.
    pub(super) fn agent_changed(&mut self, heard: Ordinal, reading: AgentUpdate, now: Timestamp) {
        let id = reading.id;
        if !self.has_agent(id) {
            self.early_agents.keep(id, now, heard, reading);
            return;
        }
        self.identify(&reading);
        let record = self.agents.entry(id).or_default();
        self.touched.insert(Key::Agent(id));
        if record.not_permitted {
            // A leftover of a subscription from before they were refused.
            return;
        }
        let has_metrics = !reading.metrics.is_empty() || !reading.cleared_metrics.is_empty();
        Heard::note(&mut record.heard.status, heard, reading.status.is_some());
        Heard::note(&mut record.heard.metrics, heard, has_metrics);
        Heard::note(&mut record.heard.sessions, heard, !reading.sessions.is_empty());
        Heard::note(&mut record.heard.by_queue, heard, reading.by_queue.is_some());
        Heard::note(&mut record.heard.other, heard, !reading.other.is_empty());
        if let Some(status) = reading.status {
            record.set_status(status, false, now);
        }
        merge::metrics(&mut record.metrics, &reading.cleared_metrics, reading.metrics);
        merge::other(&mut record.other, reading.other);
        if let Some(by_queue) = reading.by_queue {
            Arc::make_mut(&mut record.detail).change(*by_queue);
        }
        if let Some(history) = reading.history {
            record.remember(history, now);
        }
        let moved = self.sessions.change(Holder::Agent(id), heard, reading.sessions, now);
        self.moved(moved);
    }

    /// What a search says of an agent: names and addresses alone.
    pub(super) fn agent_found(&mut self, reading: &AgentUpdate) {
        if self.has_agent(reading.id) {
            self.identify(&AgentUpdate { name: None, ..reading.clone() });
            let record = self.agents.entry(reading.id).or_default();
            record.name.by_search = reading.name.clone().or_else(|| record.name.by_search.take());
            self.touched.insert(Key::Agent(reading.id));
        }
    }

    /// A full answer about a queue, asked at a certain place in the order of events. Only sites that answer what is not
    /// documented give any (`apis.md` C48).
    pub(super) fn queue_in_full(&mut self, asked: Ordinal, reading: QueueUpdate, now: Timestamp) {
        let id = reading.id;
        if !self.has_queue(id) {
            return;
        }
        let record = self.queues.entry(id).or_default();
        let heard = record.heard;
        if heard.numbers <= asked {
            record.count(asked, &reading);
        }
        record.name.by_the_way(reading.name);
        // What it leaves out is not there, and that is told too.
        if heard.metrics <= asked {
            record.told.clear();
            record.uncounted.clear();
            record.metrics_told(asked, &reading.metrics);
            if *record.metrics != reading.metrics {
                record.metrics = Arc::new(reading.metrics);
            }
        }
        let other = merge::present(reading.other);
        if heard.other <= asked {
            record.other_told = asked;
            if *record.other != other {
                record.other = Arc::new(other);
            }
        }
        self.touched.insert(Key::Queue(id));
        if heard.sessions <= asked {
            record.listed.values_mut().for_each(|told| *told = Some(asked));
            record.sessions_told(asked, &reading.sessions);
            let moved = self.sessions.replace(Holder::Queue(id), asked, reading.sessions, now);
            self.moved(moved);
        }
    }

    /// A pushed change of a queue. Pushes carry no order but that of their arrival (`apis.md` B114).
    pub(super) fn queue_changed(&mut self, heard: Ordinal, reading: QueueUpdate, now: Timestamp) {
        let id = reading.id;
        if !self.has_queue(id) {
            self.early_queues.keep(id, now, heard, reading);
            return;
        }
        let record = self.queues.entry(id).or_default();
        let has_metrics = !reading.metrics.is_empty() || !reading.cleared_metrics.is_empty();
        Heard::note(&mut record.heard.metrics, heard, has_metrics);
        Heard::note(&mut record.heard.sessions, heard, !reading.sessions.is_empty());
        Heard::note(&mut record.heard.other, heard, !reading.other.is_empty());
        let has_numbers = record.count(heard, &reading);
        Heard::note(&mut record.heard.numbers, heard, has_numbers);
        record.name.by_the_way(reading.name);
        record.metrics_cleared(&reading.cleared_metrics);
        record.metrics_told(heard, &reading.metrics);
        merge::metrics(&mut record.metrics, &reading.cleared_metrics, reading.metrics);
        if !reading.other.is_empty() {
            record.other_told = heard;
        }
        merge::other(&mut record.other, reading.other);
        record.sessions_told(heard, &reading.sessions);
        self.touched.insert(Key::Queue(id));
        let moved = self.sessions.change(Holder::Queue(id), heard, reading.sessions, now);
        self.moved(moved);
    }

    /// What a search says of a queue: its name, and the numbers that can be asked for.
    pub(super) fn queue_found(&mut self, asked: Ordinal, reading: QueueUpdate) {
        let id = reading.id;
        if !self.has_queue(id) {
            return;
        }
        let record = self.queues.entry(id).or_default();
        if record.heard.numbers <= asked {
            record.count(asked, &reading);
        }
        record.name.by_search = reading.name.or_else(|| record.name.by_search.take());
        self.touched.insert(Key::Queue(id));
    }

    /// What only pushes could tell of queues, and have not told again since `before`, is no longer known.
    pub(super) fn queues_uncertain(&mut self, before: Ordinal, searched_too: bool) {
        self.early_queues.forget_before(before);
        for id in self.queues.keys().copied().collect::<Vec<_>>() {
            let moved = self.sessions.release_untold(Holder::Queue(id), before);
            self.moved(moved);
            let Some(record) = self.queues.get_mut(&id) else { continue };
            let had_numbers = searched_too && record.forget_numbers(before);
            if record.forget_untold(before) || had_numbers {
                self.touched.insert(Key::Queue(id));
            }
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

    /// Fills in what a reading says of who an agent is. Whoever had other names before is no longer meant by them.
    fn identify(&mut self, reading: &AgentUpdate) {
        let id = reading.id;
        let known = self.agents.get(&id);
        let before = known.map(AgentRecord::names).unwrap_or_default();
        let after = AgentNames::of_reading(reading).or(before);
        let is_renamed = after != before;
        if is_renamed {
            if known.is_some() {
                let touched = self.surveys.about(id, before);
                self.touched.extend(touched);
            }
            self.directory.change(id, before, after);
        }
        let record = self.agents.entry(id).or_default();
        record.name.by_the_way(reading.name.clone());
        record.email = reading.email.clone().or_else(|| record.email.take());
        record.login = reading.login.clone().or_else(|| record.login.take());
        record.sip = reading.sip.clone().or_else(|| record.sip.take());
        let team = record.team;
        if !self.is_structured {
            record.team = reading.team.or(record.team);
        }
        if record.team != team || is_renamed {
            self.agent_changed_teams(id);
        }
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
    /// What other systems may call them.
    pub fn names(&self) -> AgentNames<'_> {
        AgentNames { email: self.email.as_deref(), login: self.login.as_deref(), sip: self.sip.as_deref() }
    }

    /// What a message says of the status. What an update does not mention stays; but the reason and the beginning belong
    /// to a status, and go with it when another one begins.
    fn set_status(&mut self, reading: AgentStatusUpdate, is_full: bool, now: Timestamp) {
        let status = match reading.status {
            Change::Keep => None,
            Change::Clear => Some(AgentStatus::Unknown),
            Change::Set(status) => Some(status),
        };
        let is_full = is_full && status.is_some();
        if status.is_some() {
            self.contradicting_status = reading.contradicting;
        }
        let another = status.filter(|status| *status != self.status);
        let (since, reason) = (self.since, self.reason.clone());
        self.reason = reading.reason.or(reason.clone().filter(|_| another.is_none() && !is_full));
        let begins = another.is_some() || (is_full && self.reason != reason);
        self.since = if begins { reading.since.or(Some(now)) } else { reading.since.or(since) };
        if let Some(status) = another {
            self.status = status;
        }
        self.suspended = reading.suspended.or(Some(self.suspended)).unwrap_or_default();
        if (begins || self.reason != reason || self.since != since) && self.detail.history.is_some() {
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
        let mut detail = AgentDetail::clone(&self.detail);
        detail.remember(history, now);
        self.keep(detail);
        if self.status != AgentStatus::Unknown {
            self.note_status();
        }
    }

    fn replace_by_queue(&mut self, reading: Option<Box<QueueMetricsUpdate>>) {
        if reading.is_none() && self.detail.by_queue.is_empty() && self.detail.unread.is_empty() {
            return;
        }
        let mut detail = AgentDetail::clone(&self.detail);
        detail.replace(reading.map(|reading| *reading));
        self.keep(detail);
    }

    /// The same said once more is no change, and no other pointer.
    fn keep(&mut self, detail: AgentDetail) {
        if *self.detail != detail {
            self.detail = Arc::new(detail);
        }
    }
}

impl QueueRecord {
    /// How many wait, if that is known of every kind of contact of which it was ever told. `listed` is how many of them
    /// are known by name.
    pub fn waiting(&self, listed: i64) -> Option<i64> {
        match queued(&self.metrics) {
            Some(count) => self.uncounted.is_empty().then_some(count),
            None => (!self.listed.is_empty() && self.listed.values().all(Option::is_some)).then_some(listed),
        }
    }

    fn metrics_told(&mut self, told: Ordinal, metrics: &Metrics) {
        for (modality, bag) in metrics {
            let known = self.told.entry(modality.clone()).or_default();
            known.extend(bag.keys().map(|metric| (metric.clone(), told)));
            if bag.contains_key(&Metric::Queued) {
                self.uncounted.remove(modality);
            }
        }
    }

    /// That there is no such number any more is known.
    fn metrics_cleared(&mut self, cleared: &[MetricPath]) {
        for (modality, names) in cleared {
            let is_all = names.is_empty();
            if is_all || matches!(names.as_slice(), [name] if **name == *Metric::Queued.as_str()) {
                self.uncounted.remove(modality);
            }
            if is_all {
                self.told.remove(modality);
            } else if let ([name], Some(bag)) = (names.as_slice(), self.told.get_mut(modality)) {
                bag.remove(&**name);
            }
        }
    }

    fn sessions_told(&mut self, told: Ordinal, sessions: &SessionListUpdates) {
        let in_full = sessions.iter().filter(|(_, list)| list.all.is_some());
        self.listed.extend(in_full.map(|(modality, _)| (modality.clone(), Some(told))));
    }

    /// Forgets what was told before `before` and not again since. Returns whether there was any.
    fn forget_untold(&mut self, before: Ordinal) -> bool {
        let mut gone = Vec::new();
        for (modality, bag) in &mut self.told {
            for (name, _) in bag.extract_if(.., |_, told| *told < before) {
                gone.push((modality.clone(), name));
            }
        }
        let mut is_changed = !gone.is_empty();
        if is_changed {
            let metrics = Arc::make_mut(&mut self.metrics);
            for (modality, name) in gone {
                if let Some(bag) = metrics.get_mut(&modality) {
                    bag.remove(&name);
                }
                if name == Metric::Queued {
                    self.uncounted.insert(modality);
                }
            }
            metrics.retain(|_, bag| !bag.is_empty());
        }
        for told in self.listed.values_mut().filter(|told| told.is_some_and(|told| told < before)) {
            *told = None;
            is_changed = true;
        }
        if self.other_told < before && !self.other.is_empty() {
            self.other = Arc::default();
            is_changed = true;
        }
        is_changed
    }

    /// Forgets the numbers that a search tells, too, if they were not told since. Returns whether there were any.
    fn forget_numbers(&mut self, before: Ordinal) -> bool {
        if self.numbers_told >= before {
            return false;
        }
        let open = self.open.take().is_some();
        let numbers = [
            &mut self.agents_online,
            &mut self.agents_available,
            &mut self.estimated_wait_seconds,
            &mut self.calls_today,
        ];
        let numbers = numbers.map(|number| number.take().is_some());
        open || numbers.contains(&true)
    }

    /// Takes over the numbers that a message tells. Returns whether it tells any.
    fn count(&mut self, told: Ordinal, reading: &QueueUpdate) -> bool {
        self.open = reading.open.or(self.open);
        self.agents_online = reading.agents_online.or(self.agents_online);
        self.agents_available = reading.agents_available.or(self.agents_available);
        self.estimated_wait_seconds = reading.estimated_wait_seconds.or(self.estimated_wait_seconds);
        self.calls_today = reading.calls_today.or(self.calls_today);
        let numbers =
            [reading.agents_online, reading.agents_available, reading.estimated_wait_seconds, reading.calls_today];
        let has_numbers = reading.open.is_something() || numbers.iter().any(Change::is_something);
        if has_numbers {
            self.numbers_told = told;
        }
        has_numbers
    }
}

/// The sum of the queued counts of all kinds of contact. `None`: there is no such metric.
fn queued(metrics: &Metrics) -> Option<i64> {
    let mut counts = metrics.values().filter_map(|bag| match bag.get(&Metric::Queued)? {
        MetricValue::Count(count) => Some(*count),
        _ => None,
    });
    let first = counts.next()?;
    Some(counts.fold(first, i64::saturating_add))
}
