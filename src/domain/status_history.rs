//! What an agent did before.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::AgentStatus;
use super::agent::Activity;

/// How far back a history reaches.
pub const HISTORY: SignedDuration = SignedDuration::from_hours(24);

/// A status that an agent had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStatus {
    /// What they were doing.
    pub status: AgentStatus,
    /// Why they were away.
    pub reason: Option<Arc<str>>,
    /// When it ended. `None`: when the next one began, or it has not ended.
    pub until: Option<Timestamp>,
    /// Whether they got no contacts.
    pub suspended: bool,
}

/// Statuses by the instant at which they began.
pub type StatusHistory = BTreeMap<Timestamp, PastStatus>;

/// How much of an agent's time with customers or ready for them was with them. By the clock on the wall: two chats at once
/// are one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// In contact, or wrapping up.
    pub handling: SignedDuration,
    /// Ready for a contact.
    pub available: SignedDuration,
}

impl Occupancy {
    /// Takes one more stretch of time into account.
    pub fn add(&mut self, activity: Activity, time: SignedDuration) {
        let sum = match activity {
            Activity::InContact | Activity::AfterCall => &mut self.handling,
            Activity::Available => &mut self.available,
            Activity::Ringing | Activity::Away | Activity::LoggedOut | Activity::Unknown => return,
        };
        *sum = sum.saturating_add(time.max(SignedDuration::ZERO));
    }

    /// In percent, to one decimal. `None`: there was no such time.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let all = self.handling.saturating_add(self.available).as_secs_f64();
        (all > 0.0).then(|| (self.handling.as_secs_f64() / all * 1000.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_minutes_of_contact_one_of_wrapping_up_and_three_of_waiting_are_seventy_percent() {
        let mut occupancy = Occupancy::default();
        assert_eq!(occupancy.percent(), None);
        for (activity, minutes) in [
            (Activity::InContact, 6),
            (Activity::AfterCall, 1),
            (Activity::Available, 3),
            (Activity::Ringing, 5),
            (Activity::Away, 60),
        ] {
            occupancy.add(activity, SignedDuration::from_mins(minutes));
        }
        assert_eq!(occupancy.percent(), Some(70.0));
    }
}
