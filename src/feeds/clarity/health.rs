//! How it is with Clarity: a value, from how pushes come and how old what was read is.

use std::time::Duration;

use tokio::time::Instant;

use super::push_watchdog::LONGEST_INTERVAL;
use super::{ClarityFeed, Link, WITHOUT_PUSHES};
use crate::domain::SourceState;

/// What was read last is stale once it is older than so many of the pauses that should lie between two readings.
const STALE_AFTER_PAUSES: f64 = 2.5;

impl ClarityFeed {
    /// How long after a good reading the next one begins.
    pub(super) fn pause(&self) -> Duration {
        match self.link {
            Link::Subscribed { .. } if !self.quiet && self.watchdog.trouble().is_none() => self.interval(),
            _ => WITHOUT_PUSHES.min(self.interval()),
        }
    }

    /// The same while all is well. What is not read, and queues that are not renewed, for longer could not be shown as
    /// live.
    fn interval(&self) -> Duration {
        self.poll_interval.min(LONGEST_INTERVAL)
    }

    /// Says how it is, from how pushes come and how old what was read is.
    pub(super) fn judge(&mut self) {
        // Pushes that were missed a moment ago make no reading older.
        let pause = match self.link {
            Link::Subscribed { .. } if !self.quiet => self.interval(),
            _ => self.pause(),
        };
        let fresh = self.read_at.is_some_and(|at| at.elapsed() <= pause.mul_f64(STALE_AFTER_PAUSES));
        let trouble = || self.trouble.clone().unwrap_or_else(|| "Clarity takes too long to answer.".to_owned());
        let is_pushed = match self.link {
            Link::Down(_) => false,
            Link::Opened { .. } => fresh && self.taking_over.is_some_and(|until| Instant::now() < until),
            Link::Subscribed { .. } => true,
        };
        let (state, reason) = match &self.link {
            _ if self.read_at.is_none() => {
                let first = self.trouble.clone().unwrap_or_else(|| "The first answer has not come yet.".to_owned());
                (SourceState::Down, Some(first))
            }
            Link::Subscribed { .. } if self.quiet => {
                let silent = "Nothing has been heard over SignalR for longer than Clarity promised.";
                (SourceState::Stale, Some(format!("{silent} It is read every 5 s meanwhile.")))
            }
            // Pushes come, but what they got wrong is no longer repaired.
            Link::Subscribed { .. } if !fresh => (SourceState::Stale, Some(trouble())),
            _ if is_pushed => match self.watchdog.trouble() {
                Some(why) => {
                    let why = self.not_subscribed.as_deref().unwrap_or(why);
                    (SourceState::Polling, Some(format!("{why} Clarity is read every 5 s meanwhile.")))
                }
                None => (SourceState::Live, None),
            },
            _ if self.trouble.is_some() => (SourceState::Down, Some(trouble())),
            _ if !fresh => (SourceState::Stale, Some(trouble())),
            Link::Subscribed { .. } | Link::Opened { .. } => {
                let why = self.not_subscribed.as_deref().unwrap_or("Pushes are being asked for.");
                (SourceState::Polling, Some(format!("{why} Clarity is read every 5 s meanwhile.")))
            }
            Link::Down(why) => {
                (SourceState::Polling, Some(format!("No pushes: {why}. Clarity is read every 5 s instead.")))
            }
        };
        self.reporter.set_state(state, reason.as_deref());
        self.reporter.next_try(self.upstream.tokens().next_try());
        self.reporter.transport(match &self.link {
            Link::Down(_) => Some("REST"),
            Link::Opened { transport, .. } | Link::Subscribed { transport, .. } => Some(transport),
        });
    }
}
