//! Keys that sessions and responses may share, to find the one by the other.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::known_session::KnownSession;
use super::rules::MatchRules;
use super::visit::Visit;
use crate::domain::{Customer, CustomerIdentity, ResponseRecord, SessionId};

/// A key that leads from a response to sessions, and from a session to responses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchKey {
    /// The session that the response names or is pinned to.
    Session(SessionId),
    /// The conversation that both belong to.
    Conversation(Arc<str>),
    /// A match key of the customer: see [`CustomerIdentity::match_keys`].
    Customer(Arc<str>),
}

impl MatchKey {
    /// The keys by which a response may be matched, now or later.
    pub fn of_response(response: &ResponseRecord, rules: &MatchRules) -> BTreeSet<Self> {
        let session = rules.named_session(response).map(|(session, _)| Self::Session(session));
        let conversation = rules.named_conversation(response);
        let conversation = conversation.map(|(conversation, _)| Self::Conversation(conversation.into()));
        // Without a visit the customer's sessions are not looked up.
        let customer = Visit::of(response, &rules.visits).map(|_| identity_of(&response.customer));
        let customer = customer.unwrap_or_default();
        session.into_iter().chain(conversation).chain(customer.match_keys().map(Self::Customer)).collect()
    }

    /// The keys by which a session may be found, besides its own id.
    pub fn of_session(session: &KnownSession) -> BTreeSet<Self> {
        let conversation = session.conversation.clone().map(Self::Conversation);
        conversation.into_iter().chain(session.customer.match_keys().map(Self::Customer)).collect()
    }
}

/// Without the customer's data.
impl fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => f.debug_tuple("Session").field(session).finish(),
            Self::Conversation(conversation) => f.debug_tuple("Conversation").field(conversation).finish(),
            Self::Customer(_) => f.debug_tuple("Customer").finish_non_exhaustive(),
        }
    }
}

/// The identity of a response's customer, without shared mailboxes (apis.md J20 to J22).
pub(super) fn identity_of(customer: &Customer) -> CustomerIdentity {
    CustomerIdentity::new(customer.email.as_deref(), customer.phone.as_deref())
        .and(customer.crm_id.as_deref().map(CustomerIdentity::numbered).unwrap_or_default())
        .without_shared_addresses()
}
