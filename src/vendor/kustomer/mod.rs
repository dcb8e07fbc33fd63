//! Kustomer: where conversations are closed.

pub mod client;
pub mod signature;
#[cfg(test)]
mod tests;
pub mod wire;

pub use client::{CallError, Kustomer};
pub use signature::Signatures;
pub use wire::{Conversation, Customer, Event, User, WireError};
