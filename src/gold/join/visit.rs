//! When a customer was there: the day, and perhaps the time, that a response names of its visit or purchase.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::domain::ResponseRecord;

/// Where a response says when the visit was, and how near a session must be to be that visit (`apis.md` J23, J65).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitRules {
    /// The key of `context.extra` that holds the day, as in `2026-11-20`.
    pub date_key: String,
    /// The key that holds the time of that day, as in `17:47:00`.
    pub time_key: String,
    /// The zone in which the two are meant: the places'.
    pub zone: TimeZone,
    /// How far from that time a session may begin.
    pub window: SignedDuration,
}

/// The time within which the session of a visit must have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The earliest.
    pub from: Timestamp,
    /// The latest.
    pub to: Timestamp,
}

impl Visit {
    /// What the response says. `None`: nothing that can be read as a day.
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
            // The whole local day, which ends before the next one begins.
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
    /// The names of the upstream's own samples, and half an hour.
    fn default() -> Self {
        Self {
            date_key: "transaction_date".to_owned(),
            time_key: "transaction_time".to_owned(),
            zone: TimeZone::UTC,
            window: SignedDuration::from_mins(30),
        }
    }
}
