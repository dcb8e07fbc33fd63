//! Agents, queues and the structure of the site.
//!
//! A snapshot and a pushed update are merged by different functions: what a snapshot leaves out does not exist, what an
//! update leaves out is unchanged (apis.md B77).
//!
//! The structure decides which agents, queues and teams exist, their names, and agents' teams. A search, and then
//! snapshots and updates, only fill in what it leaves open.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Records;
use super::sessions::{Holder, SessionChanges};
use crate::domain::metric::{MetricPath, QueueMetricsUpdate};
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Change, Metric, MetricValue, Metrics, Modality, Ordinal,
    QueueId, QueueUpdate, SessionListUpdates, StatusHistory, StructureSnapshot, TeamId, Unclassified,
};
use crate::gold::agent_detail::{AgentDetail, as_past};
use crate::gold::directory::AgentNames;
use crate::gold::entity::Key;
use crate::gold::merge;

/// The name of an agent or a queue, by its source.
#[derive(Debug, Default)]
pub(super) struct Name {
    by_structure: Option<Arc<str>>,
    by_search: Option<Arc<str>>,
    /// From a snapshot or a pushed update.
    by_update: Option<Arc<str>>,
}

impl Name {
    /// The name to show.
    pub fn best(&self) -> Option<Arc<str>> {
        self.by_structure.as_ref().or(self.by_search.as_ref()).or(self.by_update.as_ref()).cloned()
    }

    fn by_update(&mut self, name: Option<Arc<str>>) {
        self.by_update = name.or_else(|| self.by_update.take());
    }
}

/// When each part was last pushed. A snapshot that was requested earlier is older than that part (apis.md B114), and
/// newer than the others.
#[derive(Debug, Clone, Copy, Default)]
struct PushedAt {
    status: Ordinal,
    metrics: Ordinal,
    sessions: Ordinal,
    by_queue: Ordinal,
    other: Ordinal,
    /// The numbers of a queue that a search returns, too.
    numbers: Ordinal,
}

