//! Contacts in metrics and pushes (apis.md C104, C105).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::selection::{Object, Selection};
use crate::contact_center::{ContactCenter, Modality, Moment, Session, SessionStatus};

/// Session Models by modality and session id.
pub(super) fn by_modality<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    selection: &Selection,
) -> BTreeMap<&'static str, BTreeMap<i64, Object>> {
    let mut by_modality: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for session in sessions.filter(|session| selection.includes_modality(session.modality)) {
        let mut model = session_model(session);
        selection.keep_session(&mut model);
        by_modality.entry(session.modality.name()).or_default().insert(session.id, model);
    }
    by_modality
}

/// The Session Model of metrics (apis.md C105). [`with_durations`] fills in its two durations when it is sent, so that
/// their growth does not count as a change.
fn session_model(session: &Session) -> Object {
    let model = json!({
        "sessionId": session.id,
        "sessionType": "queued",
        "queueId": session.queue,
        "customerName": format!("{} {}", session.customer.first, session.customer.last),
        "agentId": session.agent,
        "isRecording": session.recording && session.status == SessionStatus::Active,
        "canBeRecorded": session.modality == Modality::Audio,
        "isSilentJoined": false,
        "isWhisperJoined": false,
        "sessionStatus": session.status.name(),
        "queuedMs": 0,
        "activeMs": 0,
        "canBeSilentJoined": session.modality == Modality::Audio,
        "canBeWhisperJoined": session.modality == Modality::Audio,
    });
    match model {
        Value::Object(mut model) => {
            // A queued session has no `agentId`.
            model.retain(|_, value| !value.is_null());
            model
        }
        _ => Object::new(),
    }
}

pub(super) fn with_durations<'a>(models: impl Iterator<Item = &'a Object>, center: &ContactCenter) -> Vec<Object> {
    models
        .map(|model| {
            let mut model = model.clone();
            let session = model["sessionId"].as_i64().and_then(|id| center.sessions().get(&id));
            let since = |moment: Moment| json!(center.now() - moment);
            if let Some(session) = session {
                if let Some(queued) = model.get_mut("queuedMs").filter(|_| session.status == SessionStatus::Queued) {
                    *queued = since(session.began);
                }
                if let (Some(active), Some(answered)) = (model.get_mut("activeMs"), session.answered) {
                    *active = since(answered);
                }
            }
            model
        })
        .collect()
}
