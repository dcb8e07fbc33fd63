//! Notes, dispositions and extra items of contacts, and recording (apis.md C21 to C25).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::sessions::list;
use super::{Clarity, ErrorResponse};
use crate::contact_center::Annotations;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtraItem {
    extra_item_id: Option<i64>,
    extra_item_name: Option<String>,
    extra_item_value: Option<String>,
}

/// `setextraitems`.
pub async fn extra_item(clarity: State<Clarity>, id: Path<i64>, body: Bytes) -> Result<StatusCode, ErrorResponse> {
    let item: ExtraItem = read(&body)?;
    let name = item.extra_item_name.or_else(|| item.extra_item_id.map(|id| format!("Item {id}")));
    let name = name.ok_or_else(|| bad("The extra item id and name are null."))?;
    let value = item.extra_item_value.ok_or_else(|| bad("The extra item value is null."))?;
    write(&clarity, *id, |annotations| {
        annotations.extra_items.insert(name, value);
    })
}

#[derive(Deserialize)]
struct Note {
    note: Option<String>,
}

/// `setcallnotes`.
pub async fn note(clarity: State<Clarity>, id: Path<i64>, body: Bytes) -> Result<StatusCode, ErrorResponse> {
    let Note { note } = read(&body)?;
    write(&clarity, *id, |annotations| annotations.note = note)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Disposition {
    disposition_id: i64,
    sub_disposition_id: Option<i64>,
}

/// `setdispositions`.
pub async fn disposition(clarity: State<Clarity>, id: Path<i64>, body: Bytes) -> Result<StatusCode, ErrorResponse> {
    let chosen: Disposition = read(&body)?;
    write(&clarity, *id, |annotations| {
        annotations.disposition = Some((chosen.disposition_id, chosen.sub_disposition_id))
    })
}

/// `startRecordingSessions`.
pub async fn start_recording(clarity: State<Clarity>, agent: Path<i64>) -> Result<Json<Value>, StatusCode> {
    record(&clarity, *agent, true)
}

/// `stopRecordingSessions`.
pub async fn stop_recording(clarity: State<Clarity>, agent: Path<i64>) -> Result<Json<Value>, StatusCode> {
    record(&clarity, *agent, false)
}

/// Clarity answers an unknown agent like a hidden one: 401.
fn record(clarity: &Clarity, agent: i64, recording: bool) -> Result<Json<Value>, StatusCode> {
    let recorded =
        clarity.simulation.change(|center| center.record(agent, recording)).ok_or(StatusCode::UNAUTHORIZED)?;
    let items = recorded.into_iter().map(|(id, is_recording, can_be_recorded)| {
        json!({"sessionId": id, "isRecording": is_recording, "canBeRecorded": can_be_recorded,
            "requestDenied": !can_be_recorded, "requestFailed": false})
    });
    Ok(Json(list(items.collect())))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ErrorResponse> {
    serde_json::from_slice(body).map_err(|_| bad("The request body is null or cannot be read."))
}

fn write(clarity: &Clarity, session: i64, change: impl FnOnce(&mut Annotations)) -> Result<StatusCode, ErrorResponse> {
    match clarity.simulation.change(|center| center.annotate(session, change)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err((StatusCode::INTERNAL_SERVER_ERROR, String::new())),
    }
}

fn bad(why: &str) -> ErrorResponse {
    (StatusCode::BAD_REQUEST, json!({"message": why}).to_string())
}
