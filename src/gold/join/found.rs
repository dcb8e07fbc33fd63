//! What each rule finds, by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::clue::person;
use super::{Clue, Floor, Rule, Rules, Visit};
use crate::domain::person::Likeness;
use crate::domain::{QueueId, ResponseReading, SessionId};

/// How many candidates of one rule are told. More than one is none already.
const TOLD: usize = 20;

/// What one rule found.
pub(super) struct Found {
    pub rule: Rule,
    /// The sessions, with the evidence for each.
    pub sessions: BTreeMap<SessionId, String>,
}

impl Found {
    /// What all rules found, the strongest first.
    pub fn all(response: &ResponseReading, rules: &Rules, place: Option<QueueId>, floor: &impl Floor) -> Vec<Self> {
        let pinned = floor.pinned(&response.id).map(|(session, who)| (session, format!("pinned by {who}")));
        let named = rules.named_session(response);
        let found = |rule, sessions| Self { rule, sessions };
        let mut all = vec![
            // A person's word counts even when the session is no longer known.
            found(Rule::Pinned, pinned.into_iter().collect()),
            found(Rule::ExtraSession, named.into_iter().collect()),
            found(Rule::ExtraConversation, by_conversation(response, rules, floor)),
        ];
        all.extend(by_visit(response, rules, place, floor).map(|sessions| found(Rule::CustomerVisit, sessions)));
        all
    }

    /// Its session, if it found exactly one.
    pub fn one(&self) -> Option<(SessionId, &str)> {
        let (session, evidence) = self.sessions.first_key_value()?;
        (self.sessions.len() == 1).then_some((*session, evidence))
    }
}

fn by_conversation(response: &ResponseReading, rules: &Rules, floor: &impl Floor) -> BTreeMap<SessionId, String> {
    let Some((conversation, evidence)) = rules.named_conversation(response) else { return BTreeMap::new() };
    let sessions = floor.sessions(&Clue::Conversation(conversation.into()), Timestamp::MIN, Timestamp::MAX);
    sessions.into_iter().take(TOLD).map(|session| (session, evidence.clone())).collect()
}

/// `apis.md` J20 to J23: the customer, the time and, where both are known, the queue must fit. Each way to recognise the
/// customer is a rule of its own, the surest first.
fn by_visit(
    response: &ResponseReading,
    rules: &Rules,
    place: Option<QueueId>,
    floor: &impl Floor,
) -> [BTreeMap<SessionId, String>; 3] {
    let mut found = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
    let Some(Visit { from, to }) = Visit::of(response, &rules.visits) else { return found };
    let customer = person(&response.customer);
    let named = rules.named_conversation(response).map(|(conversation, _)| conversation);
    for session in customer.clues().flat_map(|clue| floor.sessions(&Clue::Customer(clue), from, to)) {
        let Some(trace) = floor.trace(session) else { continue };
        let same_queue = place.is_none_or(|queue| trace.queue.is_none_or(|it| it == queue));
        // One that is a part of another conversation than the one that is named is another matter.
        let other = trace.conversation.as_deref().is_some_and(|it| named.is_some_and(|named| named != it));
        let Some(likeness) = customer.likeness(&trace.person).filter(|_| same_queue && !other) else { continue };
        let (at, by) = match likeness {
            Likeness::Number => (0, "number"),
            Likeness::Email => (1, "e-mail address"),
            Likeness::Phone => (2, "telephone number"),
        };
        if found[at].len() < TOLD {
            found[at].insert(session, format!("the customer's {by}, and the time of the visit"));
        }
    }
    found
}
