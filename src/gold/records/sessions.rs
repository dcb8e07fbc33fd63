//! Sessions: which agents and queues list them, and where they wait.
//!
//! Clarity names a session in the lists of agents and of queues. It exists for as long as at least one of them lists
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

use super::multimap;
use super::session_history::SessionHistory;
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentId, Modality, Ordinal, QueueId, SessionId, SessionListUpdates, SessionRecord, SessionStatus, SessionUpdate,
};
use crate::gold::entity::Session;
use crate::gold::join::{KnownSession, MatchKey};
use crate::gold::merge;

/// Clarity sends durations, so the same instant differs between two messages by their delay. Within this tolerance the
/// first one is kept: an instant that moved with every poll would be a change of every page (apis.md B76).
const SAME_INSTANT: SignedDuration = SignedDuration::from_secs(2);

/// Above this many first agents those of sessions that no longer exist are removed.
const MAX_FIRST_AGENTS: usize = 20_000;

/// An agent or queue that lists a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Holder {
    Agent(AgentId),
    Queue(QueueId),
}

#[derive(Debug)]
struct Record {
    session: Arc<Session>,
    /// One or two agents and a queue: too few for a set.
    holders: Vec<Holder>,
}

/// How a holder lists a session.
#[derive(Debug)]
struct Listing {
    /// Under which modality.
    modality: Modality,
    /// When the holder last listed it.
    listed_at: Ordinal,
}

/// What an update changed.
#[derive(Debug, Default)]
pub(super) struct SessionChanges {
    /// Agents and queues whose sessions changed.
    pub holders: Vec<Holder>,
    /// Match keys of sessions that changed in the history.
    pub keys: BTreeSet<MatchKey>,
}

impl SessionChanges {
    fn add_holders(&mut self, record: &Record) {
        self.holders.extend(record.holders.iter().copied());
        self.holders.extend(record.session.queue.map(Holder::Queue));
    }
}

type ByQueue = HashMap<QueueId, BTreeSet<SessionId>>;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    records: HashMap<SessionId, Record>,
    /// The sessions that each holder lists.
    listed: HashMap<Holder, BTreeMap<SessionId, Listing>>,
    /// The sessions of each queue, and those of them that wait: a queue has many sessions in hand and few that wait.
    by_queue: ByQueue,
    waiting: ByQueue,
    /// The first agent in contact. Kept apart from the records, because a transferred session leaves the list of one
    /// agent before it appears in that of the next.
    first_agents: HashMap<SessionId, AgentId>,
    /// What is known of sessions after they ended.
    pub history: SessionHistory,
}

impl Sessions {
    /// Applies a snapshot of a holder: a modality that it leaves out has no sessions.
    pub fn apply_snapshot(
        &mut self,
        holder: Holder,
        listed_at: Ordinal,
        update: SessionListUpdates,
        now: Timestamp,
    ) -> SessionChanges {
        let mut changes = SessionChanges::default();
        for id in self.listed_by(holder, |_, known| update.iter().all(|(listed, _)| *listed != known.modality)) {
            self.release(holder, id, &mut changes);
        }
        for (modality, mut list) in update {
            // In a snapshot "added" means the same as "all".
            list.all.get_or_insert_default().append(&mut list.added);
            self.list(holder, listed_at, &modality, list, now, &mut changes);
        }
        changes
    }

    /// Applies an update of a holder: a modality that it leaves out is unchanged.
    pub fn apply_update(
        &mut self,
        holder: Holder,
        listed_at: Ordinal,
        update: SessionListUpdates,
        now: Timestamp,
    ) -> SessionChanges {
        let mut changes = SessionChanges::default();
        for (modality, list) in update {
            self.list(holder, listed_at, &modality, list, now, &mut changes);
        }
        changes
    }

    /// The holder was removed.
    pub fn release_all(&mut self, holder: Holder) -> SessionChanges {
        self.release_where(holder, |_| true)
    }

    /// Releases the sessions that the holder has not listed since `before`.
    pub fn release_unlisted(&mut self, holder: Holder, before: Ordinal) -> SessionChanges {
        self.release_where(holder, |known| known.listed_at < before)
    }

    fn release_where(&mut self, holder: Holder, which: impl Fn(&Listing) -> bool) -> SessionChanges {
        let mut changes = SessionChanges::default();
        for id in self.listed_by(holder, |_, known| which(known)) {
            self.release(holder, id, &mut changes);
        }
        changes
    }

    /// The sessions that an agent has in hand.
    pub fn of_agent(&self, agent: AgentId) -> BTreeMap<SessionId, Arc<Session>> {
        let ids = self.listed.get(&Holder::Agent(agent)).into_iter().flat_map(BTreeMap::keys);
        self.sessions(ids)
    }

