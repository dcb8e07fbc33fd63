//! Contacts: those of an agent, one in detail, its chat and its customer's earlier ones (apis.md C16 to C20).

use reqwest::Method;
use serde_json::Value;

use super::{Window, malformed_answer};
use crate::upstream::clarity::wire::{Session, TranscriptMessage};
use crate::upstream::clarity::{Clarity, Error};
use base::json;

/// No history is longer than this (apis.md C20).
const LONGEST_HISTORY: u32 = 50;

/// What to tell of a session besides itself (apis.md C74). By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionIncludes {
    /// This many of the customer's earlier contacts, at most fifty.
    pub customer_history: Option<u32>,
    /// What the chat said by itself.
    pub im_prompts: bool,
    /// The way through the voice menu.
    pub ivr_data: bool,
    /// What the agent may choose from.
    pub dispositions: bool,
    /// The chat so far.
    pub current_transcript: bool,
    /// What else is known.
    pub extra_items: bool,
    /// What happened to it.
    pub session_event_history: bool,
    /// How long after-call work may take.
    pub aftercall_options: bool,
    /// When the agent is reminded of a customer on hold.
    pub hold_timer_threshold: bool,
}

impl Clarity {
    /// The contacts of which an agent is in charge now (apis.md C16). Their `agent_id` may be another: it is the first
    /// who answered (B88).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sessions_of(&self, agent: i64) -> Result<Vec<Session>, Error> {
        // `activeOnly=false` is answered 400, so there is no such parameter.
        self.ask_list("an agent's sessions", "/v2/sessions", &format!("agentId={agent}&activeOnly=true")).await
    }

    /// One contact (apis.md C18). `None`: Clarity no longer has it, which it says with a 500 (B87), so that one is
    /// asked again once before it is believed, and counts as no refusal.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn session(&self, session: i64, includes: SessionIncludes) -> Result<Option<Session>, Error> {
        const CALL: &str = "a session";
        let (path, query) = (format!("/v2/sessions/{session}"), includes.query());
        let mut answer = self.ask(CALL, &path, &query).await;
        if matches!(answer, Err(Error::Status { status: 500, .. })) {
            answer = self.ask(CALL, &path, &query).await;
        }
        match answer {
            Ok(session) => Ok(Some(session)),
            Err(Error::Status { status: 404 | 500, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The lines of a chat (apis.md C17). Personal.
    ///
    /// # Errors
    /// See [`Error`]. A window that Clarity would refuse is not sent.
    pub async fn transcript(&self, session: i64, window: Window) -> Result<Vec<TranscriptMessage>, Error> {
        const CALL: &str = "a transcript";
        // The list of parameters misspells the first; the errors do not (apis.md B35).
        let query = window.query(CALL, ["startTimestamp", "endTimestamp", "size"])?;
        self.ask_list(CALL, &format!("/v2/sessions/{session}/transcript"), &query).await
    }

    /// The Skype address of a contact (apis.md C19), whether it comes bare or in an object (B98).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn gruu(&self, session: i64) -> Result<String, Error> {
        const CALL: &str = "a session's GRUU";
        let url = self.url(&format!("/v2/sessions/{session}/gruu"), "");
        let bytes = self.send(CALL, Method::GET, url, None::<&()>).await?;
        let gruu = match json::read::<Value>(&bytes) {
            Ok(Value::String(text)) => Some(text),
            Ok(Value::Object(object)) => object.get("gruu").and_then(Value::as_str).map(str::to_owned),
            Ok(_) => None,
            Err(_) => String::from_utf8(bytes).ok().map(|text| text.trim().to_owned()),
        };
        gruu.filter(|text| !text.is_empty() && !text.starts_with('<')).ok_or_else(|| malformed_answer(CALL))
    }

    /// Earlier contacts of a contact's customer, at most fifty (apis.md C20).
    ///
    /// # Errors
    /// See [`Error`]. A window that Clarity would refuse is not sent.
    pub async fn customer_history(&self, session: i64, window: Window) -> Result<Vec<Session>, Error> {
        const CALL: &str = "a customer's history";
        let window = Window { limit: window.limit.map(|limit| limit.min(LONGEST_HISTORY)), ..window };
        let query = window.query(CALL, ["start", "end", "limit"])?;
        self.ask_list(CALL, &format!("/v2/sessions/customerHistory/{session}"), &query).await
    }
}

impl SessionIncludes {
    fn query(self) -> String {
        let flags = [
            ("includeCustomerHistory", self.customer_history.is_some()),
            ("includeImPrompts", self.im_prompts),
            ("includeIvrData", self.ivr_data),
            ("includeDispositions", self.dispositions),
            ("includeCurrentTranscript", self.current_transcript),
            ("includeExtraItems", self.extra_items),
            ("includeSessionEventHistory", self.session_event_history),
            ("includeAftercallOptions", self.aftercall_options),
            ("includeHoldTimerThreshold", self.hold_timer_threshold),
        ];
        let mut query: Vec<String> =
            flags.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| format!("{name}=true")).collect();
        query.extend(self.customer_history.map(|limit| format!("customerHistoryLimit={}", limit.min(LONGEST_HISTORY))));
        query.join("&")
    }
}
