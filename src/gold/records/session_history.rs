//! What is known of sessions after they ended, and how to find them: by id, by conversation, by customer and time.
//!
//! Each change returns the match keys that it concerns, so that only responses with one of these keys are matched
//! again.

use std::collections::BTreeSet;

use foldhash::HashMap;
use jiff::Timestamp;

use crate::domain::{CustomerIdentity, SessionId, SessionRecord};
use crate::gold::join::{KnownSession, MatchKey};

/// How many sessions are kept in memory: 90 days of a site with 5,500 a day. The oldest are dropped first.
const MAX_SESSIONS: usize = 500_000;

/// Sessions in the order in which they began.
type ByAge = BTreeSet<(Timestamp, SessionId)>;

#[derive(Debug)]
pub(super) struct SessionHistory {
    known: HashMap<SessionId, KnownSession>,
    by_age: ByAge,
    by_match_key: HashMap<MatchKey, ByAge>,
    /// Sessions that changed since they were last taken for the store.
    unsaved: BTreeSet<SessionId>,
    max: usize,
}

impl Default for SessionHistory {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            by_age: ByAge::new(),
            by_match_key: HashMap::default(),
            unsaved: BTreeSet::new(),
            max: MAX_SESSIONS,
        }
    }
}

impl SessionHistory {
    /// What is known of a session.
    pub fn get(&self, id: SessionId) -> Option<&KnownSession> {
        self.known.get(&id)
    }

    /// The sessions with a match key that began between `from` and `to`, oldest first.
    pub fn by_key(&self, key: &MatchKey, from: Timestamp, to: Timestamp) -> Vec<SessionId> {
        if from > to {
            return Vec::new();
        }
        let sessions = self.by_match_key.get(key).into_iter();
        let within = (from, SessionId(i64::MIN))..=(to, SessionId(i64::MAX));
        sessions.flat_map(|sessions| sessions.range(within.clone())).map(|(_, id)| *id).collect()
    }

    /// Merges a report. Returns the match keys whose sessions changed.
    pub fn update(&mut self, report: SessionRecord, now: Timestamp) -> BTreeSet<MatchKey> {
        let id = report.id;
        let merged = merged(self.known.get(&id), report, now);
        if self.known.get(&id) == Some(&merged) {
            return BTreeSet::new();
        }
        self.unsaved.insert(id);
        self.set(id, Some(merged))
    }

    /// Merges a record from the store, which need not be saved again unless more is known already.
    pub fn restore(&mut self, stored: SessionRecord, now: Timestamp) -> BTreeSet<MatchKey> {
        let id = stored.id;
        let merged = merged(self.known.get(&id), stored.clone(), now);
        if as_record(id, &merged) != stored {
            self.unsaved.insert(id);
        }
        if self.known.get(&id) == Some(&merged) {
            return BTreeSet::new();
        }
        self.set(id, Some(merged))
    }

    /// At most `limit` sessions that changed since they were last taken.
    pub fn take_unsaved(&mut self, limit: usize) -> Vec<SessionRecord> {
        let later = self.unsaved.iter().nth(limit).copied();
        let later = later.map(|first| self.unsaved.split_off(&first)).unwrap_or_default();
        let taken = std::mem::replace(&mut self.unsaved, later);
        taken.into_iter().filter_map(|id| Some(as_record(id, self.known.get(&id)?))).collect()
    }

    /// Forgets a session. What is attributed to it stays attributed.
    pub fn forget(&mut self, id: SessionId) {
        self.unsaved.remove(&id);
        self.set(id, None);
    }

    /// Removes a customer's identity and conversation from all sessions.
    pub fn forget_customer(&mut self, customer: &CustomerIdentity) -> BTreeSet<MatchKey> {
        let theirs =
            customer.match_keys().flat_map(|key| self.by_key(&MatchKey::Customer(key), Timestamp::MIN, Timestamp::MAX));
        let theirs: BTreeSet<SessionId> = theirs.collect();
        let mut changed = BTreeSet::new();
        for id in theirs {
            let Some(session) =
                self.known.get(&id).filter(|session| session.customer.shared_identity(customer).is_some())
            else {
                continue;
            };
            let anonymous =
                KnownSession { customer: CustomerIdentity::default(), conversation: None, ..session.clone() };
            self.unsaved.insert(id);
            changed.extend(self.set(id, Some(anonymous)));
        }
        changed
    }

