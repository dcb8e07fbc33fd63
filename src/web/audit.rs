//! The audit for administrators: as a page, as JSON and as CSV, with the same filters.

use std::io;
use std::net::IpAddr;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::access::viewer::AuthError;
use super::access::{Access, Administrator, Identity, Viewer};
use super::api_error::ApiError;
use super::audit_query::{self, AuditFilters, AuditQuery};
use super::openapi::{ClarityProblems, ParameterProblems, ViewerProblems};
use super::pages::{self, CurrentUser};
use super::state::AppState;
use super::supervise::ActingSupervisor;
use crate::domain::{ActorKind, AgentId, Role};
use crate::store::{AuditEntry as Line, AuditFilter, NewAuditEntry, Store, StoreError};

/// How many entries a table has at most.
const MOST_EXPORTED: usize = 100_000;

/// How many parts of a table wait for a slow reader.
const WAITING_PARTS: usize = 2;

/// Why a table is broken off whose reader may not have it any more.
const RIGHT_ENDED: &str = "the right to read the audit has ended";

/// The head of the CSV. New columns are at the end: spreadsheets count columns.
const HEAD: [&str; 15] = [
    "id", "at", "actor", "action", "target", "before", "after", "ended", "outcome", "reason", "kind", "agent", "name",
    "address", "signIn",
];

/// Entries of the audit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Audit)]
pub struct AuditEntries {
    /// The newest first.
    entries: Vec<AuditLine>,
}

/// An entry of the audit. Of personal texts it has the length only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditLine {
    /// Its number.
    id: i64,
    /// When.
    at: Timestamp,
    /// Who acted, in one text: `agent 5 (Ann)`.
    actor: String,
    /// The kind of actor.
    kind: ActorKind,
    /// The user's agent number.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentId>,
    /// The user's name, a display's id, or a command. Of an unknown caller: the name that they gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The address that the request came from.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    /// The id of the sign-in that they acted with.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<String>,
    /// The action.
    #[schema(example = "agent.status")]
    action: String,
    /// The target.
    #[schema(example = "agent 41")]
    target: String,
    /// The values before.
    #[schema(value_type = Object)]
    before: Value,
    /// The values after.
    #[schema(value_type = Object)]
    after: Value,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    /// `rejected` by the upstream system, `refused` by this server; or `accepted`, `failed`, `unknown`.
    #[schema(pattern = "^(accepted|rejected|refused|failed|unknown)$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Why it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What a query says, in its order.
type Pairs = Query<Vec<(String, String)>>;

/// Who changed what: when, before, after, and how Clarity answered; newest first.
///
/// All filters must match. Each may be given once; an empty one is ignored. The page `/audit` and the table
/// `/audit.csv` take the same.
#[utoipa::path(get, path = "/api/v1/audit", extensions(("x-least-role" = json!("administrator"))), params(AuditFilters),
    security(("clarityToken" = [])), responses((status = 200, description = "The entries.", body = AuditEntries),
    ParameterProblems, ClarityProblems, ViewerProblems))]
pub async fn list(
    State(state): State<AppState>,
    State(access): State<Access>,
    Administrator(viewer): Administrator,
    acting: Result<ActingSupervisor, AuthError>,
    Query(pairs): Pairs,
) -> Result<Response, ApiError> {
    if matches!(viewer.identity(), Identity::Anonymous) {
        // Without sign-in, Clarity must know the caller who wants to read this.
        acting?.confirm_user().await?;
    }
    let query = AuditQuery::read(&pairs, &state.site.time_zone).sound();
    let query = query.map_err(ApiError::bad_request)?;
    let lines = lines(access.store(), &query, query.limit).await?;
    Ok(Json(AuditEntries { entries: lines.into_iter().map(document).collect() }).into_response())
}

