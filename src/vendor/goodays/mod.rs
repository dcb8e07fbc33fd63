//! Goodays: what customers say. Signed webhooks in, actions out.

pub mod action;
pub mod client;
mod reading;
pub mod signature;
#[cfg(test)]
mod tests;
pub mod wire;

pub use action::Action;
pub use client::{CallError, Goodays};
pub use signature::{Signatures, Verified};
pub use wire::{Event, Kind, WireError};
