//! Formats of values. `static/format.js` has the same ones, because a script later updates the cell that the server
//! rendered; both pass the cases of `tests/fixtures/formats.json`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::words;
use crate::domain::MetricValue;
use crate::live::document::{MetricsDoc, NpsDoc, metric_total};

/// Shown where nothing was measured. Zero is a measurement.
pub const NONE: &str = "–";

/// Below this number of answers, counts are shown instead of a score.
pub const SMALL_SAMPLE: u64 = 5;

/// A running time: `0:07`, `12:40`, `1:02:03`, `3 d 4 h`. Never below zero, however the clocks differ.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let s = seconds.max(0);
    let (days, hours, minutes) = (s / 86_400, s / 3600, s / 60 % 60);
    if days > 0 {
        words::fill(words::pattern("daysHours"), &[("days", &days), ("hours", &(hours % 24))])
    } else if hours > 0 {
        format!("{hours}:{minutes:02}:{:02}", s % 60)
    } else {
        format!("{minutes}:{:02}", s % 60)
    }
}

/// The difference between a source's clock and ours.
#[must_use]
pub fn clock_offset(seconds: i64) -> String {
    let seconds_apart = seconds.unsigned_abs();
    // It is accurate to a second or two: 19:59 is 20 minutes.
    let minutes = (seconds_apart + 30) / 60;
    let apart = if seconds_apart < 60 { written("seconds", seconds_apart) } else { hours_and_minutes(minutes) };
    let text = words::text(if seconds < 0 { "clockBehind" } else { "clockAhead" });
    words::fill(text, &[("time", &apart)])
}

/// A coarse age.
#[must_use]
pub fn ago(seconds: i64) -> String {
    let s = u64::try_from(seconds).unwrap_or_default();
    match s {
        0..60 => words::fill(words::pattern("ago"), &[("time", &written("seconds", s))]),
        60..86_400 => words::fill(words::pattern("ago"), &[("time", &hours_and_minutes(s / 60))]),
        86_400..172_800 => words::pattern("dayAgo").to_owned(),
        _ => written("daysAgo", s / 86_400),
    }
}

/// `59 min`, `2 h`, `2 h 5 min`.
fn hours_and_minutes(minutes: u64) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (hours, rest) {
        (0, _) => written("minutes", minutes),
        (_, 0) => written("hours", hours),
        _ => words::fill(words::pattern("hoursMinutes"), &[("hours", &hours), ("minutes", &rest)]),
    }
}

/// A whole number with its unit.
fn written(pattern: &str, n: u64) -> String {
    words::fill(words::pattern(pattern), &[("n", &n)])
}

/// A share, as a percentage with at most one decimal.
#[must_use]
pub fn percent(value: f64) -> String {
    words::fill(words::pattern("percent"), &[("n", &number(value))])
}

/// The sample size of a value.
#[must_use]
pub fn sample_size(n: u64) -> String {
    written("sample", n)
}

/// A part and the whole: `3 of 12`.
#[must_use]
pub fn of(n: impl Display, all: impl Display) -> String {
    words::fill(words::pattern("of"), &[("n", &n), ("all", &all)])
}

/// Whole seconds from an instant to another.
#[must_use]
pub fn seconds_between(since: Timestamp, now: Timestamp) -> i64 {
    (now.as_millisecond() - since.as_millisecond()).div_euclid(1000)
}

/// The time of day in a zone.
#[must_use]
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// A day in a zone: `2026-11-21`.
#[must_use]
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// Day and time in a zone: `21 Nov 09:41`; of another year than now `21 Nov 2025 09:41`.
#[must_use]
pub fn moment(at: Timestamp, zone: &TimeZone, now: Timestamp) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let month = at.month().to_string();
    let pattern = words::pattern(if at.year() == now.year() { "moment" } else { "momentOfYear" });
    let values: [(&str, &dyn Display); 4] =
        [("day", &at.day()), ("month", &words::month(&month)), ("year", &at.year()), ("time", &at.strftime("%H:%M"))];
    words::fill(pattern, &values)
}

/// The same to the second, for lists with many entries per minute: `21 Nov 09:41:07`.
#[must_use]
pub fn exact_moment(at: Timestamp, zone: &TimeZone, now: Timestamp) -> String {
    format!("{}:{:02}", moment(at, zone, now), at.to_zoned(zone.clone()).second())
}

/// The start of something current: the time of day, with the day unless that is today.
#[must_use]
pub fn since(at: Timestamp, zone: &TimeZone, now: Timestamp) -> String {
    let is_today = at.to_zoned(zone.clone()).date() == now.to_zoned(zone.clone()).date();
    if is_today { clock(at, zone) } else { moment(at, zone, now) }
}

/// A zone's name as people say it: `Chicago time`. The same in summer and winter.
#[must_use]
pub fn zone_name(iana: &str) -> String {
    match iana.rsplit_once('/') {
        Some((area, city)) if area != "Etc" => {
            words::fill(words::pattern("zone"), &[("city", &city.replace('_', " "))])
        }
        _ => iana.to_owned(),
    }
}

/// A number: `1,240`, `3.5`. At most one decimal.
#[must_use]
pub fn number(value: f64) -> String {
    let tenths = (value.abs() * 10.0).round();
    let (whole, tenth) = ((tenths / 10.0).trunc(), tenths % 10.0);
    let digits = format!("{whole:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if tenth > 0.0 {
        text = format!("{text}.{tenth:.0}");
    }
    if value < 0.0 && tenths > 0.0 { format!("−{text}") } else { text }
}

