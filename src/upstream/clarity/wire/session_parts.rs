//! What belongs to a contact (apis.md C90 to C100).

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use super::Other;
use crate::upstream::tolerant;

/// An agent who takes part in a contact, or to which it is offered (apis.md C90, C91).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Participation {
    /// Who.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_id: Option<i64>,
    /// Their name.
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_name: Option<String>,
    /// How they take part (apis.md C58).
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_participation_type_id: Option<i64>,
    /// The same by name.
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_participation_type: Option<String>,
    /// How far they are (apis.md C59).
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_participation_status_id: Option<i64>,
    /// The same by name.
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_participation_status: Option<String>,
    /// When they were chosen.
    #[serde(deserialize_with = "tolerant::time")]
    pub allocated_time_stamp: Option<Timestamp>,
    /// When it was offered.
    #[serde(deserialize_with = "tolerant::time")]
    pub offered_time_stamp: Option<Timestamp>,
    /// When they accepted.
    #[serde(deserialize_with = "tolerant::time")]
    pub accepted_time_stamp: Option<Timestamp>,
    /// When their after-call work began.
    #[serde(deserialize_with = "tolerant::time")]
    pub after_call_start_time_stamp: Option<Timestamp>,
    /// Whether they are in charge now.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_primary_agent: Option<bool>,
    /// Since when.
    #[serde(deserialize_with = "tolerant::time")]
    pub primary_agent_start_time_stamp: Option<Timestamp>,
    /// Who asked them to take part.
    #[serde(deserialize_with = "tolerant::integer")]
    pub initiating_agent_id: Option<i64>,
    /// Their name.
    #[serde(deserialize_with = "tolerant::text")]
    pub initiating_agent_name: Option<String>,
    /// How long they have been in it; moves with each look.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub active_ms: Option<i64>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// A disposition that was chosen, or a sub-disposition.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SelectedDisposition {
    /// Which.
    #[serde(alias = "callDispositionId", alias = "callSubDispositionId", deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
    /// What it is called.
    #[serde(deserialize_with = "tolerant::text")]
    pub name: Option<String>,
}

