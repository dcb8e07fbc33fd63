//! The truth in memory, joined and counted.
//!
//! Facts go in by one channel and one owner task writes; everybody else reads the [`GoldCopy`] without waiting, or
//! follows [`Delta`]s. Nothing in here but the owner ever waits, and nothing ever fails.
//!
//! - [`records`]: what we were told, as records; `apply` merges a fact into them.
//! - [`join`]: what a customer's response hangs on, and why. A pure function.
//! - [`directory`]: who an agent is to other systems.
//! - [`entity`]: what the records amount to, as everybody reads it.
//! - [`agent_detail`]: what only those ask about who look at one agent.
//! - [`copy`]: where entities live, and how changes travel.
//! - [`owner`]: the one task that turns facts into deltas.
//! - [`rollup`]: what customers said, counted together. Pure functions, and the book that says whom a change concerns.
//! - [`sources`]: the health of each source, told by whoever listens to it.

pub mod agent_detail;
pub mod copy;
pub mod directory;
pub mod ended_interactions;
pub mod entity;
pub mod join;
mod merge;
pub mod owner;
pub mod records;
pub mod rollup;
pub mod sources;

pub use copy::{Change, Delta, GoldCopy};
pub use ended_interactions::{EndedInteractions, SurveyDecision};
pub use entity::{Entity, Key};
pub use join::{Attribution, MatchRules};
pub use owner::{BusinessDay, Gold, RollupSettings};
pub use sources::Reporter;
