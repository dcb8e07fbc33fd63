//! Look-up, annotation and recording of open and recently ended contacts.

use super::ContactCenter;
use super::annotations::Annotations;
use super::contacts::{Modality, Session, SessionStatus};

/// Number of ended contacts that are kept.
const MAX_PAST_SESSIONS: usize = 1000;

impl ContactCenter {
    /// An open contact, or one of the recently ended ones.
    #[must_use]
    pub fn session(&self, id: i64) -> Option<&Session> {
        self.sessions.get(&id).or_else(|| self.past.get(&id))
    }

    /// Ended contacts of a customer, newest first.
    pub fn past_of(&self, email: &str) -> impl Iterator<Item = &Session> {
        self.past.values().rev().filter(move |session| session.customer.email == email)
    }

    /// Changes the annotations of a contact. False for an unknown contact.
    pub fn annotate(&mut self, session: i64, change: impl FnOnce(&mut Annotations)) -> bool {
        let found = match self.sessions.get_mut(&session) {
            Some(session) => Some(session),
            None => self.past.get_mut(&session),
        };
        found.map(|session| change(&mut session.annotations)).is_some()
    }

    /// Starts or stops the recording of an agent's active contact. Returns for it: id, whether it is recorded now,
    /// whether it can be. `None` for an unknown agent.
    pub fn record(&mut self, agent: i64, recording: bool) -> Option<Vec<(i64, bool, bool)>> {
        let session = self.agents.get(&agent)?.session;
        let found = session.and_then(|id| self.sessions.get_mut(&id));
        let Some(found) = found.filter(|session| session.status == SessionStatus::Active) else {
            return Some(Vec::new());
        };
        let can_be_recorded = found.modality == Modality::Audio;
        found.recording = recording && can_be_recorded;
        let result = vec![(found.id, found.recording, can_be_recorded)];
        let queue = found.queue;
        self.touched_agents.insert(agent);
        self.touched_queues.insert(queue);
        Some(result)
    }

    pub(super) fn archive(&mut self, session: Session) {
        self.past.insert(session.id, session);
        if self.past.len() > MAX_PAST_SESSIONS {
            self.past.pop_first();
        }
    }
}
