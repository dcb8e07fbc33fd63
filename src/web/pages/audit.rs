//! `/audit`: who changed what.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{CurrentUser, format, segment, words};
use crate::domain::{Actor, ActorKind};
use crate::store::{AUDIT_OPEN, AUDIT_OUTCOMES, AuditEntry};
use crate::web::audit_query::AuditQuery;

/// A page of audit entries.
pub struct AuditPage<'a> {
    /// The entries, newest first.
    pub lines: &'a [AuditEntry],
    /// The filters.
    pub filters: &'a AuditQuery,
    /// Whether there are older ones.
    pub is_cut: bool,
}

/// Renders the page: newest first.
pub fn audit(page: &AuditPage, now: Timestamp, zone: &TimeZone, user: &CurrentUser) -> Result<String, askama::Error> {
    let AuditPage { lines, filters, is_cut } = page;
    let rows = lines.iter().map(|line| Row {
        at: format::exact_moment(line.at, zone, now),
        exactly: line.at.to_string(),
        who: who(&line.actor),
        address: line.actor.address.map(|address| address.to_string()).unwrap_or_default(),
        sign_in: line.actor.sign_in.clone().unwrap_or_default(),
        what: line.action.clone(),
        entity: target(&line.target),
        before: fields_text(&line.before),
        after: fields_text(&line.after),
        outcome: line.ended.as_ref().map_or_else(|| words::text("inProgress").to_owned(), |end| end.outcome.clone()),
        reason: line.ended.as_ref().and_then(|end| end.reason.clone()).unwrap_or_default(),
    });
    let link = |path: &str, query: String| if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let older = lines.last().filter(|_| *is_cut).map(|line| link("/audit", filters.query(Some(line.seq))));
    Page {
        rows: rows.collect(),
        older: older.unwrap_or_default(),
        newest: filters.before.map(|_| link("/audit", filters.query(None))).unwrap_or_default(),
        table: link("/audit.csv", filters.query(None)),
        filters,
        trouble: filters.error.as_deref().unwrap_or_default(),
        outcomes: AUDIT_OUTCOMES.into_iter().chain([AUDIT_OPEN]).collect(),
        zone: zone.iana_name().unwrap_or("UTC"),
        user,
    }
    .render()
}

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct Page<'a> {
    rows: Vec<Row>,
    /// The address of the next page; empty if there is none.
    older: String,
    /// The address of the first page; empty on it.
    newest: String,
    /// The address of the CSV with the same filters.
    table: String,
    filters: &'a AuditQuery,
    trouble: &'a str,
    outcomes: Vec<&'static str>,
    zone: &'a str,
    user: &'a CurrentUser,
}

struct Row {
    at: String,
    exactly: String,
    who: Named,
    address: String,
    sign_in: String,
    what: String,
    entity: Named,
    before: String,
    after: String,
    outcome: String,
    reason: String,
}

/// A name, and the address of its page; empty if it has none.
struct Named {
    text: String,
    page: String,
}

fn who(actor: &Actor) -> Named {
    let page = match (actor.kind, actor.agent) {
        (_, Some(agent)) => format!("/agents/{agent}"),
        (ActorKind::Display, None) => "/displays".to_owned(),
        _ => String::new(),
    };
    Named { text: actor.to_string(), page }
}

/// The address of a target, which is named by its kind and id.
fn target(entity: &str) -> Named {
    let page = match entity.split_once(' ') {
        Some(("agent", id)) if id.bytes().all(|digit| digit.is_ascii_digit()) => format!("/agents/{id}"),
        Some(("response", id)) => format!("/feedback/{}", segment(id)),
        Some(("wallboard", name)) => format!("/wallboard/{}", segment(name)),
        Some(("survey", _)) => "/surveys".to_owned(),
        Some(("sign-in", _)) => "/sign-ins".to_owned(),
        Some(("display", _)) => "/displays".to_owned(),
        _ => String::new(),
    };
    Named { text: entity.to_owned(), page }
}

/// The values before or after, as `name: value` on one line.
fn fields_text(value: &Value) -> String {
    let Value::Object(fields) = value else { return format::plain(value) };
    let is_shown = |value: &Value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty());
    let shown = fields.iter().filter(|(_, value)| is_shown(value));
    shown.map(|(name, value)| format!("{name}: {}", format::plain(value))).collect::<Vec<_>>().join(", ")
}
