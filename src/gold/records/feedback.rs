//! Customers' responses: merged whatever order their events come in, joined again whenever something new is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

use super::Records;
use crate::domain::{
    AgentId, CustomerIdentity, FeedbackAction, FeedbackActionId, FeedbackActionKind, Pin, QueueId, RequestState,
    ResponseId, ResponseRecord, SessionId, SurveyId, TeamId, ThreadState,
};
use crate::gold::entity::{Key, Response};
use crate::gold::join::{Attribution, KnownSession, MatchKey, MatchRule, MatchRules, SessionLookup, join};

/// How many responses are shown in which nobody waits: the newest. All in which somebody does are shown.
const SETTLED: usize = 500;

/// How long before the month that is counted a response may have ended that still has something to say in it: promises and
/// the wait for a call reach beyond its last word.
pub(super) const LATE: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug)]
struct Record {
    /// What the upstream said, merged from all of it.
    told: Arc<ResponseRecord>,
    /// That, and what the upstream has taken from us since.
    reading: Arc<ResponseRecord>,
    /// What may lead it to sessions.
    clues: BTreeSet<MatchKey>,
    /// Its last word, if nobody waits in it.
    settled: Option<Timestamp>,
}

/// What colleagues do about one response.
type Deeds = BTreeMap<FeedbackActionId, Arc<FeedbackAction>>;

#[derive(Debug)]
pub(super) struct Feedback {
    /// How many are shown in which nobody waits.
    pub most: usize,
    records: HashMap<ResponseId, Record>,
    joins: HashMap<ResponseId, Attribution>,
    /// What colleagues do, also about responses that nobody has told us of yet.
    deeds: HashMap<ResponseId, Deeds>,
    /// Responses by the agent, queue or team that they count for.
    counted: HashMap<Key, BTreeSet<ResponseId>>,
    /// The sessions that people say responses are about, and who says so; also of responses that nobody has told us of yet.
    pins: HashMap<ResponseId, (SessionId, Arc<str>)>,
    /// Responses by what may lead them to sessions, known or not.
    by_clue: HashMap<MatchKey, BTreeSet<ResponseId>>,
    /// Responses whose join may have changed.
    to_join: BTreeSet<ResponseId>,
    /// Responses in which nobody waits, by their last words.
    settled: BTreeSet<(Timestamp, ResponseId)>,
}

impl Default for Feedback {
    fn default() -> Self {
        Self {
            most: SETTLED,
            records: HashMap::default(),
            joins: HashMap::default(),
            deeds: HashMap::default(),
            counted: HashMap::default(),
            pins: HashMap::default(),
            by_clue: HashMap::default(),
            to_join: BTreeSet::new(),
            settled: BTreeSet::new(),
        }
    }
}

impl Feedback {
    /// Merges an event and says what it touched.
    pub fn hear(&mut self, reading: ResponseRecord, rules: &MatchRules) -> Vec<Key> {
        let id = reading.id.clone();
        let (told, clues, before) = match self.records.remove(&id) {
            None => (reading, BTreeSet::new(), None),
            Some(known) => {
                drop(known.reading);
                (Arc::unwrap_or_clone(known.told).and(reading), known.clues, known.settled)
            }
        };
        let told = Arc::new(told);
        let reading = settled(&told, self.deeds.get(&id));
        self.records.insert(id.clone(), Record { told, reading, clues, settled: before });
        self.find_by_clues(&id, rules);
        self.to_join.insert(id.clone());
        let mut touched = self.file(&id);
        touched.extend(self.touch(id));
        touched
    }

    /// A person says which session it is, or leaves it to the rules again.
    pub fn pin(&mut self, pin: Pin, rules: &MatchRules) {
        match pin.session {
            Some(session) => self.pins.insert(pin.response.clone(), (session, pin.who)),
            None => self.pins.remove(&pin.response),
        };
        self.find_by_clues(&pin.response, rules);
        self.to_join.insert(pin.response);
    }

