//! The `[join]` tables of the configuration, and what a response names by them.

use std::collections::BTreeMap;

use super::visit::VisitRules;
use crate::domain::{QueueId, ResponseRecord, SessionId, TeamId};

/// The `[join]` tables of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatchRules {
    /// Keys of `context.extra` whose value is a session's id (apis.md J19).
    pub session_keys: Vec<String>,
    /// Keys of `context.extra` whose value is a conversation's id (apis.md J19).
    pub conversation_keys: Vec<String>,
    /// Places by partner id (apis.md J24).
    pub places: BTreeMap<String, PlaceRule>,
    /// How the time of a visit is read.
    pub visits: VisitRules,
}

/// What a place is attributed to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceRule {
    /// The queue that is responsible for it.
    pub queue: Option<QueueId>,
    /// The team that is responsible for it.
    pub team: Option<TeamId>,
}

impl MatchRules {
    /// The session that a response names, with the evidence.
    #[must_use]
    pub fn named_session(&self, response: &ResponseRecord) -> Option<(SessionId, String)> {
        named(response, &self.session_keys, |value| value.parse().ok())
    }

    /// The conversation that a response names, with the evidence.
    #[must_use]
    pub fn named_conversation<'a>(&self, response: &'a ResponseRecord) -> Option<(&'a str, String)> {
        named(response, &self.conversation_keys, |value| (!value.is_empty()).then_some(value))
    }
}

/// The value of the configured keys. If two keys have different values, there is none.
fn named<'a, T: PartialEq>(
    response: &'a ResponseRecord,
    keys: &[String],
    read: impl Fn(&'a str) -> Option<T>,
) -> Option<(T, String)> {
    let mut named = keys.iter().filter_map(|key| {
        let value = response.extra.get(key.as_str())?.trim();
        Some((read(value)?, format!("context.extra.{key} = {value}")))
    });
    let first = named.next()?;
    named.all(|(other, _)| other == first.0).then_some(first)
}
