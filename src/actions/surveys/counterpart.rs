//! The counterpart of an interaction: a call and the conversation that an agent closed after it are one interaction,
//! also where neither names the other (apis.md J18).
//!
//! The second finds the first in the outbox by evidence, so that no restart between the two surveys a customer twice.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{REQUEST, Surveys};
use crate::config::Sending;
use crate::domain::{EndedInteraction, Interaction, Modality, RequestState, SurveyOrigin};
use crate::gold::directory::AgentDirectory;
use crate::gold::join::call_conversation_match::{self, MatchSide};
use crate::store::{OutboxEntry, StoreError};

/// How far the clocks of the two systems may differ from ours.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// An earlier survey request about the counterpart of an interaction.
pub(super) enum Counterpart {
    /// There is none.
    None,
    /// There is one, on this evidence.
    Found(Box<OutboxEntry>, String),
    /// There are several candidates, of which this is the newest: a person decides (apis.md J50).
    Several(Box<OutboxEntry>, String),
}

impl Surveys {
    /// What an interaction is matched by. `None`: it cannot have a counterpart with a request of its own. One that
    /// names its counterpart shares that one's key instead (apis.md J17).
    pub(super) fn match_side(&self, ended: &EndedInteraction) -> Option<MatchSide> {
        let rules = &self.0.rules;
        if rules.sessions == Sending::Off || rules.conversations == Sending::Off || ended.conversation.is_some() {
            return None;
        }
        if matches!(ended.interaction, Interaction::Session(_)) && ended.modality != Some(Modality::Audio) {
            return None;
        }
        let call = ended.call.as_ref()?;
        let mut agents = call.agents.clone();
        if !call.employees.is_empty() {
            let directory = AgentDirectory::from_copy(self.0.gold.copy());
            agents.extend(call.employees.iter().filter_map(|employee| directory.find(&[employee], None)));
        }
        Some(MatchSide { person: call.person.clone(), agents, began: call.began, ended: ended.ended? })
    }

    /// Searches the outbox for the counterpart.
    pub(super) async fn counterpart(&self, is_session: bool, side: &MatchSide) -> Result<Counterpart, StoreError> {
        let within = self.0.rules.closed_within;
        // A request is written after its interaction ended: a call ends at most this long before its conversation
        // closes.
        let before = if is_session { SignedDuration::ZERO } else { within };
        let earliest = side.began.unwrap_or(side.ended).min(side.ended);
        let since = earliest.saturating_sub(before.saturating_add(MAX_SKEW)).unwrap_or(Timestamp::MIN);
        let is_rejected_manual = |entry: &OutboxEntry| {
            entry.state == RequestState::Rejected && entry.context["origin"] == SurveyOrigin::Manual.as_str()
        };
        let found: Vec<(OutboxEntry, String)> = (self.0.store.outbox().since(REQUEST, since).await?.into_iter())
            // The counterpart of a session is a conversation, and the other way around.
            .filter(|entry| entry.context["session"].is_null() == is_session && !is_rejected_manual(entry))
            .filter_map(|entry| {
                let other: MatchSide = serde_json::from_value(entry.context.get("call")?.clone()).ok()?;
                let (call, closed) = if is_session { (side, &other) } else { (&other, side) };
                let evidence = call_conversation_match::match_evidence(call, closed, within)?;
                let evidence = format!("{} ({evidence})", interaction_name(&entry));
                Some((entry, evidence))
            })
            .collect();
        let evidence = found.iter().map(|(_, evidence)| evidence.as_str()).collect::<Vec<_>>().join(", or ");
        let count = found.len();
        Ok(match (found.into_iter().next(), count) {
            (None, _) => Counterpart::None,
            (Some((one, _)), 1) => Counterpart::Found(Box::new(one), evidence),
            (Some((newest, _)), _) => Counterpart::Several(Box::new(newest), evidence),
        })
    }
}

fn interaction_name(entry: &OutboxEntry) -> String {
    match (&entry.context["session"], &entry.context["conversation"]) {
        (Value::Number(session), _) => format!("session {session}"),
        (_, conversation) => format!("conversation {}", conversation.as_str().unwrap_or_default()),
    }
}
