//! Opening hours, as people write them on a door.

use jiff::civil::{DateTime, Time, Weekday};

use super::value::Written;

/// When a queue takes contacts: one or several spans of days and times, in the server's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    first: Weekday,
    last: Weekday,
    from: Time,
    /// Midnight is the end of the day.
    to: Time,
}

impl OpeningHours {
    /// Whether the door is open at this local time.
    #[must_use]
    pub fn contains(&self, at: DateTime) -> bool {
        self.0.iter().any(|span| span.has_day(at.weekday()) && span.has_time(at.time()))
    }

    /// From when to when the door is open on such a day, the earliest first; spans may overlap. Midnight as the end is that
    /// of the day.
    #[must_use]
    pub fn on(&self, day: Weekday) -> Vec<(Time, Time)> {
        let mut spans: Vec<_> =
            self.0.iter().filter(|span| span.has_day(day)).map(|span| (span.from, span.to)).collect();
        spans.sort_unstable();
        spans
    }
}

impl Span {
    fn has_day(&self, day: Weekday) -> bool {
        // `Fri-Mon` goes round the week.
        self.first.until(day) <= self.first.until(self.last)
    }

    fn has_time(&self, time: Time) -> bool {
        self.from <= time && (time < self.to || self.to == Time::midnight())
    }

    fn read(text: &str) -> Option<Self> {
        let (days, times) = text.trim().split_once(' ')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, to) = times.trim().split_once('-')?;
        let to = if to == "24:00" { Time::midnight() } else { Time::read(to).ok()? };
        let span = Self { first: day(first)?, last: day(last)?, from: Time::read(from).ok()?, to };
        (span.from < span.to || span.to == Time::midnight()).then_some(span)
    }
}

impl Written for OpeningHours {
    const EXPECTED: &'static str =
        "opening hours such as \"Mon-Fri 08:00-20:00\" or \"Mon-Fri 08:00-20:00, Sat 09:00-13:00\"";

    fn read(text: &str) -> Result<Self, Option<String>> {
        text.split(',').map(Span::read).collect::<Option<_>>().map(Self).ok_or(None)
    }
}

fn day(name: &str) -> Option<Weekday> {
    Some(match name {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_door_is_open_from_the_first_minute_to_before_the_last() {
        let hours = OpeningHours::read("Mon-Fri 08:00-20:00, Sat 09:00-24:00").expect("hours");
        let saturday = date(2026, 11, 21);
        let monday = date(2026, 11, 23);
        assert!(hours.contains(monday.at(8, 0, 0, 0)));
        assert!(!hours.contains(monday.at(7, 59, 59, 0)));
        assert!(!hours.contains(monday.at(20, 0, 0, 0)));
        assert!(!hours.contains(saturday.at(8, 30, 0, 0)));
        assert!(hours.contains(saturday.at(23, 59, 59, 0)));
    }

    #[test]
    fn days_go_round_the_week() {
        let hours = OpeningHours::read("Sat-Mon 10:00-12:00").expect("hours");
        assert!(hours.contains(date(2026, 11, 22).at(10, 0, 0, 0)), "a Sunday");
        assert!(!hours.contains(date(2026, 11, 24).at(10, 0, 0, 0)), "a Tuesday");
    }

    #[test]
    fn what_no_door_says_is_refused() {
        for text in ["", "08:00-20:00", "Mon-Fri", "Mon-Fri 20:00-08:00", "Mon-Fry 08:00-20:00", "Mon 8-20"] {
            assert!(OpeningHours::read(text).is_err(), "{text}");
        }
    }
}