    /// Inserts, replaces or removes a session, with its index entries.
    fn set(&mut self, id: SessionId, after: Option<KnownSession>) -> BTreeSet<MatchKey> {
        let keys = |session: Option<&KnownSession>| session.map(MatchKey::of_session).unwrap_or_default();
        let mut changed = keys(after.as_ref());
        let entry = after.as_ref().map(|after| (after.began, id));
        for key in &changed {
            self.by_match_key.entry(key.clone()).or_default().extend(entry);
        }
        self.by_age.extend(entry);
        let before = match after {
            Some(after) => self.known.insert(id, after),
            None => self.known.remove(&id),
        };
        if let Some(before) = &before {
            let old = (before.began, id);
            if Some(old) != entry {
                self.by_age.remove(&old);
            }
            for key in keys(Some(before)) {
                if (Some(old) != entry || !changed.contains(&key))
                    && let Some(sessions) = self.by_match_key.get_mut(&key)
                {
                    sessions.remove(&old);
                    if sessions.is_empty() {
                        self.by_match_key.remove(&key);
                    }
                }
                changed.insert(key);
            }
        }
        if self.known.len() > self.max
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.forget(oldest);
        }
        changed.insert(MatchKey::Session(id));
        changed
    }

    /// Whether the indexes agree with the sessions.
    #[cfg(test)]
    pub fn is_sound(&self) -> bool {
        let mut anew = Self::default();
        for (id, session) in &self.known {
            anew.set(*id, Some(session.clone()));
        }
        anew.by_age == self.by_age && anew.by_match_key == self.by_match_key
    }
}

/// Merges a report into what is known. After the end of a session Clarity names its first queue and its last primary
/// agent (apis.md J41, J43), and a report with an end decides. Before that the first queue and the latest agent are
/// kept.
fn merged(known: Option<&KnownSession>, report: SessionRecord, now: Timestamp) -> KnownSession {
    let has_ended = report.ended.is_some();
    let Some(known) = known else {
        return KnownSession {
            queue: report.queue,
            agent: report.agent,
            began: report.began.or(report.ended).unwrap_or(now),
            ended: report.ended,
            customer: report.person,
            conversation: report.conversation,
        };
    };
    let is_final = known.ended.is_some() && !has_ended;
    KnownSession {
        queue: if has_ended { report.queue.or(known.queue) } else { known.queue.or(report.queue) },
        agent: if is_final { known.agent.or(report.agent) } else { report.agent.or(known.agent) },
        began: match report.began {
            Some(began) if has_ended => began,
            Some(began) if !is_final => began.min(known.began),
            _ => known.began,
        },
        ended: report.ended.or(known.ended),
        customer: known.customer.clone().and(report.person),
        conversation: match has_ended {
            true => report.conversation.or_else(|| known.conversation.clone()),
            false => known.conversation.clone().or(report.conversation),
        },
    }
}

