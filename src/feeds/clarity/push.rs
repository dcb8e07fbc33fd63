//! Translates a hub call into facts.

use classic_signalr::HubCall;

use super::received_at::ReceivedAt;
use super::translate;
use crate::domain::{Fact, Ordinal};
use crate::upstream::clarity::find_pushes;

/// What one hub call pushed.
#[derive(Debug, Default)]
pub struct PushFacts {
    /// Facts about agents and queues, in order.
    pub facts: Vec<Fact>,
    /// Number of updates in the call, including those that are no facts.
    pub updates: u64,
    /// Number of parts that make no sense. A few of them are normal: no document describes the payload.
    pub unknown: u64,
}

impl PushFacts {
    /// Translates a call that came at this time. `ordinal` gives each fact its place in the order of events.
    pub fn from_call(call: &HubCall, received: impl Into<ReceivedAt>, mut ordinal: impl FnMut() -> Ordinal) -> Self {
        let (pushes, received) = (find_pushes(&call.args), received.into());
        let mut result = Self {
            facts: Vec::with_capacity(pushes.updates.len()),
            updates: pushes.updates.len() as u64,
            unknown: pushes.unknown as u64,
        };
        for update in pushes.updates {
            let heard = ordinal();
            let kind = update.kind.as_deref().unwrap_or_default();
            let fact = if kind.eq_ignore_ascii_case("agent") {
                translate::agent(update, received)
                    .map(|agent| Fact::AgentUpdated { received: heard, agent: Box::new(agent) })
            } else if kind.eq_ignore_ascii_case("queue") {
                translate::queue(update, received)
                    .map(|queue| Fact::QueueUpdated { received: heard, queue: Box::new(queue) })
            } else {
                None
            };
            match fact {
                Some(fact) => result.facts.push(fact),
                None => result.unknown += 1,
            }
        }
        result
    }
}