    /// Finds a response by what may lead it to sessions now, and no longer by what did.
    fn find_by_clues(&mut self, id: &ResponseId, rules: &MatchRules) {
        let Some(record) = self.records.get_mut(id) else { return };
        let mut clues = MatchKey::of_response(&record.told, rules);
        clues.extend(self.pins.get(id).map(|(session, _)| MatchKey::Session(*session)));
        for clue in clues.difference(&record.clues) {
            self.by_clue.entry(clue.clone()).or_default().insert(id.clone());
        }
        let before = std::mem::replace(&mut record.clues, clues);
        let lost: Vec<_> = before.difference(&record.clues).cloned().collect();
        self.lose(id, &lost);
    }

    fn lose<'a>(&mut self, id: &ResponseId, clues: impl IntoIterator<Item = &'a MatchKey>) {
        for clue in clues {
            if let Some(ids) = self.by_clue.get_mut(clue) {
                ids.remove(id);
                if ids.is_empty() {
                    self.by_clue.remove(clue);
                }
            }
        }
    }

    /// Notes how far a colleague's deed has come, and says what that touched.
    pub fn hear_deed(&mut self, deed: FeedbackAction) -> Vec<Key> {
        let id = deed.response.clone();
        let deeds = self.deeds.entry(id.clone()).or_default();
        deeds.insert(deed.id.clone(), Arc::new(deed));
        if let Some(record) = self.records.get_mut(&id) {
            record.reading = settled(&record.told, Some(deeds));
        }
        let mut touched = self.file(&id);
        touched.extend(self.touch(id));
        touched
    }

    /// Files a response by its last word if nobody waits in it, and says whom that may have brought into sight or out of it.
    fn file(&mut self, id: &ResponseId) -> Vec<Key> {
        let deeds = self.deeds.get(id).unwrap_or(const { &Deeds::new() });
        let Some(record) = self.records.get_mut(id) else { return Vec::new() };
        let waits = waits(&record.reading, &record.told.revision(), deeds);
        let now = last_word(&record.reading, deeds).filter(|_| !waits);
        let before = std::mem::replace(&mut record.settled, now);
        if before == now {
            return Vec::new();
        }
        let mut touched = before.map(|before| self.unfile(before, id)).unwrap_or_default();
        if let Some(now) = now {
            self.settled.insert((now, id.clone()));
            touched.extend(self.place(self.most));
        }
        touched
    }

    fn unfile(&mut self, last_word: Timestamp, id: &ResponseId) -> Vec<Key> {
        self.settled.remove(&(last_word, id.clone()));
        self.place(self.most - 1).into_iter().collect()
    }

    /// Who stands there among the newest in which nobody waits.
    fn place(&self, place: usize) -> Option<Key> {
        self.settled.iter().rev().nth(place).map(|(_, id)| Key::Response(id.clone()))
    }

    fn touch(&mut self, id: ResponseId) -> Vec<Key> {
        let mut touched = self.joins.get(&id).map(targets).unwrap_or_default();
        touched.push(Key::Response(id));
        touched
    }

    /// Forgets a response and says what that touched.
    fn forget(&mut self, id: &ResponseId) -> Vec<Key> {
        self.deeds.remove(id);
        self.pins.remove(id);
        self.leave(id)
    }

    /// What was told of a response is no longer needed. If it is heard of again, all of it is.
    fn leave(&mut self, id: &ResponseId) -> Vec<Key> {
        let Some(record) = self.records.remove(id) else { return Vec::new() };
        let mut shown = record.settled.map(|last_word| self.unfile(last_word, id)).unwrap_or_default();
        self.lose(id, &record.clues);
        self.to_join.remove(id);
        let mut touched = self.joins.remove(id).as_ref().map(targets).unwrap_or_default();
        for target in &touched {
            if let Some(ids) = self.counted.get_mut(target) {
                ids.remove(id);
                if ids.is_empty() {
                    self.counted.remove(target);
                }
            }
        }
        touched.push(Key::Response(id.clone()));
        touched.append(&mut shown);
        touched
    }

    /// Whatever ended so long ago leaves.
    pub fn leave_before(&mut self, then: Timestamp) -> Vec<Key> {
        let mut touched = Vec::new();
        while let Some((_, id)) = self.settled.first().filter(|(last_word, _)| *last_word < then).cloned() {
            touched.extend(self.leave(&id));
        }
        touched
    }

    /// All identities, shown or not.
    pub fn ids(&self) -> impl Iterator<Item = &ResponseId> {
        self.records.keys()
    }

    /// One response with what it hangs on, if it is shown.
    pub fn shown(&self, id: &ResponseId) -> Option<Response> {
        let settled = self.records.get(id)?.settled;
        let is_shown = |last_word| self.settled.range((last_word, id.clone())..).nth(self.most).is_none();
        settled.is_none_or(is_shown).then(|| self.response(id))?
    }

    /// One response with what it hangs on, shown or not.
    pub fn response(&self, id: &ResponseId) -> Option<Response> {
        let record = self.records.get(id)?;
        let (reading, stand) = (Arc::clone(&record.reading), record.told.revision());
        let deeds = self.deeds.get(id).cloned().unwrap_or_default();
        let waits = waits(&reading, &stand, &deeds);
        Some(Response {
            record: reading,
            attribution: self.joins.get(id)?.clone(),
            revision: stand,
            actions_taken: deeds,
            needs_reply: waits,
        })
    }

    /// Something new is known where this leads.
    fn rejoin_by(&mut self, clue: &MatchKey) {
        self.to_join.extend(self.by_clue.get(clue).into_iter().flatten().cloned());
    }

    /// Whatever has waited for long waits no more.
    pub fn rejoin_waiting(&mut self) {
        let waiting = self.joins.iter().filter(|(_, joined)| joined.rule == MatchRule::Waiting);
        self.to_join.extend(waiting.map(|(id, _)| id.clone()));
    }

    /// An agent or a queue has changed teams.
    pub fn rejoin_all_of(&mut self, target: &Key) {
        self.to_join.extend(self.counted.get(target).into_iter().flatten().cloned());
    }

    fn set_join(&mut self, id: &ResponseId, joined: Attribution) -> Vec<Key> {
        if self.joins.get(id) == Some(&joined) {
            return Vec::new();
        }
        let mut touched = targets(&joined);
        for target in &touched {
            self.counted.entry(target.clone()).or_default().insert(id.clone());
        }
        if let Some(before) = self.joins.insert(id.clone(), joined) {
            for target in targets(&before).into_iter().filter(|target| !touched.contains(target)).collect::<Vec<_>>() {
                if let Some(ids) = self.counted.get_mut(&target) {
                    ids.remove(id);
                    if ids.is_empty() {
                        self.counted.remove(&target);
                    }
                }
                touched.push(target);
            }
        }
        touched.push(Key::Response(id.clone()));
        touched
    }
}

