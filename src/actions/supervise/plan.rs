//! Translates an action into a Clarity call: what must be read before, the state before, the call, the answer.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::ActingUser;
use super::action::{
    AgentAction, Disposition, ExtraItem, NewStatus, SessionAction, SupervisorAction, disposition_json, length,
    status_json,
};
use super::error::SupervisorError;
use crate::domain::{AgentId, QueueId};
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::Clarity;
use crate::upstream::clarity::methods::{DispositionChoice, ExtraItemValue, SessionIncludes, StatusUpdate};
use crate::upstream::clarity::wire::{self, RecordingStatus, Session, StatusModel};
use crate::upstream::tolerant;

/// The status that takes a reason code.
const UNAVAILABLE: &str = "unavailable";

/// A call that changes something in Clarity.
pub(super) enum Call {
    Status(AgentId, StatusUpdate),
    Recording(AgentId, bool),
    Note(i64, String),
    Disposition(i64, DispositionChoice),
    ExtraItem(i64, ExtraItemValue),
}

/// A call, and the state before it for the audit.
pub(super) struct Plan {
    pub before: Value,
    pub call: Call,
}

/// A status that an agent may be set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PossibleStatus {
    /// Its name, such as `atLunch`.
    pub status: String,
    /// The reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<i64>,
    /// The name of the reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PossibleStatus {
    /// This list writes names with a capital letter, everything else without (apis.md B63).
    pub(super) fn read(from: &StatusModel) -> Option<Self> {
        let status = tolerant::camel_case(&from.agent_status.as_deref()?.replace(' ', ""));
        Some(Self { status, reason_code: from.reason_code_id, reason: from.reason_code_name.clone() })
    }
}

/// Reads what must be known before the call. Changes nothing.
pub(super) async fn plan(gold: &Gold, user: &ActingUser, action: &SupervisorAction) -> Result<Plan, SupervisorError> {
    let (clarity, permission) = (&user.clarity, &user.permission);
    match action {
        SupervisorAction::Agent(agent, action) => {
            let known = gold.copy().get(&Key::Agent(*agent));
            let Some(Entity::Agent(known)) = known.as_deref() else { return Err(SupervisorError::NotFound) };
            match action {
                AgentAction::Status(new) => status(clarity, *agent, new).await,
                AgentAction::Suspension(new) => {
                    let update = StatusUpdate { is_suspended: Some(new.suspended), ..StatusUpdate::default() };
                    Ok(Plan { before: json!({"suspended": known.suspended}), call: Call::Status(*agent, update) })
                }
                AgentAction::Recording(new) => {
                    let was = known.sessions.values().any(|session| session.recording == Some(true));
                    Ok(Plan { before: json!({"recording": was}), call: Call::Recording(*agent, new.recording) })
                }
            }
        }
        SupervisorAction::Session(session, action) => {
            let includes = SessionIncludes {
                dispositions: matches!(action, SessionAction::Disposition(_)),
                extra_items: matches!(action, SessionAction::ExtraItem(_)),
                ..SessionIncludes::default()
            };
            let found = clarity
                .session(session.0, includes)
                .await
                .map_err(|error| SupervisorError::of_session_lookup(&error))?;
            // Clarity may show a user sessions outside of their structure; Callboard does not.
            let theirs = |found: &Session| {
                permission.sees_attributed_to(found.agent_id.map(AgentId), found.queue_id.map(QueueId), None)
            };
            let found = found.filter(theirs).ok_or(SupervisorError::NotFound)?;
            match action {
                SessionAction::Note(new) => Ok(Plan {
                    before: json!({"note": length(found.call_note.as_deref().unwrap_or_default())}),
                    call: Call::Note(session.0, new.note.clone()),
                }),
                SessionAction::Disposition(new) => disposition(session.0, &found, *new),
                SessionAction::ExtraItem(new) => extra_item(session.0, &found, new),
            }
        }
    }
}

/// Makes the call, once.
pub(super) async fn send(clarity: &Clarity, call: Call) -> Result<Value, SupervisorError> {
    let done = |outcome: Result<(), _>| outcome.map(|()| json!({}));
    let answer = match call {
        Call::Status(agent, update) => done(clarity.update_agent_status(agent.0, update).await),
        Call::Note(session, note) => done(clarity.set_call_note(session, &note).await),
        Call::Disposition(session, choice) => done(clarity.set_disposition(session, choice).await),
        Call::ExtraItem(session, item) => done(clarity.set_extra_item(session, item).await),
        Call::Recording(agent, recording) => {
            let results = match recording {
                true => clarity.start_recording(agent.0).await,
                false => clarity.stop_recording(agent.0).await,
            };
            return recording_answer(&results.map_err(|error| SupervisorError::of_action(&error))?, recording);
        }
    };
    answer.map_err(|error| SupervisorError::of_action(&error))
}

