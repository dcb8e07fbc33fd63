//! What was seen of a session since an agent had it: who, in which order, and for how long.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::domain::{AgentId, Modality, QueueId};
use crate::feeds::clarity::translate::modality;

/// What was seen of a session.
#[derive(Debug)]
pub(super) struct SessionTimeline {
    pub modality: Modality,
    pub queue: Option<QueueId>,
    pub customer: Option<Arc<str>>,
    holders: BTreeSet<AgentId>,
    /// Who had it, in the order in which they came to it, since when (if they have it), and how long before.
    agents: Vec<(AgentId, Option<Timestamp>, SignedDuration)>,
    /// When somebody last came to it or left it. In another life of the process nobody knows more of when it ended.
    seen: Option<Timestamp>,
    /// How often Clarity was asked about it.
    pub questions: u32,
}

impl SessionTimeline {
    pub fn new(modality: Modality) -> Self {
        Self {
            modality,
            queue: None,
            customer: None,
            holders: BTreeSet::new(),
            agents: Vec::new(),
            seen: None,
            questions: 0,
        }
    }

    /// An agent has it. Says whether that is new.
    pub fn come(&mut self, agent: AgentId, now: Timestamp) -> bool {
        let is_new = self.holders.insert(agent);
        if is_new {
            let before = self.agents.iter().position(|(known, ..)| *known == agent).map(|at| self.agents.remove(at));
            // Whoever comes back is the last again.
            self.agents.push((agent, Some(now), before.map_or(SignedDuration::ZERO, |(.., spent)| spent)));
            self.seen = Some(now);
        }
        is_new
    }

    pub fn leave(&mut self, agent: AgentId, now: Timestamp) {
        self.holders.remove(&agent);
        self.seen = Some(now);
        if let Some((_, since, spent)) = self.agents.iter_mut().find(|(known, ..)| *known == agent)
            && let Some(since) = since.take()
        {
            *spent = spent.saturating_add(now.duration_since(since));
        }
    }

    /// Whether nobody has it.
    pub fn is_let_go(&self) -> bool {
        self.holders.is_empty()
    }

    /// What is needed to ask about it in another life of the process: nothing about the customer, whom Clarity knows.
    pub fn to_memory(&self) -> String {
        let agents = self.agents.iter().map(|(agent, since, spent)| json!([agent, since, spent.as_secs()]));
        let (modality, seen) = (self.modality.as_str(), self.seen);
        json!({ "modality": modality, "queue": self.queue, "agents": Value::from_iter(agents), "seen": seen })
            .to_string()
    }

    /// As it was when the process ended: nobody is known to have it.
    pub fn from_memory(text: &str, now: Timestamp) -> Option<Self> {
        let memory: Value = serde_json::from_str(text).ok()?;
        let mut course = Self::new(modality(memory["modality"].as_str()?));
        course.queue = memory["queue"].as_i64().map(QueueId);
        course.seen = memory["seen"].as_str().and_then(|seen| seen.parse().ok());
        for agent in memory["agents"].as_array()? {
            let since: Option<Timestamp> = agent[1].as_str().and_then(|since| since.parse().ok());
            let spent = SignedDuration::from_secs(agent[2].as_i64()?)
                .saturating_add(since.map_or(SignedDuration::ZERO, |since| now.duration_since(since)));
            course.agents.push((AgentId(agent[0].as_i64()?), None, spent));
        }
        Some(course)
    }

    /// When somebody was last seen to come to it or to leave it.
    pub fn seen(&self) -> Option<Timestamp> {
        self.seen
    }

    pub fn first(&self) -> Option<AgentId> {
        self.agents.first().map(|(agent, ..)| *agent)
    }

    pub fn last(&self) -> Option<AgentId> {
        self.agents.last().map(|(agent, ..)| *agent)
    }

    pub fn longest(&self, now: Timestamp) -> Option<AgentId> {
        let spent = |(_, since, spent): &(AgentId, Option<Timestamp>, SignedDuration)| {
            spent.saturating_add(since.map_or(SignedDuration::ZERO, |since| now.duration_since(since)))
        };
        self.agents.iter().max_by_key(|agent| spent(agent)).map(|(agent, ..)| *agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_agents_the_first_the_last_and_the_longest_are_told_apart() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut course = SessionTimeline::new(Modality::Audio);
        course.come(AgentId(1), at(0));
        course.leave(AgentId(1), at(100));
        assert!(course.is_let_go());
        course.come(AgentId(2), at(101));
        assert!(!course.is_let_go());
        course.leave(AgentId(2), at(400));
        course.come(AgentId(3), at(400));
        course.leave(AgentId(3), at(410));
        assert_eq!(
            (course.first(), course.last(), course.longest(at(410))),
            (Some(AgentId(1)), Some(AgentId(3)), Some(AgentId(2)))
        );
        course.come(AgentId(1), at(500));
        assert_eq!(
            (course.last(), course.longest(at(1000))),
            (Some(AgentId(1)), Some(AgentId(1))),
            "who comes back is last again"
        );
    }

    #[test]
    fn in_another_life_it_is_known_who_had_it_and_for_how_long_but_not_the_customer() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut course = SessionTimeline::new(Modality::InstantMessage);
        (course.queue, course.customer) = (Some(QueueId(7)), Some("Jane".into()));
        course.come(AgentId(1), at(0));
        course.leave(AgentId(1), at(100));
        course.come(AgentId(2), at(100));
        let memory = course.to_memory();
        assert!(!memory.contains("Jane"), "{memory}");
        let known = SessionTimeline::from_memory(&memory, at(250)).expect("a course");
        assert!(known.is_let_go());
        assert_eq!(
            (known.first(), known.last(), known.longest(at(999))),
            (Some(AgentId(1)), Some(AgentId(2)), Some(AgentId(2)))
        );
        assert_eq!(known.seen(), Some(at(100)), "it may have ended then");
        assert_eq!((known.modality, known.queue, known.customer), (Modality::InstantMessage, Some(QueueId(7)), None));
        assert!(SessionTimeline::from_memory("{}", at(0)).is_none());
    }
}
