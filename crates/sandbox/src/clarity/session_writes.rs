//! What is written onto contacts, and recording (`apis.md` C21 to C25).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::sessions::list;
use super::{Clarity, Refusal};
use crate::world::Papers;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtraItem {
    extra_item_id: Option<i64>,
    extra_item_name: Option<String>,
    extra_item_value: Option<String>,
}

/// `setextraitems`.
pub async fn extra_item(clarity: State<Clarity>, id: Path<i64>, body: Bytes) -> Result<StatusCode, Refusal> {
    let item: ExtraItem = read(&body)?;
    let name = item.extra_item_name.or_else(|| item.extra_item_id.map(|id| format!("Item {id}")));
    let name = name.ok_or_else(|| bad("The extra item id and name are null."))?;
    let value = item.extra_item_value.ok_or_else(|| bad("The extra item value is null."))?;
    write(&clarity, *id, |papers| {
        papers.extra_items.insert(name, value);
    })
}

#[derive(Deserialize)]
struct Note {
    note: Option<String>,
}

/// `setcallnotes`.
pub async fn note(clarity: State<Clarity>, id: Path<i64>, body: Bytes) -> Result<StatusCode, Refusal> {
    let Note { note } = read(&body)?;
    write(&clarity, *id, |papers| papers.note = note)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disposition {
    disposition_id: i64,
    sub_disposition_id: Option<i64>,
}

/// `setdispositions`.
pub async fn disposition(clarity: State<Clarity>, id: Path<i64>, body: Bytes) -> Result<StatusCode, Refusal> {
    let chosen: Disposition = read(&body)?;
    write(&clarity, *id, |papers| papers.disposition = Some((chosen.disposition_id, chosen.sub_disposition_id)))
}

/// `startRecordingSessions`.
pub async fn start_recording(clarity: State<Clarity>, agent: Path<i64>) -> Result<Json<Value>, StatusCode> {
    record(&clarity, *agent, true)
}

/// `stopRecordingSessions`.
pub async fn stop_recording(clarity: State<Clarity>, agent: Path<i64>) -> Result<Json<Value>, StatusCode> {
    record(&clarity, *agent, false)
}

/// An agent that does not exist is one that the caller may not see.
fn record(clarity: &Clarity, agent: i64, recording: bool) -> Result<Json<Value>, StatusCode> {
    let told = clarity.floor.change(|world| world.record(agent, recording)).ok_or(StatusCode::UNAUTHORIZED)?;
    let items = told.into_iter().map(|(id, now, may)| {
        json!({"sessionId": id, "isRecording": now, "canBeRecorded": may, "requestDenied": !may, "requestFailed": false})
    });
    Ok(Json(list(items.collect())))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| bad("The request body is null or cannot be read."))
}

fn write(clarity: &Clarity, session: i64, pen: impl FnOnce(&mut Papers)) -> Result<StatusCode, Refusal> {
    match clarity.floor.change(|world| world.write(session, pen)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err((StatusCode::INTERNAL_SERVER_ERROR, String::new())),
    }
}

fn bad(why: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, json!({"message": why}).to_string())
}