fn as_record(id: SessionId, session: &KnownSession) -> SessionRecord {
    SessionRecord {
        id,
        queue: session.queue,
        agent: session.agent,
        began: Some(session.began),
        ended: session.ended,
        person: session.customer.clone(),
        conversation: session.conversation.clone(),
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

    fn ongoing(id: i64, queue: i64, agent: i64, began: i64) -> SessionRecord {
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
            ..ongoing(id, 11, 41, began)
        }
    }

    fn customer(email: &str) -> MatchKey {
        MatchKey::Customer(email.into())
    }

    /// Before the end the first queue and the latest agent are kept; a report with an end decides (apis.md J41, J43).
    #[test]
    fn report_with_an_end_overrides_queue_agent_and_beginning() {
        let mut history = SessionHistory::default();
        history.update(ongoing(1, 12, 40, 10), at(10));
        history.update(ongoing(1, 13, 42, 20), at(20));
        let session = history.get(SessionId(1)).expect("a session");
        assert_eq!((session.queue, session.agent, session.began), (Some(QueueId(12)), Some(AgentId(42)), at(10)));
        history.update(ended(1, 5, "a@example.com", "c1"), at(100));
        let last_word = history.get(SessionId(1)).expect("a session").clone();
        assert_eq!((last_word.queue, last_word.agent, last_word.began), (Some(QueueId(11)), Some(AgentId(41)), at(5)));
        assert!(
            history.update(ongoing(1, 13, 43, 1), at(101)).is_empty(),
            "an ongoing report after the end changes nothing"
        );
        assert_eq!(history.get(SessionId(1)), Some(&last_word));
        assert!(history.is_sound());
    }

    #[test]
    fn session_is_found_by_current_keys_within_an_interval() {
        let mut history = SessionHistory::default();
        for (id, began) in [(1, 30), (2, 10), (3, 20)] {
            let changed = history.update(ended(id, began, "a@example.com", "c1"), at(100));
            let expected =
                [MatchKey::Session(SessionId(id)), MatchKey::Conversation("c1".into()), customer("a@example.com")];
            assert_eq!(changed, BTreeSet::from(expected));
        }
        let found =
            |history: &SessionHistory, key: &MatchKey, from: i64, to: i64| history.by_key(key, at(from), at(to));
        let a = customer("a@example.com");
        assert_eq!(found(&history, &a, 0, 100), [SessionId(2), SessionId(3), SessionId(1)]);
        assert_eq!(found(&history, &a, 20, 29), [SessionId(3)]);
        assert_eq!(found(&history, &a, 29, 20), [], "an empty interval");
        let changed =
            history.update(SessionRecord { conversation: Some("c2".into()), ..ended(3, 20, "", "") }, at(100));
        assert!(changed.contains(&MatchKey::Conversation("c1".into())), "the previous conversation is matched again");
        assert_eq!(found(&history, &MatchKey::Conversation("c1".into()), 0, 100), [SessionId(2), SessionId(1)]);
        history.forget(SessionId(2));
        assert_eq!(found(&history, &a, 0, 100), [SessionId(3), SessionId(1)]);
        assert!(history.is_sound());
    }

    #[test]
    fn oldest_sessions_are_dropped_above_the_limit() {
        let mut history = SessionHistory { max: 2, ..SessionHistory::default() };
        for (id, began) in [(1, 20), (2, 30), (3, 10), (4, 40)] {
            history.update(ended(id, began, "a@example.com", "c1"), at(100));
        }
        let left = history.by_key(&customer("a@example.com"), Timestamp::MIN, Timestamp::MAX);
        assert_eq!(left, [SessionId(2), SessionId(4)]);
        assert!(history.is_sound());
        assert_eq!(history.take_unsaved(9).len(), 2, "dropped sessions are not saved");
    }

    #[test]
    fn session_is_saved_once_and_again_only_when_it_changes() {
        let mut history = SessionHistory::default();
        history.update(ended(1, 10, "a@example.com", "c1"), at(100));
        history.update(ended(2, 20, "b@example.com", "c2"), at(100));
        assert_eq!(history.take_unsaved(1), [ended(1, 10, "a@example.com", "c1")]);
        assert_eq!(history.take_unsaved(9), [ended(2, 20, "b@example.com", "c2")]);
        history.restore(ended(3, 30, "c@example.com", "c3"), at(100));
        history.update(ended(3, 30, "c@example.com", "c3"), at(101));
        assert!(history.take_unsaved(9).is_empty());
        // This session ended while the store was read.
        history.update(ended(4, 40, "d@example.com", "c4"), at(100));
        history.take_unsaved(9);
        history.restore(ongoing(4, 12, 40, 45), at(101));
        assert_eq!(history.take_unsaved(9), [ended(4, 40, "d@example.com", "c4")]);
    }
}
