//! Goodays: what customers say. Signed webhooks in, actions out.

pub mod action;
pub mod client;
mod error;
pub mod page;
mod parse;
pub mod signature;
#[cfg(test)]
mod tests;
pub mod wire;

pub use action::{Action, REMARK_TYPES};
pub use client::Goodays;
pub use error::CallError;
pub use page::{Cursor, Page};
pub use signature::{Signatures, Verified};
pub use wire::{Event, EventKind, WireError};
