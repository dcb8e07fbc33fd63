//! The state of the source, derived from how pushes come and how old the last snapshot is.

use super::connection::{PushConnection, PushState};
use super::schedule::SnapshotSchedule;
use crate::domain::SourceState;
use tokio::time::Instant;

/// What goes wrong at present.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Why the last snapshot failed.
    pub snapshot_error: Option<String>,
    /// Why the last attempt to subscribe failed.
    pub subscribe_error: Option<String>,
    /// Whether a sign-in was waiting for its next attempt at the last tick.
    pub was_sign_in_waiting: bool,
}

impl Health {
    pub fn is_failing(&self) -> bool {
        self.snapshot_error.is_some() || self.subscribe_error.is_some()
    }

    /// The state of the source and its reason. `problem` is what speaks against the subscriptions.
    pub fn state(
        &self,
        link: &PushConnection,
        schedule: &SnapshotSchedule,
        problem: Option<&'static str>,
    ) -> (SourceState, Option<String>) {
        // A problem with pushes makes the snapshot no older.
        let is_fresh = schedule.is_fresh(link.is_delivering());
        let snapshot_error =
            || self.snapshot_error.clone().unwrap_or_else(|| "Clarity takes too long to answer.".to_owned());
        let is_pushed = match link.state {
            PushState::Down(_) => false,
            PushState::Opened { .. } => is_fresh && link.is_taking_over(Instant::now()),
            PushState::Subscribed { .. } => true,
        };
        match &link.state {
            _ if schedule.taken_at.is_none() => {
                let first =
                    self.snapshot_error.clone().unwrap_or_else(|| "The first answer has not come yet.".to_owned());
                (SourceState::Down, Some(first))
            }
            PushState::Subscribed { .. } if link.is_quiet => {
                let silent = "No data over SignalR for longer than the keep-alive timeout.";
                (SourceState::Stale, Some(format!("{silent} It is read every 5 s meanwhile.")))
            }
            // Pushes come, but snapshots no longer repair what they get wrong.
            PushState::Subscribed { .. } if !is_fresh => (SourceState::Stale, Some(snapshot_error())),
            _ if is_pushed => match problem {
                Some(why) => {
                    let why = self.subscribe_error.as_deref().unwrap_or(why);
                    (SourceState::Polling, Some(format!("{why} Clarity is read every 5 s meanwhile.")))
                }
                None => (SourceState::Live, None),
            },
            _ if self.snapshot_error.is_some() => (SourceState::Down, Some(snapshot_error())),
            _ if !is_fresh => (SourceState::Stale, Some(snapshot_error())),
            PushState::Subscribed { .. } | PushState::Opened { .. } => {
                let why = self.subscribe_error.as_deref().unwrap_or("Pushes are being asked for.");
                (SourceState::Polling, Some(format!("{why} Clarity is read every 5 s meanwhile.")))
            }
            PushState::Down(why) => {
                (SourceState::Polling, Some(format!("No pushes: {why}. Clarity is read every 5 s instead.")))
            }
        }
    }
}
