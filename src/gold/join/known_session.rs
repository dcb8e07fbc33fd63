//! What is known of a session.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{AgentId, CustomerIdentity, QueueId};

/// What is known of a session, also after it has ended: feedback comes later than the call (apis.md J60).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// The first queue it was in, to which feedback is attributed (apis.md J43).
    pub queue: Option<QueueId>,
    /// The last primary agent.
    pub agent: Option<AgentId>,
    /// When it began, or when we first saw it.
    pub began: Timestamp,
    /// When it ended, if that was reported.
    pub ended: Option<Timestamp>,
    /// The customer.
    pub customer: CustomerIdentity,
    /// The Kustomer conversation that it belongs to (apis.md J17).
    pub conversation: Option<Arc<str>>,
}
