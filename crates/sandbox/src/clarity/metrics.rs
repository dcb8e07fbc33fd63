//! Metrics of agents (apis.md C29 to C32), and of queues if [`Clarity::queue_metrics`] is set (apis.md C48).

use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::Value;

use super::realtime_data::RealtimeData;
use super::selection::{CommonQuery, Selection, SelectionBody};
use super::target::{Grouping, Kind, Target};
use super::{Clarity, ErrorResponse};
use crate::auth::Caller;

/// Several agents: a bare array (apis.md B80).
pub async fn several(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Vec<Value>>, ErrorResponse> {
    agents_data(&clarity, &query, None, &body).map(Json)
}

/// One agent: an object. The name of a part in the place of the id asks for that part of several agents.
pub async fn one(
    State(clarity): State<Clarity>,
    Path(id): Path<String>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, ErrorResponse> {
    match id.parse() {
        Ok(id) => agent_data(&clarity, id, None, &query, &body).map(Json),
        Err(_) => agents_data(&clarity, &query, Some(&id), &body).map(Value::from).map(Json),
    }
}

/// Several agents, aggregated to one object.
pub async fn aggregate(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, ErrorResponse> {
    let all = grouped(&clarity, Kind::Agents, Grouping::Aggregate, &query, &body)?;
    all.into_iter().next().map(Json).ok_or((StatusCode::UNAUTHORIZED, String::new()))
}

/// Agents by team, group or business unit.
pub async fn by_group(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Vec<Value>>, ErrorResponse> {
    grouped(&clarity, Kind::Agents, Grouping::ByGroup, &query, &body).map(Json)
}

/// Several queues, in the shape of agents; 404 unless it is switched on.
pub async fn queues(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Vec<Value>>, ErrorResponse> {
    if !clarity.queue_metrics.load(Ordering::SeqCst) {
        return Err((StatusCode::NOT_FOUND, String::new()));
    }
    grouped(&clarity, Kind::Queues, Grouping::Each, &query, &body).map(Json)
}

fn grouped(
    clarity: &Clarity,
    kind: Kind,
    grouping: Grouping,
    query: &CommonQuery,
    body: &[u8],
) -> Result<Vec<Value>, ErrorResponse> {
    let selection = selection(query, body)?;
    let unauthorized = || (StatusCode::UNAUTHORIZED, String::new());
    clarity.simulation.read(|center, timeline| {
        let targets = Target::all(center, kind, grouping, query).ok_or_else(unauthorized)?;
        let permitted = |target: &Target| kind == Kind::Queues || clarity.auth.permits(target.ids());
        if !targets.iter().all(permitted) {
            return Err(unauthorized());
        }
        let all = targets.iter().filter_map(|target| target.data(center, timeline, kind, &selection));
        Ok(all.map(|data| data.full(center)).collect())
    })
}

/// One part of an agent: `metrics`, `sessions` or `status`.
pub async fn one_part(
    State(clarity): State<Clarity>,
    Extension(Caller(_)): Extension<Caller>,
    Path((id, part)): Path<(i64, String)>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, ErrorResponse> {
    agent_data(&clarity, id, Some(&part), &query, &body).map(Json)
}

fn agent_data(
    clarity: &Clarity,
    id: i64,
    part: Option<&str>,
    query: &CommonQuery,
    body: &[u8],
) -> Result<Value, ErrorResponse> {
    let selection = selection(query, body)?;
    clarity.simulation.read(|center, timeline| {
        // Clarity answers an unknown agent like a hidden one: 401.
        let mut data = RealtimeData::of_agent(center, timeline, id, &selection)
            .ok_or((StatusCode::UNAUTHORIZED, String::new()))?;
        keep_part(&mut data, part)?;
        Ok(data.full(center))
    })
}

fn agents_data(
    clarity: &Clarity,
    query: &CommonQuery,
    part: Option<&str>,
    body: &[u8],
) -> Result<Vec<Value>, ErrorResponse> {
    if !query.names_an_entity() {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    if !clarity.auth.permits(&clarity.simulation.read(|center, _| query.agents(center))) {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    let selection = selection(query, body)?;
    clarity.simulation.read(|center, timeline| {
        let agents = query.agents(center).into_iter();
        agents
            .filter_map(|id| RealtimeData::of_agent(center, timeline, id, &selection))
            .map(|mut data| keep_part(&mut data, part).map(|()| data.full(center)))
            .collect()
    })
}

fn selection(query: &CommonQuery, body: &[u8]) -> Result<Selection, ErrorResponse> {
    let body = SelectionBody::parse(body).ok_or((StatusCode::BAD_REQUEST, "The body cannot be read.".to_owned()))?;
    Ok(Selection::new(query, &body))
}

fn keep_part(data: &mut RealtimeData, part: Option<&str>) -> Result<(), ErrorResponse> {
    match part {
        Some(part) if !data.keep_part(part) => Err((StatusCode::NOT_FOUND, String::new())),
        _ => Ok(()),
    }
}
