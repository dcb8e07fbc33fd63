//! Requests to survey a customer about the agent who helped them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, RequestState, SessionId, SurveyId};

/// How far a request to survey somebody has come.
pub type SurveyState = RequestState;

/// What made somebody ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SurveyOrigin {
    /// A person did.
    #[default]
    Manual,
    /// A session ended.
    Session,
    /// A conversation was closed.
    Conversation,
    /// Somebody else asked, past us.
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

/// One request and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Which.
    pub id: SurveyId,
    /// What makes it one request however often it is asked for. The upstream repeats it to us.
    pub key: Arc<str>,
    /// What made somebody ask.
    pub origin: SurveyOrigin,
    /// The survey that this one asks about again, after something was made good.
    pub recovers: Option<SurveyId>,
    /// The interaction it is about, as the upstream will repeat it to us.
    pub interaction: Arc<str>,
    /// The session, where that is known.
    pub session: Option<SessionId>,
    /// The conversation, where that is known.
    pub conversation: Option<Arc<str>>,
    /// The agent, where a table says so.
    pub agent: Option<AgentId>,
    /// The agent as the upstream knows them: e-mail address or custom id.
    pub employee: Arc<str>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// Phone, e-mail, chat or a channel of the site's own.
    pub channel: Arc<str>,
    /// What it was about.
    pub tags: Vec<Arc<str>>,
    /// Where a person can read about the interaction. Not always a link.
    pub link: Option<Arc<str>>,
    /// How far it has come.
    pub state: SurveyState,
    /// Why it went no further, in the upstream's words where there are any.
    pub reason: Option<Arc<str>>,
    /// What was decided among several, in a sentence.
    pub note: Option<Arc<str>>,
    /// Whether a person may send it again, or at all.
    pub may_retry: bool,
    /// What would be sent, of one that is not sent by itself. About a customer.
    pub body: Option<Arc<serde_json::Value>>,
    /// The upstream's identity for it.
    pub request_id: Option<Arc<str>>,
    /// How often it was sent.
    pub attempts: u32,
    /// When somebody asked for it.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
}

impl Survey {
    /// A request of which nothing is known yet but that it was asked for.
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

/// Whether a request reached the customer, as far as the upstream has told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Nobody has said, or it is still being tried.
    #[default]
    Unknown,
    /// It did.
    Delivered,
    /// We had said that nobody is to be asked.
    DoNotSend,
    /// The customer was asked not long ago.
    Suppressed,
    /// The customer wants no such mail.
    Unsubscribed,
    /// The address takes no mail.
    Bounced,
}

/// What the upstream tells of one survey, ours or not: the newest of it.
#[derive(Clone, Default, PartialEq)]
pub struct SurveyResult {
    /// The upstream's identity for it.
    pub uuid: Arc<str>,
    /// Raised with each change of it.
    pub sequence: i64,
    /// The survey that it recovers.
    pub parent: Option<Arc<str>>,
    /// Whether it asks if something was made good.
    pub is_recovery: bool,
    /// The interaction it is about.
    pub interaction: Arc<str>,
    /// The channel.
    pub channel: Option<Arc<str>>,
    /// The agent's e-mail address.
    pub employee_email: Option<Arc<str>>,
    /// The agent's own id at the upstream's.
    pub employee_id: Option<Arc<str>>,
    /// The agent, where a table says so.
    pub agent: Option<AgentId>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// What it was about.
    pub tags: Vec<Arc<str>>,
    /// Where a person can read about the interaction. Not always a link.
    pub link: Option<Arc<str>>,
    /// When it was asked for.
    pub created: Option<Timestamp>,
    /// Whether a time zone was assumed, because the upstream named none.
    pub zone_assumed: bool,
    /// By hand, or by a program, in the upstream's word.
    pub requested_via: Option<Arc<str>>,
    /// How the delivery went, in the upstream's words.
    pub delivery: Option<Arc<str>>,
    /// What these words mean.
    pub reached: Delivery,
    /// When the customer answered.
    pub answered: Option<Timestamp>,
    /// One to five.
    pub stars: Option<u8>,
    /// Zero to ten. Another scale: never mixed with the stars.
    pub nps: Option<u8>,
    /// Whether it was solved at once, in the answer's own words.
    pub resolved: Option<Arc<str>>,
    /// What the customer wrote, by question. Hostile text: escape it wherever it is shown.
    pub comments: Vec<(Arc<str>, Arc<str>)>,
    /// The key of our request, if it was ours and the upstream repeats it.
    pub key: Option<Arc<str>>,
    /// The session that our request named.
    pub session: Option<SessionId>,
}

/// Without what concerns the customer.
impl fmt::Debug for SurveyResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurveyResult")
            .field("uuid", &self.uuid)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}
