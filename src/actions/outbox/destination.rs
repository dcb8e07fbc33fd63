//! What the outbox worker needs to know about a destination.

use std::time::Duration;

use serde_json::Value;

use crate::store::{OutboxEntry, Store};

/// One upstream system, and the requests that it is sent.
pub(in crate::actions) trait Destination: Send + Sync + 'static {
    /// The kinds of requests in the outbox.
    const KINDS: &'static [&'static str];

    /// Their name in logs, in the plural.
    const NAME: &'static str;

    /// How many of the newest requests pages show, besides all that were not accepted.
    const SHOWN: u32;

    /// The store with the outbox.
    fn store(&self) -> &Store;

    /// Resolves when a request was written since it last resolved.
    fn requested(&self) -> impl Future<Output = ()> + Send;

    /// Sends a request, once.
    fn deliver(&mut self, entry: &OutboxEntry) -> impl Future<Output = DeliveryOutcome> + Send;

    /// Tells viewers how far a request has come.
    fn publish(&self, entry: &OutboxEntry) -> impl Future<Output = ()> + Send;

    /// Called after each request and each round. `is_outbox_usable`: whether the store answered.
    fn round_ended(&mut self, is_outbox_usable: bool) -> impl Future<Output = ()> + Send;

    /// Requests with the same key are sent in the order in which they were written. `None`: in any order.
    fn ordering_key(_entry: &OutboxEntry) -> Option<String> {
        None
    }

    /// Whether enough is known to send it, or to look it up.
    fn is_ready(&self, _entry: &OutboxEntry) -> bool {
        true
    }

    /// Asks the upstream system about a request with an unknown outcome.
    fn look_up(&mut self, _entry: &OutboxEntry) -> impl Future<Output = LookupResult> + Send {
        std::future::ready(LookupResult::Unknown)
    }

    /// Whether a person wants it looked up now.
    fn is_lookup_requested(&mut self, _entry: &OutboxEntry) -> bool {
        false
    }
}

/// How an attempt to deliver a request ended.
pub(in crate::actions) enum DeliveryOutcome {
    /// The upstream system took it and answered this.
    Accepted(Option<Value>),
    /// The upstream system refused it for good.
    Rejected(String),
    /// It may have arrived.
    Unknown(String),
    /// It did not arrive and may the next time.
    RetryLater {
        /// Why, in a sentence.
        reason: String,
        /// How long the upstream system asks to wait.
        retry_after: Option<Duration>,
    },
    /// It did not arrive, and no attempt can succeed before a person repairs the cause, such as a refused key.
    NeedsRepair(String),
}

impl DeliveryOutcome {
    /// Whether the destination failed, and not only this request.
    pub fn is_destination_failure(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::RetryLater { .. } | Self::NeedsRepair(_))
    }
}

/// What a lookup found.
pub(in crate::actions) enum LookupResult {
    /// It was done.
    Done,
    /// It was not done and no longer can be, for this reason.
    NotPossible(String),
    /// It was not done.
    NotDone,
    /// The upstream system could not be asked.
    Unknown,
}
