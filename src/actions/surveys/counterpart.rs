//! The other half of an interaction, which was asked about under another name: a call and the conversation that an agent
//! closed after it are one interaction, also where neither names the other (`apis.md` J18).
//!
//! Whichever comes second finds the first in the outbox, with what is needed to tell that they are one, so that no stop or
//! crash between the two asks a customer twice.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{REQUEST, Surveys};
use crate::config::Sending;
use crate::domain::{EndedInteraction, Interaction, Modality, SurveyOrigin};
use crate::gold::directory::AgentDirectory;
use crate::store::{OutboxEntry, StoreError};

/// By how much the clocks of the two systems may differ from ours.
const SKEW: SignedDuration = SignedDuration::from_mins(10);

/// The other half.
pub(super) enum Counterpart {
    /// Nobody was asked about one.
    None,
    /// Somebody was, and this says that it is it.
    Found(Box<OutboxEntry>, String),
    /// There is more than one that it may be, of which this is the newest: a person decides (`apis.md` J50).
    Several(Box<OutboxEntry>, String),
}

impl Surveys {
    /// What is known of this half, if it can have another one that is asked about too. One that names its other half has
    /// that one's key instead (`apis.md` J17).
    pub(super) fn side(&self, helped: &EndedInteraction) -> Option<MatchSide> {
        let rules = &self.0.rules;
        if rules.sessions == Sending::Off || rules.conversations == Sending::Off || helped.conversation.is_some() {
            return None;
        }
        if matches!(helped.interaction, Interaction::Session(_)) && helped.modality != Some(Modality::Audio) {
            return None;
        }
        let call = helped.call.as_ref()?;
        let mut agents = call.agents.clone();
        if !call.employees.is_empty() {
            let roll = AgentDirectory::from_copy(self.0.gold.copy());
            agents.extend(call.employees.iter().filter_map(|employee| roll.find(&[employee], None)));
        }
        Some(MatchSide { person: call.person.clone(), agents, began: call.began, ended: helped.ended? })
    }

    /// Looks for it among what was asked about.
    pub(super) async fn counterpart(&self, is_session: bool, side: &MatchSide) -> Result<Counterpart, StoreError> {
        let within = self.0.rules.closed_within;
        // It was asked about after it was over: the call at the earliest so long before the conversation was closed.
        let before = if is_session { SignedDuration::ZERO } else { within };
        let earliest = side.began.unwrap_or(side.ended).min(side.ended);
        let since = earliest.saturating_sub(before.saturating_add(SKEW)).unwrap_or(Timestamp::MIN);
        let is_refused = |entry: &OutboxEntry| {
            entry.state == RequestState::Rejected && entry.context["origin"] == SurveyOrigin::Manual.as_str()
        };
        let found: Vec<(OutboxEntry, String)> = (self.0.store.outbox().since(REQUEST, since).await?.into_iter())
            // A session's other half is a conversation, and the other way about.
            .filter(|entry| entry.context["session"].is_null() == is_session && !is_refused(entry))
            .filter_map(|entry| {
                let other: MatchSide = serde_json::from_value(entry.context.get("call")?.clone()).ok()?;
                let (call, closed) = if is_session { (side, &other) } else { (&other, side) };
                let evidence = call_conversation_match::match_evidence(call, closed, within)?;
                let evidence = format!("{} ({evidence})", named(&entry));
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

fn named(entry: &OutboxEntry) -> String {
    match (&entry.context["session"], &entry.context["conversation"]) {
        (Value::Number(session), _) => format!("session {session}"),
        (_, conversation) => format!("conversation {}", conversation.as_str().unwrap_or_default()),
    }
}
