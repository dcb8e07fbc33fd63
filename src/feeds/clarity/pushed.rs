//! What a hub call tells, as facts.

use classic_signalr::HubCall;

use super::moment::Moment;
use super::translate;
use crate::domain::{Fact, Ordinal};
use crate::vendor::clarity::find_pushes;

/// What one hub call told.
#[derive(Debug, Default)]
pub struct Pushed {
    /// What it says of agents and queues, in order.
    pub facts: Vec<Fact>,
    /// How many readings it held, those included that are no facts.
    pub readings: u64,
    /// How many parts of it say nothing that we understand. To be counted, not feared.
    pub unknown: u64,
}

impl Pushed {
    /// Understands a call that came at this time. Each change takes its place in the order in which we hear and ask.
    pub fn of(call: &HubCall, at: impl Into<Moment>, mut ordinal: impl FnMut() -> Ordinal) -> Self {
        let (pushes, at) = (find_pushes(&call.args), at.into());
        let mut pushed = Self {
            facts: Vec::with_capacity(pushes.readings.len()),
            readings: pushes.readings.len() as u64,
            unknown: pushes.unknown as u64,
        };
        for reading in pushes.readings {
            let heard = ordinal();
            let kind = reading.kind.as_deref().unwrap_or_default();
            let fact = if kind.eq_ignore_ascii_case("agent") {
                translate::agent(reading, at).map(|agent| Fact::AgentChanged { heard, agent: Box::new(agent) })
            } else if kind.eq_ignore_ascii_case("queue") {
                translate::queue(reading, at).map(|queue| Fact::QueueChanged { heard, queue: Box::new(queue) })
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
