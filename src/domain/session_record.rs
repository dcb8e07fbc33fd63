//! What is stored of a session: feedback may come days later and is matched with it then (apis.md J60).

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, CustomerIdentity, QueueId, ResponseId, SessionId};

/// What was reported of a session, or what is stored of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session's id.
    pub id: SessionId,
    /// The first queue it was in.
    pub queue: Option<QueueId>,
    /// The last primary agent.
    pub agent: Option<AgentId>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended. A record with an end overrides what was reported while the session went on.
    pub ended: Option<Timestamp>,
    /// The customer.
    pub person: CustomerIdentity,
    /// The Kustomer conversation that it belongs to (apis.md J17).
    pub conversation: Option<Arc<str>>,
}

impl SessionRecord {
    /// A session of which only the id is known.
    #[must_use]
    pub fn new(id: SessionId) -> Self {
        Self {
            id,
            queue: None,
            agent: None,
            began: None,
            ended: None,
            person: CustomerIdentity::default(),
            conversation: None,
        }
    }
}

/// Without the customer's data.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionRecord").field(&self.id).finish()
    }
}

/// A user's decision on which session a response is about (apis.md J50).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The response.
    pub response: ResponseId,
    /// The session. `None`: the pin is removed and the match rules decide again.
    pub session: Option<SessionId>,
    /// The user's name.
    pub who: Arc<str>,
}
