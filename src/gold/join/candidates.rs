//! The sessions that each match rule finds for a response, by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::attribution::MatchRule;
use super::match_key::{MatchKey, identity_of};
use super::rules::MatchRules;
use super::session_lookup::SessionLookup;
use super::visit::Visit;
use crate::domain::customer_identity::IdentityKind;
use crate::domain::{QueueId, ResponseRecord, SessionId};

/// How many candidates of one rule are listed. More than one already decides nothing.
const MAX_LISTED: usize = 20;

/// The sessions that one rule finds.
pub(super) struct RuleCandidates {
    pub rule: MatchRule,
    /// The sessions, with the evidence for each.
    pub sessions: BTreeMap<SessionId, String>,
}

impl RuleCandidates {
    /// The candidates of all rules, the strongest rule first.
    pub fn all(
        response: &ResponseRecord,
        rules: &MatchRules,
        place: Option<QueueId>,
        lookup: &impl SessionLookup,
    ) -> Vec<Self> {
        let pinned = lookup.pinned(&response.id).map(|(session, who)| (session, format!("pinned by {who}")));
        let named = rules.named_session(response);
        let found = |rule, sessions| Self { rule, sessions };
        let mut all = vec![
            // A pin decides even if the session is no longer known.
            found(MatchRule::Pinned, pinned.into_iter().collect()),
            found(MatchRule::ExtraSession, named.into_iter().collect()),
            found(MatchRule::ExtraConversation, by_conversation(response, rules, lookup)),
        ];
        all.extend(by_visit(response, rules, place, lookup).map(|sessions| found(MatchRule::CustomerVisit, sessions)));
        all
    }

    /// The session, if the rule found exactly one.
    pub fn only(&self) -> Option<(SessionId, &str)> {
        let (session, evidence) = self.sessions.first_key_value()?;
        (self.sessions.len() == 1).then_some((*session, evidence))
    }
}

fn by_conversation(
    response: &ResponseRecord,
    rules: &MatchRules,
    lookup: &impl SessionLookup,
) -> BTreeMap<SessionId, String> {
    let Some((conversation, evidence)) = rules.named_conversation(response) else { return BTreeMap::new() };
    let key = MatchKey::Conversation(conversation.into());
    let sessions = lookup.sessions_by_key(&key, Timestamp::MIN, Timestamp::MAX);
    sessions.into_iter().take(MAX_LISTED).map(|session| (session, evidence.clone())).collect()
}

/// The customer and the time must match and, where both are known, the queue. Each kind of identity is a rule of its
/// own, the most reliable first (apis.md J20 to J23).
fn by_visit(
    response: &ResponseRecord,
    rules: &MatchRules,
    place: Option<QueueId>,
    lookup: &impl SessionLookup,
) -> [BTreeMap<SessionId, String>; 3] {
    let mut found = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
    let Some(Visit { from, to }) = Visit::of(response, &rules.visits) else { return found };
    let customer = identity_of(&response.customer);
    let named = rules.named_conversation(response).map(|(conversation, _)| conversation);
    for id in customer.match_keys().flat_map(|key| lookup.sessions_by_key(&MatchKey::Customer(key), from, to)) {
        let Some(session) = lookup.session(id) else { continue };
        let is_same_queue = place.is_none_or(|queue| session.queue.is_none_or(|it| it == queue));
        // A session of another conversation than the one that the response names is not what it is about.
        let is_other = session.conversation.as_deref().is_some_and(|it| named.is_some_and(|named| named != it));
        let shared = customer.shared_identity(&session.customer).filter(|_| is_same_queue && !is_other);
        let Some(shared) = shared else { continue };
        let of_kind = match shared {
            IdentityKind::Number => &mut found[0],
            IdentityKind::Email => &mut found[1],
            IdentityKind::Phone => &mut found[2],
        };
        if of_kind.len() < MAX_LISTED {
            of_kind.insert(id, format!("the customer's {}, and the time of the visit", shared.label()));
        }
    }
    found
}
