//! Customers' responses: their events are merged in any order, and they are attributed again whenever something new is
//! known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

use super::{Records, multimap};
use crate::domain::{
    AgentId, CustomerIdentity, FeedbackAction, FeedbackActionId, FeedbackActionKind, Pin, QueueId, RequestState,
    ResponseId, ResponseRecord, SessionId, SurveyId, TeamId, ThreadState,
};
use crate::gold::entity::{Key, Response};
use crate::gold::join::{Attribution, KnownSession, MatchKey, MatchRule, MatchRules, SessionLookup, attribute};

/// How many responses that need no reply are shown: the newest. Those that need a reply are all shown.
const MAX_HANDLED: usize = 500;

/// How long before the month window a response may have ended that still counts in it: its reply target and the wait
/// for its session go beyond its last activity.
pub(super) const MARGIN: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug)]
struct Record {
    /// All events of Goodays, merged.
    reported: Arc<ResponseRecord>,
    /// The same with the actions that Goodays accepted and has not reported yet.
    record: Arc<ResponseRecord>,
    /// The keys by which it may be matched with sessions.
    keys: BTreeSet<MatchKey>,
    /// Its last activity, if it needs no reply.
    handled: Option<Timestamp>,
}

/// Users' actions on one response.
type Actions = BTreeMap<FeedbackActionId, Arc<FeedbackAction>>;

#[derive(Debug)]
pub(super) struct Feedback {
    /// How many responses that need no reply are shown.
    pub max_handled: usize,
    records: HashMap<ResponseId, Record>,
    attributions: HashMap<ResponseId, Attribution>,
    /// Users' actions, also on responses that are not reported yet.
    actions: HashMap<ResponseId, Actions>,
    /// Responses by the agent, queue or team that they are attributed to.
    by_attribution: HashMap<Key, BTreeSet<ResponseId>>,
    /// Pins with the user's name, also of responses that are not reported yet.
    pins: HashMap<ResponseId, (SessionId, Arc<str>)>,
    /// Responses by match key, whether a session has the key or not.
    by_key: HashMap<MatchKey, BTreeSet<ResponseId>>,
    /// Responses whose attribution may have changed.
    to_match: BTreeSet<ResponseId>,
    /// Responses that need no reply, by their last activity.
    handled: BTreeSet<(Timestamp, ResponseId)>,
}

impl Default for Feedback {
    fn default() -> Self {
        Self {
            max_handled: MAX_HANDLED,
            records: HashMap::default(),
            attributions: HashMap::default(),
            actions: HashMap::default(),
            by_attribution: HashMap::default(),
            pins: HashMap::default(),
            by_key: HashMap::default(),
            to_match: BTreeSet::new(),
            handled: BTreeSet::new(),
        }
    }
}

impl Feedback {
    /// Merges an event. Returns the entities that it touched.
    pub fn update(&mut self, event: ResponseRecord, rules: &MatchRules) -> Vec<Key> {
        let id = event.id.clone();
        let (reported, keys, before) = match self.records.remove(&id) {
            None => (event, BTreeSet::new(), None),
            Some(known) => {
                drop(known.record);
                (Arc::unwrap_or_clone(known.reported).and(event), known.keys, known.handled)
            }
        };
        let reported = Arc::new(reported);
        let record = with_accepted_actions(&reported, self.actions.get(&id));
        self.records.insert(id.clone(), Record { reported, record, keys, handled: before });
        self.index(&id, rules);
        self.to_match.insert(id.clone());
        let mut touched = self.reorder(&id);
        touched.extend(self.touched_by(id));
        touched
    }

    /// Pins a response to a session, or removes the pin.
    pub fn pin(&mut self, pin: Pin, rules: &MatchRules) {
        match pin.session {
            Some(session) => self.pins.insert(pin.response.clone(), (session, pin.who)),
            None => self.pins.remove(&pin.response),
        };
        self.index(&pin.response, rules);
        self.to_match.insert(pin.response);
    }