    /// The sessions that wait in a queue.
    pub fn waiting_in(&self, queue: QueueId) -> BTreeMap<SessionId, Arc<Session>> {
        self.sessions(self.waiting.get(&queue).into_iter().flatten())
    }

    /// Whether a session names the queue.
    pub fn is_queue_named(&self, queue: QueueId) -> bool {
        self.by_queue.contains_key(&queue)
    }

    /// What is known of a session, ended or not.
    pub fn known(&self, id: SessionId) -> Option<&KnownSession> {
        self.history.get(id)
    }

    fn sessions<'a>(&self, ids: impl Iterator<Item = &'a SessionId>) -> BTreeMap<SessionId, Arc<Session>> {
        let mut sessions = BTreeMap::new();
        sessions.extend(ids.filter_map(|id| Some((*id, Arc::clone(&self.records.get(id)?.session)))));
        sessions
    }

    fn listed_by(&self, holder: Holder, which: impl Fn(&SessionId, &Listing) -> bool) -> Vec<SessionId> {
        let listed = self.listed.get(&holder).into_iter().flatten();
        listed.filter(|(id, known)| which(id, known)).map(|(id, _)| *id).collect()
    }

    fn list(
        &mut self,
        holder: Holder,
        listed_at: Ordinal,
        modality: &Modality,
        list: SessionListUpdate,
        now: Timestamp,
        changes: &mut SessionChanges,
    ) {
        if let Some(all) = &list.all {
            let kept: BTreeSet<SessionId> = all.iter().chain(&list.added).map(|update| update.id).collect();
            for id in self.listed_by(holder, |id, known| known.modality == *modality && !kept.contains(id)) {
                self.release(holder, id, changes);
            }
        }
        for update in list.all.into_iter().flatten().chain(list.added) {
            self.add(holder, listed_at, modality, update, now, changes);
        }
        for id in list.removed {
            self.release(holder, id, changes);
        }
    }

    fn add(
        &mut self,
        holder: Holder,
        listed_at: Ordinal,
        modality: &Modality,
        update: SessionUpdate,
        now: Timestamp,
        changes: &mut SessionChanges,
    ) {
        let id = update.id;
        let known = self.records.get(&id).map(|record| Arc::clone(&record.session));
        let mut session = merged(known.as_deref(), holder, modality, update, now);
        session.first_agent = self.first_agent(&session);
        let session = Arc::new(session);
        if session.status.is_over() {
            if known.is_none() && self.history.get(id).is_some() {
                // Its end was reported before: the history is complete.
                return;
            }
            self.note_in_history(&session, now, changes);
            let holders = self.records.get(&id).map(|record| record.holders.clone()).unwrap_or_default();
            for holder in holders {
                self.release(holder, id, changes);
            }
            return;
        }

        let changed = known.as_ref() != Some(&session);
        if changed {
            self.note_in_history(&session, now, changes);
        }
        self.index(id, known.as_deref(), Some(&session));
        if let Some(queue) = known.as_ref().and_then(|known| known.queue)
            && session.queue != Some(queue)
        {
            changes.holders.push(Holder::Queue(queue));
        }
        let record =
            self.records.entry(id).or_insert_with(|| Record { session: Arc::clone(&session), holders: Vec::new() });
        let new_holder = !record.holders.contains(&holder);
        if new_holder {
            record.holders.push(holder);
        }
        if changed {
            record.session = session;
        }
        if changed || new_holder {
            changes.add_holders(record);
        }
        self.listed.entry(holder).or_default().insert(id, Listing { modality: modality.clone(), listed_at });
    }

    /// The first agent in contact, if another agent has the session now.
    fn first_agent(&mut self, session: &Session) -> Option<AgentId> {
        if session.status.is_over() {
            return self
                .first_agents
                .remove(&session.id)
                .filter(|first| session.agent.is_some_and(|agent| agent != *first));
        }
        let is_in_contact = matches!(session.status, SessionStatus::Active | SessionStatus::AfterCall);
        if is_in_contact && let Some(agent) = session.agent {
            if self.first_agents.len() >= MAX_FIRST_AGENTS {
                // Sessions that vanished without an end.
                self.first_agents.retain(|id, _| self.records.contains_key(id));
            }
            self.first_agents.entry(session.id).or_insert(agent);
        }
        self.first_agents.get(&session.id).copied().filter(|first| session.agent.is_some_and(|agent| agent != *first))
    }

    fn release(&mut self, holder: Holder, id: SessionId, changes: &mut SessionChanges) {
        if let Some(listed) = self.listed.get_mut(&holder) {
            listed.remove(&id);
            if listed.is_empty() {
                self.listed.remove(&holder);
            }
        }
        let Some(record) = self.records.get_mut(&id) else { return };
        changes.add_holders(record);
        record.holders.retain(|listed| *listed != holder);
        if record.holders.is_empty() {
            let session = Arc::clone(&record.session);
            self.records.remove(&id);
            self.index(id, Some(&session), None);
        }
    }

    /// Whether the indexes agree with the records.
    #[cfg(test)]
    pub fn is_sound(&self) -> bool {
        let mut anew = Self::default();
        for (id, record) in &self.records {
            anew.index(*id, None, Some(&record.session));
        }
        anew.by_queue == self.by_queue && anew.waiting == self.waiting && self.history.is_sound()
    }

    /// Updates the indexes by queue.
    fn index(&mut self, id: SessionId, before: Option<&Session>, after: Option<&Session>) {
        let names = |session: Option<&Session>| session.and_then(|session| session.queue);
        let waits = |session: Option<&Session>| names(session.filter(|session| session.status.is_waiting()));
        move_between(&mut self.by_queue, id, names(before), names(after));
        move_between(&mut self.waiting, id, waits(before), waits(after));
    }

    fn note_in_history(&mut self, session: &Session, now: Timestamp, changes: &mut SessionChanges) {
        let report = SessionRecord {
            queue: session.queue,
            agent: session.agent,
            began: session.queued_since.or(session.active_since).or(Some(now)),
            ..SessionRecord::new(session.id)
        };
        changes.keys.append(&mut self.history.update(report, now));
    }
}

