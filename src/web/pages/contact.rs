//! An agent's current contact, in short.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{PageState, words};
use crate::live::document::{AgentDoc, SessionDoc};

/// Sessions by their beginning; those without one come last.
pub(super) fn by_begin(sessions: &BTreeMap<String, SessionDoc>) -> Vec<&SessionDoc> {
    let mut all: Vec<_> = sessions.iter().collect();
    let number = |id: &str| id.parse::<i64>().unwrap_or(i64::MAX);
    all.sort_by_key(|(id, session)| (session.since.unwrap_or(Timestamp::MAX), number(id)));
    all.into_iter().map(|(_, session)| session).collect()
}

/// The origin of the oldest contact, and the number of further ones.
pub(super) fn summary(page: &PageState, sessions: &BTreeMap<String, SessionDoc>) -> String {
    let all = by_begin(sessions);
    let Some(first) = all.first() else { return String::new() };
    let place = place(page, first);
    match all.len() - 1 {
        0 => place,
        more => words::fill(words::text("moreContacts"), &[("place", &place), ("n", &more)]),
    }
}

/// The origin of a contact.
pub(super) fn place(page: &PageState, session: &SessionDoc) -> String {
    let queue = session.queue.map(|id| page.queue_name(id));
    let kind = Some(words::modality(&session.modality).to_owned());
    queue.into_iter().chain(kind).collect::<Vec<_>>().join(", ")
}

/// An agent's name and activity.
pub(super) fn responder(page: &PageState, agent: Option<i64>) -> String {
    let Some(id) = agent else { return String::new() };
    let now = page.state.agents.get(&id.to_string());
    let status = |agent: &AgentDoc| match agent.suspended {
        Some(true) => words::text("suspendedNow").to_owned(),
        _ => words::status(&agent.status).to_lowercase(),
    };
    let name = page.agent_name(id);
    match now {
        Some(agent) => words::fill(words::text("statusNow"), &[("agent", &name), ("status", &status(agent))]),
        None => name,
    }
}

/// The agent's activity, in short; empty if unknown.
pub(super) fn responder_activity(page: &PageState, agent: Option<i64>) -> String {
    let agent = agent.and_then(|id| page.state.agents.get(&id.to_string()));
    agent.map(|agent| agent.activity.clone()).unwrap_or_default()
}
