//! What is worth noting about an answer or a push beside what it says: signs that the structure has changed, and what
//! Clarity says that makes no sense or contradicts itself.

use std::collections::HashMap;

use super::snapshot::Roster;
use super::structure_watch::{Sign, signs};
use crate::domain::{AgentId, AgentUpdate, Change, Fact, Ordinal, SessionId, SessionListUpdates, SessionStatus};
use crate::gold::{Entity, Gold, Key};

/// Notes about some answers or pushes.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// What they named and the structure does not.
    pub signs: Vec<Sign>,
    /// How many entries of lists made no sense and were left out.
    pub dropped: u64,
    /// How many statuses have a number and a name that contradict each other, and had not before.
    pub contradicting: u64,
    /// Which agent has which session in contact.
    pub in_contact: Vec<(SessionId, Ordinal, AgentId)>,
}

impl Observations {
    /// To be called before gold is told: what it knows is what was known before.
    pub fn note(&mut self, fact: &Fact, floor: &Roster, gold: &Gold) {
        self.signs.append(&mut signs(fact, floor, gold));
        match fact {
            Fact::AgentUpdated { received: heard, agent } => self.note_agent(*heard, agent, gold),
            Fact::AgentSnapshots { asked, agents } => {
                agents.iter().for_each(|agent| self.note_agent(*asked, agent, gold))
            }
            Fact::QueueUpdated { queue, .. } => self.dropped += queue.dropped,
            Fact::QueueSnapshots { queues, .. } => {
                self.dropped += queues.iter().map(|queue| queue.dropped).sum::<u64>()
            }
            _ => {}
        }
    }

    fn note_agent(&mut self, at: Ordinal, agent: &AgentUpdate, gold: &Gold) {
        self.dropped += agent.dropped;
        if let Some(name) = agent.status.as_ref().and_then(|status| status.contradicting.as_ref()) {
            let known = gold.copy().get(&Key::Agent(agent.id));
            let is_known = matches!(known.as_deref(), Some(Entity::Agent(known)) if known.contradicting_status.as_ref() == Some(name));
            self.contradicting += u64::from(!is_known);
        }
        self.note_contacts(at, &agent.sessions);
    }

    fn note_contacts(&mut self, at: Ordinal, sessions: &SessionListUpdates) {
        for session in sessions.iter().flat_map(|(_, list)| list.all.iter().flatten().chain(&list.added)) {
            if let (Some(SessionStatus::Active), Change::Set(agent)) = (&session.status, session.agent) {
                self.in_contact.push((session.id, at, agent));
            }
        }
    }
}

/// Who has which session in contact, to count those that are transferred.
#[derive(Debug, Default)]
pub(super) struct TransferCounter(HashMap<SessionId, (Ordinal, AgentId)>);

impl TransferCounter {
    /// How many sessions are remembered. When there are more, transfers of some are not counted.
    const MOST: usize = 20_000;

    /// Returns how many of these another agent had before. An answer that is older than a push says nothing new.
    pub fn transferred(&mut self, in_contact: Vec<(SessionId, Ordinal, AgentId)>) -> u64 {
        if self.0.len() > Self::MOST {
            self.0.clear();
        }
        let mut transferred = 0;
        for (session, at, agent) in in_contact {
            let before = self.0.get(&session).copied();
            if before.is_none_or(|(before, _)| before <= at) {
                transferred += u64::from(before.is_some_and(|(_, before)| before != agent));
                self.0.insert(session, (at, agent));
            }
        }
        transferred
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_is_counted_once_when_another_agent_has_the_session() {
        let (rob, mia, call) = (AgentId(41), AgentId(43), SessionId(7));
        let mut contacts = TransferCounter::default();
        let told = [
            vec![(call, Ordinal(1), rob)],
            vec![(call, Ordinal(2), rob)],
            vec![(call, Ordinal(4), mia), (SessionId(8), Ordinal(4), rob)],
            vec![(call, Ordinal(3), rob)],
            vec![(call, Ordinal(5), mia)],
        ];
        assert_eq!(told.map(|in_contact| contacts.transferred(in_contact)), [0, 0, 1, 0, 0]);
    }
}
