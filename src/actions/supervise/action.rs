//! The deeds, in our words.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::{AgentId, SessionId};

/// Something that a supervisor wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupervisorAction {
    /// To an agent.
    Agent(AgentId, AgentAction),
    /// To a contact.
    Session(SessionId, SessionAction),
}

/// Something done to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAction {
    /// Another status.
    Status(NewStatus),
    /// No more contacts, or contacts again.
    Suspension(Suspension),
    /// Record what they are in, or no longer.
    Recording(Recording),
}

/// Something done to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAction {
    /// Another note.
    Note(Note),
    /// Another disposition.
    Disposition(Disposition),
    /// Another value of an extra item.
    ExtraItem(ExtraItem),
}

/// A status, by its name; with a reason if it is `unavailable`, or the reason alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewStatus {
    /// One of those that are possible for the agent.
    pub status: Option<String>,
    /// Why, by number.
    pub reason_code: Option<i64>,
}

/// Whether an agent gets contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Whether they get none.
    pub suspended: bool,
}

/// Whether an agent's contacts are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Whether they are.
    pub recording: bool,
}

/// A note about a contact. Personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The whole of it: it replaces the one before.
    pub note: String,
}

/// How a contact is disposed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disposition {
    /// Which, by number.
    pub disposition: i64,
    /// Which in detail.
    #[serde(default)]
    pub sub_disposition: Option<i64>,
}

/// A value of an extra item. Personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraItem {
    /// Which, by number; this or the name.
    #[serde(default)]
    pub id: Option<i64>,
    /// Which, by name.
    #[serde(default)]
    pub name: Option<String>,
    /// What it shall say.
    pub value: String,
}

impl SupervisorAction {
    /// What it is called in the audit, the outbox and the metrics.
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

    /// Whom or what it is done to.
    pub(super) fn entity(&self) -> String {
        match self {
            Self::Agent(agent, _) => format!("agent {agent}"),
            Self::Session(session, _) => format!("session {session}"),
        }
    }

    /// By what a second press is known: the whole deed, its personal texts as their hashes (`apis.md` B99).
    pub(super) fn fingerprint(&self) -> Value {
        json!({"entity": self.entity(), "deed": self.told(|text| {
            let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            json!(hash)
        })})
    }

    /// What the audit keeps: of personal texts, how long they are.
    pub(super) fn for_the_audit(&self) -> Value {
        self.told(length)
    }

    fn told(&self, personal: impl Fn(&str) -> Value) -> Value {
        match self {
            Self::Agent(_, AgentAction::Status(new)) => told_status(new.status.as_deref(), new.reason_code),
            Self::Agent(_, AgentAction::Suspension(new)) => json!(new),
            Self::Agent(_, AgentAction::Recording(new)) => json!(new),
            Self::Session(_, SessionAction::Note(new)) => json!({ "note": personal(&new.note) }),
            Self::Session(_, SessionAction::Disposition(new)) => {
                told_disposition(Some(new.disposition), new.sub_disposition)
            }
            Self::Session(_, SessionAction::ExtraItem(new)) => {
                json!({"id": new.id, "name": new.name, "value": personal(&new.value)})
            }
        }
    }
}

pub(super) fn told_status(status: Option<&str>, reason: Option<i64>) -> Value {
    json!({"status": status, "reason_code": reason})
}

pub(super) fn told_disposition(disposition: Option<i64>, finer: Option<i64>) -> Value {
    json!({"disposition": disposition, "sub_disposition": finer})
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
