//! Ended interactions: the moment at which a customer may be surveyed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, CustomerIdentity, Modality, QueueId, SessionId};

/// What ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Interaction {
    /// A session ended.
    Session(SessionId),
    /// A conversation was closed.
    Conversation {
        /// The conversation's id.
        id: Arc<str>,
        /// The revision of the closing: a conversation that is closed again after it was reopened has another one.
        rev: Option<i64>,
    },
}

/// Why the customer of an ended interaction got no survey. Each reason is also a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The customer was asked about it before.
    AlreadyRequested,
    /// Surveys about this kind of interaction are switched off.
    Disabled,
    /// It ended longer ago than the site asks about.
    TooOld,
    /// The customer left the queue before an agent answered.
    Abandoned,
    /// It was transferred, and goes on in another session.
    Transferred,
    /// Clarity never said that it ended.
    NotEnded,
    /// Clarity no longer knows the session.
    SessionNotFound,
    /// Clarity did not answer when it was asked about the session.
    ClarityUnavailable,
    /// The conversation was deleted in Kustomer.
    ConversationNotFound,
    /// Kustomer's answers about it cannot be read.
    KustomerUnreadable,
    /// There is no API key to look up the conversation with.
    NoKustomerKey,
    /// No user was assigned to the conversation.
    NoAssignee,
    /// The user was unassigned before the conversation was looked up.
    Unassigned,
    /// Agent Connect does not know the agent.
    AgentNotMapped,
    /// It has no channel.
    NoChannel,
    /// It has no customer.
    NoCustomer,
    /// The customer was deleted in Kustomer.
    CustomerNotFound,
    /// The customer has no usable e-mail address.
    NoCustomerEmail,
    /// The request said that the customer must not be contacted.
    DoNotSend,
    /// The customer was surveyed not long ago.
    Suppressed,
    /// The customer unsubscribed.
    Unsubscribed,
    /// The customer's address takes no mail.
    Bounced,
    /// The request has not been answered yet.
    InFlight,
    /// The request was sent, and its outcome is unknown.
    OutcomeUnknown,
    /// The request was rejected, or could not be delivered.
    Error,
    /// The request is held until a person reviews it.
    NeedsReview,
    /// Requests are only recorded, not sent.
    DryRun,
}

impl SkipReason {
    /// The name in documents and of the counter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyRequested => "alreadyRequested",
            Self::Disabled => "skippedDisabled",
            Self::TooOld => "skippedTooOld",
            Self::Abandoned => "skippedAbandoned",
            Self::Transferred => "skippedTransferred",
            Self::NotEnded => "skippedNotEnded",
            Self::SessionNotFound => "skippedSessionNotFound",
            Self::ClarityUnavailable => "skippedClarityUnavailable",
            Self::ConversationNotFound => "skippedConversationNotFound",
            Self::KustomerUnreadable => "skippedKustomerUnreadable",
            Self::NoKustomerKey => "skippedNoKustomerKey",
            Self::NoAssignee => "skippedNoAssignee",
            Self::Unassigned => "skippedUnassigned",
            Self::AgentNotMapped => "skippedAgentNotMapped",
            Self::NoChannel => "skippedNoChannel",
            Self::NoCustomer => "skippedNoCustomer",
            Self::CustomerNotFound => "skippedCustomerNotFound",
            Self::NoCustomerEmail => "skippedNoCustomerEmail",
            Self::DoNotSend => "doNotSend",
            Self::Suppressed => "suppressed",
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
            Self::InFlight => "inFlight",
            Self::OutcomeUnknown => "outcomeUnknown",
            Self::Error => "error",
            Self::NeedsReview => "needsReview",
            Self::DryRun => "dryRun",
        }
    }
}

/// An ended interaction, with what is needed to request a survey.
#[derive(Clone, PartialEq)]
pub struct EndedInteraction {
    /// Which interaction.
    pub interaction: Interaction,
    /// The conversation that a session belongs to. The two are one interaction: the customer is surveyed once.
    pub conversation: Option<Arc<str>>,
    /// When it ended, if that is known. The site limits how old it may be.
    pub ended: Option<Timestamp>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The agent who handled it.
    pub agent: Option<AgentId>,
    /// The agent's e-mail address, where the agent is not known by id.
    pub employee_email: Option<Arc<str>>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// The customer's e-mail address.
    pub email: Option<Arc<str>>,
    /// The modality of a session.
    pub modality: Option<Modality>,
    /// The channel as Agent Connect names it, where that is known already.
    pub channel: Option<Arc<str>>,
    /// Details of a call, or of a conversation that may have been one.
    pub call: Option<Box<CallDetails>>,
    /// Tags for the survey request.
    pub tags: Vec<Arc<str>>,
    /// Where an agent finds the interaction. Not always a link.
    pub link: Option<Arc<str>>,
    /// Whether the customer must not be contacted. Agent Connect records such a request and sends nothing.
    pub do_not_send: bool,
    /// Why the request is held for review, in a sentence.
    pub hold_reason: Option<Arc<str>>,
    /// What was chosen where there were several candidates, in a sentence.
    pub note: Option<Arc<str>>,
    /// Why the customer cannot be surveyed, if that is known already.
    pub skip_reason: Option<SkipReason>,
}

/// Details of a call, or of a conversation that may have been one, by which the two are matched as one interaction
/// (apis.md J18).
#[derive(Clone, Default, PartialEq)]
pub struct CallDetails {
    /// The customer.
    pub person: CustomerIdentity,
    /// The agents who took part.
    pub agents: BTreeSet<AgentId>,
    /// The e-mail addresses of agents who took part, where they are not known by id.
    pub employees: BTreeSet<Arc<str>>,
    /// When it began.
    pub began: Option<Timestamp>,
}

impl EndedInteraction {
    /// An interaction of which nothing is known except that it ended.
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

/// An ended interaction whose customer is not surveyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedSurvey {
    /// Which interaction.
    pub interaction: Interaction,
    /// The conversation that a session belongs to.
    pub conversation: Option<Arc<str>>,
    /// When that was decided.
    pub at: Timestamp,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The agent who handled it.
    pub agent: Option<AgentId>,
    /// Why the customer is not surveyed.
    pub reason: SkipReason,
}

impl SkippedSurvey {
    /// The key of the interaction. A session and the conversation that it belongs to share one (apis.md J17).
    #[must_use]
    pub fn interaction_key(&self) -> Arc<str> {
        match (&self.interaction, &self.conversation) {
            (Interaction::Conversation { id, .. }, _) | (_, Some(id)) => conversation_key(id),
            (Interaction::Session(session), None) => session_key(*session),
        }
    }
}

/// The interaction key of a conversation.
#[must_use]
pub fn conversation_key(id: &str) -> Arc<str> {
    format!("conversation:{id}").into()
}

/// The interaction key of a session without a conversation.
#[must_use]
pub fn session_key(session: SessionId) -> Arc<str> {
    format!("session:{session}").into()
}

/// Without the customer's data.
impl fmt::Debug for EndedInteraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedInteraction").field("interaction", &self.interaction).finish_non_exhaustive()
    }
}
