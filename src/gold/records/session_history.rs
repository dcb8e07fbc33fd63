//! What remains known of sessions, and how to find it: by number, by conversation, by customer and time.
//!
//! Each change says which clues it concerns, so that only responses that follow one of these are joined again.

use std::collections::BTreeSet;

use foldhash::HashMap;
use jiff::Timestamp;

use crate::domain::{CustomerIdentity, SessionId, SessionRecord};
use crate::gold::join::{KnownSession, MatchKey};

/// How many sessions are remembered, whatever their age: those of a floor with 5,500 a day for 90 days. The oldest go first.
const MOST: usize = 500_000;

/// Sessions in the order in which they began.
type ByAge = BTreeSet<(Timestamp, SessionId)>;

#[derive(Debug)]
pub(super) struct Traces {
    known: HashMap<SessionId, KnownSession>,
    by_age: ByAge,
    by_clue: HashMap<MatchKey, ByAge>,
    /// Sessions of which more is known than is kept.
    unkept: BTreeSet<SessionId>,
    most: usize,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            by_age: ByAge::new(),
            by_clue: HashMap::default(),
            unkept: BTreeSet::new(),
            most: MOST,
        }
    }
}

impl Traces {
    /// What is known of a session.
    pub fn get(&self, id: SessionId) -> Option<&KnownSession> {
        self.known.get(&id)
    }

    /// The sessions that a clue leads to and that began within a time, oldest first.
    pub fn led_to_by(&self, clue: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId> {
        if from > to {
            return Vec::new();
        }
        let sessions = self.by_clue.get(clue).into_iter();
        let within = (from, SessionId(i64::MIN))..=(to, SessionId(i64::MAX));
        sessions.flat_map(|sessions| sessions.range(within.clone())).map(|(_, id)| *id).collect()
    }

    /// Somebody tells of a session. Returns the clues under which something is known now that was not.
    pub fn hear(&mut self, heard: SessionRecord, now: Timestamp) -> BTreeSet<MatchKey> {
        let id = heard.id;
        let merged = merged(self.known.get(&id), heard, now);
        if self.known.get(&id) == Some(&merged) {
            return BTreeSet::new();
        }
        self.unkept.insert(id);
        self.set(id, Some(merged))
    }

    /// The same, from what is kept: that need not be kept again.
    pub fn recall(&mut self, kept: SessionRecord, now: Timestamp) -> BTreeSet<MatchKey> {
        let id = kept.id;
        let merged = merged(self.known.get(&id), kept.clone(), now);
        if as_told(id, &merged) != kept {
            self.unkept.insert(id);
        }
        if self.known.get(&id) == Some(&merged) {
            return BTreeSet::new();
        }
        self.set(id, Some(merged))
    }

    /// What is to be kept, at most so many.
    pub fn take_unsaved_sessions(&mut self, limit: usize) -> Vec<SessionRecord> {
        let later = self.unkept.iter().nth(limit).copied();
        let later = later.map(|first| self.unkept.split_off(&first)).unwrap_or_default();
        let taken = std::mem::replace(&mut self.unkept, later);
        taken.into_iter().filter_map(|id| Some(as_told(id, self.known.get(&id)?))).collect()
    }

    /// A session is not remembered any longer. What hangs on it stays as it is.
    pub fn forget(&mut self, id: SessionId) {
        self.unkept.remove(&id);
        self.set(id, None);
    }

    /// A customer is not to be recognised any longer, nor by the conversation that they had.
    pub fn forget_person(&mut self, person: &CustomerIdentity) -> BTreeSet<MatchKey> {
        let theirs = person
            .match_keys()
            .flat_map(|clue| self.led_to_by(&MatchKey::Customer(clue), Timestamp::MIN, Timestamp::MAX));
        let theirs: BTreeSet<SessionId> = theirs.collect();
        let mut touched = BTreeSet::new();
        for id in theirs {
            let Some(trace) = self.known.get(&id).filter(|trace| trace.person.shared_identity(person).is_some()) else {
                continue;
            };
            let nobody = KnownSession { person: CustomerIdentity::default(), conversation: None, ..trace.clone() };
            self.unkept.insert(id);
            touched.extend(self.set(id, Some(nobody)));
        }
        touched
    }

    /// Puts a trace in the place of the one before.
    fn set(&mut self, id: SessionId, after: Option<KnownSession>) -> BTreeSet<MatchKey> {
        let clues = |trace: Option<&KnownSession>| trace.map(MatchKey::of_trace).unwrap_or_default();
        let mut touched = clues(after.as_ref());
        let place = after.as_ref().map(|after| (after.seen, id));
        for clue in &touched {
            self.by_clue.entry(clue.clone()).or_default().extend(place);
        }
        self.by_age.extend(place);
        let before = match after {
            Some(after) => self.known.insert(id, after),
            None => self.known.remove(&id),
        };
        if let Some(before) = &before {
            let old = (before.seen, id);
            if Some(old) != place {
                self.by_age.remove(&old);
            }
            for clue in clues(Some(before)) {
                if (Some(old) != place || !touched.contains(&clue))
                    && let Some(sessions) = self.by_clue.get_mut(&clue)
                {
                    sessions.remove(&old);
                    if sessions.is_empty() {
                        self.by_clue.remove(&clue);
                    }
                }
                touched.insert(clue);
            }
        }
        if self.known.len() > self.most
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.forget(oldest);
        }
        touched.insert(MatchKey::Session(id));
        touched
    }

