//! Which agents had a session, in which order, and for how long.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::domain::{AgentId, Modality, QueueId};
use crate::feeds::clarity::translate::modality;

/// What is known of a session since the first agent had it.
#[derive(Debug)]
pub(super) struct SessionTimeline {
    pub modality: Modality,
    pub queue: Option<QueueId>,
    pub customer: Option<Arc<str>>,
    /// The agents who have it now.
    holders: BTreeSet<AgentId>,
    /// All agents who have or had it, in the order in which they came to it.
    agents: Vec<Holding>,
    /// When an agent last came to it or left it. After a restart this is the only evidence of its end.
    last_change: Option<Timestamp>,
    /// How often Clarity was asked whether it has ended.
    pub attempts: u32,
}

#[derive(Debug, Clone, Copy)]
struct Holding {
    agent: AgentId,
    /// Since when the agent has it. `None`: no longer.
    since: Option<Timestamp>,
    /// How long before that.
    spent: SignedDuration,
}

impl Holding {
    fn total(&self, now: Timestamp) -> SignedDuration {
        self.spent.saturating_add(self.since.map_or(SignedDuration::ZERO, |since| now.duration_since(since)))
    }
}

impl SessionTimeline {
    pub fn new(modality: Modality) -> Self {
        Self {
            modality,
            queue: None,
            customer: None,
            holders: BTreeSet::new(),
            agents: Vec::new(),
            last_change: None,
            attempts: 0,
        }
    }

    /// An agent has it. Returns whether that is new.
    pub fn join(&mut self, agent: AgentId, now: Timestamp) -> bool {
        let is_new = self.holders.insert(agent);
        if is_new {
            let before = self.agents.iter().position(|known| known.agent == agent).map(|at| self.agents.remove(at));
            // An agent who returns is the last again.
            let spent = before.map_or(SignedDuration::ZERO, |before| before.spent);
            self.agents.push(Holding { agent, since: Some(now), spent });
            self.last_change = Some(now);
        }
        is_new
    }

    /// An agent has it no longer.
    pub fn leave(&mut self, agent: AgentId, now: Timestamp) {
        self.holders.remove(&agent);
        self.last_change = Some(now);
        if let Some(holding) = self.agents.iter_mut().find(|known| known.agent == agent) {
            holding.spent = holding.total(now);
            holding.since = None;
        }
    }

    /// Whether no agent has it.
    pub fn is_released(&self) -> bool {
        self.holders.is_empty()
    }

    /// As JSON for the store: enough to ask Clarity about it after a restart, and nothing about the customer.
    pub fn to_json(&self) -> String {
        let agents = self.agents.iter().map(|known| json!([known.agent, known.since, known.spent.as_secs()]));
        let (modality, last_change) = (self.modality.as_str(), self.last_change);
        let agents = Value::from_iter(agents);
        json!({ "modality": modality, "queue": self.queue, "agents": agents, "last_change": last_change }).to_string()
    }

    /// As it was when the process ended; no agent is known to have it now.
    pub fn from_json(text: &str, now: Timestamp) -> Option<Self> {
        let stored: Value = serde_json::from_str(text).ok()?;
        let mut timeline = Self::new(modality(stored["modality"].as_str()?));
        timeline.queue = stored["queue"].as_i64().map(QueueId);
        timeline.last_change = stored["last_change"].as_str().and_then(|at| at.parse().ok());
        for agent in stored["agents"].as_array()? {
            let since: Option<Timestamp> = agent[1].as_str().and_then(|since| since.parse().ok());
            let holding = Holding {
                agent: AgentId(agent[0].as_i64()?),
                since,
                spent: SignedDuration::from_secs(agent[2].as_i64()?),
            };
            timeline.agents.push(Holding { since: None, spent: holding.total(now), ..holding });
        }
        Some(timeline)
    }

    /// When an agent last came to it or left it.
    pub fn last_change(&self) -> Option<Timestamp> {
        self.last_change
    }

    /// The first agent.
    pub fn first(&self) -> Option<AgentId> {
        self.agents.first().map(|known| known.agent)
    }

    /// The last agent.
    pub fn last(&self) -> Option<AgentId> {
        self.agents.last().map(|known| known.agent)
    }

    /// The agent who had it for the longest time.
    pub fn longest(&self, now: Timestamp) -> Option<AgentId> {
        self.agents.iter().max_by_key(|known| known.total(now)).map(|known| known.agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_last_and_longest_agent_are_distinguished() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut timeline = SessionTimeline::new(Modality::Audio);
        timeline.join(AgentId(1), at(0));
        timeline.leave(AgentId(1), at(100));
        assert!(timeline.is_released());
        timeline.join(AgentId(2), at(101));
        assert!(!timeline.is_released());
        timeline.leave(AgentId(2), at(400));
        timeline.join(AgentId(3), at(400));
        timeline.leave(AgentId(3), at(410));
        assert_eq!(
            (timeline.first(), timeline.last(), timeline.longest(at(410))),
            (Some(AgentId(1)), Some(AgentId(3)), Some(AgentId(2)))
        );
        timeline.join(AgentId(1), at(500));
        assert_eq!(
            (timeline.last(), timeline.longest(at(1000))),
            (Some(AgentId(1)), Some(AgentId(1))),
            "an agent who returns is the last again"
        );
    }

    #[test]
    fn stored_timeline_keeps_agents_and_durations_but_no_customer() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut timeline = SessionTimeline::new(Modality::InstantMessage);
        (timeline.queue, timeline.customer) = (Some(QueueId(7)), Some("Jane".into()));
        timeline.join(AgentId(1), at(0));
        timeline.leave(AgentId(1), at(100));
        timeline.join(AgentId(2), at(100));
        let stored = timeline.to_json();
        assert!(!stored.contains("Jane"), "{stored}");
        let known = SessionTimeline::from_json(&stored, at(250)).expect("a timeline");
        assert!(known.is_released());
        assert_eq!(
            (known.first(), known.last(), known.longest(at(999))),
            (Some(AgentId(1)), Some(AgentId(2)), Some(AgentId(2)))
        );
        assert_eq!(known.last_change(), Some(at(100)), "it may have ended then");
        assert_eq!((known.modality, known.queue, known.customer), (Modality::InstantMessage, Some(QueueId(7)), None));
        assert!(SessionTimeline::from_json("{}", at(0)).is_none());
    }
}
