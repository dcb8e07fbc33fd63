//! By which clock an update is dated, and how far Clarity's clock is off.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::domain::{AgentId, AgentUpdate, Change};
use base::SourceClock;

/// When an answer or a push was received by our clock, and how far Clarity's clock is ahead of it.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedAt {
    /// By our clock.
    pub at: Timestamp,
    clock_ahead: SignedDuration,
}

impl ReceivedAt {
    /// Received now.
    pub fn now(clock: &SourceClock) -> Self {
        Self { at: clock.ours(), clock_ahead: clock.offset() }
    }

    /// Converts an instant of Clarity's clock to ours.
    pub fn ours(&self, theirs: Timestamp) -> Timestamp {
        theirs.checked_sub(self.clock_ahead).unwrap_or(theirs)
    }

    /// Converts an instant of our clock to Clarity's.
    fn theirs(&self, ours: Timestamp) -> Timestamp {
        ours.checked_add(self.clock_ahead).unwrap_or(ours)
    }
}

/// Received at this instant, by clocks that agree.
impl From<Timestamp> for ReceivedAt {
    fn from(at: Timestamp) -> Self {
        Self { at, clock_ahead: SignedDuration::ZERO }
    }
}

/// The newest status of each agent, by the instant at which it began, and when Clarity last confirmed it. A status that
/// began later than the one before it began after that confirmation: this bounds the offset of Clarity's clock. Cheap
/// to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct StatusStarts(Arc<Mutex<HashMap<AgentId, StatusStart>>>);

#[derive(Debug, Clone, Copy)]
struct StatusStart {
    /// By Clarity's clock.
    began: Timestamp,
    /// When the request was sent whose answer last showed this status. Pushes do not count: they may be late.
    confirmed: Option<Timestamp>,
}

impl StatusStarts {
    /// Notes an update about an agent. `asked` is when its request was sent; `None` for a push.
    pub fn note(&self, agent: &AgentUpdate, asked: Option<Timestamp>, received: ReceivedAt, clock: &SourceClock) {
        let Some(Change::Set(since)) = agent.status.as_ref().map(|status| status.since) else { return };
        let began = received.theirs(since);
        let mut all = self.0.lock();
        match all.get_mut(&agent.id) {
            Some(known) if known.began > began => {}
            Some(known) if known.began == began => known.confirmed = known.confirmed.max(asked),
            Some(known) => {
                if let Some(earliest) = known.confirmed {
                    clock.observe_event(began, earliest, received.at);
                }
                *known = StatusStart { began, confirmed: asked };
            }
            None => {
                all.insert(agent.id, StatusStart { began, confirmed: asked });
            }
        }
    }
}
