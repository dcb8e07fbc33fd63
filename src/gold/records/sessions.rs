//! Sessions: who holds them, where they wait, and what remains known of them.
//!
//! The telephony system names a session in the lists of agents and of queues. It is there as long as at least one of
//! them lists it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

use super::session_history::Traces;
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentId, Modality, Ordinal, QueueId, SessionId, SessionListUpdates, SessionRecord, SessionStatus, SessionUpdate,
};
use crate::gold::entity::Session;
use crate::gold::join::{KnownSession, MatchKey};
use crate::gold::merge;

/// Two readings of one instant differ by the time they took to get here. Within this, the first one stands: an anchor
/// that jumped with every poll would be a change that nobody made (`apis.md` B76).
const SAME_INSTANT: SignedDuration = SignedDuration::from_secs(2);

/// Of how many sessions it is remembered who had them first, before those are forgotten that nobody lists any more.
const MOST_FIRST_AGENTS: usize = 20_000;

/// Whoever lists a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Holder {
    Agent(AgentId),
    Queue(QueueId),
}

#[derive(Debug)]
struct Record {
    session: Arc<Session>,
    /// An agent or two, and a queue: too few for a set.
    holders: Vec<Holder>,
}

/// How a holder lists a session.
#[derive(Debug)]
struct Listed {
    /// As which kind of contact.
    modality: Modality,
    /// When the holder last named it.
    told: Ordinal,
}

/// What a merge changed.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Agents and queues whose sessions are no longer what they were.
    pub holders: Vec<Holder>,
    /// What leads to sessions of which something is known that was not: what follows these clues can be joined.
    pub clues: BTreeSet<MatchKey>,
}

impl Moved {
    fn around(&mut self, record: &Record) {
        self.holders.extend(record.holders.iter().copied());
        self.holders.extend(record.session.queue.map(Holder::Queue));
    }
}

type ByQueue = HashMap<QueueId, BTreeSet<SessionId>>;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    records: HashMap<SessionId, Record>,
    /// What each holder lists.
    held: HashMap<Holder, BTreeMap<SessionId, Listed>>,
    /// The sessions that name a queue, and those of them that wait in it: a queue has many in hand and few that wait.
    by_queue: ByQueue,
    waiting: ByQueue,
    /// Which agent had each of these in contact first. Lists let a session go before another agent's list takes it up.
    first_agents: HashMap<SessionId, AgentId>,
    /// What remains known of them after they have ended.
    pub traces: Traces,
}

impl Sessions {
    /// A full answer about a holder: a kind of contact that it leaves out has no sessions.
    pub fn replace(&mut self, holder: Holder, told: Ordinal, reading: SessionListUpdates, now: Timestamp) -> Moved {
        let mut moved = Moved::default();
        for id in self.held_by(holder, |_, known| reading.iter().all(|(listed, _)| *listed != known.modality)) {
            self.release(holder, id, &mut moved);
        }
        for (modality, mut list) in reading {
            // In a full answer "added" is just another way to list.
            list.all.get_or_insert_default().append(&mut list.added);
            self.list(holder, told, &modality, list, now, &mut moved);
        }
        moved
    }

    /// A change of a holder: a kind of contact that it leaves out is unchanged.
    pub fn change(&mut self, holder: Holder, told: Ordinal, reading: SessionListUpdates, now: Timestamp) -> Moved {
        let mut moved = Moved::default();
        for (modality, list) in reading {
            self.list(holder, told, &modality, list, now, &mut moved);
        }
        moved
    }

    /// The holder is gone.
    pub fn release_all(&mut self, holder: Holder) -> Moved {
        self.release_where(holder, |_| true)
    }

    /// What the holder listed before `before` and has not named again since is no longer known.
    pub fn release_untold(&mut self, holder: Holder, before: Ordinal) -> Moved {
        self.release_where(holder, |known| known.told < before)
    }

    fn release_where(&mut self, holder: Holder, which: impl Fn(&Listed) -> bool) -> Moved {
        let mut moved = Moved::default();
        for id in self.held_by(holder, |_, known| which(known)) {
            self.release(holder, id, &mut moved);
        }
        moved
    }

    /// The sessions that an agent has in hand.
    pub fn of_agent(&self, agent: AgentId) -> BTreeMap<SessionId, Arc<Session>> {
        let ids = self.held.get(&Holder::Agent(agent)).into_iter().flat_map(BTreeMap::keys);
        self.sessions(ids)
    }

