//! Contacts as metrics and pushes show them (`apis.md` C104, C105).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::picture::Object;
use super::wish::Wish;
use crate::world::{Modality, Moment, Session, SessionStatus, World};

/// The contacts, by kind.
pub(super) fn by_modality<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    wish: &Wish,
) -> BTreeMap<&'static str, BTreeMap<i64, Object>> {
    let mut bags: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for session in sessions.filter(|session| wish.wants_modality(session.modality)) {
        let mut model = session_model(session);
        wish.keep_session(&mut model);
        bags.entry(session.modality.name()).or_default().insert(session.id, model);
    }
    bags
}

/// The Session Model of metrics (`apis.md` C105). The two durations are put in when it is sent: they change by themselves
/// and must not look like news.
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
            // Nobody has it yet: there is no such key.
            model.retain(|_, value| !value.is_null());
            model
        }
        _ => Object::new(),
    }
}

pub(super) fn timed<'a>(models: impl Iterator<Item = &'a Object>, world: &World) -> Vec<Object> {
    models
        .map(|model| {
            let mut model = model.clone();
            let session = model["sessionId"].as_i64().and_then(|id| world.sessions().get(&id));
            let since = |moment: Moment| json!(world.now() - moment);
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
