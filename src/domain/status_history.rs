//! Agents' past statuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::AgentStatus;
use super::agent::Activity;

/// How far back the history reaches.
pub const HISTORY: SignedDuration = SignedDuration::from_hours(24);

/// One past status of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStatus {
    /// The status.
    pub status: AgentStatus,
    /// The reason code.
    pub reason: Option<Arc<str>>,
    /// When it ended. `None`: when the next one began, or it has not ended.
    pub until: Option<Timestamp>,
    /// Whether the agent was suspended.
    pub suspended: bool,
}

/// Statuses by the instant at which they began.
pub type StatusHistory = BTreeMap<Timestamp, PastStatus>;

/// An agent's occupancy: time in contact and after-call work as a share of that and available time. Wall-clock time:
/// two chats at once count once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Time in contact or after-call work.
    pub handling: SignedDuration,
    /// Time available.
    pub available: SignedDuration,
}

impl Occupancy {
    /// Adds one interval.
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
    fn occupancy_of_6_contact_1_acw_3_available_is_70_percent() {
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
