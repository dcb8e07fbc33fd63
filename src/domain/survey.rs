//! Requests to survey a customer about the agent who helped them.

use std::sync::Arc;

use jiff::Timestamp;

use super::{AgentId, RequestState, SessionId, SurveyId};

/// How far a request to survey somebody has come.
pub type SurveyState = RequestState;

/// One request and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Which.
    pub id: SurveyId,
    /// The interaction it is about, as the vendor will repeat it to us.
    pub interaction: Arc<str>,
    /// The session, where that is known.
    pub session: Option<SessionId>,
    /// The agent, where that is known.
    pub agent: Option<AgentId>,
    /// The agent as the vendor knows them: e-mail address or custom id.
    pub employee: Arc<str>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// Phone, e-mail, chat or a channel of the site's own.
    pub channel: Arc<str>,
    /// How far it has come.
    pub state: SurveyState,
    /// Why it went no further, in the vendor's words where there are any.
    pub reason: Option<Arc<str>>,
    /// The vendor's identity for it.
    pub request_id: Option<Arc<str>>,
    /// How often it was sent.
    pub attempts: u32,
    /// When somebody asked for it.
    pub created: Timestamp,
    /// When its state last changed.
    pub changed: Timestamp,
}
