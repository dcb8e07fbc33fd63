//! What was counted, as a person reads it: the value, how many cases it stands on, and the whole of it in words. Its twin in
//! `static/format.js` writes the same.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::known::{self, ANSWERS};
use super::{PageState, format, step};
use crate::domain::SourceName;
use crate::live::shape::{FeedbackTotalDoc, SourceDoc};

/// A counted value, written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// Where it stands in the document.
    pub path: String,
    /// `0`: absent means none. `+`: a difference, which has a sign.
    pub manner: &'static str,
    /// The value. Of a share of few cases the counts.
    pub text: String,
    /// How many cases, or how bad the worst tenth was.
    pub note: String,
    /// All of it in words.
    pub title: String,
    /// Whether it stands on few cases.
    pub is_small: bool,
}

/// A figure with a name.
pub(super) struct Named {
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    pub figure: Figure,
}

/// Where a figure comes from, by the last words of its path.
fn sources_of(below: &str) -> &'static [SourceName] {
    let is_of = |names: &[&str]| names.iter().any(|name| below.split('/').any(|word| word == *name));
    match () {
        () if is_of(&["open", "openByAge", "overdue", "firstReply", "firstAction", "processed", "onTime"]) => {
            &[SourceName::Goodays]
        }
        () if is_of(&["responses", "nps"]) => ANSWERS,
        () => &[SourceName::AgentConnect],
    }
}

/// What is counted of a team, queue, place or tag.
#[derive(Default)]
pub(super) struct Row {
    pub id: String,
    pub step: String,
    pub name: String,
    pub figures: Vec<Figure>,
}

/// A column of counts: heading, what it means, where it stands below the entity, and how it is written.
pub(super) type Column = (&'static str, &'static str, &'static str, &'static str);

/// What there is of an entity, but not for this viewer.
pub(super) type Hidden = BTreeMap<String, bool>;

/// A table of counts, a row for each member of a section.
pub(super) struct Table {
    pub section: &'static str,
    pub title: &'static str,
    pub columns: &'static [Column],
    pub rows: Vec<Row>,
    pub blank: Row,
}

impl Table {
    /// A section's members in the order in which a script would set them out: by number, else by name.
    pub fn new<'a, D: Serialize + 'a>(
        section: &'static str,
        title: &'static str,
        columns: &'static [Column],
        page: &PageState,
        members: impl Iterator<Item = (&'a String, &'a str, &'a Hidden, D)>,
    ) -> Self {
        let row = |id: &str, name: &str, hidden: &Hidden, doc: &Value| Row {
            id: id.to_owned(),
            step: step(id),
            name: name.to_owned(),
            figures: columns
                .iter()
                .map(|(_, _, below, manner)| {
                    Figure::at(page, &format!("{section}/{}", step(id)), doc, hidden, below, manner)
                })
                .collect(),
        };
        let mut rows: Vec<Row> = members
            .map(|(id, name, hidden, doc)| row(id, name, hidden, &serde_json::to_value(doc).unwrap_or_default()))
            .collect();
        rows.sort_by_key(|row| (row.id.parse().unwrap_or(i64::MAX), row.id.clone()));
        let mut blank = row("", "", &Hidden::new(), &Value::Null);
        (blank.id, blank.step) = ("{id}".to_owned(), "{id}".to_owned());
        for (figure, (_, _, below, _)) in blank.figures.iter_mut().zip(columns) {
            figure.path = format!("{section}/{{id}}/{below}");
        }
        Self { section, title, columns, rows, blank }
    }
}

impl Figure {
    /// What stands at a path below an entity.
    fn at(page: &PageState, entity: &str, doc: &Value, hidden: &Hidden, below: &str, manner: &'static str) -> Self {
        let value = below.split('/').fold(doc, |value, key| value.get(key).unwrap_or(&Value::Null));
        let (sources, from) = (&page.state.sources, sources_of(below));
        let is_hidden = hidden.contains_key(if below == "effect" { "effect" } else { "feedback" });
        let written = match Self::written(value, manner) {
            // Nothing is a count only where somebody is heard who would tell of something.
            zero if manner == "0" && is_none_or_zero(value) && (is_hidden || !is_counted(sources, from, value)) => {
                Self { text: format::NONE.to_owned(), ..zero }
            }
            written => written,
        };
        let title = if written.text == format::NONE && written.title.is_empty() {
            known::why(sources, from, is_hidden, known::UNANSWERED)
        } else {
            written.title.clone()
        };
        Self { path: format!("{entity}/{below}"), manner, title, ..written }
    }

