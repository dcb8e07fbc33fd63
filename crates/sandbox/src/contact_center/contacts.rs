//! Contacts and the queues in which they wait.

use std::collections::BTreeMap;

use super::{Moment, Papers};

/// How a customer reaches us.
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
    /// The name in queries and bags (`apis.md` C55).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InstantMessage => "instantMessage",
            Self::Audio => "audio",
            Self::Message => "message",
        }
    }

    /// Reads a name or an id, in any case (`apis.md` C54, B46).
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

/// Where a contact stands (`apis.md` C52).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// It waits.
    Queued,
    /// It rings at an agent.
    Connecting,
    /// They talk.
    Active,
    /// It was answered and is over.
    Completed,
}

impl SessionStatus {
    /// The wire name.
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

/// Who calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// First name.
    pub first: &'static str,
    /// Last name.
    pub last: &'static str,
    /// The address a survey would go to.
    pub email: String,
    /// E.164.
    pub phone: String,
}

/// A contact.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Rises with each contact.
    pub id: i64,
    /// The queue it is in now.
    pub queue: i64,
    /// How the customer reaches us.
    pub modality: Modality,
    /// Who that is.
    pub customer: Customer,
    /// Where it stands.
    pub status: SessionStatus,
    /// Who has it, or at whom it rings.
    pub agent: Option<i64>,
    /// When it came.
    pub began: Moment,
    /// When it was first answered.
    pub answered: Option<Moment>,
    /// When it was over.
    pub ended: Option<Moment>,
    /// Whether it is being recorded.
    pub recording: bool,
    /// Whether the customer is on hold.
    pub on_hold: bool,
    /// How often it was passed on.
    pub transfers: u32,
    /// What has been written about it.
    pub papers: Papers,
}

/// Counters of one modality of a queue, besides the number that waits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QueueTally {
    /// Contacts that came.
    pub offered: u64,
    /// Contacts that were answered.
    pub answered: u64,
    /// Customers who gave up.
    pub abandoned: u64,
    /// Those of them who gave up within the promised time.
    pub abandoned_early: u64,
}

/// A queue. Each serves one modality.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// From 1 on.
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// What comes in here.
    pub modality: Modality,
    /// The business unit.
    pub unit: i64,
    /// Who serves it.
    pub teams: Vec<i64>,
    /// Counters since the doors opened.
    pub tally: QueueTally,
    /// A number that somebody wants to see instead of the true one.
    pub forced_waiting: Option<u64>,
    /// Mean time between two arrivals, before the rhythm of the day.
    pub pace: Moment,
    /// Length of its rhythm and where in it the day began.
    pub rhythm: (Moment, f64),
}

impl Queue {
    /// How busy the queue is at a moment, around 1: rises and falls like a tide, so that lines build up and drain.
    #[must_use]
    pub fn tide(&self, now: Moment) -> f64 {
        let (length, phase) = self.rhythm;
        1.0 + 0.75 * (std::f64::consts::TAU * (now as f64 / length as f64 + phase)).sin()
    }

    /// The queue's counters with their wire names.
    #[must_use]
    pub fn counters(&self, waiting: u64, active: u64) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("queuedCount", waiting),
            ("currentlyActiveCount", active),
            ("answeredCount", self.tally.answered),
            ("abandonedCount", self.tally.abandoned),
            ("abandonedBeforeSLACount", self.tally.abandoned_early),
            ("abandonedAfterSLACount", self.tally.abandoned - self.tally.abandoned_early),
        ])
    }
}
