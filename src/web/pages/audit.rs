//! `/audit`: who changed what.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Reader, format};
use crate::store::Deed;

/// Renders the page: newest first.
pub fn audit(lines: &[Deed], now: Timestamp, zone: &TimeZone, reader: &Reader) -> Result<String, askama::Error> {
    let rows = lines.iter().map(|line| Row {
        at: format::moment(line.at, zone, now),
        exactly: line.at.to_string(),
        who: line.who.clone(),
        what: line.what.clone(),
        entity: line.entity.clone(),
        before: told(&line.before),
        after: told(&line.after),
        outcome: line.ended.as_ref().map_or_else(|| "is being done".to_owned(), |end| end.outcome.clone()),
        reason: line.ended.as_ref().and_then(|end| end.reason.clone()).unwrap_or_default(),
    });
    let older = lines.last().map(|line| line.seq).filter(|seq| *seq > 1);
    Page { rows: rows.collect(), older, reader }.render()
}

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct Page<'a> {
    rows: Vec<Row>,
    /// The line before which the next page begins.
    older: Option<i64>,
    reader: &'a Reader,
}

struct Row {
    at: String,
    exactly: String,
    who: String,
    what: String,
    entity: String,
    before: String,
    after: String,
    outcome: String,
    reason: String,
}

/// What was or shall be, as `name: value` in a row.
fn told(value: &Value) -> String {
    let Value::Object(fields) = value else { return format::plain(value) };
    let told = fields.iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, value)| format!("{name}: {}", format::plain(value))).collect::<Vec<_>>().join(", ")
}
