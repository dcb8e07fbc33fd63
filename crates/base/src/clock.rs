//! The time as an argument: a system clock, or a manual one in tests.
//!
//! Code that needs the time holds a [`Clock`] instead of asking the system. Waiting is `tokio::time`, which tests can
//! pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// A clock (UTC), which tests can set. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests that stops until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// The current time, in whole milliseconds.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        let milliseconds = match &self.0 {
            Source::System => Timestamp::now().as_millisecond(),
            Source::Manual(at) => at.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// Whether it is the clock of this machine.
    #[must_use]
    pub fn is_system(&self) -> bool {
        matches!(self.0, Source::System)
    }

    /// Advances a manual clock. Does nothing to the system clock.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Manual(at) = &self.0 {
            let step = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            at.fetch_add(step, Ordering::SeqCst);
        }
    }
}
