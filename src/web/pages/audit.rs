//! `/audit`: who changed what.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{CurrentUser, format, segment, words};
use crate::domain::{Actor, ActorKind};
use crate::store::{AUDIT_OPEN, AUDIT_OUTCOMES, AuditEntry};
use crate::web::audit_query::AuditQuery;

/// What is shown of the audit.
pub struct AuditPage<'a> {
    /// The entries, newest first.
    pub lines: &'a [AuditEntry],
    /// What was asked for.
    pub asked: &'a AuditQuery,
    /// Whether there are older ones.
    pub is_cut: bool,
}

/// Renders the page: newest first.
pub fn audit(page: &AuditPage, now: Timestamp, zone: &TimeZone, user: &CurrentUser) -> Result<String, askama::Error> {
    let AuditPage { lines, asked, is_cut } = page;
    let rows = lines.iter().map(|line| Row {
        at: format::exact_moment(line.at, zone, now),
        exactly: line.at.to_string(),
        who: who(&line.actor),
        address: line.actor.address.map(|address| address.to_string()).unwrap_or_default(),
        sign_in: line.actor.sign_in.clone().unwrap_or_default(),
        what: line.action.clone(),
        entity: target(&line.target),
        before: told(&line.before),
        after: told(&line.after),
        outcome: line.ended.as_ref().map_or_else(|| words::text("inProgress").to_owned(), |end| end.outcome.clone()),
        reason: line.ended.as_ref().and_then(|end| end.reason.clone()).unwrap_or_default(),
    });
    let link = |path: &str, query: String| if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let older = lines.last().filter(|_| *is_cut).map(|line| link("/audit", asked.query(Some(line.seq))));
    Page {
        rows: rows.collect(),
        older: older.unwrap_or_default(),
        newest: asked.before.map(|_| link("/audit", asked.query(None))).unwrap_or_default(),
        table: link("/audit.csv", asked.query(None)),
        asked,
        trouble: asked.error.as_deref().unwrap_or_default(),
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
    /// Where the next page is; empty if there is none.
    older: String,
    /// Where the first page is; empty on it.
    newest: String,
    /// Where the table with the same filters is.
    table: String,
    asked: &'a AuditQuery,
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

/// A name, and the page that tells more; empty if none does.
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

/// The page of a target, which is named by what it is and its id.
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

/// What was or shall be, as `name: value` in a row.
fn told(value: &Value) -> String {
    let Value::Object(fields) = value else { return format::plain(value) };
    let is_told = |value: &Value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty());
    let told = fields.iter().filter(|(_, value)| is_told(value));
    told.map(|(name, value)| format!("{name}: {}", format::plain(value))).collect::<Vec<_>>().join(", ")
}
