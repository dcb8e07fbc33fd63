//! Metrics of agents (`apis.md` C29 to C32). Of queues there are none here unless somebody switches them on (`apis.md` C48).

use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::Value;

use super::gate::Caller;
use super::picture::Picture;
use super::target::{Kind, Target, Way};
use super::wish::{CommonQuery, Wish, WishBody};
use super::{Clarity, Refusal};

/// Several agents: a bare array (`apis.md` B80).
pub async fn many(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Vec<Value>>, Refusal> {
    pictures(&clarity, &query, None, &body).map(Json)
}

/// One agent: an object. Where an id is expected there may also be the name of a part, which asks for several agents.
pub async fn one(
    State(clarity): State<Clarity>,
    Path(id): Path<String>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    match id.parse() {
        Ok(id) => show(&clarity, id, None, &query, &body).map(Json),
        Err(_) => pictures(&clarity, &query, Some(&id), &body).map(Value::from).map(Json),
    }
}

/// Several agents as one object.
pub async fn as_one(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let all = together(&clarity, Kind::Agents, Way::AsOne, &query, &body)?;
    all.into_iter().next().map(Json).ok_or((StatusCode::UNAUTHORIZED, String::new()))
}

/// Agents by team, group or business unit.
pub async fn by_group(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Vec<Value>>, Refusal> {
    together(&clarity, Kind::Agents, Way::ByGroup, &query, &body).map(Json)
}

/// Several queues, as agents are told of: only where somebody has switched it on.
pub async fn queues(
    State(clarity): State<Clarity>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Vec<Value>>, Refusal> {
    if !clarity.answers_queues.load(Ordering::SeqCst) {
        return Err((StatusCode::NOT_FOUND, String::new()));
    }
    together(&clarity, Kind::Queues, Way::Each, &query, &body).map(Json)
}

fn together(clarity: &Clarity, kind: Kind, way: Way, query: &CommonQuery, body: &[u8]) -> Result<Vec<Value>, Refusal> {
    let wish = wish(query, body)?;
    let refusal = || (StatusCode::UNAUTHORIZED, String::new());
    clarity.floor.read(|world, doors| {
        let targets = Target::all(world, kind, way, query).ok_or_else(refusal)?;
        let permitted = |target: &Target| kind == Kind::Queues || clarity.gate.permits(target.ids());
        if !targets.iter().all(permitted) {
            return Err(refusal());
        }
        let pictures = targets.iter().filter_map(|target| target.picture(world, doors, kind, &wish));
        Ok(pictures.map(|picture| picture.whole(world)).collect())
    })
}

/// One part of what is known of one agent.
pub async fn one_part(
    State(clarity): State<Clarity>,
    Extension(Caller(_)): Extension<Caller>,
    Path((id, part)): Path<(i64, String)>,
    Query(query): Query<CommonQuery>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    show(&clarity, id, Some(&part), &query, &body).map(Json)
}

fn show(clarity: &Clarity, id: i64, part: Option<&str>, query: &CommonQuery, body: &[u8]) -> Result<Value, Refusal> {
    let wish = wish(query, body)?;
    clarity.floor.read(|world, doors| {
        // An agent that does not exist is one that the caller may not see.
        let mut picture =
            Picture::of_agent(world, doors, id, &wish).ok_or((StatusCode::UNAUTHORIZED, String::new()))?;
        reduce(&mut picture, part)?;
        Ok(picture.whole(world))
    })
}

fn pictures(clarity: &Clarity, query: &CommonQuery, part: Option<&str>, body: &[u8]) -> Result<Vec<Value>, Refusal> {
    if !query.names_somebody() {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    if !clarity.gate.permits(&clarity.floor.read(|world, _| query.agents(world))) {
        return Err((StatusCode::UNAUTHORIZED, String::new()));
    }
    let wish = wish(query, body)?;
    clarity.floor.read(|world, doors| {
        let agents = query.agents(world).into_iter();
        agents
            .filter_map(|id| Picture::of_agent(world, doors, id, &wish))
            .map(|mut picture| reduce(&mut picture, part).map(|()| picture.whole(world)))
            .collect()
    })
}

fn wish(query: &CommonQuery, body: &[u8]) -> Result<Wish, Refusal> {
    let body = WishBody::read(body).ok_or((StatusCode::BAD_REQUEST, "The body cannot be read.".to_owned()))?;
    Ok(Wish::new(query, &body))
}

fn reduce(picture: &mut Picture, part: Option<&str>) -> Result<(), Refusal> {
    match part {
        Some(part) if !picture.reduce_to(part) => Err((StatusCode::NOT_FOUND, String::new())),
        _ => Ok(()),
    }
}
