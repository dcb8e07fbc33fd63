//! What is remembered of a session, so that what its customer says days later finds it (`apis.md` J60).

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, CustomerIdentity, QueueId, ResponseId, SessionId};

/// What somebody told of a session, or what is remembered of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Which.
    pub id: SessionId,
    /// The first queue it was in.
    pub queue: Option<QueueId>,
    /// The last primary agent.
    pub agent: Option<AgentId>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended. What is told after that is the last word on it.
    pub ended: Option<Timestamp>,
    /// Who the customer was.
    pub person: CustomerIdentity,
    /// The conversation that it is a part of elsewhere (`apis.md` J17).
    pub conversation: Option<Arc<str>>,
}

impl SessionRecord {
    /// A session of which nothing is known but that there was one.
    #[must_use]
    pub fn new(id: SessionId) -> Self {
        Self { id, queue: None, agent: None, began: None, ended: None, person: CustomerIdentity::default(), conversation: None }
    }
}

/// Without who the customer was.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionRecord").field(&self.id).finish()
    }
}

/// A person says which session a response is about (`apis.md` J50).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The response.
    pub response: ResponseId,
    /// The session. `None`: the rules decide again.
    pub session: Option<SessionId>,
    /// Who says so.
    pub who: Arc<str>,
}