    /// Whether the indices say what the traces say.
    #[cfg(test)]
    pub fn is_sound(&self) -> bool {
        let mut anew = Self::default();
        for (id, trace) in &self.known {
            anew.set(*id, Some(trace.clone()));
        }
        anew.by_age == self.by_age && anew.by_clue == self.by_clue
    }
}

/// What is known once somebody has told this. What is told of a session after its end is the last word on it: Clarity then
/// names its first queue and its last primary agent (`apis.md` J41, J43). Before that the first queue stands, and the
/// latest agent.
fn merged(known: Option<&KnownSession>, heard: SessionRecord, now: Timestamp) -> KnownSession {
    let is_last_word = heard.ended.is_some();
    let Some(known) = known else {
        return KnownSession {
            queue: heard.queue,
            agent: heard.agent,
            seen: heard.began.or(heard.ended).unwrap_or(now),
            ended: heard.ended,
            person: heard.person,
            conversation: heard.conversation,
        };
    };
    let is_known_well = known.ended.is_some() && !is_last_word;
    KnownSession {
        queue: if is_last_word { heard.queue.or(known.queue) } else { known.queue.or(heard.queue) },
        agent: if is_known_well { known.agent.or(heard.agent) } else { heard.agent.or(known.agent) },
        seen: match heard.began {
            Some(began) if is_last_word => began,
            Some(began) if !is_known_well => began.min(known.seen),
            _ => known.seen,
        },
        ended: heard.ended.or(known.ended),
        person: known.person.clone().and(heard.person),
        conversation: match is_last_word {
            true => heard.conversation.or_else(|| known.conversation.clone()),
            false => known.conversation.clone().or(heard.conversation),
        },
    }
}