    /// Updates the match keys of a response.
    fn index(&mut self, id: &ResponseId, rules: &MatchRules) {
        let Some(record) = self.records.get_mut(id) else { return };
        let mut keys = MatchKey::of_response(&record.reported, rules);
        keys.extend(self.pins.get(id).map(|(session, _)| MatchKey::Session(*session)));
        for key in keys.difference(&record.keys) {
            self.by_key.entry(key.clone()).or_default().insert(id.clone());
        }
        let before = std::mem::replace(&mut record.keys, keys);
        let lost: Vec<_> = before.difference(&record.keys).cloned().collect();
        self.unindex(id, &lost);
    }

    fn unindex<'a>(&mut self, id: &ResponseId, keys: impl IntoIterator<Item = &'a MatchKey>) {
        for key in keys {
            multimap::remove(&mut self.by_key, key, id);
        }
    }

    /// Updates a user's action. Returns the entities that it touched.
    pub fn update_action(&mut self, action: FeedbackAction) -> Vec<Key> {
        let id = action.response.clone();
        let actions = self.actions.entry(id.clone()).or_default();
        actions.insert(action.id.clone(), Arc::new(action));
        if let Some(record) = self.records.get_mut(&id) {
            record.record = with_accepted_actions(&record.reported, Some(actions));
        }
        let mut touched = self.reorder(&id);
        touched.extend(self.touched_by(id));
        touched
    }

    /// Updates a response's position among those that need no reply. Returns the responses that may be shown now, or no
    /// longer.
    fn reorder(&mut self, id: &ResponseId) -> Vec<Key> {
        let actions = self.actions.get(id).unwrap_or(const { &Actions::new() });
        let Some(record) = self.records.get_mut(id) else { return Vec::new() };
        let needs_reply = needs_reply(&record.record, &record.reported.revision(), actions);
        let now = last_activity(&record.record, actions).filter(|_| !needs_reply);
        let before = std::mem::replace(&mut record.handled, now);
        if before == now {
            return Vec::new();
        }
        let mut touched = before.map(|before| self.remove_handled(before, id)).unwrap_or_default();
        if let Some(now) = now {
            self.handled.insert((now, id.clone()));
            touched.extend(self.nth_newest(self.max_handled));
        }
        touched
    }

    fn remove_handled(&mut self, last_activity: Timestamp, id: &ResponseId) -> Vec<Key> {
        self.handled.remove(&(last_activity, id.clone()));
        self.nth_newest(self.max_handled - 1).into_iter().collect()
    }

    /// The response at this position among those that need no reply, the newest first.
    fn nth_newest(&self, position: usize) -> Option<Key> {
        self.handled.iter().rev().nth(position).map(|(_, id)| Key::Response(id.clone()))
    }

    fn touched_by(&self, id: ResponseId) -> Vec<Key> {
        let mut touched = self.attributions.get(&id).map(attributed_keys).unwrap_or_default();
        touched.push(Key::Response(id));
        touched
    }

    /// Removes a response with its actions and pin. Returns the entities that it touched.
    fn forget(&mut self, id: &ResponseId) -> Vec<Key> {
        self.actions.remove(id);
        self.pins.remove(id);
        self.evict(id)
    }

    /// Removes a response from memory. If Goodays sends another event of it, the store sends the whole response.
    fn evict(&mut self, id: &ResponseId) -> Vec<Key> {
        let Some(record) = self.records.remove(id) else { return Vec::new() };
        let mut shown = record.handled.map(|last_activity| self.remove_handled(last_activity, id)).unwrap_or_default();
        self.unindex(id, &record.keys);
        self.to_match.remove(id);
        let mut touched = self.attributions.remove(id).as_ref().map(attributed_keys).unwrap_or_default();
        for target in &touched {
            multimap::remove(&mut self.by_attribution, target, id);
        }
        touched.push(Key::Response(id.clone()));
        touched.append(&mut shown);
        touched
    }

    /// Evicts responses that need no reply and whose last activity was earlier.
    pub fn evict_before(&mut self, then: Timestamp) -> Vec<Key> {
        let mut touched = Vec::new();
        while let Some((_, id)) = self.handled.first().filter(|(last_activity, _)| *last_activity < then).cloned() {
            touched.extend(self.evict(&id));
        }
        touched
    }

    /// All ids, shown or not.
    pub fn ids(&self) -> impl Iterator<Item = &ResponseId> {
        self.records.keys()
    }

    /// One response, if it is shown.
    pub fn shown(&self, id: &ResponseId) -> Option<Response> {
        let handled = self.records.get(id)?.handled;
        let is_shown =
            |last_activity| self.handled.range((last_activity, id.clone())..).nth(self.max_handled).is_none();
        handled.is_none_or(is_shown).then(|| self.response(id))?
    }

    /// One response, shown or not.
    pub fn response(&self, id: &ResponseId) -> Option<Response> {
        let known = self.records.get(id)?;
        let (record, revision) = (Arc::clone(&known.record), known.reported.revision());
        let actions_taken = self.actions.get(id).cloned().unwrap_or_default();
        let needs_reply = needs_reply(&record, &revision, &actions_taken);
        Some(Response { record, attribution: self.attributions.get(id)?.clone(), revision, actions_taken, needs_reply })
    }

    /// Something new is known of sessions with this key.
    fn rematch_by_key(&mut self, key: &MatchKey) {
        self.to_match.extend(self.by_key.get(key).into_iter().flatten().cloned());
    }

    /// A new day: responses that have waited too long for a session stop waiting.
    pub fn rematch_pending(&mut self) {
        let waiting = self.attributions.iter().filter(|(_, attribution)| attribution.rule == MatchRule::Pending);
        self.to_match.extend(waiting.map(|(id, _)| id.clone()));
    }

    /// An agent or a queue has changed teams.
    pub fn rematch_attributed_to(&mut self, target: &Key) {
        self.to_match.extend(self.by_attribution.get(target).into_iter().flatten().cloned());
    }

    fn set_attribution(&mut self, id: &ResponseId, attribution: Attribution) -> Vec<Key> {
        if self.attributions.get(id) == Some(&attribution) {
            return Vec::new();
        }
        let mut touched = attributed_keys(&attribution);
        for target in &touched {
            self.by_attribution.entry(target.clone()).or_default().insert(id.clone());
        }
        if let Some(before) = self.attributions.insert(id.clone(), attribution) {
            for target in
                attributed_keys(&before).into_iter().filter(|target| !touched.contains(target)).collect::<Vec<_>>()
            {
                multimap::remove(&mut self.by_attribution, &target, id);
                touched.push(target);
            }
        }
        touched.push(Key::Response(id.clone()));
        touched
    }
}

