//! What an answer or a push shows beside its content: that the structure has changed, that entries make no sense, that
//! a status contradicts itself, that a contact was transferred.

use std::collections::HashMap;

use super::roster::Roster;
use super::structure_watch::{Mismatch, mismatches};
use crate::domain::{AgentId, AgentUpdate, Change, Fact, Ordinal, SessionId, SessionListUpdates, SessionStatus};
use crate::gold::{Entity, Gold, Key};

/// What some answers or pushes show beside their content.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// What they name and the structure does not.
    pub mismatches: Vec<Mismatch>,
    /// Number of list entries that make no sense and were left out.
    pub dropped: u64,
    /// Number of statuses whose number and name newly contradict each other.
    pub contradicting: u64,
    /// Which agent is in contact in which session.
    pub in_contact: Vec<(SessionId, Ordinal, AgentId)>,
}

impl Observations {
    /// Observes a fact. Call it before gold applies the fact: it compares with what was known before.
    pub fn note(&mut self, fact: &Fact, roster: &Roster, gold: &Gold) {
        self.mismatches.append(&mut mismatches(fact, roster, gold));
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
            let is_known = match known.as_deref() {
                Some(Entity::Agent(known)) => known.contradicting_status.as_ref() == Some(name),
                _ => false,
            };
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

/// Counts sessions that pass from one agent to another.
#[derive(Debug, Default)]
pub(super) struct TransferCounter(HashMap<SessionId, (Ordinal, AgentId)>);

impl TransferCounter {
    /// Sessions remembered at most. Beyond that all are forgotten, and a few transfers are not counted.
    const MAX_SESSIONS: usize = 20_000;

    /// Returns how many of these sessions another agent had before. An answer that is older than a push says nothing
    /// new.
    pub fn note(&mut self, in_contact: Vec<(SessionId, Ordinal, AgentId)>) -> u64 {
        if self.0.len() > Self::MAX_SESSIONS {
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
    fn transfer_to_another_agent_is_counted_once() {
        let (rob, mia, call) = (AgentId(41), AgentId(43), SessionId(7));
        let mut transfers = TransferCounter::default();
        let observed = [
            vec![(call, Ordinal(1), rob)],
            vec![(call, Ordinal(2), rob)],
            vec![(call, Ordinal(4), mia), (SessionId(8), Ordinal(4), rob)],
            vec![(call, Ordinal(3), rob)],
            vec![(call, Ordinal(5), mia)],
        ];
        assert_eq!(observed.map(|in_contact| transfers.note(in_contact)), [0, 0, 1, 0, 0]);
    }
}
