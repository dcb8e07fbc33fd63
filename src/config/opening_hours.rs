//! Opening hours such as `Mon-Fri 08:00-20:00, Sat 09:00-13:00`.

use jiff::civil::{DateTime, Time, Weekday};

use super::value::FromText;

/// One or several spans of days and times, in the server's time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    first: Weekday,
    last: Weekday,
    from: Time,
    /// Midnight means the end of the day.
    to: Time,
}

impl OpeningHours {
    /// Whether this local time is within the opening hours.
    #[must_use]
    pub fn contains(&self, at: DateTime) -> bool {
        self.0.iter().any(|span| span.has_day(at.weekday()) && span.has_time(at.time()))
    }

    /// The spans of a day, the earliest first; they may overlap. Midnight as an end means the end of the day.
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
        // `Fri-Mon` wraps around the end of the week.
        self.first.until(day) <= self.first.until(self.last)
    }

    fn has_time(&self, time: Time) -> bool {
        self.from <= time && (time < self.to || self.to == Time::midnight())
    }

    fn parse(text: &str) -> Option<Self> {
        let (days, times) = text.trim().split_once(' ')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, to) = times.trim().split_once('-')?;
        let to = if to == "24:00" { Time::midnight() } else { Time::from_text(to).ok()? };
        let span = Self { first: day(first)?, last: day(last)?, from: Time::from_text(from).ok()?, to };
        (span.from < span.to || span.to == Time::midnight()).then_some(span)
    }
}

impl FromText for OpeningHours {
    const EXPECTED: &'static str =
        "opening hours such as \"Mon-Fri 08:00-20:00\" or \"Mon-Fri 08:00-20:00, Sat 09:00-13:00\"";

    fn from_text(text: &str) -> Result<Self, Option<String>> {
        text.split(',').map(Span::parse).collect::<Option<_>>().map(Self).ok_or(None)
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
    fn span_includes_its_start_and_excludes_its_end() {
        let hours = OpeningHours::from_text("Mon-Fri 08:00-20:00, Sat 09:00-24:00").expect("hours");
        let saturday = date(2026, 11, 21);
        let monday = date(2026, 11, 23);
        assert!(hours.contains(monday.at(8, 0, 0, 0)));
        assert!(!hours.contains(monday.at(7, 59, 59, 0)));
        assert!(!hours.contains(monday.at(20, 0, 0, 0)));
        assert!(!hours.contains(saturday.at(8, 30, 0, 0)));
        assert!(hours.contains(saturday.at(23, 59, 59, 0)));
    }

    #[test]
    fn days_wrap_around_the_end_of_the_week() {
        let hours = OpeningHours::from_text("Sat-Mon 10:00-12:00").expect("hours");
        assert!(hours.contains(date(2026, 11, 22).at(10, 0, 0, 0)), "a Sunday");
        assert!(!hours.contains(date(2026, 11, 24).at(10, 0, 0, 0)), "a Tuesday");
    }

    #[test]
    fn text_that_is_no_opening_hours_is_refused() {
        for text in ["", "08:00-20:00", "Mon-Fri", "Mon-Fri 20:00-08:00", "Mon-Fry 08:00-20:00", "Mon 8-20"] {
            assert!(OpeningHours::from_text(text).is_err(), "{text}");
        }
    }
}