impl Records {
    /// Removes responses and surveys whose retention period is over, or whose customer asked for erasure.
    pub(super) fn forget(&mut self, responses: &[ResponseId], surveys: &[SurveyId]) {
        for id in responses {
            self.touched.extend(self.feedback.forget(id));
        }
        for id in surveys {
            self.touched.extend(self.surveys.forget(id));
        }
    }

    /// Removes sessions, and a customer's identity from all others.
    pub(super) fn forget_sessions(&mut self, sessions: &[SessionId], customer: &CustomerIdentity) {
        for id in sessions {
            self.sessions.history.forget(*id);
        }
        let keys = self.sessions.history.forget_customer(customer);
        self.sessions_changed(&keys);
    }

    /// Sessions with these keys changed: records with one of the keys are matched and counted again.
    pub(super) fn sessions_changed(&mut self, keys: &BTreeSet<MatchKey>) {
        for key in keys {
            self.feedback.rematch_by_key(key);
            if let MatchKey::Session(session) = key {
                self.recount_session(*session);
                self.touched.extend(self.surveys.about_session(*session));
            }
        }
    }

    /// Attributes responses again whose attribution may have changed.
    pub(super) fn rematch(&mut self) {
        for id in std::mem::take(&mut self.feedback.to_match) {
            let Some(attribution) = self.attribute(&id) else { continue };
            if self.feedback.attributions.get(&id).is_some_and(|known| self.outlives_its_session(known, &attribution)) {
                continue;
            }
            self.touched.extend(self.feedback.set_attribution(&id, attribution));
        }
    }

