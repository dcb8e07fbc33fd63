//! Feedback, counted per agent, team, queue, place and tag, and for the whole floor.
//!
//! Each record counts once, by its id (apis.md J63): before a changed record is counted, its previous contribution is
//! removed, so that repeated and late events never count twice. The cost depends on what changed, not on how much there
//! is.
//!
//! - [`Contribution`]: what one record adds to the totals, reduced to instants and flags. Pure.
//! - `Aggregate`: the sum of the contributions of one group. Contributions can be added and removed.
//! - [`FeedbackTotals`]: what viewers see of an aggregate.
//! - [`stats`]: shares, means, scores and percentiles, each with its number of cases.
//! - [`RollupIndex`]: which contributions belong to which group, and which groups must be counted again.

mod aggregate;
mod backlog;
mod business_hours;
mod contribution;
mod group;
mod index;
mod percentiles;
mod period;
pub mod stats;
#[cfg(test)]
mod tests;
mod totals;
mod windows;

pub use backlog::{BacklogByAge, ReplyTargets};
pub use business_hours::BusinessHours;
pub use contribution::{Answer, Contribution, Recovery, Request, ThreadHandling};
pub use group::{AttributedTo, RollupGroup};
pub use index::{RollupEntry, RollupIndex, RollupItem, TagEffect};
pub use period::PeriodTotals;
pub use totals::FeedbackTotals;
pub use windows::Windows;
