//! Requests to survey a customer about the agent who helped them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentId, SessionId, SurveyId};

/// How far a request has come (`apis.md` B181).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SurveyState {
    /// Written down, not yet sent.
    Queued,
    /// On its way: nobody has answered yet.
    Sent,
    /// The vendor took it. Whether the customer gets it is another matter.
    Accepted,
    /// The vendor refused it for good, with a reason.
    Rejected,
    /// It could not be delivered to the vendor; it will be tried again or can be.
    Failed,
    /// It may or may not have arrived: the answer never came. Not sent again by itself.
    Unknown,
}

impl SurveyState {
    /// The name in documents and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for SurveyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