    fn attribute(&self, id: &ResponseId) -> Option<Attribution> {
        Some(attribute(&self.feedback.records.get(id)?.record, &self.rules, self))
    }

    /// Whether an attribution is kept although its session was forgotten since: what the session was has not changed.
    fn outlives_its_session(&self, known: &Attribution, now: &Attribution) -> bool {
        let was_matched =
            matches!(known.rule, MatchRule::ExtraSession | MatchRule::ExtraConversation | MatchRule::CustomerVisit);
        let is_forgotten = known.session.is_some_and(|session| self.sessions.known(session).is_none());
        was_matched && is_forgotten && now.rule > known.rule && now.session.is_none_or(|it| known.session == Some(it))
    }

    /// Whether every attribution is what the rules say now, except those whose sessions were forgotten.
    #[cfg(test)]
    pub(super) fn attributions_are_current(&self) -> bool {
        self.feedback.attributions.iter().all(|(id, known)| {
            self.attribute(id).is_some_and(|now| now == *known || self.outlives_its_session(known, &now))
        })
    }
}

impl SessionLookup for Records {
    fn session(&self, id: SessionId) -> Option<&KnownSession> {
        self.sessions.known(id)
    }

    fn sessions_by_key(&self, key: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId> {
        self.sessions.history.by_key(key, from, to)
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

/// Goodays does not report our actions by events. An accepted action that closes the thread counts as done until the
/// next revision.
fn with_accepted_actions(reported: &Arc<ResponseRecord>, actions: Option<&Actions>) -> Arc<ResponseRecord> {
    let closes = |action: &Arc<FeedbackAction>| action.kind.closes_thread() && action.state == RequestState::Accepted;
    let mut closing = actions.into_iter().flat_map(BTreeMap::values).filter(|action| closes(action)).peekable();
    if closing.peek().is_none() {
        return Arc::clone(reported);
    }
    let revision = reported.revision();
    if !closing.any(|action| action.revision == revision) {
        return Arc::clone(reported);
    }
    Arc::new(ResponseRecord {
        thread: ThreadState::Closed,
        actions: BTreeSet::new(),
        ..ResponseRecord::clone(reported)
    })
}

/// When the customer or the site last wrote or acted.
fn last_activity(record: &ResponseRecord, actions: &Actions) -> Option<Timestamp> {
    let done = actions.values().map(|action| action.changed).max();
    record.last_word().max(done)
}

/// Whether the customer needs a reply. Goodays requires one to every response and every message, also to a message in a
/// closed thread (apis.md G38, B151, B152).
fn needs_reply(record: &ResponseRecord, revision: &str, actions: &Actions) -> bool {
    let is_open = matches!(record.thread, ThreadState::Open | ThreadState::Pending);
    let newest = record.messages.values().max_by_key(|message| (message.at, &message.id));
    let is_of_customer = newest.is_some_and(|message| message.is_of(&record.customer));
    let wrote_again = is_of_customer && record.actions.contains(FeedbackActionKind::Message.as_str());
    let is_answered = actions.values().any(|action| {
        let is_answer = matches!(action.kind, FeedbackActionKind::Message | FeedbackActionKind::NoAnswerNeeded);
        is_answer && action.state == RequestState::Accepted && &*action.revision == revision
    });
    (is_open || wrote_again) && !is_answered
}

fn attributed_keys(attribution: &Attribution) -> Vec<Key> {
    let agent = attribution.agent.map(Key::Agent);
    let queue = attribution.queue.map(Key::Queue);
    let team = attribution.team.map(Key::Team);
    agent.into_iter().chain(queue).chain(team).collect()
}
