//! Agents and their statuses.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::metric::{MetricPath, QueueMetricsUpdate};
use super::{AgentId, Change, Metrics, SessionListUpdates, StatusHistory, TeamId, Unclassified};

macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// An agent's status.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AgentStatus {
            $($(#[$doc])* $variant,)+
            /// Another status, shown as Clarity names it.
            Other(Arc<str>),
        }

        impl AgentStatus {
            /// All statuses but `Other`.
            pub const KNOWN: &[Self] = &[$(Self::$variant),+];

            /// The name in documents.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }
        }
    };
}

statuses! {
    /// Waiting for a contact.
    Available = "available",
    /// In a queued call.
    InCall = "inCall",
    /// Unavailable, with a reason code.
    Unavailable = "unavailable",
    /// Clarity does not know it.
    Unknown = "unknown",
    /// In after-call work.
    AfterCall = "afterCall",
    /// Logged out.
    LoggedOut = "loggedOut",
    /// Working, but not on contacts.
    OffPhoneActivity = "offPhoneActivity",
    /// Did not answer an offered contact (RONA).
    RingOnNoAnswer = "ringOnNoAnswer",
    /// Set themselves to busy.
    Busy = "busy",
    /// Back in a moment.
    BeRightBack = "beRightBack",
    /// In a call outside any queue.
    DirectCall = "directCall",
    /// Logged in, without activity at the computer.
    Inactive = "inactive",
    /// In a chat.
    InImCall = "inImCall",
    /// A direct call is ringing.
    DirectInboundDial = "directInboundDial",
    /// Dialling out.
    DirectOutboundDial = "directOutboundDial",
    /// At lunch.
    AtLunch = "atLunch",
    /// Off work.
    OffWork = "offWork",
    /// In a conference.
    ConferenceCall = "conferenceCall",
    /// A contact is being offered.
    Ringing = "ringing",
}

/// The seven groups of statuses that a supervisor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Available for the next contact.
    Available,
    /// A contact is being offered.
    Ringing,
    /// In contact with a customer.
    InContact,
    /// In after-call work.
    AfterCall,
    /// Logged in and unavailable.
    Away,
    /// Logged out.
    LoggedOut,
    /// Not known.
    Unknown,
}

impl AgentStatus {
    /// The group of this status.
    #[must_use]
    pub fn activity(&self) -> Activity {
        match self {
            Self::Available => Activity::Available,
            Self::Ringing | Self::DirectInboundDial => Activity::Ringing,
            Self::InCall | Self::InImCall | Self::DirectCall | Self::DirectOutboundDial | Self::ConferenceCall => {
                Activity::InContact
            }
            Self::AfterCall => Activity::AfterCall,
            Self::Unavailable
            | Self::OffPhoneActivity
            | Self::RingOnNoAnswer
            | Self::Busy
            | Self::BeRightBack
            | Self::Inactive
            | Self::AtLunch => Activity::Away,
            Self::LoggedOut | Self::OffWork => Activity::LoggedOut,
            Self::Unknown | Self::Other(_) => Activity::Unknown,
        }
    }
}

impl AgentStatus {
    /// The group of an agent who may be suspended: suspended agents get no contacts, so they are not available.
    #[must_use]
    pub fn activity_if(&self, suspended: bool) -> Activity {
        match self.activity() {
            Activity::Available if suspended => Activity::Away,
            activity => activity,
        }
    }
}

impl Activity {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Ringing => "ringing",
            Self::InContact => "inContact",
            Self::AfterCall => "afterCall",
            Self::Away => "away",
            Self::LoggedOut => "loggedOut",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for AgentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one message reports of an agent's status. A field that an update leaves out is unchanged, except that the reason
/// and the beginning belong to a status: they are cleared when an update names another status without them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentStatusUpdate {
    /// The status.
    pub status: Change<AgentStatus>,
    /// The status name that Clarity sent, if its status number means another one. The number counts (`apis.md` B63).
    pub contradicting: Option<Arc<str>>,
    /// The reason code, in the site's own words.
    pub reason: Change<Arc<str>>,
    /// When the status began.
    pub since: Change<Timestamp>,
    /// Suspended agents get no contacts.
    pub suspended: Change<bool>,
}

impl AgentStatusUpdate {
    /// An update of the status alone.
    #[must_use]
    pub fn new(status: AgentStatus) -> Self {
        Self { status: Change::Set(status), ..Self::default() }
    }

    /// Whether the update mentions anything.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.status.is_something()
            || self.reason.is_something()
            || self.since.is_something()
            || self.suspended.is_something()
    }
}

/// What one message reports of one agent. A field that it leaves out is `None` or empty, which means "unchanged" in a
/// pushed update and "no value" in a snapshot: the two are merged by different functions (`apis.md` B77).
#[derive(Debug, Clone, PartialEq)]
pub struct AgentUpdate {
    /// The agent's id.
    pub id: AgentId,
    /// The name shown to colleagues.
    pub name: Option<Arc<str>>,
    /// The team. Only the structure decides; another team in an update is a sign that the structure has changed.
    pub team: Option<TeamId>,
    /// The e-mail address, by which Agent Connect knows agents.
    pub email: Option<Arc<str>>,
    /// The login name. Other systems may know agents by it (`apis.md` J26).
    pub login: Option<Arc<str>>,
    /// The SIP address. Other systems may know agents by it (`apis.md` J26).
    pub sip: Option<Arc<str>>,
    /// Whether our account may not see the agent. Nothing else is known then.
    pub not_permitted: bool,
    /// The status.
    pub status: Option<AgentStatusUpdate>,
    /// Metrics by modality and name.
    pub metrics: Metrics,
    /// Metrics that an update removes.
    pub cleared_metrics: Vec<MetricPath>,
    /// Sessions in hand.
    pub sessions: SessionListUpdates,
    /// The status history of the last 24 hours. Clarity sends it only on request, so `None` means unchanged in a snapshot, too.
    pub history: Option<StatusHistory>,
    /// Metrics by queue.
    pub by_queue: Option<Box<QueueMetricsUpdate>>,
    /// Fields that have no type of ours. In an update a null removes one.
    pub other: Unclassified,
    /// How many entries of the message were invalid and dropped.
    pub dropped: u64,
}

impl AgentUpdate {
    /// An update without any field.
    #[must_use]
    pub fn new(id: AgentId) -> Self {
        Self {
            id,
            name: None,
            team: None,
            email: None,
            login: None,
            sip: None,
            not_permitted: false,
            status: None,
            metrics: Metrics::new(),
            cleared_metrics: Vec::new(),
            sessions: SessionListUpdates::default(),
            history: None,
            by_queue: None,
            other: Unclassified::new(),
            dropped: 0,
        }
    }
}
