//! The day, and perhaps the time, that a response names for the customer's visit or purchase.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::ResponseRecord;

/// Where a response names the time of the visit, and how near a session must be to match it (apis.md J23, J65).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitRules {
    /// The key of `context.extra` that holds the day, as in `2026-11-20`.
    pub date_key: String,
    /// The key that holds the time of that day, as in `17:47:00`.
    pub time_key: String,
    /// The time zone of the two.
    pub zone: TimeZone,
    /// How far from that time a session may begin, in both directions.
    pub window: SignedDuration,
}

/// The interval within which the session of a visit must have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The earliest.
    pub from: Timestamp,
    /// The latest.
    pub to: Timestamp,
}

impl Visit {
    /// Reads it from a response. `None`: there is no valid day.
    #[must_use]
    pub fn of(response: &ResponseRecord, rules: &VisitRules) -> Option<Self> {
        let text = |key: &str| response.extra.get(key).map(|value| value.trim());
        let day: Date = text(&rules.date_key)?.parse().ok()?;
        let at = |day: Date, time: Time| Some(day.to_datetime(time).to_zoned(rules.zone.clone()).ok()?.timestamp());
        match text(&rules.time_key).and_then(|time| time.parse::<Time>().ok()) {
            Some(time) => {
                let time = at(day, time)?;
                Some(Self { from: time.checked_sub(rules.window).ok()?, to: time.checked_add(rules.window).ok()? })
            }
            // The whole local day, up to the last instant before the next one.
            None => {
                let next = at(day.checked_add(1.day()).ok()?, Time::midnight())?;
                Some(Self {
                    from: at(day, Time::midnight())?,
                    to: next.checked_sub(SignedDuration::from_nanos(1)).ok()?,
                })
            }
        }
    }
}

impl Default for VisitRules {
    /// The keys of Goodays' own samples, and half an hour.
    fn default() -> Self {
        Self {
            date_key: "transaction_date".to_owned(),
            time_key: "transaction_time".to_owned(),
            zone: TimeZone::UTC,
            window: SignedDuration::from_mins(30),
        }
    }
}