    /// The sessions that wait in a queue.
    pub fn waiting_in(&self, queue: QueueId) -> BTreeMap<SessionId, Arc<Session>> {
        self.sessions(self.waiting.get(&queue).into_iter().flatten())
    }

    /// Whether any session names the queue.
    pub fn name_queue(&self, queue: QueueId) -> bool {
        self.by_queue.contains_key(&queue)
    }

    /// What is known of a session, ended or not.
    pub fn trace(&self, id: SessionId) -> Option<&KnownSession> {
        self.traces.get(id)
    }

    fn sessions<'a>(&self, ids: impl Iterator<Item = &'a SessionId>) -> BTreeMap<SessionId, Arc<Session>> {
        let mut sessions = BTreeMap::new();
        sessions.extend(ids.filter_map(|id| Some((*id, Arc::clone(&self.records.get(id)?.session)))));
        sessions
    }

    fn held_by(&self, holder: Holder, which: impl Fn(&SessionId, &Listed) -> bool) -> Vec<SessionId> {
        let held = self.held.get(&holder).into_iter().flatten();
        held.filter(|(id, known)| which(id, known)).map(|(id, _)| *id).collect()
    }

    fn list(
        &mut self,
        holder: Holder,
        told: Ordinal,
        modality: &Modality,
        list: SessionListUpdate,
        now: Timestamp,
        moved: &mut Moved,
    ) {
        if let Some(all) = &list.all {
            let kept: BTreeSet<SessionId> = all.iter().chain(&list.added).map(|reading| reading.id).collect();
            for id in self.held_by(holder, |id, known| known.modality == *modality && !kept.contains(id)) {
                self.release(holder, id, moved);
            }
        }
        for reading in list.all.into_iter().flatten().chain(list.added) {
            self.hold(holder, told, modality, reading, now, moved);
        }
        for id in list.removed {
            self.release(holder, id, moved);
        }
    }

    fn hold(
        &mut self,
        holder: Holder,
        told: Ordinal,
        modality: &Modality,
        reading: SessionUpdate,
        now: Timestamp,
        moved: &mut Moved,
    ) {
        let id = reading.id;
        let known = self.records.get(&id).map(|record| Arc::clone(&record.session));
        let mut session = merged(known.as_deref(), holder, modality, reading, now);
        session.first_agent = self.first_agent(&session);
        let session = Arc::new(session);
        if session.status.is_over() {
            if known.is_none() && self.traces.get(id).is_some() {
                // It was over before: what is known of it stands.
                return;
            }
            self.trace_of(&session, now, moved);
            let holders = self.records.get(&id).map(|record| record.holders.clone()).unwrap_or_default();
            for holder in holders {
                self.release(holder, id, moved);
            }
            return;
        }

        let changed = known.as_ref() != Some(&session);
        if changed {
            self.trace_of(&session, now, moved);
        }
        self.index(id, known.as_deref(), Some(&session));
        if let Some(queue) = known.as_ref().and_then(|known| known.queue)
            && session.queue != Some(queue)
        {
            moved.holders.push(Holder::Queue(queue));
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
            moved.around(record);
        }
        self.held.entry(holder).or_default().insert(id, Listed { modality: modality.clone(), told });
    }

    /// Who had it first, if somebody else has it now.
    fn first_agent(&mut self, session: &Session) -> Option<AgentId> {
        if session.status.is_over() {
            return self
                .first_agents
                .remove(&session.id)
                .filter(|first| session.agent.is_some_and(|agent| agent != *first));
        }
        let is_in_contact = matches!(session.status, SessionStatus::Active | SessionStatus::AfterCall);
        if is_in_contact && let Some(agent) = session.agent {
            if self.first_agents.len() >= MOST_FIRST_AGENTS {
                // Whatever vanished without an end.
                self.first_agents.retain(|id, _| self.records.contains_key(id));
            }
            self.first_agents.entry(session.id).or_insert(agent);
        }
        self.first_agents.get(&session.id).copied().filter(|first| session.agent.is_some_and(|agent| agent != *first))
    }

    fn release(&mut self, holder: Holder, id: SessionId, moved: &mut Moved) {
        if let Some(held) = self.held.get_mut(&holder) {
            held.remove(&id);
            if held.is_empty() {
                self.held.remove(&holder);
            }
        }
        let Some(record) = self.records.get_mut(&id) else { return };
        moved.around(record);
        record.holders.retain(|listed| *listed != holder);
        if record.holders.is_empty() {
            let session = Arc::clone(&record.session);
            self.records.remove(&id);
            self.index(id, Some(&session), None);
        }
    }

    /// Whether the indices say what the records say.
    #[cfg(test)]
    pub fn is_sound(&self) -> bool {
        let mut anew = Self::default();
        for (id, record) in &self.records {
            anew.index(*id, None, Some(&record.session));
        }
        anew.by_queue == self.by_queue && anew.waiting == self.waiting && self.traces.is_sound()
    }

    /// Finds a session where it now is, and no longer where it was.
    fn index(&mut self, id: SessionId, before: Option<&Session>, after: Option<&Session>) {
        let names = |session: Option<&Session>| session.and_then(|session| session.queue);
        let waits = |session: Option<&Session>| names(session.filter(|session| session.status.is_waiting()));
        set_out(&mut self.by_queue, id, names(before), names(after));
        set_out(&mut self.waiting, id, waits(before), waits(after));
    }

    fn trace_of(&mut self, session: &Session, now: Timestamp, moved: &mut Moved) {
        let trace = SessionRecord {
            queue: session.queue,
            agent: session.agent,
            began: session.queued_since.or(session.active_since).or(Some(now)),
            ..SessionRecord::new(session.id)
        };
        moved.clues.append(&mut self.traces.hear(trace, now));
    }
}

