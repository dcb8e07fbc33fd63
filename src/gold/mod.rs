//! The gold copy: the state of the site in memory, matched and counted.
//!
//! Facts arrive by one channel and one owner task writes; readers use the [`GoldCopy`] without waiting, or follow
//! [`Delta`]s. Only the owner task waits, and nothing here fails.
//!
//! - [`records`]: what upstream systems reported, merged by identity.
//! - [`join`]: which records belong together, and by which evidence. Pure functions.
//! - [`directory`]: who an agent is in each of the upstream systems.
//! - [`rollup`]: feedback counted per agent, team, queue, place and tag.
//! - [`entity`]: what readers see, derived from the records.
//! - [`agent_detail`]: an agent's last 24 hours and metrics by queue.
//! - [`copy`]: where entities are kept, and how changes are published.
//! - [`owner`]: the task that turns facts into deltas.
//! - [`sources`]: the health of each source.
//! - [`ended_interactions`]: the way of ended interactions from the feeds to the survey decision.

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
