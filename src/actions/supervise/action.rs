//! The actions of supervisors.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::domain::{AgentId, SessionId};

/// An action of a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupervisorAction {
    /// On an agent.
    Agent(AgentId, AgentAction),
    /// On a session.
    Session(SessionId, SessionAction),
}

/// An action on an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAction {
    /// Sets the status.
    Status(NewStatus),
    /// Stops or resumes the delivery of contacts.
    Suspension(Suspension),
    /// Starts or stops recording.
    Recording(Recording),
}

/// An action on a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAction {
    /// Replaces the note.
    Note(Note),
    /// Sets the disposition.
    Disposition(Disposition),
    /// Sets the value of an extra item.
    ExtraItem(ExtraItem),
}

/// A status by its name, with a reason code if it is `unavailable`; or the reason code alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewStatus {
    /// One of the statuses that Clarity lists for the agent.
    pub status: Option<String>,
    /// The reason code.
    pub reason_code: Option<i64>,
}

/// Whether an agent is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Whether they get no contacts.
    pub suspended: bool,
}

/// Whether an agent's sessions are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Whether they are recorded.
    pub recording: bool,
}

/// A note about a session. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The whole note.
    pub note: String,
}

/// The disposition of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Disposition {
    /// Its number.
    pub disposition: i64,
    /// The number of the sub-disposition.
    #[serde(default)]
    pub sub_disposition: Option<i64>,
}

/// The value of an extra item. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraItem {
    /// The number of the item; either this or the name.
    #[serde(default)]
    pub id: Option<i64>,
    /// The name of the item.
    #[serde(default)]
    pub name: Option<String>,
    /// The new value.
    pub value: String,
}

impl SupervisorAction {
    /// The name in the audit, the outbox and the metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Agent(_, AgentAction::Status(_)) => "agent.status",
            Self::Agent(_, AgentAction::Suspension(_)) => "agent.suspend",
            Self::Agent(_, AgentAction::Recording(_)) => "agent.recording",
            Self::Session(_, SessionAction::Note(_)) => "session.notes",
            Self::Session(_, SessionAction::Disposition(_)) => "session.disposition",
            Self::Session(_, SessionAction::ExtraItem(_)) => "session.extraItems",
        }
    }

    /// The target in the audit.
    pub(super) fn target(&self) -> String {
        match self {
            Self::Agent(agent, _) => format!("agent {agent}"),
            Self::Session(session, _) => format!("session {session}"),
        }
    }

    /// Identifies a repeated action: the whole action, with hashes in place of personal texts (apis.md B99).
    pub(super) fn fingerprint(&self) -> Value {
        json!({"target": self.target(), "action": self.describe(|text| {
            let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            json!(hash)
        })})
    }

    /// What the audit keeps: of personal texts only the length.
    pub(super) fn for_audit(&self) -> Value {
        self.describe(length)
    }

    fn describe(&self, personal: impl Fn(&str) -> Value) -> Value {
        match self {
            Self::Agent(_, AgentAction::Status(new)) => status_json(new.status.as_deref(), new.reason_code),
            Self::Agent(_, AgentAction::Suspension(new)) => json!(new),
            Self::Agent(_, AgentAction::Recording(new)) => json!(new),
            Self::Session(_, SessionAction::Note(new)) => json!({ "note": personal(&new.note) }),
            Self::Session(_, SessionAction::Disposition(new)) => {
                disposition_json(Some(new.disposition), new.sub_disposition)
            }
            Self::Session(_, SessionAction::ExtraItem(new)) => {
                json!({"id": new.id, "name": new.name, "value": personal(&new.value)})
            }
        }
    }
}

pub(super) fn status_json(status: Option<&str>, reason: Option<i64>) -> Value {
    json!({"status": status, "reason_code": reason})
}

pub(super) fn disposition_json(disposition: Option<i64>, sub_disposition: Option<i64>) -> Value {
    json!({"disposition": disposition, "sub_disposition": sub_disposition})
}

pub(super) fn length(text: &str) -> Value {
    json!({ "characters": text.chars().count() })
}

impl std::fmt::Debug for Note {
    /// Without the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Note(..)")
    }
}

impl std::fmt::Debug for ExtraItem {
    /// Without the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtraItem").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}
