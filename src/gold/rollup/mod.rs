//! What customers said, counted together: per agent, team, queue, place and tag, and for the whole floor.
//!
//! Each record counts by its identity (`apis.md` J63): one that is heard of again takes its last words back before it is
//! counted, so that a repeated or late event never counts twice. The work is that of what changed, however much there is.
//!
//! - [`Contribution`]: what one record has to say in the counts, reduced to instants and marks. Pure.
//! - [`FeedbackTotals`]: what the voices of one group amount to. A pure function of them, the windows and the time, whose parts
//!   can be put in and taken out.
//! - [`stats`]: shares, means, scores and times, each with how many cases it stands on.
//! - [`RollupIndex`]: which voices belong to which group, and which groups are to be counted again.

mod aggregate;
mod backlog;
mod business_hours;
mod contribution;
mod index;
mod percentiles;
mod period;
pub mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

pub use backlog::{BacklogByAge, ReplyTargets};
pub use business_hours::BusinessHours;
pub use contribution::{Answer, Contribution, Recovery, Request, ThreadHandling};
pub use index::{RollupEntry, RollupIndex, RollupItem, TagEffect};
pub use period::PeriodTotals;

use super::entity::Key;
use crate::domain::{AgentId, Permission, QueueId, TeamId};
use stats::Coverage;

/// Whose voices are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RollupGroup {
    /// Everybody's. What is joined to nothing counts here (`apis.md` J53).
    Floor,
    /// AttributedTo one agent.
    Agent(AgentId),
    /// AttributedTo the agents and places of one team.
    Team(TeamId),
    /// AttributedTo one queue.
    Queue(QueueId),
    /// AttributedTo one place.
    Place(Arc<str>),
    /// AttributedTo whatever bears one tag.
    Tag(Arc<str>),
}

impl From<RollupGroup> for Key {
    fn from(group: RollupGroup) -> Self {
        match group {
            RollupGroup::Floor => Self::Floor,
            RollupGroup::Agent(id) => Self::Agent(id),
            RollupGroup::Team(id) => Self::Team(id),
            RollupGroup::Queue(id) => Self::Queue(id),
            RollupGroup::Place(id) => Self::Place(id),
            RollupGroup::Tag(name) => Self::Tag(name),
        }
    }
}

/// Since when is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// When the board's day began.
    pub day: Timestamp,
    /// When the board's day began that was the first of thirty.
    pub month: Timestamp,
    /// Since when everything that ended today was heard of: the board's day, or this process if it is younger.
    pub heard: Timestamp,
}

impl Windows {
    /// The windows of a day that began then where clocks are in this zone, in a process that hears since `born`. The month
    /// is the board's day and the 29 days before it, which were not all of 24 hours where the clocks were changed.
    #[must_use]
    pub fn of(day: Timestamp, zone: &TimeZone, born: Timestamp) -> Self {
        let month = day.to_zoned(zone.clone()).checked_sub(29.days()).map_or(day, |month| month.timestamp());
        Self { day, month, heard: day.max(born) }
    }
}

/// Whose record was counted: by this it is decided who may see a total that it is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributedTo {
    /// The agent.
    pub agent: Option<AgentId>,
    /// The queue.
    pub queue: Option<QueueId>,
    /// The team.
    pub team: Option<TeamId>,
}

/// What customers said about one agent, team, queue or place, under one tag, or at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackTotals {
    /// Threads in which somebody waits for an answer, however old, by their age.
    pub open: BacklogByAge,
    /// How many of them have waited longer than was promised.
    pub overdue: u64,
    /// The board's day.
    pub day: PeriodTotals,
    /// The board's day and the 29 days before it.
    pub month: PeriodTotals,
    /// Whom of those we asked whose interaction ended today. `None`: none has ended.
    pub coverage: Option<Coverage>,
    /// Whose records these are, each kind of them once.
    pub about: Arc<BTreeSet<AttributedTo>>,
}

impl FeedbackTotals {
    /// Whether somebody may see every record that is counted here. A total that only some of it may be seen of is not shown:
    /// the rest could be read from the difference.
    #[must_use]
    pub fn is_seen_by(&self, permission: &Permission) -> bool {
        self.about.iter().all(|it| permission.sees_attributed_to(it.agent, it.queue, it.team))
    }
}
