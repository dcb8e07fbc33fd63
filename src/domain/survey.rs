//! Survey requests and their results.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, RequestState, SessionId, SurveyId};

/// The state of a survey request.
pub type SurveyState = RequestState;

/// What caused a survey request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SurveyOrigin {
    /// A user requested it.
    #[default]
    Manual,
    /// A session ended.
    Session,
    /// A conversation was closed.
    Conversation,
    /// It was requested from Agent Connect without Callboard.
    External,
}

impl SurveyOrigin {
    /// The name in documents and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Session => "session",
            Self::Conversation => "conversation",
            Self::External => "external",
        }
    }
}

/// One survey request and its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Our id for it.
    pub id: SurveyId,
    /// The idempotency key. Agent Connect repeats it in the result.
    pub key: Arc<str>,
    /// What caused it.
    pub origin: SurveyOrigin,
    /// The survey that this one follows up, in a service recovery.
    pub recovers: Option<SurveyId>,
    /// The interaction's id, which Agent Connect repeats in the result.
    pub interaction: Arc<str>,
    /// The session, if that is known.
    pub session: Option<SessionId>,
    /// The conversation, if that is known.
    pub conversation: Option<Arc<str>>,
    /// The agent, if `[join] employees` maps the custom id.
    pub agent: Option<AgentId>,
    /// The agent as Agent Connect knows them: e-mail address or custom id.
    pub employee: Arc<str>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// Phone, e-mail, chat or a channel that the site defines.
    pub channel: Arc<str>,
    /// The interaction's tags.
    pub tags: Vec<Arc<str>>,
    /// Where an agent finds the interaction. Not always a link.
    pub link: Option<Arc<str>>,
    /// The state.
    pub state: SurveyState,
    /// Why it was rejected, failed or held, in Agent Connect's words if there are any.
    pub reason: Option<Arc<str>>,
    /// What was chosen where there were several candidates, in a sentence.
    pub note: Option<Arc<str>>,
    /// Whether a user may send it, or send it again.
    pub may_retry: bool,
    /// The body that would be sent, of a held request or a dry run. Contains personal data.
    pub body: Option<Arc<serde_json::Value>>,
    /// Agent Connect's id for it.
    pub request_id: Option<Arc<str>>,
    /// How many times it was sent.
    pub attempts: u32,
    /// When it was requested.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
}

impl Survey {
    /// A request of which only the id and the time are known.
    #[must_use]
    pub fn new(id: SurveyId, created: Timestamp) -> Self {
        Self {
            key: Arc::clone(&id.0),
            id,
            origin: SurveyOrigin::Manual,
            recovers: None,
            interaction: "".into(),
            session: None,
            conversation: None,
            agent: None,
            employee: "".into(),
            customer: None,
            channel: "".into(),
            tags: Vec::new(),
            link: None,
            state: SurveyState::Queued,
            reason: None,
            note: None,
            may_retry: false,
            body: None,
            request_id: None,
            attempts: 0,
            created,
            changed: created,
        }
    }
}

/// Whether a request reached the customer, as far as Agent Connect has reported it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Not reported, or still being tried.
    #[default]
    Unknown,
    /// It reached the customer.
    Delivered,
    /// The request said that the customer must not be contacted.
    DoNotSend,
    /// The customer was surveyed not long ago.
    Suppressed,
    /// The customer unsubscribed.
    Unsubscribed,
    /// The address does not accept mail.
    Bounced,
}

/// What Agent Connect reports of one survey, requested by Callboard or not: the newest report.
#[derive(Clone, Default, PartialEq)]
pub struct SurveyResult {
    /// Agent Connect's id for it.
    pub uuid: Arc<str>,
    /// Increases with each change of the survey.
    pub sequence: i64,
    /// The survey that it follows up.
    pub parent: Option<Arc<str>>,
    /// Whether it follows up a service recovery.
    pub is_recovery: bool,
    /// The interaction's id.
    pub interaction: Arc<str>,
    /// The channel.
    pub channel: Option<Arc<str>>,
    /// The agent's e-mail address.
    pub employee_email: Option<Arc<str>>,
    /// The agent's custom id in Agent Connect.
    pub employee_id: Option<Arc<str>>,
    /// The agent, if `[join] employees` maps the custom id.
    pub agent: Option<AgentId>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// The interaction's tags.
    pub tags: Vec<Arc<str>>,
    /// Where an agent finds the interaction. Not always a link.
    pub link: Option<Arc<str>>,
    /// When it was requested.
    pub created: Option<Timestamp>,
    /// Whether a time in it named no time zone, so that the site's was assumed.
    pub zone_assumed: bool,
    /// How it was requested: `API`, `Manual` or another word of Agent Connect's.
    pub requested_via: Option<Arc<str>>,
    /// The delivery state, in Agent Connect's words.
    pub delivery: Option<Arc<str>>,
    /// The delivery state as we read it.
    pub reached: Delivery,
    /// When the customer answered.
    pub answered: Option<Timestamp>,
    /// The star rating, 1 to 5.
    pub stars: Option<u8>,
    /// The answer to the NPS question, 0 to 10. Another scale: never mixed with the stars.
    pub nps: Option<u8>,
    /// Whether it was solved at the first contact, in the answer's own words.
    pub resolved: Option<Arc<str>>,
    /// The verbatims by question. Untrusted text: escape it wherever it is shown.
    pub comments: Vec<(Arc<str>, Arc<str>)>,
    /// The idempotency key of our request, if it was ours and Agent Connect repeats it.
    pub key: Option<Arc<str>>,
    /// The session that our request named.
    pub session: Option<SessionId>,
}

/// Without the customer's data.
impl fmt::Debug for SurveyResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurveyResult")
            .field("uuid", &self.uuid)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}
