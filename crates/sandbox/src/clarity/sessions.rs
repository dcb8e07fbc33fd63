//! Sessions: of an agent, by id, transcript, customer history (apis.md C16 to C20, C87 to C98).

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Clarity, ErrorResponse};
use crate::contact_center::{ContactCenter, DISPOSITIONS, Modality, Session, SessionStatus};
use crate::kustomer;
use crate::simulation::Timeline;

/// The most entries of a customer history.
const MAX_HISTORY: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfAgent {
    agent_id: i64,
    active_only: Option<bool>,
}

/// `GET /v2/sessions`.
pub async fn of_agent(State(clarity): State<Clarity>, Query(query): Query<OfAgent>) -> Result<Json<Value>, StatusCode> {
    if query.active_only == Some(false) {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(clarity.simulation.read(|center, timeline| {
        let sessions = center.sessions().values().filter(|session| session.agent == Some(query.agent_id));
        Json(list(sessions.map(|session| model(center, timeline, session)).collect()))
    }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Includes {
    include_customer_history: bool,
    customer_history_limit: Option<usize>,
    include_dispositions: bool,
    include_extra_items: bool,
    include_current_transcript: bool,
    include_session_event_history: bool,
    include_aftercall_options: bool,
    include_hold_timer_threshold: bool,
}

/// `GET /v2/sessions/{id}`: 500 for an unknown session (apis.md B87).
pub async fn by_id(
    State(clarity): State<Clarity>,
    Path(id): Path<i64>,
    Query(includes): Query<Includes>,
) -> Result<Json<Value>, StatusCode> {
    clarity.simulation.read(|center, timeline| {
        let session = center.session(id).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let mut object = model(center, timeline, session);
        if includes.include_customer_history {
            object["customerHistory"] =
                history(center, timeline, session, includes.customer_history_limit.unwrap_or(3));
        }
        if includes.include_dispositions {
            object["callDispositions"] = dispositions();
        }
        if includes.include_extra_items {
            object["extraItems"] = extra_items(session);
        }
        if includes.include_current_transcript {
            object["transcript"] = list(Vec::new());
        }
        if includes.include_session_event_history {
            object["sessionEventHistory"] = list(vec![json!({
                "eventText": "Session created.", "lastUpdated": timeline.time(session.began), "updatedBy": "APP-01",
                    "id": 1
            })]);
        }
        if includes.include_aftercall_options {
            object["aftercallOptions"] = json!({"isManualAfterCallEnabled": true, "afterCalltimeSeconds": 10, "id": 0});
        }
        if includes.include_hold_timer_threshold {
            object["holdTimerThreshold"] = json!(10);
        }
        Ok(Json(object))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    start_timestamp: Option<String>,
    end_timestamp: Option<String>,
    size: Option<u32>,
}

/// `GET /v2/sessions/{id}/transcript`: always empty.
pub async fn transcript(Query(part): Query<Part>) -> Result<Json<Value>, StatusCode> {
    match (part.start_timestamp, part.end_timestamp, part.size) {
        (Some(_), Some(_), Some(_)) | (None, None, Some(_)) => Err(StatusCode::BAD_REQUEST),
        _ => Ok(Json(list(Vec::new()))),
    }
}

/// `GET /v2/sessions/{id}/gruu`.
pub async fn gruu(Path(id): Path<i64>) -> Json<String> {
    Json(format!("sip:session.{id}@example.com;gruu"))
}

/// `GET /v2/sessions/customerHistory/{id}`.
pub async fn customer_history(
    State(clarity): State<Clarity>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ErrorResponse> {
    clarity.simulation.read(|center, timeline| {
        let session = center.session(id).ok_or((StatusCode::INTERNAL_SERVER_ERROR, String::new()))?;
        Ok(Json(history(center, timeline, session, MAX_HISTORY)))
    })
}

fn history(center: &ContactCenter, timeline: Timeline, session: &Session, limit: usize) -> Value {
    let earlier = center.past_of(&session.customer.email).filter(|other| other.id != session.id);
    list(earlier.take(limit.min(MAX_HISTORY)).map(|other| base(center, timeline, other)).collect())
}

fn dispositions() -> Value {
    let all = DISPOSITIONS.iter().map(|(id, name, subs)| {
        let subs = subs.iter().map(|(id, name)| json!({"subDispositionId": id, "subDisposition": name, "id": id}));
        json!({"dispositionId": id, "disposition": name, "businessUnitId": 1, "subDispositions": list(subs.collect()),
            "type": "callDisposition", "id": id})
    });
    list(all.collect())
}

/// Extra items. Their id is -1, as in the document's sample (apis.md B54).
fn extra_items(session: &Session) -> Value {
    let phone = [("CallerPhoneNumber".to_owned(), session.customer.phone.clone())];
    let mut own = vec![("CustomerEmail".to_owned(), session.customer.email.clone())];
    own.extend(kustomer::conversation_of(session.id).map(|id| ("KustomerConversationId".to_owned(), id)));
    let all = phone.iter().map(|(key, value)| (key, value)).chain(&session.annotations.extra_items);
    let all = all.chain(own.iter().map(|(key, value)| (key, value))).enumerate();
    list(
        all.map(|(at, (key, value))| {
            json!({"extraItemId": -1, "key": key, "value": value, "type": "extraItem", "id": at + 1,
                "isSearchable": false})
        })
        .collect(),
    )
}

/// The document's Session Base.
fn base(center: &ContactCenter, timeline: Timeline, session: &Session) -> Value {
    let (modality, name) = match session.modality {
        Modality::InstantMessage => (1, "InstantMessage"),
        Modality::Audio => (2, "Audio"),
        Modality::Message => (3, "Message"),
    };
    let customer = format!("{} {}", session.customer.first, session.customer.last);
    let mut object = json!({
        "sessionId": session.id, "sessionType": "Queued", "queueId": session.queue,
        "queueName": center.queues().get(&session.queue).map(|queue| queue.name.clone()),
        "customerId": customer, "customerName": customer, "customerPhone": session.customer.phone,
        "agentName": "None", "modalityId": modality, "modality": name,
        "startTimeStamp": timeline.time(session.began), "callFlowId": 1, "callFlowName": "Welcome",
    });
    if let Some(agent) = session.agent.and_then(|id| center.agents().get(&id)) {
        object["agentId"] = json!(agent.id);
        object["agentName"] = json!(agent.name());
    }
    if let Some(note) = &session.annotations.note {
        object["callNote"] = json!(note);
    }
    if let Some((id, sub)) = session.annotations.disposition {
        let known = DISPOSITIONS.iter().find(|(known, ..)| *known == id);
        object["selectedCallDisposition"] = json!({"callDispositionId": id, "name": known.map(|(_, name, _)| name)});
        if let Some(sub) = sub {
            object["selectedCallSubDisposition"] = json!({"callSubDispositionId": sub, "name": ""});
        }
    }
    object
}

/// The document's Model Session.
fn model(center: &ContactCenter, timeline: Timeline, session: &Session) -> Value {
    let mut object = base(center, timeline, session);
    let audio = session.modality == Modality::Audio;
    let active = session.status == SessionStatus::Active;
    for (name, value) in [
        ("isRecording", json!(session.recording && active)),
        ("canBeRecorded", json!(audio)),
        ("isSilentJoined", json!(false)),
        ("isWhisperJoined", json!(false)),
        ("canBeSilentJoined", json!(audio)),
        ("canBeWhisperJoined", json!(audio)),
        ("sessionStatus", json!(session.status.name())),
        ("isOnHold", json!(session.on_hold)),
        // The document's formula is inverted, and so is this (apis.md B75).
        ("sessionHasEnded", json!(session.ended.is_none() && session.agent.is_some())),
        ("agents", list(Vec::new())),
        ("offers", list(Vec::new())),
    ] {
        object[name] = value;
    }
    for (name, moment) in [("answeredTimeStamp", session.answered), ("endTimeStamp", session.ended)] {
        if let Some(moment) = moment {
            object[name] = json!(timeline.time(moment));
        }
    }
    object
}

/// The document's List Response.
pub fn list(items: Vec<Value>) -> Value {
    let count = items.len();
    json!({"items": items, "count": count})
}
