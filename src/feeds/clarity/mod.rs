//! Follows Clarity: pushes over SignalR while they come, snapshots over REST always.
//!
//! A snapshot repairs what pushes got wrong or left out; what it repairs shows whether pushes still come. While they do
//! not, snapshots are the only source and are taken more often, and values that only pushes have (waiting callers
//! in a queue) become unknown rather than old. While they do, every snapshot renews the subscriptions to queues:
//! Clarity answers a new subscription with the current state, so a renewal is to queues what a snapshot is to agents.

mod connection;
mod ended_sessions;
mod feed;
mod health;
mod names;
mod observations;
mod push;
mod push_delivery;
mod push_watchdog;
mod queue_search;
mod received_at;
mod roster;
mod schedule;
mod session_lookup;
pub mod settings;
mod snapshot;
mod structure_schedule;
mod structure_watch;
mod subscriptions;
mod translate;

pub use base::error_chain;
pub use ended_sessions::{EndedSessionRules, EndedSessions};
pub use feed::ClarityFeed;
pub use push::PushFacts;
pub use received_at::ReceivedAt;
pub use session_lookup::SessionLookup;

/// For the fuzzer: finds and translates whatever is pushed.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_realtime(text: &str) {
    let Ok(args) = serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(text) else { return };
    for update in crate::upstream::clarity::find_pushes(&args).updates {
        let _ = translate::queue(update.clone(), jiff::Timestamp::UNIX_EPOCH);
        let _ = translate::agent(update, jiff::Timestamp::UNIX_EPOCH);
    }
}