    /// A value as it is counted, written.
    #[must_use]
    pub fn written(value: &Value, manner: &'static str) -> Self {
        let plain = |text: String| Self { text, ..Self::default() };
        let number = |name: &str| value.get(name).and_then(Value::as_f64).unwrap_or_default();
        let count = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
        let n = count("n");
        let is_small = value.get("small").is_some();
        if let Some(number) = value.as_f64() {
            return plain(format::number(number));
        }
        if !value.is_object() {
            return plain(if manner == "0" { "0" } else { format::NONE }.to_owned());
        }
        if value.get("promoters").is_some() {
            let score = serde_json::from_value(value.clone()).ok();
            let (promoters, detractors) = (count("promoters"), count("detractors"));
            return Self {
                text: format::nps(score.as_ref()),
                note: format::sample(score.as_ref()),
                title: format!("Promoters: {promoters}, detractors: {detractors}, answers: {n}"),
                is_small,
                ..Self::default()
            };
        }
        if value.get("hit").is_some() {
            let (hit, low, high) = (count("hit"), count("low"), count("high"));
            return Self {
                text: if is_small { format!("{hit} of {n}") } else { format!("{} %", format::number(number("value"))) },
                note: if is_small { String::new() } else { format!("n {n}") },
                title: format!("{hit} of {n}: with a confidence of 95 % between {low} and {high} %"),
                is_small,
                ..Self::default()
            };
        }
        if value.get("medianSeconds").is_some() {
            let seconds = |name: &str| format::duration(value.get(name).and_then(Value::as_i64).unwrap_or_default());
            let (median, p90) = (seconds("medianSeconds"), seconds("p90Seconds"));
            let hours = value.get("inOpeningHours").map_or("", |_| " of opening hours");
            return Self {
                note: format!("90 %: {p90}{hours}"),
                title: format!("Half of {n} within {median}, nine of ten within {p90}"),
                text: median,
                is_small,
                ..Self::default()
            };
        }
        if let Some(with) = value.get("with") {
            let mean = |side: Option<&Value>| {
                let value = side.and_then(|side| side.get("value")).and_then(Value::as_f64);
                let n = side.and_then(|side| side.get("n")).and_then(Value::as_u64).unwrap_or_default();
                (value.map_or_else(|| format::NONE.to_owned(), format::number), n)
            };
            let ((with, n), (without, others)) = (mean(Some(with)), mean(value.get("without")));
            return Self {
                text: value.get("lift").and_then(Value::as_f64).map_or_else(|| format::NONE.to_owned(), signed),
                title: format!("{with} stars with the tag (n {n}), {without} without it (n {others})"),
                ..Self::default()
            };
        }
        let mean = number("value");
        Self {
            text: if manner == "+" { signed(mean) } else { format::number(mean) },
            note: format!("n {n}"),
            is_small,
            ..Self::default()
        }
    }
}

fn is_none_or_zero(value: &Value) -> bool {
    value.as_f64().is_none_or(|number| number == 0.0)
}

/// Whether nothing is a count: somebody is heard who would tell of something, or it was counted before they fell silent.
fn is_counted(sources: &BTreeMap<String, SourceDoc>, from: &[SourceName], value: &Value) -> bool {
    let is_configured = from.iter().any(|name| sources.get(name.as_str()).is_some_and(|it| it.state != "off"));
    known::any_heard(sources, from) || (is_configured && value.is_number())
}

/// Figures of one total, by name, meaning, place and manner.
pub(super) fn figures(
    page: &PageState,
    path: &str,
    total: Option<&FeedbackTotalDoc>,
    hidden: &Hidden,
    wanted: &[Column],
) -> Vec<Named> {
    let doc = total.and_then(|total| serde_json::to_value(total).ok()).unwrap_or_default();
    let named = |(name, help, below, manner): &Column| Named {
        name,
        help,
        figure: Figure::at(page, path, &doc, hidden, below, manner),
    };
    wanted.iter().map(named).collect()
}

/// Since when the thirty days count: `30 days since 23 Oct 00:00`.
pub(super) fn window(page: &PageState, total: Option<&FeedbackTotalDoc>) -> String {
    let since = total.and_then(|total| total.month.as_ref()?.since);
    since.map_or_else(String::new, |since| format!("30 days since {}", page.moment(since)))
}

/// Why customers of interactions that ended were not asked, with counts.
pub(super) fn reasons(page: &PageState, total: Option<&FeedbackTotalDoc>) -> String {
    let Some(coverage) = total.and_then(|total| total.coverage.as_ref()) else { return String::new() };
    let since = coverage.since.map(|since| page.moment(since)).unwrap_or_default();
    let reasons = coverage.reasons.iter().map(|(reason, n)| format!("{}: {n}", format::label(reason).to_lowercase()));
    let not_asked = reasons.collect::<Vec<_>>().join(" · ");
    let not_asked = if not_asked.is_empty() { not_asked } else { format!(". Skipped: {not_asked}") };
    format!("{} of {} ended interactions since {since}{not_asked}", coverage.asked.hit, coverage.asked.n)
}

fn signed(value: f64) -> String {
    let text = format::number(value);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}
