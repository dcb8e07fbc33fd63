//! Contacts and the queues in which they wait.

use std::collections::BTreeMap;

use super::Moment;
use super::annotations::Annotations;

/// The medium of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modality {
    /// A chat.
    InstantMessage,
    /// A call.
    Audio,
    /// A mail or form.
    Message,
}

impl Modality {
    /// The name in queries and in metrics (apis.md C55).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InstantMessage => "instantMessage",
            Self::Audio => "audio",
            Self::Message => "message",
        }
    }

    /// Parses a name or an id; names compare without case (apis.md C54, B46).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "1" | "instantmessage" => Some(Self::InstantMessage),
            "2" | "audio" | "audiovideo" => Some(Self::Audio),
            "3" | "message" => Some(Self::Message),
            _ => None,
        }
    }
}

/// The state of a contact (apis.md C52).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// It waits in a queue.
    Queued,
    /// It is offered to an agent.
    Connecting,
    /// An agent handles it.
    Active,
    /// It was answered and has ended.
    Completed,
}

impl SessionStatus {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Connecting => "Connecting",
            Self::Active => "Active",
            Self::Completed => "Completed",
        }
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// First name.
    pub first: &'static str,
    /// Last name.
    pub last: &'static str,
    /// The mail address.
    pub email: String,
    /// The phone number in E.164.
    pub phone: String,
}

/// A contact.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Increases with each contact.
    pub id: i64,
    /// The queue that it is in now.
    pub queue: i64,
    /// The medium.
    pub modality: Modality,
    /// The customer.
    pub customer: Customer,
    /// The state.
    pub status: SessionStatus,
    /// The agent who handles it or is offered it.
    pub agent: Option<i64>,
    /// When it was offered to the queue.
    pub began: Moment,
    /// When it was first answered.
    pub answered: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Whether it is being recorded.
    pub recording: bool,
    /// Whether the customer is on hold.
    pub on_hold: bool,
    /// Number of transfers.
    pub transfers: u32,
    /// Notes, disposition and extra items.
    pub annotations: Annotations,
}

/// Totals of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QueueTotals {
    /// Contacts offered.
    pub offered: u64,
    /// Contacts answered.
    pub answered: u64,
    /// Contacts abandoned.
    pub abandoned: u64,
    /// Contacts abandoned within [`super::flow`]'s threshold for short abandons.
    pub short_abandons: u64,
}

/// A queue. Each serves one modality.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Counted from 1.
    pub id: i64,
    /// The name.
    pub name: String,
    /// The medium of its contacts.
    pub modality: Modality,
    /// The business unit.
    pub unit: i64,
    /// The teams that serve it.
    pub teams: Vec<i64>,
    /// Totals since an hour before the start.
    pub totals: QueueTotals,
    /// Shown instead of the true number of waiting contacts.
    pub waiting_override: Option<u64>,
    /// Mean time between two arrivals at a load of 1.
    pub mean_arrival_gap: Moment,
    /// Period of the load curve, and its phase at the start as a share of the period.
    pub load_curve: (Moment, f64),
}

impl Queue {
    /// The load at a moment, a sine around 1, so that queues fill and drain.
    #[must_use]
    pub fn load(&self, now: Moment) -> f64 {
        let (period, phase) = self.load_curve;
        1.0 + 0.75 * (std::f64::consts::TAU * (now as f64 / period as f64 + phase)).sin()
    }

    /// The queue's metrics by their names on the wire.
    #[must_use]
    pub fn metrics(&self, waiting: u64, active: u64) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("queuedCount", waiting),
            ("currentlyActiveCount", active),
            ("answeredCount", self.totals.answered),
            ("abandonedCount", self.totals.abandoned),
            ("abandonedBeforeSLACount", self.totals.short_abandons),
            ("abandonedAfterSLACount", self.totals.abandoned - self.totals.short_abandons),
        ])
    }
}