impl PushedAt {
    fn note(part: &mut Ordinal, pushed: Ordinal, is_mentioned: bool) {
        if is_mentioned {
            *part = pushed.max(*part);
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
    /// Whether our account may not see the agent.
    pub not_permitted: bool,
    pub status: AgentStatus,
    pub contradicting_status: Option<Arc<str>>,
    pub reason: Option<Arc<str>>,
    pub since: Option<Timestamp>,
    pub suspended: bool,
    pub metrics: Arc<Metrics>,
    pub other: Arc<Unclassified>,
    pub detail: Arc<AgentDetail>,
    pushed: PushedAt,
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
            pushed: PushedAt::default(),
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
    /// When each metric was last reported.
    reported: BTreeMap<Modality, BTreeMap<Metric, Ordinal>>,
    /// When fields that have no type of ours were last reported.
    other_reported: Ordinal,
    /// When the numbers that a search returns, too, were last reported.
    numbers_reported: Ordinal,
    /// When the full list of sessions of a modality was last reported; the list may be empty. `None`: it was reported,
    /// and may be out of date now.
    lists_known_at: BTreeMap<Modality, Option<Ordinal>>,
    /// Modalities whose count of waiting sessions was reported and may be out of date now. Without them the sum over
    /// the others would be too low.
    counts_unknown: BTreeSet<Modality>,
    /// Whether the structure names it.
    pub is_structured: bool,
    pushed: PushedAt,
}

impl Records {
    /// Applies a structure: agents, queues and teams that it leaves out are removed.
    pub(super) fn apply_structure(&mut self, structure: StructureSnapshot, now: Timestamp) {
        self.is_structured = true;
        let agents: HashSet<AgentId> = structure.agents.iter().map(|agent| agent.id).collect();
        let queues: HashSet<QueueId> = structure.queues.iter().map(|queue| queue.id).collect();
        let teams: HashSet<TeamId> = structure.teams.iter().map(|team| team.id).collect();
        for id in self.agents.keys().filter(|id| !agents.contains(id)).copied().collect::<Vec<_>>() {
            let changes = self.sessions.release_all(Holder::Agent(id));
            self.touch_holders(changes);
            self.touched.extend(self.surveys_about(id));
            if let Some(agent) = self.agents.remove(&id) {
                self.directory.change(id, agent.names(), AgentNames::default());
            }
            self.touched.insert(Key::Agent(id));
            self.agent_team_changed(id);
        }
        for id in self.teams.keys().filter(|id| !teams.contains(id)).copied().collect::<Vec<_>>() {
            self.teams.remove(&id);
            self.touched.insert(Key::Team(id));
        }

        for team in structure.teams {
            self.touched.insert(Key::Team(team.id));
            self.teams.insert(team.id, team);
        }
        for update in structure.agents {
            let id = update.id;
            let record = self.agents.entry(id).or_default();
            let is_another = record.team != update.team;
            // An agent without a team in the structure has none.
            record.team = update.team;
            record.name.by_structure = update.name;
            self.touched.insert(Key::Agent(id));
            if is_another {
                self.agent_team_changed(id);
            }
            for (at, pushed, update) in self.early_agents.take(&id) {
                self.apply_agent_update(pushed, update, at);
            }
        }
        for update in structure.queues {
            let id = update.id;
            let record = self.queues.entry(id).or_default();
            record.is_structured = true;
            record.name.by_structure = update.name;
            let teams: BTreeSet<TeamId> = update.teams.unwrap_or_default().into_iter().collect();
            self.touched.insert(Key::Queue(id));
            if record.teams != teams {
                record.teams = teams;
                self.feedback.rematch_attributed_to(&Key::Queue(id));
            }
            for (at, pushed, update) in self.early_queues.take(&id) {
                self.apply_queue_update(pushed, update, at);
            }
        }
        // Last, because early updates may have named queues that nothing else names.
        let unlisted: Vec<QueueId> = self.queues.keys().filter(|id| !queues.contains(id)).copied().collect();
        for id in &unlisted {
            let changes = self.sessions.release_all(Holder::Queue(*id));
            self.touch_holders(changes);
        }
        for id in unlisted {
            self.feedback.rematch_attributed_to(&Key::Queue(id));
            self.touched.insert(Key::Queue(id));
            if self.sessions.is_queue_named(id) {
                // A session names it, such as one of the ids that stand for no queue.
                let record = self.queues.entry(id).or_default();
                record.teams.clear();
                record.is_structured = false;
            } else {
                self.queues.remove(&id);
            }
        }
        self.early_agents.expire(now);
        self.early_queues.expire(now);
    }

    fn has_agent(&self, id: AgentId) -> bool {
        !self.is_structured || self.agents.contains_key(&id)
    }

    fn has_queue(&self, id: QueueId) -> bool {
        // The ids that stand for no queue are in no structure (apis.md C57).
        let is_special = id.0 <= 0 || id.0 == 9999;
        !self.is_structured || is_special || self.queues.get(&id).is_some_and(|record| record.is_structured)
    }

    /// Applies a snapshot of an agent that was requested at `asked`.
    pub(super) fn apply_agent_snapshot(&mut self, asked: Ordinal, mut snapshot: AgentUpdate, now: Timestamp) {
        let id = snapshot.id;
        if !self.has_agent(id) {
            return;
        }
        self.set_names(&snapshot);
        let record = self.agents.entry(id).or_default();
        // The history is of the past: pushes do not make it older.
        if let Some(history) = snapshot.history.take() {
            record.apply_history(history, now);
        }
        record.not_permitted = snapshot.not_permitted;
        // Pushes about an agent that the service account may not see do not count.
        let pushed = if snapshot.not_permitted { PushedAt::default() } else { record.pushed };
        if pushed.status <= asked
            && let Some(status) = snapshot.status
        {
            record.set_status(status, true, now);
        }
        if pushed.metrics <= asked && *record.metrics != snapshot.metrics {
            record.metrics = Arc::new(snapshot.metrics);
        }
        let other = merge::present(snapshot.other);
        if pushed.other <= asked && *record.other != other {
            record.other = Arc::new(other);
        }
        if pushed.by_queue <= asked {
            record.apply_metrics_by_queue(snapshot.by_queue);
        }
        self.touched.insert(Key::Agent(id));
        if pushed.sessions <= asked {
            let changes = self.sessions.apply_snapshot(Holder::Agent(id), asked, snapshot.sessions, now);
            self.touch_holders(changes);
        }
    }

    /// Applies a pushed update of an agent.
    pub(super) fn apply_agent_update(&mut self, pushed: Ordinal, update: AgentUpdate, now: Timestamp) {
        let id = update.id;
        if !self.has_agent(id) {
            self.early_agents.keep(id, now, pushed, update);
            return;
        }
        self.set_names(&update);
        let record = self.agents.entry(id).or_default();
        self.touched.insert(Key::Agent(id));
        if record.not_permitted {
            // A push of a subscription from before our account was refused.
            return;
        }
        let has_metrics = !update.metrics.is_empty() || !update.cleared_metrics.is_empty();
        PushedAt::note(&mut record.pushed.status, pushed, update.status.is_some());
        PushedAt::note(&mut record.pushed.metrics, pushed, has_metrics);
        PushedAt::note(&mut record.pushed.sessions, pushed, !update.sessions.is_empty());
        PushedAt::note(&mut record.pushed.by_queue, pushed, update.by_queue.is_some());
        PushedAt::note(&mut record.pushed.other, pushed, !update.other.is_empty());
        if let Some(status) = update.status {
            record.set_status(status, false, now);
        }
        merge::metrics(&mut record.metrics, &update.cleared_metrics, update.metrics);
        merge::other(&mut record.other, update.other);
        if let Some(by_queue) = update.by_queue {
            Arc::make_mut(&mut record.detail).change(*by_queue);
        }
        if let Some(history) = update.history {
            record.apply_history(history, now);
        }
        let changes = self.sessions.apply_update(Holder::Agent(id), pushed, update.sessions, now);
        self.touch_holders(changes);
    }

    /// Applies a search result: names and addresses only.
    pub(super) fn apply_agent_search_result(&mut self, update: &AgentUpdate) {
        if self.has_agent(update.id) {
            self.set_names(&AgentUpdate { name: None, ..update.clone() });
            let record = self.agents.entry(update.id).or_default();
            record.name.by_search = update.name.clone().or_else(|| record.name.by_search.take());
            self.touched.insert(Key::Agent(update.id));
        }
    }

    /// Applies a snapshot of a queue that was requested at `asked`. Clarity documents no such request, and only some
    /// sites answer it (apis.md C48).
    pub(super) fn apply_queue_snapshot(&mut self, asked: Ordinal, snapshot: QueueUpdate, now: Timestamp) {
        let id = snapshot.id;
        if !self.has_queue(id) {
            return;
        }
        let record = self.queues.entry(id).or_default();
        let pushed = record.pushed;
        if pushed.numbers <= asked {
            record.set_numbers(asked, &snapshot);
        }
        record.name.by_update(snapshot.name);
        // What a snapshot leaves out is thereby reported as absent.
        if pushed.metrics <= asked {
            record.reported.clear();
            record.counts_unknown.clear();
            record.note_metrics(asked, &snapshot.metrics);
            if *record.metrics != snapshot.metrics {
                record.metrics = Arc::new(snapshot.metrics);
            }
        }
        let other = merge::present(snapshot.other);
        if pushed.other <= asked {
            record.other_reported = asked;
            if *record.other != other {
                record.other = Arc::new(other);
            }
        }
        self.touched.insert(Key::Queue(id));
        if pushed.sessions <= asked {
            record.lists_known_at.values_mut().for_each(|reported| *reported = Some(asked));
            record.note_sessions(asked, &snapshot.sessions);
            let changes = self.sessions.apply_snapshot(Holder::Queue(id), asked, snapshot.sessions, now);
            self.touch_holders(changes);
        }
    }

    /// Applies a pushed update of a queue. Pushes have no order but that of their arrival (apis.md B114).
    pub(super) fn apply_queue_update(&mut self, pushed: Ordinal, update: QueueUpdate, now: Timestamp) {
        let id = update.id;
        if !self.has_queue(id) {
            self.early_queues.keep(id, now, pushed, update);
            return;
        }
        let record = self.queues.entry(id).or_default();
        let has_metrics = !update.metrics.is_empty() || !update.cleared_metrics.is_empty();
        PushedAt::note(&mut record.pushed.metrics, pushed, has_metrics);
        PushedAt::note(&mut record.pushed.sessions, pushed, !update.sessions.is_empty());
        PushedAt::note(&mut record.pushed.other, pushed, !update.other.is_empty());
        let has_numbers = record.set_numbers(pushed, &update);
        PushedAt::note(&mut record.pushed.numbers, pushed, has_numbers);
        record.name.by_update(update.name);
        record.note_cleared_metrics(&update.cleared_metrics);
        record.note_metrics(pushed, &update.metrics);
        merge::metrics(&mut record.metrics, &update.cleared_metrics, update.metrics);
        if !update.other.is_empty() {
            record.other_reported = pushed;
        }
        merge::other(&mut record.other, update.other);
        record.note_sessions(pushed, &update.sessions);
        self.touched.insert(Key::Queue(id));
        let changes = self.sessions.apply_update(Holder::Queue(id), pushed, update.sessions, now);
        self.touch_holders(changes);
    }

    /// Applies a search result: the name, and the numbers that a search returns.
    pub(super) fn apply_queue_search_result(&mut self, asked: Ordinal, update: QueueUpdate) {
        let id = update.id;
        if !self.has_queue(id) {
            return;
        }
        let record = self.queues.entry(id).or_default();
        if record.pushed.numbers <= asked {
            record.set_numbers(asked, &update);
        }
        record.name.by_search = update.name.or_else(|| record.name.by_search.take());
        self.touched.insert(Key::Queue(id));
    }

    /// Drops what only pushes report of queues and what was not pushed again since `before`.
    pub(super) fn drop_unpushed_since(&mut self, before: Ordinal, searched_too: bool) {
        self.early_queues.drop_before(before);
        for id in self.queues.keys().copied().collect::<Vec<_>>() {
            let changes = self.sessions.release_unlisted(Holder::Queue(id), before);
            self.touch_holders(changes);
            let Some(record) = self.queues.get_mut(&id) else { continue };
            let had_numbers = searched_too && record.drop_numbers_unreported_since(before);
            if record.drop_unreported_since(before) || had_numbers {
                self.touched.insert(Key::Queue(id));
            }
        }
    }

    /// An agent's feedback and surveys count for the team that the agent is in now.
    fn agent_team_changed(&mut self, id: AgentId) {
        self.feedback.rematch_attributed_to(&Key::Agent(id));
        self.recount_agent(id);
        self.touched.extend(self.surveys_about(id));
    }

    fn surveys_about(&self, id: AgentId) -> Vec<Key> {
        let names = self.agents.get(&id).map(AgentRecord::names).unwrap_or_default();
        self.surveys.about(id, names)
    }

    /// Takes over the names in an update. Records that name the agent by a previous name no longer match.
    fn set_names(&mut self, update: &AgentUpdate) {
        let id = update.id;
        let known = self.agents.get(&id);
        let before = known.map(AgentRecord::names).unwrap_or_default();
        let after = AgentNames::of_update(update).or(before);
        let is_renamed = after != before;
        if is_renamed {
            if known.is_some() {
                let touched = self.surveys.about(id, before);
                self.touched.extend(touched);
            }
            self.directory.change(id, before, after);
        }
        let record = self.agents.entry(id).or_default();
        record.name.by_update(update.name.clone());
        record.email = update.email.clone().or_else(|| record.email.take());
        record.login = update.login.clone().or_else(|| record.login.take());
        record.sip = update.sip.clone().or_else(|| record.sip.take());
        let team = record.team;
        if !self.is_structured {
            record.team = update.team.or(record.team);
        }
        if record.team != team || is_renamed {
            self.agent_team_changed(id);
        }
    }

    fn touch_holders(&mut self, changes: SessionChanges) {
        for holder in changes.holders {
            match holder {
                Holder::Agent(id) => {
                    self.touched.insert(Key::Agent(id));
                }
                Holder::Queue(id) => {
                    // A session may name a queue that the structure does not: it is kept and shown.
                    if self.sessions.is_queue_named(id) {
                        self.queues.entry(id).or_default();
                    }
                    self.touched.insert(Key::Queue(id));
                }
            }
        }
        self.sessions_changed(&changes.keys);
    }
}

impl AgentRecord {
    /// The names by which other systems may know the agent.
    pub fn names(&self) -> AgentNames<'_> {
        AgentNames { email: self.email.as_deref(), login: self.login.as_deref(), sip: self.sip.as_deref() }
    }

    /// Applies a status. What an update does not mention is unchanged, except that the reason and the beginning belong
    /// to a status and are cleared when another one begins.
    fn set_status(&mut self, update: AgentStatusUpdate, is_full: bool, now: Timestamp) {
        let status = match update.status {
            Change::Keep => None,
            Change::Clear => Some(AgentStatus::Unknown),
            Change::Set(status) => Some(status),
        };
        let is_full = is_full && status.is_some();
        if status.is_some() {
            self.contradicting_status = update.contradicting;
        }
        let another = status.filter(|status| *status != self.status);
        let (since, reason) = (self.since, self.reason.clone());
        self.reason = update.reason.or(reason.clone().filter(|_| another.is_none() && !is_full));
        let begins = another.is_some() || (is_full && self.reason != reason);
        self.since = if begins { update.since.or(Some(now)) } else { update.since.or(since) };
        if let Some(status) = another {
            self.status = status;
        }
        self.suspended = update.suspended.or(Some(self.suspended)).unwrap_or_default();
        if (begins || self.reason != reason || self.since != since) && self.detail.history.is_some() {
            self.record_status();
        }
    }

    /// Adds the current status to the history.
    fn record_status(&mut self) {
        let Some(since) = self.since else { return };
        let status = as_past(&self.status, self.reason.as_ref(), self.suspended);
        if let Some(history) = &mut Arc::make_mut(&mut self.detail).history {
            history.observe(since, status);
        }
    }

    fn apply_history(&mut self, history: StatusHistory, now: Timestamp) {
        let mut detail = AgentDetail::clone(&self.detail);
        detail.remember(history, now);
        self.set_detail(detail);
        if self.status != AgentStatus::Unknown {
            self.record_status();
        }
    }

    fn apply_metrics_by_queue(&mut self, snapshot: Option<Box<QueueMetricsUpdate>>) {
        if snapshot.is_none() && self.detail.by_queue.is_empty() && self.detail.unread.is_empty() {
            return;
        }
        let mut detail = AgentDetail::clone(&self.detail);
        detail.replace(snapshot.map(|snapshot| *snapshot));
        self.set_detail(detail);
    }

    /// An equal detail keeps its pointer, so that comparing agents stays cheap.
    fn set_detail(&mut self, detail: AgentDetail) {
        if *self.detail != detail {
            self.detail = Arc::new(detail);
        }
    }
}

impl QueueRecord {
    /// How many sessions wait, if that is known of every modality that was ever reported. `listed`: how many waiting
    /// sessions are listed.
    pub fn waiting(&self, listed: i64) -> Option<i64> {
        match queued(&self.metrics) {
            Some(count) => self.counts_unknown.is_empty().then_some(count),
            None => {
                (!self.lists_known_at.is_empty() && self.lists_known_at.values().all(Option::is_some)).then_some(listed)
            }
        }
    }