async fn status(clarity: &Clarity, agent: AgentId, new: &NewStatus) -> Result<Plan, SupervisorError> {
    let wanted = match (&new.status, new.reason_code) {
        (Some(status), _) => tolerant::normalized(status),
        (None, Some(_)) => UNAVAILABLE.into(),
        (None, None) => return Err(SupervisorError::Invalid("Say which status, or for which reason.".to_owned())),
    };
    let choice = clarity.agent_status_choices(agent.0).await.map_err(|error| SupervisorError::of(&error))?;
    let is_wanted = |one: &&StatusModel| {
        let name = one.agent_status.as_deref().map(tolerant::normalized);
        name.as_deref() == Some(&wanted) && one.reason_code_id == new.reason_code
    };
    let found = choice.possible.iter().find(is_wanted).and_then(|one| one.agent_status_id);
    let Some(id) = found else {
        let why = "Clarity does not list this status, with this reason, among those that this agent may have.";
        return Err(SupervisorError::Invalid(why.to_owned()));
    };
    let update = StatusUpdate { agent_status_id: Some(id), reason_code_id: new.reason_code, is_suspended: None };
    let current = choice.current.current_status.unwrap_or_default();
    let before = status_json(current.agent_status.as_deref(), current.reason_code_id);
    Ok(Plan { before, call: Call::Status(agent, update) })
}

fn disposition(session: i64, found: &Session, new: Disposition) -> Result<Plan, SupervisorError> {
    let possible = found.call_dispositions.as_deref().unwrap_or_default();
    // A site that lists no dispositions takes any.
    if !possible.is_empty() && !possible.iter().any(|one| allows(one, new)) {
        return Err(SupervisorError::Invalid("Clarity does not list this disposition for this session.".to_owned()));
    }
    let before = disposition_json(
        found.selected_call_disposition.as_ref().and_then(|chosen| chosen.id),
        found.selected_call_sub_disposition.as_ref().and_then(|chosen| chosen.id),
    );
    let choice = DispositionChoice { disposition_id: new.disposition, sub_disposition_id: new.sub_disposition };
    Ok(Plan { before, call: Call::Disposition(session, choice) })
}

fn allows(listed: &wire::Disposition, new: Disposition) -> bool {
    let mut sub_dispositions = listed.sub_dispositions.iter().flatten().map(|sub| sub.sub_disposition_id);
    listed.disposition_id == Some(new.disposition)
        && new.sub_disposition.is_none_or(|wanted| sub_dispositions.any(|id| id == Some(wanted)))
}

fn extra_item(session: i64, found: &Session, new: &ExtraItem) -> Result<Plan, SupervisorError> {
    let named = new.name.as_deref().is_some_and(|name| !name.trim().is_empty());
    if !named && new.id.is_none_or(|id| id < 1) {
        return Err(SupervisorError::Invalid("Name the extra item, or give its number.".to_owned()));
    }
    let items = found.extra_items.iter().flatten();
    let mut same = items.filter(|item| match (&new.name, new.id) {
        (Some(name), _) if named => item.key.as_ref() == Some(name),
        (_, id) => item.extra_item_id == id,
    });
    let before = same.next().and_then(|item| item.value.as_deref()).map(length);
    let item = ExtraItemValue { id: new.id, name: new.name.clone(), value: new.value.clone() };
    Ok(Plan { before: json!({ "value": before }), call: Call::ExtraItem(session, item) })
}

/// Clarity answers 200 with a result for each session, and an empty list where there is no session (apis.md C24).
fn recording_answer(results: &[RecordingStatus], recording: bool) -> Result<Value, SupervisorError> {
    if results.is_empty() {
        return Err(SupervisorError::Refused("The agent is in no session that could be recorded.".to_owned()));
    }
    let is = |flag: Option<bool>| flag.unwrap_or_default();
    if results.iter().all(|one| is(one.request_denied) || is(one.request_failed)) {
        let denied = results.iter().any(|one| is(one.request_denied));
        let why =
            if denied { "Clarity refused to change the recording." } else { "Clarity could not change the recording." };
        return Err(SupervisorError::Refused(why.to_owned()));
    }
    let sessions = results.iter().filter_map(|one| {
        let went = !is(one.request_denied) && !is(one.request_failed);
        Some(json!({"session": one.session_id?, "recording": one.is_recording.unwrap_or(recording == went),
            "done": went}))
    });
    Ok(json!({"sessions": sessions.collect::<Vec<_>>()}))
}
