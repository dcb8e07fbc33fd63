//! What the courier must be told about a destination.

use std::time::Duration;

use serde_json::Value;

use crate::store::{OutboxEntry, Store};

/// Knows one destination and what is carried there.
pub(in crate::actions) trait Destination: Send + Sync + 'static {
    /// What the outbox calls these requests.
    const KINDS: &'static [&'static str];

    /// What people call them, in the plural.
    const WHAT: &'static str;

    /// How many of them pages show, and whichever were not accepted; older ones stay in the store.
    const SHOWN: u32;

    /// The outbox.
    fn store(&self) -> &Store;

    /// Resolves when somebody has asked for something since the last time.
    fn knocked(&self) -> impl Future<Output = ()> + Send;

    /// Takes a request there: once, and says how that went.
    fn carry(&mut self, intent: &OutboxEntry) -> impl Future<Output = DeliveryOutcome> + Send;

    /// Tells viewers how far a request has come.
    fn show(&self, intent: &OutboxEntry) -> impl Future<Output = ()> + Send;

    /// A round is over; `well` says whether the outbox could be used.
    fn rest(&mut self, well: bool) -> impl Future<Output = ()> + Send;

    /// What it is about: requests about the same are carried in the order in which they were made. `None`: it depends on
    /// no other.
    fn lane(_intent: &OutboxEntry) -> Option<String> {
        None
    }

    /// Whether enough is known to carry it, or to look it up.
    fn is_ready(&self, _intent: &OutboxEntry) -> bool {
        true
    }

    /// Finds out what became of a request whose answer never came.
    fn look_up(&mut self, _intent: &OutboxEntry) -> impl Future<Output = LookupResult> + Send {
        std::future::ready(LookupResult::NobodyKnows)
    }

    /// Whether a person wants it looked up now.
    fn is_wanted_now(&mut self, _intent: &OutboxEntry) -> bool {
        false
    }
}

/// How a journey ended.
pub(in crate::actions) enum DeliveryOutcome {
    /// The upstream took it, and answered this.
    Accepted(Option<Value>),
    /// The upstream refused it for good.
    Rejected(String),
    /// It may have arrived.
    Unknown(String),
    /// It surely did not arrive, and may the next time.
    NotNow {
        /// Why, in a sentence.
        reason: String,
        /// When the upstream wants to see us again, if it said so.
        retry_after: Option<Duration>,
    },
    /// It surely did not arrive, and never will until somebody mends what is wrong.
    NotUntilMended(String),
}

/// What a look-up found.
pub(in crate::actions) enum LookupResult {
    /// It was done.
    Done,
    /// It was not done, and no longer can be.
    Never(String),
    /// It was not done.
    NotDone,
    /// Nobody could be asked.
    NobodyKnows,
}

impl DeliveryOutcome {
    /// Whether it says something bad about the destination, and not about the request.
    pub fn is_trouble(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::NotNow { .. } | Self::NotUntilMended(_))
    }
}