    fn note_metrics(&mut self, reported: Ordinal, metrics: &Metrics) {
        for (modality, bag) in metrics {
            let known = self.reported.entry(modality.clone()).or_default();
            known.extend(bag.keys().map(|metric| (metric.clone(), reported)));
            if bag.contains_key(&Metric::Queued) {
                self.counts_unknown.remove(modality);
            }
        }
    }

    /// A removed metric is known to be absent.
    fn note_cleared_metrics(&mut self, cleared: &[MetricPath]) {
        for (modality, names) in cleared {
            let is_all = names.is_empty();
            if is_all || matches!(names.as_slice(), [name] if **name == *Metric::Queued.as_str()) {
                self.counts_unknown.remove(modality);
            }
            if is_all {
                self.reported.remove(modality);
            } else if let ([name], Some(bag)) = (names.as_slice(), self.reported.get_mut(modality)) {
                bag.remove(&**name);
            }
        }
    }

    fn note_sessions(&mut self, reported: Ordinal, sessions: &SessionListUpdates) {
        let in_full = sessions.iter().filter(|(_, list)| list.all.is_some());
        self.lists_known_at.extend(in_full.map(|(modality, _)| (modality.clone(), Some(reported))));
    }

    /// Drops what was not reported again since `before`. Returns whether anything was dropped.
    fn drop_unreported_since(&mut self, before: Ordinal) -> bool {
        let mut gone = Vec::new();
        for (modality, bag) in &mut self.reported {
            for (name, _) in bag.extract_if(.., |_, reported| *reported < before) {
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
                    self.counts_unknown.insert(modality);
                }
            }
            metrics.retain(|_, bag| !bag.is_empty());
        }
        for reported in
            self.lists_known_at.values_mut().filter(|reported| reported.is_some_and(|reported| reported < before))
        {
            *reported = None;
            is_changed = true;
        }
        if self.other_reported < before && !self.other.is_empty() {
            self.other = Arc::default();
            is_changed = true;
        }
        is_changed
    }