/// A count, or a dash where there is none.
#[must_use]
pub fn count(value: Option<i64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "no contact center counts to two to the fifty-third")]
    value.map_or_else(|| NONE.to_owned(), |value| number(value as f64))
}

/// A net promoter score, signed; of a small sample the promoters among the answers.
#[must_use]
pub fn nps(score: Option<&NpsDoc>) -> String {
    match score {
        None => NONE.to_owned(),
        Some(score) if score.n == 0 => NONE.to_owned(),
        Some(score) if score.n < SMALL_SAMPLE => of(score.promoters, score.n),
        Some(score) => {
            // From the counts: the document's value is rounded already, and 12.46 is 12, not 12.5 and then 13.
            #[expect(clippy::cast_precision_loss, reason = "no contact center counts to two to the fifty-third")]
            let [promoters, detractors, n] = [score.promoters, score.detractors, score.n].map(|count| count as f64);
            let rounded = ((promoters - detractors) * 100.0 / n).round();
            if rounded > 0.0 { format!("+{rounded:.0}") } else { number(rounded) }
        }
    }
}

/// The number of answers of a score. Empty if the score already shows it.
#[must_use]
pub fn sample(score: Option<&NpsDoc>) -> String {
    match score {
        Some(score) if score.n >= SMALL_SAMPLE => sample_size(score.n),
        _ => String::new(),
    }
}

/// A metric's or field's name in words: `availableTime` becomes `Available time`.
#[must_use]
pub fn label(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut spaced = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map_or(' ', |before| letters[before]);
        let begins = before.is_ascii_lowercase() || before.is_ascii_digit();
        let ends_shout = before.is_ascii_uppercase() && letters.get(place + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (begins || ends_shout) {
            spaced.push(' ');
        }
        spaced.push(if matches!(letter, '_' | '-' | '.') { ' ' } else { *letter });
    }
    let is_shouted = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let words: Vec<String> = spaced
        .split_whitespace()
        .map(|word| if is_shouted(word) { word.to_owned() } else { word.to_ascii_lowercase() })
        .collect();
    let text = words.join(" ");
    match text.chars().next() {
        Some(first) => format!("{}{}", first.to_ascii_uppercase(), &text[first.len_utf8()..]),
        None => text,
    }
}

/// One metric's value. Names that end in `Time` are milliseconds.
#[must_use]
pub fn metric(name: &str, value: &MetricValue) -> String {
    match value.as_number() {
        Some(number) => measure(name, number),
        None => match value {
            MetricValue::Parts(parts) => parts
                .iter()
                .map(|(part, value)| {
                    let measured = if part.as_ref() == "count" { part } else { name };
                    format!("{part} {}", metric(measured, value))
                })
                .collect::<Vec<_>>()
                .join(", "),
            MetricValue::Text(text) => text.to_string(),
            MetricValue::Count(_) | MetricValue::Number(_) => NONE.to_owned(),
        },
    }
}

/// A metric over all kinds of contact, formatted; a dash if it was not measured.
#[must_use]
pub fn metric_cell(metrics: &MetricsDoc, name: &str) -> String {
    metric_total(metrics, name).map_or_else(|| NONE.to_owned(), |value| measure(name, value))
}

/// A metric's label: the site's, else its name in words.
#[must_use]
pub fn called(labels: &BTreeMap<String, Arc<str>>, name: &str) -> String {
    labels.get(name).map_or_else(|| label(name), |label| label.to_string())
}

/// The metrics under one heading, a line each, except those `shown` elsewhere.
#[must_use]
pub fn bag(values: &BTreeMap<String, MetricValue>, shown: &[&str], labels: &BTreeMap<String, Arc<str>>) -> String {
    let is_shown = |name: &str| shown.iter().any(|column| column.eq_ignore_ascii_case(name));
    let measured = values.iter().filter(|(name, _)| !is_shown(name));
    measured
        .map(|(name, value)| format!("{}: {}", called(labels, name), metric(name, value)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Everything without a column of its own, a line each: metrics other than `shown`, then unknown fields.
#[must_use]
pub fn others(
    metrics: &MetricsDoc,
    other: &BTreeMap<String, Value>,
    shown: &[&str],
    labels: &BTreeMap<String, Arc<str>>,
) -> String {
    let is_shown = |name: &str| shown.iter().any(|column| column.eq_ignore_ascii_case(name));
    let measured = metrics.iter().flat_map(|(kind, values)| {
        values.iter().filter(|(name, _)| !is_shown(name)).map(|(name, value)| {
            format!("{}, {}: {}", words::modality(kind), called(labels, name), metric(name, value))
        })
    });
    let fields = other.iter().map(|(name, value)| format!("{}: {}", label(name), plain(value)));
    measured.chain(fields).collect::<Vec<_>>().join("\n")
}

/// Any JSON value as text.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::Bool(value) => words::label(if *value { "yes" } else { "no" }).to_owned(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), number),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        object @ Value::Object(_) => object.to_string(),
    }
}

/// A metric's number, formatted.
#[must_use]
pub fn measure(name: &str, value: f64) -> String {
    if name.ends_with("Time") {
        #[expect(clippy::cast_possible_truncation, reason = "a duration far below the range of i64; `as` saturates")]
        let seconds = (value / 1000.0).floor() as i64;
        duration(seconds)
    } else {
        number(value)
    }
}