impl Records {
    /// Nobody is to see these again.
    pub(super) fn forget(&mut self, responses: &[ResponseId], surveys: &[SurveyId]) {
        for id in responses {
            self.touched.extend(self.feedback.forget(id));
        }
        for id in surveys {
            self.touched.extend(self.surveys.forget(id));
        }
    }

    /// These sessions are not remembered any longer, and this customer is not to be recognised.
    pub(super) fn forget_sessions(&mut self, sessions: &[SessionId], person: &CustomerIdentity) {
        for id in sessions {
            self.sessions.traces.forget(*id);
        }
        let clues = self.sessions.traces.forget_person(person);
        self.follow(&clues);
    }

    /// Something new is known of sessions that these lead to: whatever follows one of them is joined again.
    pub(super) fn follow(&mut self, clues: &BTreeSet<MatchKey>) {
        for clue in clues {
            self.feedback.rejoin_by(clue);
            if let MatchKey::Session(session) = clue {
                self.recount_session(*session);
                self.touched.extend(self.surveys.naming(*session));
            }
        }
    }

    /// Joins again what may have changed.
    pub(super) fn rejoin(&mut self) {
        for id in std::mem::take(&mut self.feedback.to_join) {
            let Some(joined) = self.join(&id) else { continue };
            if self.feedback.joins.get(&id).is_some_and(|known| self.outlives_its_session(known, &joined)) {
                continue;
            }
            self.touched.extend(self.feedback.set_join(&id, joined));
        }
    }