    /// Drops the numbers that a search returns, too, if they were not reported again. Returns whether there were any.
    fn drop_numbers_unreported_since(&mut self, before: Ordinal) -> bool {
        if self.numbers_reported >= before {
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

    /// Takes over the numbers in an update. Returns whether it has any.
    fn set_numbers(&mut self, reported: Ordinal, update: &QueueUpdate) -> bool {
        self.open = update.open.or(self.open);
        self.agents_online = update.agents_online.or(self.agents_online);
        self.agents_available = update.agents_available.or(self.agents_available);
        self.estimated_wait_seconds = update.estimated_wait_seconds.or(self.estimated_wait_seconds);
        self.calls_today = update.calls_today.or(self.calls_today);
        let numbers =
            [update.agents_online, update.agents_available, update.estimated_wait_seconds, update.calls_today];
        let has_numbers = update.open.is_something() || numbers.iter().any(Change::is_something);
        if has_numbers {
            self.numbers_reported = reported;
        }
        has_numbers
    }
}

/// The sum of the queued counts of all modalities. `None`: there is no such metric.
fn queued(metrics: &Metrics) -> Option<i64> {
    let mut counts = metrics.values().filter_map(|bag| match bag.get(&Metric::Queued)? {
        MetricValue::Count(count) => Some(*count),
        _ => None,
    });
    let first = counts.next()?;
    Some(counts.fold(first, i64::saturating_add))
}
