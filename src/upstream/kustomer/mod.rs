//! Kustomer: where conversations are closed.

pub mod client;
pub mod signature;
#[cfg(test)]
mod tests;
pub mod wire;

pub use client::{CallError, Kustomer};
pub use signature::Signatures;
pub use wire::{Conversation, Customer, Event, User, WireError};

/// For the fuzzers: whatever an event holds, reading it ends.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_event(bytes: &[u8]) {
    let _ = Event::parse(bytes);
}
