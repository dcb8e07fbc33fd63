//! The truth in memory, joined and counted.
//!
//! Facts go in by one channel and one owner task writes; everybody else reads the [`GoldCopy`] without waiting, or
//! follows [`Delta`]s. Nothing in here but the owner ever waits, and nothing ever fails.
//!
//! - [`ground`]: what we were told, as records; `apply` merges a fact into them.
//! - [`join`]: what a customer's response hangs on, and why. A pure function.
//! - [`requests`]: which survey request a result of the vendor's belongs to, and why. A pure function.
//! - [`roll`]: who an agent is to other systems.
//! - [`entity`]: what the records amount to, as everybody reads it.
//! - [`detail`]: what only those ask about who look at one agent.
//! - [`copy`]: where entities live, and how changes travel.
//! - [`owner`]: the one task that turns facts into deltas.
//! - [`rollup`]: what customers said, counted together. Pure functions, and the book that says whom a change concerns.
//! - [`sources`]: the health of each source, told by whoever listens to it.

pub mod closings;
pub mod copy;
pub mod detail;
pub mod entity;
pub mod ground;
pub mod join;
mod merge;
pub mod owner;
pub mod requests;
pub mod roll;
pub mod rollup;
pub mod sources;

pub use closings::{Closings, Considered};
pub use copy::{Change, Delta, GoldCopy};
pub use entity::{Entity, Key};
pub use join::{Joined, Rules};
pub use owner::{Day, Gold, Reckoning};
pub use sources::Reporter;