/// A disposition that may be chosen, with its finer ones (apis.md C95).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disposition {
    /// Which.
    #[serde(deserialize_with = "tolerant::integer")]
    pub disposition_id: Option<i64>,
    /// What it is called.
    #[serde(deserialize_with = "tolerant::text")]
    pub disposition: Option<String>,
    /// The business unit that uses it.
    #[serde(deserialize_with = "tolerant::integer")]
    pub business_unit_id: Option<i64>,
    /// The finer ones.
    #[serde(deserialize_with = "tolerant::list")]
    pub sub_dispositions: Option<Vec<SubDisposition>>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// A finer disposition (apis.md C95).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubDisposition {
    /// Which.
    #[serde(deserialize_with = "tolerant::integer")]
    pub sub_disposition_id: Option<i64>,
    /// What it is called.
    #[serde(deserialize_with = "tolerant::text")]
    pub sub_disposition: Option<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// How long after-call work may take.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AftercallOptions {
    /// Whether the agent may prolong it.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_manual_after_call_enabled: Option<bool>,
    /// How long it takes by itself.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub after_calltime_seconds: Option<i64>,
    /// Without meaning.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// Something that a chat said by itself (apis.md C93).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImPrompt {
    /// Which.
    #[serde(deserialize_with = "tolerant::text")]
    pub prompt_name: Option<String>,
    /// What it said. Personal, as it greets by name.
    #[serde(deserialize_with = "tolerant::text")]
    pub prompt_value: Option<String>,
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// The way through one call flow (apis.md C94).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IvrData {
    /// The flow.
    #[serde(deserialize_with = "tolerant::text")]
    pub call_flow_name: Option<String>,
    /// Where it led.
    #[serde(deserialize_with = "tolerant::list")]
    pub ivr_nodes: Option<Vec<IvrNode>>,
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// One stop in a call flow (apis.md C94).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IvrNode {
    /// Its name.
    #[serde(deserialize_with = "tolerant::text")]
    pub node_name: Option<String>,
    /// What the caller chose.
    #[serde(deserialize_with = "tolerant::text")]
    pub selected_result: Option<String>,
    /// What was done.
    #[serde(deserialize_with = "tolerant::text")]
    pub node_note: Option<String>,
    /// How long it took.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub duration: Option<i64>,
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// Something else that is known of a contact (apis.md C96). Written by other names than it is read (B54).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtraItem {
    /// Which; -1 has been seen, and such ones go by their key.
    #[serde(deserialize_with = "tolerant::integer")]
    pub extra_item_id: Option<i64>,
    /// What it is called.
    #[serde(deserialize_with = "tolerant::text")]
    pub key: Option<String>,
    /// What it says. Personal.
    #[serde(deserialize_with = "tolerant::text")]
    pub value: Option<String>,
    /// Whether it can be searched for.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_searchable: Option<bool>,
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// Something that happened to a contact (apis.md C97).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionEvent {
    /// What.
    #[serde(deserialize_with = "tolerant::text")]
    pub event_text: Option<String>,
    /// When.
    #[serde(deserialize_with = "tolerant::time")]
    pub last_updated: Option<Timestamp>,
    /// Its cause.
    #[serde(deserialize_with = "tolerant::text")]
    pub updated_by: Option<String>,
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// A line of a chat (apis.md C98). Personal.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TranscriptMessage {
    /// When. Documented as a number, shown as a text; what cannot be read is no time (apis.md B69).
    #[serde(deserialize_with = "tolerant::time")]
    pub time_stamp: Option<Timestamp>,
    /// The recipient.
    #[serde(deserialize_with = "tolerant::text")]
    pub to: Option<String>,
    /// The sender.
    #[serde(deserialize_with = "tolerant::text")]
    pub from: Option<String>,
    /// What was said.
    #[serde(deserialize_with = "tolerant::text")]
    pub message: Option<String>,
    /// Whether the agent said it.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub from_agent: Option<bool>,
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
}

/// A message about a contact (apis.md C92). Its ids are texts (B61).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionMessage {
    /// Its own id.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
    /// What it says.
    #[serde(deserialize_with = "tolerant::text")]
    pub name: Option<String>,
    /// The contact.
    #[serde(deserialize_with = "tolerant::integer")]
    pub session_id: Option<i64>,
    /// The agent.
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_id: Option<i64>,
    /// What kind of message.
    #[serde(deserialize_with = "tolerant::integer")]
    pub session_message_type_id: Option<i64>,
    /// When.
    #[serde(deserialize_with = "tolerant::time")]
    pub published: Option<Timestamp>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// The outcome of a request to start or stop recording one contact (apis.md C100).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecordingStatus {
    /// Which.
    #[serde(deserialize_with = "tolerant::integer")]
    pub session_id: Option<i64>,
    /// Whether it is recorded now.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_recording: Option<bool>,
    /// Whether it may be.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_recorded: Option<bool>,
    /// Whether it was refused.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub request_denied: Option<bool>,
    /// Whether it went wrong.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub request_failed: Option<bool>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

impl fmt::Debug for ImPrompt {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ImPrompt").field(&self.id).finish()
    }
}

impl fmt::Debug for IvrData {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IvrData").field(&self.id).finish()
    }
}

impl fmt::Debug for IvrNode {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IvrNode").field(&self.id).finish()
    }
}

impl fmt::Debug for ExtraItem {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtraItem").field(&self.id).finish()
    }
}

impl fmt::Debug for SessionEvent {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionEvent").field(&self.id).finish()
    }
}

impl fmt::Debug for TranscriptMessage {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TranscriptMessage").field(&self.id).finish()
    }
}

impl fmt::Debug for SessionMessage {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionMessage").field(&self.id).finish()
    }
}
