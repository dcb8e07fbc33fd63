//! Time as an argument.
//!
//! Whoever needs to know what time it is holds a [`Clock`]; nobody asks the system by themselves, so that a test can say
//! what time it is. Waiting is tokio's affair (`tokio::time`), which tests can pause by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Tells the time of day in UTC. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Hand(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Self(Source::Hand(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// What time it is, to the millisecond: that is what documents and pages show.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        let milliseconds = match &self.0 {
            Source::System => Timestamp::now().as_millisecond(),
            Source::Hand(at) => at.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// Whether it is the machine's.
    #[must_use]
    pub fn is_system(&self) -> bool {
        matches!(self.0, Source::System)
    }

    /// Moves a standing clock. The system's clock cannot be moved: this does nothing to it.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Hand(at) = &self.0 {
            let step = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            at.fetch_add(step, Ordering::SeqCst);
        }
    }
}