fn set_out(queues: &mut ByQueue, id: SessionId, from: Option<QueueId>, to: Option<QueueId>) {
    if from == to {
        return;
    }
    if let Some(from) = from
        && let Some(ids) = queues.get_mut(&from)
    {
        ids.remove(&id);
        if ids.is_empty() {
            queues.remove(&from);
        }
    }
    if let Some(to) = to {
        queues.entry(to).or_default().insert(id);
    }
}

fn merged(
    known: Option<&Session>,
    holder: Holder,
    modality: &Modality,
    reading: SessionUpdate,
    now: Timestamp,
) -> Session {
    let (holding_agent, holding_queue) = match holder {
        Holder::Agent(agent) => (Some(agent), None),
        Holder::Queue(queue) => (None, Some(queue)),
    };
    let status = reading.status.or_else(|| known.map(|known| known.status.clone())).unwrap_or(SessionStatus::New);
    // An instant counts only while the session is in that very state (`apis.md` B76), whichever message says which it is.
    let read_queued = reading.queued_since.filter(|_| status.is_waiting());
    let read_active = reading.active_since.filter(|_| status == SessionStatus::Active);
    let queued_since = steady(known.and_then(|known| known.queued_since), read_queued)
        // Whoever waits has waited at least since we saw it.
        .or_else(|| status.is_waiting().then_some(now));
    let active_since = steady(known.and_then(|known| known.active_since), read_active);
    let anchor = match &status {
        status if status.is_waiting() => queued_since,
        SessionStatus::Active => active_since,
        _ => None,
    };
    let unchanged_since = known.filter(|known| known.status == status).and_then(|known| known.since);
    let mut other = known.map(|known| Arc::clone(&known.other)).unwrap_or_default();
    merge::other(&mut other, reading.other);
    let on_hold = reading.on_hold.or(known.and_then(|known| known.on_hold));
    // The beginning of a hold goes with it.
    let hold_ends = reading.on_hold.is_something() && on_hold != Some(true);
    let hold_since = reading.hold_since.or(known.and_then(|known| known.hold_since).filter(|_| !hold_ends));
    Session {
        id: reading.id,
        kind: reading.kind.or_else(|| known.and_then(|known| known.kind.clone())),
        modality: modality.clone(),
        queue: reading.queue.or(known.and_then(|known| known.queue)).or(holding_queue),
        agent: reading.agent.or(known.and_then(|known| known.agent)).or(holding_agent),
        first_agent: None,
        since: anchor.or(unchanged_since).or(Some(now)),
        status,
        queued_since,
        active_since,
        customer: reading.customer.or_else(|| known.and_then(|known| known.customer.clone())),
        recording: reading.recording.or(known.and_then(|known| known.recording)),
        on_hold,
        hold_since,
        other,
    }
}

fn steady(known: Option<Timestamp>, read: Option<Timestamp>) -> Option<Timestamp> {
    match (known, read) {
        (Some(known), Some(read)) if known.duration_since(read).abs() > SAME_INSTANT => Some(read),
        (known, read) => known.or(read),
    }
}
