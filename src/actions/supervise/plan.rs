//! From our words to Clarity's: what must be known first, what was before, what is sent, what was answered.

use serde::Serialize;
use serde_json::{Value, json};

use super::Actor;
use super::deed::{
    AgentAction, SupervisorAction, Disposition, ExtraItem, NewStatus, SessionAction, length, told_disposition, told_status,
};
use super::error::SupervisorError;
use crate::domain::{AgentId, QueueId};
use crate::gold::{Entity, Gold, Key};
use crate::upstream::clarity::Clarity;
use crate::upstream::clarity::methods::{DispositionChoice, ExtraItemValue, SessionIncludes, StatusUpdate};
use crate::upstream::clarity::wire::{self, RecordingStatus, Session, StatusModel};
use crate::upstream::tolerant;

/// The status that takes a reason.
const UNAVAILABLE: &str = "unavailable";

/// What is sent.
pub(super) enum Order {
    Status(AgentId, StatusUpdate),
    Recording(AgentId, bool),
    Note(i64, String),
    Disposition(i64, DispositionChoice),
    ExtraItem(i64, ExtraItemValue),
}

/// What is sent, and what was before.
pub(super) struct Plan {
    pub before: Value,
    pub order: Order,
}

/// A status that an agent may be set to, in our words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PossibleStatus {
    /// Its name, such as `atLunch`.
    pub status: String,
    /// Its reason, by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<i64>,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PossibleStatus {
    /// The list writes names with a capital, everything else without (`apis.md` B63).
    pub(super) fn read(from: &StatusModel) -> Option<Self> {
        let status = tolerant::camel_case(&from.agent_status.as_deref()?.replace(' ', ""));
        Some(Self { status, reason_code: from.reason_code_id, reason: from.reason_code_name.clone() })
    }
}

/// Finds out what must be known, and says what would be sent. Changes nothing.
pub(super) async fn plan(gold: &Gold, actor: &Actor, deed: &SupervisorAction) -> Result<Plan, SupervisorError> {
    let (clarity, permission) = (&actor.clarity, &actor.permission);
    match deed {
        SupervisorAction::Agent(agent, deed) => {
            let known = gold.copy().get(&Key::Agent(*agent));
            let Some(Entity::Agent(known)) = known.as_deref() else { return Err(SupervisorError::NotFound) };
            match deed {
                AgentAction::Status(new) => status(clarity, *agent, new).await,
                AgentAction::Suspension(new) => {
                    let update = StatusUpdate { is_suspended: Some(new.suspended), ..StatusUpdate::default() };
                    Ok(Plan { before: json!({"suspended": known.suspended}), order: Order::Status(*agent, update) })
                }
                AgentAction::Recording(new) => {
                    let was = known.sessions.values().any(|session| session.recording == Some(true));
                    Ok(Plan { before: json!({"recording": was}), order: Order::Recording(*agent, new.recording) })
                }
            }
        }
        SupervisorAction::Session(session, deed) => {
            let includes = SessionIncludes {
                dispositions: matches!(deed, SessionAction::Disposition(_)),
                extra_items: matches!(deed, SessionAction::ExtraItem(_)),
                ..SessionIncludes::default()
            };
            let found = clarity.session(session.0, includes).await.map_err(|error| SupervisorError::of_a_look_up(&error))?;
            // Clarity shows people what they may see; a site that shows more than its structure does is no way around ours.
            let theirs = |found: &Session| {
                permission.sees_attributed_to(found.agent_id.map(AgentId), found.queue_id.map(QueueId), None)
            };
            let found = found.filter(theirs).ok_or(SupervisorError::NotFound)?;
            match deed {
                SessionAction::Note(new) => Ok(Plan {
                    before: json!({"note": length(found.call_note.as_deref().unwrap_or_default())}),
                    order: Order::Note(session.0, new.note.clone()),
                }),
                SessionAction::Disposition(new) => disposition(session.0, &found, *new),
                SessionAction::ExtraItem(new) => extra_item(session.0, &found, new),
            }
        }
    }
}

/// Does it: once.
pub(super) async fn send(clarity: &Clarity, order: Order) -> Result<Value, SupervisorError> {
    let done = |outcome: Result<(), _>| outcome.map(|()| json!({}));
    let answer = match order {
        Order::Status(agent, update) => done(clarity.update_agent_status(agent.0, update).await),
        Order::Note(session, note) => done(clarity.set_call_note(session, &note).await),
        Order::Disposition(session, choice) => done(clarity.set_disposition(session, choice).await),
        Order::ExtraItem(session, item) => done(clarity.set_extra_item(session, item).await),
        Order::Recording(agent, recording) => {
            let told = match recording {
                true => clarity.start_recording(agent.0).await,
                false => clarity.stop_recording(agent.0).await,
            };
            return recorded(&told.map_err(|error| SupervisorError::of_the_deed(&error))?, recording);
        }
    };
    answer.map_err(|error| SupervisorError::of_the_deed(&error))
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
    let before = told_status(current.agent_status.as_deref(), current.reason_code_id);
    Ok(Plan { before, order: Order::Status(agent, update) })
}

fn disposition(session: i64, found: &Session, new: Disposition) -> Result<Plan, SupervisorError> {
    let possible = found.call_dispositions.as_deref().unwrap_or_default();
    // A site that lists none takes any.
    if !possible.is_empty() && !possible.iter().any(|one| allows(one, new)) {
        return Err(SupervisorError::Invalid("Clarity does not list this disposition for this session.".to_owned()));
    }
    let before = told_disposition(
        found.selected_call_disposition.as_ref().and_then(|chosen| chosen.id),
        found.selected_call_sub_disposition.as_ref().and_then(|chosen| chosen.id),
    );
    let choice = DispositionChoice { disposition_id: new.disposition, sub_disposition_id: new.sub_disposition };
    Ok(Plan { before, order: Order::Disposition(session, choice) })
}

fn allows(listed: &wire::Disposition, new: Disposition) -> bool {
    let mut finer = listed.sub_dispositions.iter().flatten().map(|finer| finer.sub_disposition_id);
    listed.disposition_id == Some(new.disposition)
        && new.sub_disposition.is_none_or(|wanted| finer.any(|id| id == Some(wanted)))
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
    Ok(Plan { before: json!({ "value": before }), order: Order::ExtraItem(session, item) })
}

/// Clarity answers 200 and tells of each contact how it went, and of none where there is none (`apis.md` C24).
fn recorded(told: &[RecordingStatus], recording: bool) -> Result<Value, SupervisorError> {
    if told.is_empty() {
        return Err(SupervisorError::Refused("The agent is in no session that could be recorded.".to_owned()));
    }
    let is = |flag: Option<bool>| flag.unwrap_or_default();
    if told.iter().all(|one| is(one.request_denied) || is(one.request_failed)) {
        let denied = told.iter().any(|one| is(one.request_denied));
        let why =
            if denied { "Clarity refused to change the recording." } else { "Clarity could not change the recording." };
        return Err(SupervisorError::Refused(why.to_owned()));
    }
    let sessions = told.iter().filter_map(|one| {
        let went = !is(one.request_denied) && !is(one.request_failed);
        Some(json!({"session": one.session_id?, "recording": one.is_recording.unwrap_or(recording == went), "done": went}))
    });
    Ok(json!({"sessions": sessions.collect::<Vec<_>>()}))
}
