//! A customer was helped and it is over: the moment at which they may be asked how it was.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, Modality, CustomerIdentity, QueueId, SessionId};

/// What is over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Interaction {
    /// A session ended.
    Session(SessionId),
    /// A conversation was closed.
    Conversation {
        /// Which.
        id: Arc<str>,
        /// The place of the closing among its changes: closed anew after it was opened again, it has another.
        rev: Option<i64>,
    },
}

/// Why nobody is asked, by name. The names are those of counters.
pub type SkipReason = &'static str;

/// Why nobody is asked whom somebody asked before.
pub const ALREADY_REQUESTED: SkipReason = "alreadyRequested";

/// A customer was helped.
#[derive(Clone, PartialEq)]
pub struct EndedInteraction {
    /// What is over.
    pub interaction: Interaction,
    /// The conversation that a session belongs to. The two are one interaction: the customer is asked once.
    pub conversation: Option<Arc<str>>,
    /// When it was over, as far as anybody can say. Whoever is asked too late has forgotten it.
    pub ended: Option<Timestamp>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// Who helped.
    pub agent: Option<AgentId>,
    /// Their e-mail address, where the agent is not known by number.
    pub employee_email: Option<Arc<str>>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// The customer's address.
    pub email: Option<Arc<str>>,
    /// The kind of contact, of a session.
    pub modality: Option<Modality>,
    /// The channel in the upstream's words, where it is known already.
    pub channel: Option<Arc<str>>,
    /// What else is known of a call, or of a conversation that was one.
    pub call: Option<Box<CallDetails>>,
    /// What it was about.
    pub tags: Vec<Arc<str>>,
    /// Where a person can read about it.
    pub link: Option<Arc<str>>,
    /// Whether the customer is not to be asked, which the upstream records all the same.
    pub do_not_send: bool,
    /// Why it waits for a person, in a sentence.
    pub hold_reason: Option<Arc<str>>,
    /// What was decided among several, in a sentence.
    pub note: Option<Arc<str>>,
    /// Why nobody is asked at all.
    pub skip_reason: Option<SkipReason>,
}

/// What is known of a call, or of a conversation that was one, by which the two may be found to be one interaction
/// (`apis.md` J18).
#[derive(Clone, Default, PartialEq)]
pub struct CallDetails {
    /// Who the customer was.
    pub person: CustomerIdentity,
    /// The agents who took part.
    pub agents: BTreeSet<AgentId>,
    /// The addresses of those who did, where they are not known by number.
    pub employees: BTreeSet<Arc<str>>,
    /// When it began.
    pub began: Option<Timestamp>,
}

impl EndedInteraction {
    /// An interaction of which nothing is known but that it is over.
    #[must_use]
    pub fn new(interaction: Interaction) -> Self {
        Self {
            interaction,
            conversation: None,
            ended: None,
            queue: None,
            agent: None,
            employee_email: None,
            customer: None,
            email: None,
            modality: None,
            channel: None,
            call: None,
            tags: Vec::new(),
            link: None,
            do_not_send: false,
            hold_reason: None,
            note: None,
            skip_reason: None,
        }
    }
}

/// A customer was helped, and nobody asks them how it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedSurvey {
    /// What is over.
    pub interaction: Interaction,
    /// The conversation that a session belongs to.
    pub conversation: Option<Arc<str>>,
    /// When that was decided.
    pub at: Timestamp,
    /// The queue.
    pub queue: Option<QueueId>,
    /// Who helped.
    pub agent: Option<AgentId>,
    /// Why.
    pub reason: SkipReason,
}

impl SkippedSurvey {
    /// What names the interaction: a session and the conversation that it belongs to are one interaction (`apis.md` J17).
    #[must_use]
    pub fn interaction_key(&self) -> Arc<str> {
        match (&self.interaction, &self.conversation) {
            (Interaction::Conversation { id, .. }, _) | (_, Some(id)) => conversation_key(id),
            (Interaction::Session(session), None) => session_key(*session),
        }
    }
}

/// What names the interaction that a conversation is.
#[must_use]
pub fn conversation_key(id: &str) -> Arc<str> {
    format!("conversation:{id}").into()
}

/// What names the interaction that a session without a conversation is.
#[must_use]
pub fn session_key(session: SessionId) -> Arc<str> {
    format!("session:{session}").into()
}

/// Without what concerns the customer.
impl fmt::Debug for EndedInteraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedInteraction").field("interaction", &self.interaction).finish_non_exhaustive()
    }
}
