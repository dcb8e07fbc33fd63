//! What a hub call tells, as facts.

use classic_signalr::HubCall;

use super::received_at::ReceivedAt;
use super::translate;
use crate::domain::{Fact, Ordinal};
use crate::upstream::clarity::find_pushes;

/// What one hub call told.
#[derive(Debug, Default)]
pub struct PushFacts {
    /// What it says of agents and queues, in order.
    pub facts: Vec<Fact>,
    /// How many readings it held, those included that are no facts.
    pub readings: u64,
    /// How many parts of it say nothing that we understand. To be counted, not feared.
    pub unknown: u64,
}

impl PushFacts {
    /// Understands a call that came at this time. Each change takes its place in the order in which we hear and ask.
    pub fn from_call(call: &HubCall, at: impl Into<ReceivedAt>, mut ordinal: impl FnMut() -> Ordinal) -> Self {
        let (pushes, at) = (find_pushes(&call.args), at.into());
        let mut pushed = Self {
            facts: Vec::with_capacity(pushes.updates.len()),
            readings: pushes.updates.len() as u64,
            unknown: pushes.unknown as u64,
        };
        for reading in pushes.updates {
            let heard = ordinal();
            let kind = reading.kind.as_deref().unwrap_or_default();
            let fact = if kind.eq_ignore_ascii_case("agent") {
                translate::agent(reading, at)
                    .map(|agent| Fact::AgentUpdated { received: heard, agent: Box::new(agent) })
            } else if kind.eq_ignore_ascii_case("queue") {
                translate::queue(reading, at)
                    .map(|queue| Fact::QueueUpdated { received: heard, queue: Box::new(queue) })
            } else {
                None
            };
            match fact {
                Some(fact) => pushed.facts.push(fact),
                None => pushed.unknown += 1,
            }
        }
        pushed
    }
}
