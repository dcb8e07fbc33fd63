//! The windows that roll-ups count.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The beginnings of the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The business day.
    pub day: Timestamp,
    /// The business day and the 29 days before it.
    pub month: Timestamp,
    /// Coverage: the business day, or the start of this process if that is later. Interactions that ended before the
    /// process started were not reported to it.
    pub coverage: Timestamp,
}

impl Windows {
    /// The windows of the business day that began at `day`, in a process that started at `started`. Days before and
    /// after a clock change do not have 24 hours, so the month is counted in local days of `zone`.
    #[must_use]
    pub fn of(day: Timestamp, zone: &TimeZone, started: Timestamp) -> Self {
        let month = day.to_zoned(zone.clone()).checked_sub(29.days()).map_or(day, |month| month.timestamp());
        Self { day, month, coverage: day.max(started) }
    }
}