    fn join(&self, id: &ResponseId) -> Option<Attribution> {
        Some(join(&self.feedback.records.get(id)?.reading, &self.rules, self))
    }

    /// Whether a session that was found has been forgotten since: what it was has not changed.
    fn outlives_its_session(&self, known: &Attribution, now: &Attribution) -> bool {
        let was_found =
            matches!(known.rule, MatchRule::ExtraSession | MatchRule::ExtraConversation | MatchRule::CustomerVisit);
        let forgotten = known.session.is_some_and(|session| self.sessions.trace(session).is_none());
        was_found && forgotten && now.rule > known.rule && now.session.is_none_or(|it| known.session == Some(it))
    }

    /// Whether every response hangs on what the rules say now, but for sessions that were forgotten.
    #[cfg(test)]
    pub(super) fn is_joined(&self) -> bool {
        self.feedback
            .joins
            .iter()
            .all(|(id, known)| self.join(id).is_some_and(|now| now == *known || self.outlives_its_session(known, &now)))
    }
}

impl SessionLookup for Records {
    fn trace(&self, session: SessionId) -> Option<&KnownSession> {
        self.sessions.trace(session)
    }

    fn sessions(&self, clue: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId> {
        self.sessions.traces.led_to_by(clue, from, to)
    }

    fn pinned(&self, response: &ResponseId) -> Option<(SessionId, &str)> {
        self.feedback.pins.get(response).map(|(session, who)| (*session, &**who))
    }

    fn day_began(&self) -> Timestamp {
        self.day_began
    }

    fn team_of_agent(&self, agent: AgentId) -> Option<TeamId> {
        self.agents.get(&agent)?.team
    }

    fn team_of_queue(&self, queue: QueueId) -> Option<TeamId> {
        let teams = &self.queues.get(&queue)?.teams;
        teams.first().copied().filter(|_| teams.len() == 1)
    }
}

/// The upstream tells of no action of ours. What it took has happened, until it says something new.
fn settled(told: &Arc<ResponseRecord>, deeds: Option<&Deeds>) -> Arc<ResponseRecord> {
    let is_settled = |deed: &Arc<FeedbackAction>| deed.kind.closes_thread() && deed.state == RequestState::Accepted;
    let mut settling = deeds.into_iter().flat_map(BTreeMap::values).filter(|deed| is_settled(deed)).peekable();
    if settling.peek().is_none() {
        return Arc::clone(told);
    }
    let stand = told.revision();
    if !settling.any(|deed| deed.revision == stand) {
        return Arc::clone(told);
    }
    Arc::new(ResponseRecord { thread: ThreadState::Closed, actions: BTreeSet::new(), ..ResponseRecord::clone(told) })
}

/// When the last was heard of it, or done about it.
fn last_word(reading: &ResponseRecord, deeds: &Deeds) -> Option<Timestamp> {
    let done = deeds.values().map(|deed| deed.changed).max();
    reading.last_word().max(done)
}

/// Every response and every message must be dealt with, also a message in a closed thread (`apis.md` G38, B151, B152).
fn waits(reading: &ResponseRecord, stand: &str, deeds: &Deeds) -> bool {
    let is_open = matches!(reading.thread, ThreadState::Open | ThreadState::Pending);
    let newest = reading.messages.values().max_by_key(|message| (message.at, &message.id));
    let is_of_customer = newest.is_some_and(|message| message.is_of(&reading.customer));
    let wrote_again = is_of_customer && reading.actions.contains(FeedbackActionKind::Message.as_str());
    let is_dealt_with = deeds.values().any(|deed| {
        let answers = matches!(deed.kind, FeedbackActionKind::Message | FeedbackActionKind::NoReplyNeeded);
        answers && deed.state == RequestState::Accepted && &*deed.revision == stand
    });
    (is_open || wrote_again) && !is_dealt_with
}

fn targets(joined: &Attribution) -> Vec<Key> {
    let agent = joined.agent.map(Key::Agent);
    let queue = joined.queue.map(Key::Queue);
    let team = joined.team.map(Key::Team);
    agent.into_iter().chain(queue).chain(team).collect()
}
