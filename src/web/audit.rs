//! The audit for those who keep the house: as a page, as JSON, and as a table for spreadsheets.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Access, Administrator, Who};
use super::pages::{self, Reader};
use super::problem::Problem;
use super::state::AppState;
use super::supervise::{Acting, problem};
use crate::store::{Deed as Line, StoreError};

/// How many lines are shown when nobody says how many.
const LINES: u32 = 100;

/// How many lines are shown at most.
const MOST_LINES: u32 = 1000;

/// How many lines a table has at most.
const MOST_EXPORTED: usize = 100_000;

/// How long to wait when the store is busy, in seconds.
const COME_BACK: u64 = 5;

/// How much of the audit.
#[derive(Debug, Deserialize)]
pub struct HowMuch {
    limit: Option<u32>,
    /// Only lines before this one.
    before: Option<i64>,
}

/// `GET /api/v1/audit`: newest first.
pub async fn list(
    State(access): State<Access>,
    Administrator(viewer): Administrator,
    acting: Result<Acting, super::access::viewer::Refusal>,
    Query(how_much): Query<HowMuch>,
) -> Result<Response, Response> {
    if matches!(viewer.who(), Who::Anybody) {
        // A house without a door asks Clarity whether it knows whoever wants to read this.
        acting
            .map_err(IntoResponse::into_response)?
            .is_known()
            .await
            .map_err(|error| problem(error).into_response())?;
    }
    let lines = lines(&access, &how_much).await.map_err(IntoResponse::into_response)?;
    Ok(Json(json!({"deeds": lines.iter().map(document).collect::<Vec<_>>()})).into_response())
}

/// `GET /audit`.
pub async fn page(
    State(state): State<AppState>,
    State(access): State<Access>,
    Administrator(viewer): Administrator,
    Query(how_much): Query<HowMuch>,
) -> Result<Response, Problem> {
    let lines = lines(&access, &how_much).await?;
    let html = pages::audit(&lines, state.clock.now(), &state.house.time_zone, &Reader::of(&viewer, state.house.demo));
    html.map(|html| Html(html).into_response()).map_err(|error| {
        tracing::error!(error = %error, "the page of the audit cannot be rendered");
        Problem::broken()
    })
}

/// `GET /audit.csv`: everything, or as much as a spreadsheet takes. That somebody took it along is in the audit too.
pub async fn table(State(access): State<Access>, Administrator(viewer): Administrator) -> Result<Response, Problem> {
    let mut text = row(
        ["line", "at", "who", "what", "entity", "before", "after", "ended", "outcome", "reason"].map(str::to_owned)
    );
    let (mut before, mut count) = (None, 0);
    while count < MOST_EXPORTED {
        let lines = lines(&access, &HowMuch { limit: Some(MOST_LINES), before }).await?;
        let Some(last) = lines.last() else { break };
        before = Some(last.seq);
        count += lines.len();
        lines.iter().for_each(|line| text.push_str(&cells(line)));
    }
    access.write(&viewer.audit_name(), "audit.export", "audit", json!({ "lines": count })).await;
    let named = "attachment; filename=\"callboard-audit.csv\"";
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, named)], text).into_response())
}

async fn lines(access: &Access, how_much: &HowMuch) -> Result<Vec<Line>, Problem> {
    let limit = how_much.limit.unwrap_or(LINES).min(MOST_LINES);
    let lines = access.store().deeds_before(how_much.before.unwrap_or(i64::MAX), limit).await;
    lines.map_err(|error: StoreError| {
        tracing::error!(error = %error, "the audit cannot be read");
        Problem::not_now(COME_BACK)
    })
}

fn document(line: &Line) -> Value {
    let mut shown = json!({
        "id": line.seq, "at": line.at, "who": line.who, "what": line.what, "entity": line.entity,
        "before": line.before, "after": line.after,
    });
    if let Some(end) = &line.ended {
        shown["ended"] = json!(end.at);
        shown["outcome"] = json!(end.outcome);
        if let Some(reason) = &end.reason {
            shown["reason"] = json!(reason);
        }
    }
    shown
}

fn cells(line: &Line) -> String {
    let end = line.ended.as_ref();
    row([
        line.seq.to_string(),
        line.at.to_string(),
        line.who.clone(),
        line.what.clone(),
        line.entity.clone(),
        line.before.to_string(),
        line.after.to_string(),
        end.map(|end| end.at.to_string()).unwrap_or_default(),
        end.map(|end| end.outcome.clone()).unwrap_or_default(),
        end.and_then(|end| end.reason.clone()).unwrap_or_default(),
    ])
}

/// One line as RFC 4180 writes it. What a spreadsheet would take for a formula stands behind an apostrophe: names and reasons
/// are other people's words.
fn row(cells: [String; 10]) -> String {
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
        let mut cells: [String; 10] = Default::default();
        let words = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a \"b\", c", "x=1", "line\nbreak"];
        cells.iter_mut().zip(words).for_each(|(cell, word)| word.clone_into(cell));
        let expected = "\"'=1+1\",\"'+1\",\"'-1\",\"'@SUM(A1)\",\"'\tx\",\"'\rx\",\"a \"\"b\"\", c\",\"x=1\",\"line\nbreak\",\"\"\r\n";
        assert_eq!(row(cells), expected);
    }
}
