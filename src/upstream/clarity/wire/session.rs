//! A contact, as the session methods show it (apis.md C16, C18, C20). Much of it is about a customer: `Debug` says
//! which session it is and no more (B99).

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use super::Other;
use super::session_parts::{
    AftercallOptions, Disposition, ExtraItem, ImPrompt, IvrData, Participation, SelectedDisposition, SessionEvent,
    SessionMessage, TranscriptMessage,
};
use crate::upstream::tolerant;

/// The statuses of sessions that are over (apis.md C53).
const ENDED: [&str; 4] = ["completed", "transferred", "completedafterhours", "abandoned"];

/// Session Base, Model Session and Session by Id in one (apis.md C87 to C89): which of their fields an answer has
/// depends on the method and on what was asked for, so that all are optional (B100). Null is absent.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// Which.
    #[serde(deserialize_with = "tolerant::integer")]
    pub session_id: Option<i64>,
    /// Queued or direct, in several spellings (apis.md B71).
    #[serde(deserialize_with = "tolerant::text")]
    pub session_type: Option<String>,
    /// The *first* queue, or one of the special ids (apis.md C57).
    #[serde(deserialize_with = "tolerant::integer")]
    pub queue_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "tolerant::text")]
    pub queue_name: Option<String>,
    /// Documented as a number, in truth a name: never a key (apis.md B73).
    #[serde(deserialize_with = "tolerant::text")]
    pub customer_id: Option<String>,
    /// The customer. Personal.
    #[serde(deserialize_with = "tolerant::text")]
    pub customer_name: Option<String>,
    /// The number or SIP address. Personal.
    #[serde(deserialize_with = "tolerant::text")]
    pub customer_phone: Option<String>,
    /// The *first* agent who answered, who after a transfer is another than the primary one (section 0, B88).
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_id: Option<i64>,
    /// Their name; see [`Session::agent`] for `Unknown` and `None` (apis.md B89).
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_name: Option<String>,
    /// The kind of contact by number; it wins over the name (apis.md B72).
    #[serde(deserialize_with = "tolerant::integer")]
    pub modality_id: Option<i64>,
    /// The kind of contact by name.
    #[serde(deserialize_with = "tolerant::text")]
    pub modality: Option<String>,
    /// When it began.
    #[serde(deserialize_with = "tolerant::time")]
    pub start_time_stamp: Option<Timestamp>,
    /// The call flow.
    #[serde(deserialize_with = "tolerant::integer")]
    pub call_flow_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "tolerant::text")]
    pub call_flow_name: Option<String>,
    /// What the agent wrote. Personal.
    #[serde(deserialize_with = "tolerant::text")]
    pub call_note: Option<String>,
    /// How it was disposed of.
    #[serde(deserialize_with = "tolerant::maybe")]
    pub selected_call_disposition: Option<SelectedDisposition>,
    /// How in detail.
    #[serde(deserialize_with = "tolerant::maybe")]
    pub selected_call_sub_disposition: Option<SelectedDisposition>,
    /// Whether it is being recorded.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_recording: Option<bool>,
    /// Whether it may be recorded.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_recorded: Option<bool>,
    /// Whether a supervisor listens in.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_silent_joined: Option<bool>,
    /// Whether a supervisor whispers to the agent.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_whisper_joined: Option<bool>,
    /// Where in its life it is, as spelt (apis.md C51, B70).
    #[serde(deserialize_with = "tolerant::text")]
    pub session_status: Option<String>,
    /// How long it has waited; moves with each look (apis.md B76).
    #[serde(deserialize_with = "tolerant::rounded")]
    pub queued_ms: Option<i64>,
    /// How long it has been active; moves with each look.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub active_ms: Option<i64>,
    /// Whether listening in is allowed.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_silent_joined: Option<bool>,
    /// Whether whispering is allowed.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_whisper_joined: Option<bool>,
    /// Whether the customer is on hold.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_on_hold: Option<bool>,
    /// Since when.
    #[serde(deserialize_with = "tolerant::time")]
    pub hold_start_time: Option<Timestamp>,
    /// Since when it is recorded.
    #[serde(deserialize_with = "tolerant::time")]
    pub recording_start_time: Option<Timestamp>,
    /// When the primary agent answered.
    #[serde(deserialize_with = "tolerant::time")]
    pub answered_time_stamp: Option<Timestamp>,
    /// When it became active.
    #[serde(deserialize_with = "tolerant::time")]
    pub active_time_stamp: Option<Timestamp>,
    /// When it ended.
    #[serde(deserialize_with = "tolerant::time")]
    pub end_time_stamp: Option<Timestamp>,
    /// Documented the wrong way round: see [`Session::is_over`] (apis.md B75).
    #[serde(deserialize_with = "tolerant::boolean")]
    pub session_has_ended: Option<bool>,
    /// How long it has been, up to its end.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub session_duration_ms: Option<i64>,
    /// What the agent's console opens. Never fetched.
    #[serde(deserialize_with = "tolerant::text")]
    pub screen_pop_url: Option<String>,
    /// Who takes part (apis.md C90).
    #[serde(deserialize_with = "tolerant::list")]
    pub agents: Option<Vec<Participation>>,
    /// The agents to which it is offered (apis.md C91).
    #[serde(deserialize_with = "tolerant::list")]
    pub offers: Option<Vec<Participation>>,
    /// Earlier contacts of the same customer, if asked for.
    #[serde(deserialize_with = "tolerant::list")]
    pub customer_history: Option<Vec<Session>>,
    /// How long after-call work may take, if asked for.
    #[serde(alias = "aftercallConfig", deserialize_with = "tolerant::maybe")]
    pub aftercall_options: Option<AftercallOptions>,
    /// After how many seconds on hold the agent is reminded, if asked for.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub hold_timer_threshold: Option<i64>,
    /// What the chat said by itself, if asked for.
    #[serde(alias = "imPropts", deserialize_with = "tolerant::list")]
    pub im_prompts: Option<Vec<ImPrompt>>,
    /// The way through the voice menu, if asked for.
    #[serde(deserialize_with = "tolerant::list")]
    pub ivr_data: Option<Vec<IvrData>>,
    /// What the agent may choose from, if asked for.
    #[serde(deserialize_with = "tolerant::list")]
    pub call_dispositions: Option<Vec<Disposition>>,
    /// The chat so far, if asked for. Personal.
    #[serde(deserialize_with = "tolerant::list")]
    pub transcript: Option<Vec<TranscriptMessage>>,
    /// What else is known, if asked for. Personal.
    #[serde(deserialize_with = "tolerant::list")]
    pub extra_items: Option<Vec<ExtraItem>>,
    /// What happened to it, if asked for.
    #[serde(deserialize_with = "tolerant::list")]
    pub session_event_history: Option<Vec<SessionEvent>>,
    /// Messages about it.
    #[serde(deserialize_with = "tolerant::list")]
    pub session_messages: Option<Vec<SessionMessage>>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

impl Session {
    /// Whether nothing more will come of it: its status says so, or that it has an end. `sessionHasEnded` counts only
    /// beside an end (apis.md B75).
    #[must_use]
    pub fn is_over(&self) -> bool {
        let status = self.session_status.as_deref().map(tolerant::normalized);
        status.is_some_and(|status| ENDED.contains(&status.as_ref())) || self.end_time_stamp.is_some()
    }

    /// The first agent who answered: `Unknown` is an agent without a name, `None` is no agent, and without an id there
    /// is no agent either (apis.md B89).
    #[must_use]
    pub fn agent(&self) -> Option<(i64, Option<&str>)> {
        let name = self.agent_name.as_deref().filter(|name| !matches!(*name, "Unknown" | "None"));
        Some((self.agent_id?, name))
    }
}

impl fmt::Debug for Session {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.session_id).finish()
    }
}