fn move_between(queues: &mut ByQueue, id: SessionId, from: Option<QueueId>, to: Option<QueueId>) {
    if from == to {
        return;
    }
    if let Some(from) = from {
        multimap::remove(queues, &from, &id);
    }
    if let Some(to) = to {
        queues.entry(to).or_default().insert(id);
    }
}

fn merged(
    known: Option<&Session>,
    holder: Holder,
    modality: &Modality,
    update: SessionUpdate,
    now: Timestamp,
) -> Session {
    let (holding_agent, holding_queue) = match holder {
        Holder::Agent(agent) => (Some(agent), None),
        Holder::Queue(queue) => (None, Some(queue)),
    };
    let status = update.status.or_else(|| known.map(|known| known.status.clone())).unwrap_or(SessionStatus::New);
    // An instant is valid only while the session has that status (apis.md B76), whichever message reports the status.
    let queued = update.queued_since.filter(|_| status.is_waiting());
    let active = update.active_since.filter(|_| status == SessionStatus::Active);
    let queued_since = same_instant(known.and_then(|known| known.queued_since), queued)
        // Without an instant a waiting session has waited at least since now.
        .or_else(|| status.is_waiting().then_some(now));
    let active_since = same_instant(known.and_then(|known| known.active_since), active);
    let anchor = match &status {
        status if status.is_waiting() => queued_since,
        SessionStatus::Active => active_since,
        _ => None,
    };
    let unchanged_since = known.filter(|known| known.status == status).and_then(|known| known.since);
    let mut other = known.map(|known| Arc::clone(&known.other)).unwrap_or_default();
    merge::other(&mut other, update.other);
    let on_hold = update.on_hold.or(known.and_then(|known| known.on_hold));
    // The beginning of a hold is cleared with the hold.
    let hold_ends = update.on_hold.is_something() && on_hold != Some(true);
    let hold_since = update.hold_since.or(known.and_then(|known| known.hold_since).filter(|_| !hold_ends));
    Session {
        id: update.id,
        kind: update.kind.or_else(|| known.and_then(|known| known.kind.clone())),
        modality: modality.clone(),
        queue: update.queue.or(known.and_then(|known| known.queue)).or(holding_queue),
        agent: update.agent.or(known.and_then(|known| known.agent)).or(holding_agent),
        first_agent: None,
        since: anchor.or(unchanged_since).or(Some(now)),
        status,
        queued_since,
        active_since,
        customer: update.customer.or_else(|| known.and_then(|known| known.customer.clone())),
        recording: update.recording.or(known.and_then(|known| known.recording)),
        on_hold,
        hold_since,
        other,
    }
}

/// The instant of an update, or the known one if the two are the same within the tolerance.
fn same_instant(known: Option<Timestamp>, read: Option<Timestamp>) -> Option<Timestamp> {
    match (known, read) {
        (Some(known), Some(read)) if known.duration_since(read).abs() > SAME_INSTANT => Some(read),
        (known, read) => known.or(read),
    }
}