/// `GET /audit`. A filter that cannot be is said on the page, above what was typed.
pub async fn page(
    State(state): State<AppState>,
    State(access): State<Access>,
    Administrator(viewer): Administrator,
    Query(pairs): Pairs,
) -> Result<Response, ApiError> {
    let zone = &state.site.time_zone;
    let query = AuditQuery::read(&pairs, zone);
    let (status, mut shown) = match &query.error {
        // One more shows whether there are older ones.
        None => (StatusCode::OK, lines(access.store(), &query, query.limit.saturating_add(1)).await?),
        Some(_) => (StatusCode::BAD_REQUEST, Vec::new()),
    };
    let is_cut = shown.len() > query.limit as usize;
    shown.truncate(query.limit as usize);
    let page = pages::AuditPage { lines: &shown, filters: &query, is_cut };
    let html = pages::audit(&page, state.clock.now(), zone, &CurrentUser::of(&viewer, state.site.demo));
    html.map(|html| (status, Html(html)).into_response()).map_err(|error| {
        tracing::error!(error = %error, "the page of the audit cannot be rendered");
        ApiError::internal()
    })
}

/// `GET /audit.csv`: all entries that match the filters, or as many as a spreadsheet takes. The export itself is in
/// the audit too, or they do not get it.
pub async fn table(
    State(state): State<AppState>,
    State(access): State<Access>,
    Administrator(viewer): Administrator,
    Query(pairs): Pairs,
) -> Result<Response, ApiError> {
    let query = AuditQuery::read(&pairs, &state.site.time_zone).sound().map_err(ApiError::bad_request)?;
    let store = access.store().clone();
    let entry = NewAuditEntry {
        actor: viewer.actor(),
        action: "audit.export",
        target: "audit".to_owned(),
        before: json!({}),
        after: json!({ "filters": query.told() }),
    };
    let entry = store.audit().begin(entry).await.map_err(|error| unread(&error))?;
    let (parts, told) = mpsc::channel(WAITING_PARTS);
    let reader = viewer.clone();
    // It reads on as fast as it is read, and ends with its reader.
    state.life.spawn_isolated(async move {
        let (outcome, reason) = write_table(&store, query, entry, &reader, &parts).await;
        if let Err(error) = store.audit().complete(entry, outcome, Some(reason)).await {
            tracing::error!(error = %error, "how an export ended could not be written to the audit");
        }
    });
    // What waits to be sent is not sent to a user who may not have it any more.
    let body = Body::from_stream(futures_util::stream::unfold(told, move |mut told| {
        let viewer = viewer.clone();
        async move {
            let part = told.recv().await?;
            Some((if may_read(&viewer) { part } else { Err(broken_off(RIGHT_ENDED)) }, told))
        }
    }));
    let named = "attachment; filename=\"callboard-audit.csv\"";
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, named)], body).into_response())
}

/// Writes a table part by part, without its own entry. How that ended, for the audit.
async fn write_table(
    store: &Store,
    query: AuditQuery,
    entry: i64,
    reader: &Viewer,
    parts: &mpsc::Sender<Result<Bytes, io::Error>>,
) -> (&'static str, String) {
    let AuditQuery { filter, before, .. } = query;
    let (mut before, mut count) = (before.map_or(entry, |before| before.min(entry)), 0);
    let mut part = row(HEAD.map(str::to_owned));
    loop {
        if !may_read(reader) {
            let _ = parts.send(Err(broken_off(RIGHT_ENDED))).await;
            return ("refused", format!("The user's right to it ended after {count} entries."));
        }
        if parts.send(Ok(part.into())).await.is_err() {
            if !may_read(reader) {
                return ("refused", format!("The user's right to it ended after {count} entries."));
            }
            return ("failed", format!("The client left after {count} entries."));
        }
        if count == MOST_EXPORTED {
            return ("accepted", format!("The newest {count} entries, and no more."));
        }
        let lines = match store.audit().find(filter.clone(), Some(before), audit_query::MAX_ENTRIES).await {
            Ok(lines) => lines,
            Err(error) => {
                tracing::error!(error = %error, "the audit cannot be read");
                // A table that ends too early must not pass for a whole one: the client sees that it was broken off.
                let _ = parts.send(Err(broken_off("the audit cannot be read"))).await;
                return ("failed", format!("It could not be read on after {count} entries."));
            }
        };
        let Some(last) = lines.last() else { return ("accepted", format!("{count} entries.")) };
        before = last.seq;
        count += lines.len();
        part = lines.iter().map(cells).collect();
        if count >= MOST_EXPORTED && has_older(store, &filter, before).await {
            part.push_str(&cut(count));
            count = MOST_EXPORTED;
        }
    }
}

