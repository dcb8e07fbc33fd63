//! What sessions and responses may have in common, to find the one by the other.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{KnownSession, MatchRules, Visit};
use crate::domain::{Customer, CustomerIdentity, ResponseRecord, SessionId};

/// Something that leads from a response to sessions, and from a session to responses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchKey {
    /// The session itself, which the response names or is pinned to.
    Session(SessionId),
    /// The conversation that both are a part of.
    Conversation(Arc<str>),
    /// How a customer may be recognised.
    Customer(Arc<str>),
}

impl MatchKey {
    /// What may lead a response to sessions now or later.
    pub fn of_response(response: &ResponseRecord, rules: &MatchRules) -> BTreeSet<Self> {
        let session = rules.named_session(response).map(|(session, _)| Self::Session(session));
        let conversation = rules.named_conversation(response);
        let conversation = conversation.map(|(conversation, _)| Self::Conversation(conversation.into()));
        // Without a visit nobody asks which sessions the customer had.
        let customer = Visit::of(response, &rules.visits).map(|_| person(&response.customer));
        let customer = customer.unwrap_or_default();
        session.into_iter().chain(conversation).chain(customer.match_keys().map(Self::Customer)).collect()
    }

    /// What may lead to a session, besides its own number.
    pub fn of_trace(trace: &KnownSession) -> BTreeSet<Self> {
        let conversation = trace.conversation.clone().map(Self::Conversation);
        conversation.into_iter().chain(trace.person.match_keys().map(Self::Customer)).collect()
    }
}

/// Without who the customer is.
impl fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => f.debug_tuple("Session").field(session).finish(),
            Self::Conversation(conversation) => f.debug_tuple("Conversation").field(conversation).finish(),
            Self::Customer(_) => f.debug_tuple("Customer").finish_non_exhaustive(),
        }
    }
}

/// Whoever answered, as far as that tells them from others (`apis.md` J20 to J22).
pub(super) fn person(customer: &Customer) -> CustomerIdentity {
    CustomerIdentity::new(customer.email.as_deref(), customer.phone.as_deref())
        .and(customer.crm_id.as_deref().map(CustomerIdentity::numbered).unwrap_or_default())
        .without_shared_addresses()
}
