//! Agents: who they are and what they are doing.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::metric::{QueueMetricsUpdate, MetricPath};
use super::{AgentId, Change, Metrics, SessionListUpdates, StatusHistory, TeamId, Unclassified};

macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What an agent is doing.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AgentStatus {
            $($(#[$doc])* $variant,)+
            /// One that nobody here has a word for: shown as it came.
            Other(Arc<str>),
        }

        impl AgentStatus {
            /// All that have a word.
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
    /// Away, with a reason.
    Unavailable = "unavailable",
    /// The source cannot tell.
    Unknown = "unknown",
    /// Wrapping up.
    AfterCall = "afterCall",
    /// Not at work.
    LoggedOut = "loggedOut",
    /// Working, but not on contacts.
    OffPhoneActivity = "offPhoneActivity",
    /// Did not pick up an offered contact (RONA).
    RingOnNoAnswer = "ringOnNoAnswer",
    /// Busy by their own word.
    Busy = "busy",
    /// Back in a moment.
    BeRightBack = "beRightBack",
    /// In a call outside any queue.
    DirectCall = "directCall",
    /// Logged in, nobody at the desk.
    Inactive = "inactive",
    /// In a chat.
    InImCall = "inImCall",
    /// Being called directly.
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

/// The seven answers to "what are they doing" that a supervisor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Ready for the next contact.
    Available,
    /// A contact is being offered.
    Ringing,
    /// With a customer.
    InContact,
    /// Wrapping up.
    AfterCall,
    /// Logged in and not ready.
    Away,
    /// Not at work.
    LoggedOut,
    /// Nobody can tell.
    Unknown,
}

impl AgentStatus {
    /// Which of the seven this status is.
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
    /// The same of somebody who may be suspended: who gets no contacts is not ready for one.
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

/// What one message said about a status. A part that an update leaves out stays as it was; only what belongs to a status
/// (its reason, its beginning) goes when the update names another status and does not mention them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AgentStatusUpdate {
    /// What the agent is doing.
    pub status: Change<AgentStatus>,
    /// The name that came with the status although its number means another one. The number counts (`apis.md` B63).
    pub contradicting: Option<Arc<str>>,
    /// Why they are away, in the site's own words.
    pub reason: Change<Arc<str>>,
    /// When they began.
    pub since: Change<Timestamp>,
    /// Suspended agents get no contacts.
    pub suspended: Change<bool>,
}

impl AgentStatusUpdate {
    /// A status of which nothing else was said.
    #[must_use]
    pub fn new(status: AgentStatus) -> Self {
        Self { status: Change::Set(status), ..Self::default() }
    }

    /// Whether anything was said at all.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.status.is_something()
            || self.reason.is_something()
            || self.since.is_something()
            || self.suspended.is_something()
    }
}

/// What one message said about one agent. What it left out is `None` or empty, which means "unchanged" in a push and
/// "there is none" in a full answer: the two merges differ (`apis.md` B77).
#[derive(Debug, Clone, PartialEq)]
pub struct AgentUpdate {
    /// Who.
    pub id: AgentId,
    /// The name shown to colleagues.
    pub name: Option<Arc<str>>,
    /// The team. Only the structure decides; in an update another team is a sign that the structure has changed.
    pub team: Option<TeamId>,
    /// The e-mail address, which is what surveys know agents by.
    pub email: Option<Arc<str>>,
    /// The name they sign in with, and their SIP address: other systems may know them by these (`apis.md` J26).
    pub login: Option<Arc<str>>,
    /// See there.
    pub sip: Option<Arc<str>>,
    /// Whether the source refuses to show them to this account. Nothing is known of them then.
    pub not_permitted: bool,
    /// What they are doing.
    pub status: Option<AgentStatusUpdate>,
    /// Counts and measures.
    pub metrics: Metrics,
    /// Metrics that an update says are there no longer.
    pub cleared_metrics: Vec<MetricPath>,
    /// Who they are talking to.
    pub sessions: SessionListUpdates,
    /// What they did in the last 24 hours. It is told only now and then: `None` means unchanged in a full answer, too.
    pub history: Option<StatusHistory>,
    /// The metrics by queue.
    pub by_queue: Option<Box<QueueMetricsUpdate>>,
    /// Fields without a word. In an update a null takes one away.
    pub other: Unclassified,
    /// How many entries in the message made no sense and were left out.
    pub dropped: u64,
}

impl AgentUpdate {
    /// A reading that says nothing yet.
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