fn as_told(id: SessionId, trace: &KnownSession) -> SessionRecord {
    SessionRecord {
        id,
        queue: trace.queue,
        agent: trace.agent,
        began: Some(trace.seen),
        ended: trace.ended,
        person: trace.person.clone(),
        conversation: trace.conversation.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{AgentId, QueueId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
    }

    fn seen(id: i64, queue: i64, agent: i64, began: i64) -> SessionRecord {
        SessionRecord {
            queue: Some(QueueId(queue)),
            agent: Some(AgentId(agent)),
            began: Some(at(began)),
            ..SessionRecord::new(SessionId(id))
        }
    }

    fn ended(id: i64, began: i64, email: &str, conversation: &str) -> SessionRecord {
        SessionRecord {
            ended: Some(at(began + 60)),
            person: CustomerIdentity::new(Some(email), None),
            conversation: Some(Arc::from(conversation)),
            ..seen(id, 11, 41, began)
        }
    }

    fn customer(email: &str) -> MatchKey {
        MatchKey::Customer(email.into())
    }

    /// `apis.md` J41, J43.
    #[test]
    fn the_first_queue_and_the_last_agent_stand_until_clarity_has_the_last_word() {
        let mut traces = Traces::default();
        traces.hear(seen(1, 12, 40, 10), at(10));
        traces.hear(seen(1, 13, 42, 20), at(20));
        let trace = traces.get(SessionId(1)).expect("a trace");
        assert_eq!((trace.queue, trace.agent, trace.seen), (Some(QueueId(12)), Some(AgentId(42)), at(10)));
        traces.hear(ended(1, 5, "a@example.com", "c1"), at(100));
        let last_word = traces.get(SessionId(1)).expect("a trace").clone();
        assert_eq!((last_word.queue, last_word.agent, last_word.seen), (Some(QueueId(11)), Some(AgentId(41)), at(5)));
        assert!(traces.hear(seen(1, 13, 43, 1), at(101)).is_empty(), "what is told later changes nothing");
        assert_eq!(traces.get(SessionId(1)), Some(&last_word));
        assert!(traces.is_sound());
    }

    #[test]
    fn sessions_are_found_by_every_clue_within_a_time_and_by_none_that_they_have_lost() {
        let mut traces = Traces::default();
        for (id, began) in [(1, 30), (2, 10), (3, 20)] {
            let touched = traces.hear(ended(id, began, "a@example.com", "c1"), at(100));
            let expected =
                [MatchKey::Session(SessionId(id)), MatchKey::Conversation("c1".into()), customer("a@example.com")];
            assert_eq!(touched, BTreeSet::from(expected));
        }
        let found = |traces: &Traces, clue: &MatchKey, from: i64, to: i64| traces.led_to_by(clue, at(from), at(to));
        let a = customer("a@example.com");
        assert_eq!(found(&traces, &a, 0, 100), [SessionId(2), SessionId(3), SessionId(1)]);
        assert_eq!(found(&traces, &a, 20, 29), [SessionId(3)]);
        assert_eq!(found(&traces, &a, 29, 20), [], "no time at all");
        let touched = traces.hear(SessionRecord { conversation: Some("c2".into()), ..ended(3, 20, "", "") }, at(100));
        assert!(touched.contains(&MatchKey::Conversation("c1".into())), "what followed the old one is joined again");
        assert_eq!(found(&traces, &MatchKey::Conversation("c1".into()), 0, 100), [SessionId(2), SessionId(1)]);
        traces.forget(SessionId(2));
        assert_eq!(found(&traces, &a, 0, 100), [SessionId(3), SessionId(1)]);
        assert!(traces.is_sound());
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut traces = Traces { most: 2, ..Traces::default() };
        for (id, began) in [(1, 20), (2, 30), (3, 10), (4, 40)] {
            traces.hear(ended(id, began, "a@example.com", "c1"), at(100));
        }
        let left = traces.led_to_by(&customer("a@example.com"), Timestamp::MIN, Timestamp::MAX);
        assert_eq!(left, [SessionId(2), SessionId(4)]);
        assert!(traces.is_sound());
        assert_eq!(traces.take_unsaved_sessions(9).len(), 2, "what is gone is not kept either");
    }

    #[test]
    fn what_is_new_is_kept_once_and_what_was_kept_only_when_more_is_known() {
        let mut traces = Traces::default();
        traces.hear(ended(1, 10, "a@example.com", "c1"), at(100));
        traces.hear(ended(2, 20, "b@example.com", "c2"), at(100));
        assert_eq!(traces.take_unsaved_sessions(1), [ended(1, 10, "a@example.com", "c1")]);
        assert_eq!(traces.take_unsaved_sessions(9), [ended(2, 20, "b@example.com", "c2")]);
        traces.recall(ended(3, 30, "c@example.com", "c3"), at(100));
        traces.hear(ended(3, 30, "c@example.com", "c3"), at(101));
        assert!(traces.take_unsaved_sessions(9).is_empty());
        // This one has gone on since, while we read what was kept.
        traces.hear(ended(4, 40, "d@example.com", "c4"), at(100));
        traces.take_unsaved_sessions(9);
        traces.recall(seen(4, 12, 40, 45), at(101));
        assert_eq!(traces.take_unsaved_sessions(9), [ended(4, 40, "d@example.com", "c4")]);
    }
}