/// Whether they may read the audit still. A table takes as long as its reader likes.
fn may_read(viewer: &Viewer) -> bool {
    viewer.clone().now().is_some_and(|viewer| viewer.role() >= Role::Administrator)
}

/// Ends an answer in such a way that the client sees that it is not whole.
fn broken_off(why: &'static str) -> io::Error {
    io::Error::other(why)
}

/// Whether there are more entries than a CSV has. If that is unknown, there are.
async fn has_older(store: &Store, filter: &AuditFilter, before: i64) -> bool {
    store.audit().find(filter.clone(), Some(before), 1).await.map_or(true, |lines| !lines.is_empty())
}

/// In a fixed width, so that a spreadsheet which sorts texts puts them in the order of time.
fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The last line of a table that does not hold everything.
fn cut(count: usize) -> String {
    let mut cells: [String; HEAD.len()] = Default::default();
    cells[3] = format!("Only the newest {count} entries are in this table. Ask for older ones with a filter.");
    row(cells)
}

async fn lines(store: &Store, query: &AuditQuery, limit: u32) -> Result<Vec<Line>, ApiError> {
    store.audit().find(query.filter.clone(), query.before, limit).await.map_err(|error| unread(&error))
}

fn unread(error: &StoreError) -> ApiError {
    tracing::error!(error = %error, "the audit cannot be read or written");
    ApiError::busy()
}

fn document(line: Line) -> AuditLine {
    let (actor, ended) = (line.actor, line.ended);
    AuditLine {
        id: line.seq,
        at: line.at,
        kind: actor.kind,
        action: line.action,
        target: line.target,
        before: line.before,
        after: line.after,
        ended: ended.as_ref().map(|end| end.at),
        outcome: ended.as_ref().map(|end| end.outcome.clone()),
        reason: ended.and_then(|end| end.reason),
        agent: actor.agent,
        address: actor.address,
        actor: actor.to_string(),
        name: actor.name,
        sign_in: actor.sign_in,
    }
}

fn cells(line: &Line) -> String {
    let (end, actor) = (line.ended.as_ref(), &line.actor);
    row([
        line.seq.to_string(),
        moment(line.at),
        actor.to_string(),
        line.action.clone(),
        line.target.clone(),
        line.before.to_string(),
        line.after.to_string(),
        end.map(|end| moment(end.at)).unwrap_or_default(),
        end.map(|end| end.outcome.clone()).unwrap_or_default(),
        end.and_then(|end| end.reason.clone()).unwrap_or_default(),
        actor.kind.as_str().to_owned(),
        actor.agent.map(|agent| agent.to_string()).unwrap_or_default(),
        actor.name.clone().unwrap_or_default(),
        actor.address.map(|address| address.to_string()).unwrap_or_default(),
        actor.sign_in.clone().unwrap_or_default(),
    ])
}

/// One line as RFC 4180 writes it. A text that a spreadsheet would take for a formula gets an apostrophe: names and
/// reasons are other people's words.
fn row(cells: [String; HEAD.len()]) -> String {
    let cells = cells.map(|cell| {
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        format!("\"{}{}\"", if is_formula { "'" } else { "" }, cell.replace('"', "\"\""))
    });
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_words_are_no_formula() {
        let mut cells: [String; HEAD.len()] = Default::default();
        let words = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a \"b\", c", "x=1", "line\nbreak"];
        cells.iter_mut().zip(words).for_each(|(cell, word)| word.clone_into(cell));
        let expected =
            "\"'=1+1\",\"'+1\",\"'-1\",\"'@SUM(A1)\",\"'\tx\",\"'\rx\",\"a \"\"b\"\", c\",\"x=1\",\"line\nbreak\"";
        assert_eq!(row(cells), format!("{expected}{}\r\n", ",\"\"".repeat(6)));
    }
}
