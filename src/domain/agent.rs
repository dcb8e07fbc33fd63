//! Agents' statuses.

use std::fmt;
use std::sync::Arc;

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
