//! When a reading was heard, and by which clock it is dated.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use base::SourceClock;
use crate::domain::{AgentId, AgentUpdate, Change};

/// When a reading was heard by our clock, and how far that of Clarity is ahead.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedAt {
    /// When it was heard.
    pub heard: Timestamp,
    ahead: SignedDuration,
}

impl ReceivedAt {
    /// Now.
    pub fn now(clock: &SourceClock) -> Self {
        Self { heard: clock.ours(), ahead: clock.offset() }
    }

    /// An instant that Clarity tells, by our clock.
    pub fn ours(&self, theirs: Timestamp) -> Timestamp {
        theirs.checked_sub(self.ahead).unwrap_or(theirs)
    }

    /// The instant that Clarity told.
    fn theirs(&self, ours: Timestamp) -> Timestamp {
        ours.checked_add(self.ahead).unwrap_or(ours)
    }
}

/// By clocks that agree.
impl From<Timestamp> for ReceivedAt {
    fn from(heard: Timestamp) -> Self {
        Self { heard, ahead: SignedDuration::ZERO }
    }
}

/// Which status each agent was last seen in, by the instant at which it began, and when that was still true. One that began
/// later than the one before began after that: this bounds the offset of Clarity's clock. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StatusStarts(Arc<Mutex<HashMap<AgentId, Began>>>);

#[derive(Debug, Clone, Copy)]
struct Began {
    theirs: Timestamp,
    /// When Clarity was asked who then said so. Pushes may be late: what they say need not be true any more.
    still_at: Option<Timestamp>,
}

impl StatusStarts {
    /// What was told of an agent, asked for at a time or pushed.
    pub fn note(&self, agent: &AgentUpdate, asked: Option<Timestamp>, at: ReceivedAt, clock: &SourceClock) {
        let Some(Change::Set(since)) = agent.status.as_ref().map(|status| status.since) else { return };
        let theirs = at.theirs(since);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&agent.id) {
            Some(known) if known.theirs > theirs => {}
            Some(known) if known.theirs == theirs => known.still_at = known.still_at.max(asked),
            Some(known) => {
                if let Some(earliest) = known.still_at {
                    clock.observe_event(theirs, earliest, at.heard);
                }
                *known = Began { theirs, still_at: asked };
            }
            None => {
                all.insert(agent.id, Began { theirs, still_at: asked });
            }
        }
    }
}
