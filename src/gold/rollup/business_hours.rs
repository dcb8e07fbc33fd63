//! Durations within business hours, or around the clock.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::OpeningHours;

/// Business hours and their time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessHours {
    /// The opening hours by weekday.
    pub open: OpeningHours,
    /// The time zone of the hours.
    pub zone: TimeZone,
}

/// The longest duration that is counted: ten years.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

impl BusinessHours {
    /// How many seconds of an interval are within the hours. An hour that a clock change skips counts zero times, and
    /// one that it repeats counts twice.
    #[must_use]
    pub fn seconds(&self, from: Timestamp, to: Timestamp) -> i64 {
        // A date from the beginning of time is a mistake: do not walk through all days since then.
        let from = from.max(to.saturating_sub(LONGEST).unwrap_or(from));
        let instant = |local: DateTime| local.to_zoned(self.zone.clone()).map(|zoned| zoned.timestamp());
        let last = to.to_zoned(self.zone.clone()).date();
        let mut day = from.to_zoned(self.zone.clone()).date();
        let mut seconds = 0;
        // Time before this is already counted, because spans may overlap.
        let mut counted_until = from;
        while day <= last {
            let Ok(next) = day.tomorrow() else { break };
            for (opens, closes) in self.open.on(day.weekday()) {
                let closes = if closes == Time::midnight() { next.at(0, 0, 0, 0) } else { day.to_datetime(closes) };
                let (Ok(opens), Ok(closes)) = (instant(day.to_datetime(opens)), instant(closes)) else { continue };
                let (opens, closes) = (opens.max(counted_until), closes.min(to));
                if opens < closes {
                    seconds += closes.duration_since(opens).as_secs();
                    counted_until = closes;
                }
            }
            day = next;
        }
        seconds
    }
}

/// How many seconds lie between two instants, within business hours or around the clock.
pub(super) fn seconds(from: Timestamp, to: Timestamp, hours: Option<&BusinessHours>) -> i64 {
    hours.map_or_else(|| to.duration_since(from).as_secs().max(0), |hours| hours.seconds(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Queue;

    fn hours(text: &str, zone: &str) -> BusinessHours {
        let queue: Queue = toml::from_str(&format!("opening_hours = \"{text}\"")).expect("a queue");
        BusinessHours { open: queue.opening_hours.expect("hours"), zone: TimeZone::get(zone).expect("a zone") }
    }

    #[test]
    fn only_time_within_business_hours_counts() {
        let week = "Mon-Fri 08:00-18:00";
        let night = "Fri 22:00-24:00, Sat 00:00-06:00";
        let overlapping = "Mon-Fri 08:00-12:00, Mon-Fri 09:00-18:00, Mon-Sun 10:00-11:00";
        // 2026-11-20 is a Friday. Paris is one hour ahead of UTC in winter.
        for (what, open, zone, from, to, expected) in [
            ("within the day", week, "UTC", "2026-11-20T09:00", "2026-11-20T09:30", 30),
            ("overnight", week, "UTC", "2026-11-19T17:30", "2026-11-20T08:30", 60),
            ("over the weekend", week, "UTC", "2026-11-20T17:00", "2026-11-23T08:15", 75),
            ("a week", week, "UTC", "2026-11-16T00:00", "2026-11-23T00:00", 3000),
            ("before it opens", week, "UTC", "2026-11-20T05:00", "2026-11-20T07:59", 0),
            ("answered on a Sunday", week, "UTC", "2026-11-21T10:00", "2026-11-22T10:00", 0),
            ("written before, answered after it opens", week, "UTC", "2026-11-20T05:00", "2026-11-20T08:10", 10),
            ("written after it closes", week, "UTC", "2026-11-19T19:00", "2026-11-20T08:05", 5),
            ("in the zone of the hours", week, "Europe/Paris", "2026-11-20T06:30", "2026-11-20T07:30", 30),
            ("over midnight", night, "UTC", "2026-11-20T21:00", "2026-11-21T09:00", 480),
            ("spans that overlap", overlapping, "UTC", "2026-11-20T00:00", "2026-11-21T00:00", 600),
            ("in the wrong order", week, "UTC", "2026-11-20T10:00", "2026-11-20T09:00", 0),
            (
                "the night that loses an hour",
                "Mon-Sun 00:00-24:00",
                "Europe/Paris",
                "2026-03-28T23:00",
                "2026-03-29T22:00",
                1380,
            ),
            (
                "a span in the hour that is lost",
                "Sun 01:00-04:00",
                "Europe/Paris",
                "2026-03-28T23:00",
                "2026-03-29T22:00",
                120,
            ),
            (
                "a span in the hour that comes twice",
                "Sun 01:00-04:00",
                "Europe/Paris",
                "2026-10-24T22:00",
                "2026-10-25T23:00",
                240,
            ),
            (
                "the next day at the same hour of the clock",
                week,
                "Europe/Paris",
                "2026-03-27T16:00",
                "2026-03-30T07:00",
                120,
            ),
        ] {
            let at = |text: &str| format!("{text}:00Z").parse().expect("a time");
            assert_eq!(hours(open, zone).seconds(at(from), at(to)), expected * 60, "{what}");
        }
    }
}
