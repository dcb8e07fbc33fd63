//! What was seen of a session since an agent had it: who, in which order, and for how long.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AgentId, Modality, QueueId};

/// What was seen of a session.
#[derive(Debug)]
pub(super) struct Course {
    pub modality: Modality,
    pub queue: Option<QueueId>,
    pub customer: Option<Arc<str>>,
    holders: BTreeSet<AgentId>,
    /// Who had it, in the order in which they came to it, since when (if they have it), and how long before.
    agents: Vec<(AgentId, Option<Timestamp>, SignedDuration)>,
    /// How often Clarity was asked about it.
    pub questions: u32,
}

impl Course {
    pub fn new(modality: Modality) -> Self {
        Self { modality, queue: None, customer: None, holders: BTreeSet::new(), agents: Vec::new(), questions: 0 }
    }

    pub fn come(&mut self, agent: AgentId, now: Timestamp) {
        if self.holders.insert(agent) {
            let before = self.agents.iter().position(|(known, ..)| *known == agent).map(|at| self.agents.remove(at));
            // Whoever comes back is the last again.
            self.agents.push((agent, Some(now), before.map_or(SignedDuration::ZERO, |(.., spent)| spent)));
        }
    }

    pub fn leave(&mut self, agent: AgentId, now: Timestamp) {
        self.holders.remove(&agent);
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
        let mut course = Course::new(Modality::Audio);
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
}
