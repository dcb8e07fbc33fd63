//! What each rule finds, by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::match_key::person;
use super::{MatchKey, MatchRule, MatchRules, SessionLookup, Visit};
use crate::domain::customer_identity::IdentityKind;
use crate::domain::{QueueId, ResponseRecord, SessionId};

/// How many candidates of one rule are told. More than one is none already.
const TOLD: usize = 20;

/// What one rule found.
pub(super) struct RuleMatch {
    pub rule: MatchRule,
    /// The sessions, with the evidence for each.
    pub sessions: BTreeMap<SessionId, String>,
}

impl RuleMatch {
    /// What all rules found, the strongest first.
    pub fn all(
        response: &ResponseRecord,
        rules: &MatchRules,
        place: Option<QueueId>,
        floor: &impl SessionLookup,
    ) -> Vec<Self> {
        let pinned = floor.pinned(&response.id).map(|(session, who)| (session, format!("pinned by {who}")));
        let named = rules.named_session(response);
        let found = |rule, sessions| Self { rule, sessions };
        let mut all = vec![
            // A person's word counts even when the session is no longer known.
            found(MatchRule::Pinned, pinned.into_iter().collect()),
            found(MatchRule::ExtraSession, named.into_iter().collect()),
            found(MatchRule::ExtraConversation, by_conversation(response, rules, floor)),
        ];
        all.extend(by_visit(response, rules, place, floor).map(|sessions| found(MatchRule::CustomerVisit, sessions)));
        all
    }

    /// Its session, if it found exactly one.
    pub fn one(&self) -> Option<(SessionId, &str)> {
        let (session, evidence) = self.sessions.first_key_value()?;
        (self.sessions.len() == 1).then_some((*session, evidence))
    }
}

fn by_conversation(
    response: &ResponseRecord,
    rules: &MatchRules,
    floor: &impl SessionLookup,
) -> BTreeMap<SessionId, String> {
    let Some((conversation, evidence)) = rules.named_conversation(response) else { return BTreeMap::new() };
    let sessions = floor.sessions(&MatchKey::Conversation(conversation.into()), Timestamp::MIN, Timestamp::MAX);
    sessions.into_iter().take(TOLD).map(|session| (session, evidence.clone())).collect()
}

/// `apis.md` J20 to J23: the customer, the time and, where both are known, the queue must fit. Each way to recognise the
/// customer is a rule of its own, the surest first.
fn by_visit(
    response: &ResponseRecord,
    rules: &MatchRules,
    place: Option<QueueId>,
    floor: &impl SessionLookup,
) -> [BTreeMap<SessionId, String>; 3] {
    let mut found = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
    let Some(Visit { from, to }) = Visit::of(response, &rules.visits) else { return found };
    let customer = person(&response.customer);
    let named = rules.named_conversation(response).map(|(conversation, _)| conversation);
    for session in customer.match_keys().flat_map(|clue| floor.sessions(&MatchKey::Customer(clue), from, to)) {
        let Some(trace) = floor.trace(session) else { continue };
        let same_queue = place.is_none_or(|queue| trace.queue.is_none_or(|it| it == queue));
        // One that is a part of another conversation than the one that is named is another matter.
        let other = trace.conversation.as_deref().is_some_and(|it| named.is_some_and(|named| named != it));
        let Some(shared_identity) = customer.shared_identity(&trace.person).filter(|_| same_queue && !other) else {
            continue;
        };
        let (at, by) = match shared_identity {
            IdentityKind::Number => (0, "number"),
            IdentityKind::Email => (1, "e-mail address"),
            IdentityKind::Phone => (2, "telephone number"),
        };
        if found[at].len() < TOLD {
            found[at].insert(session, format!("the customer's {by}, and the time of the visit"));
        }
    }
    found
}
