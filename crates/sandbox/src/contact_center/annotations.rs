//! What people write about contacts, those that are over included, and who is recorded.

use std::collections::BTreeMap;

use super::{Modality, Session, SessionStatus, World};

/// How many contacts that are over can still be written about.
const KEPT: usize = 1000;

/// A disposition by number and name, with finer ones.
pub type Disposition = (i64, &'static str, &'static [(i64, &'static str)]);

/// The dispositions there are, each with finer ones.
pub const DISPOSITIONS: [Disposition; 3] = [
    (1, "Orders", &[(1, "New order"), (2, "Change of an order")]),
    (2, "Returns", &[(3, "Damaged"), (4, "Changed their mind")]),
    (4, "Accounts", &[(8, "Password change")]),
];

/// What has been written about a contact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Papers {
    /// The note.
    pub note: Option<String>,
    /// The disposition, and the finer one.
    pub disposition: Option<(i64, Option<i64>)>,
    /// Extra items by name.
    pub extra_items: BTreeMap<String, String>,
}

impl World {
    /// A contact that goes on, or one of the last that are over.
    #[must_use]
    pub fn session(&self, id: i64) -> Option<&Session> {
        self.sessions.get(&id).or_else(|| self.past.get(&id))
    }

    /// Contacts of a customer, the newest first, those that are over only.
    pub fn past_of(&self, email: &str) -> impl Iterator<Item = &Session> {
        self.past.values().rev().filter(move |session| session.customer.email == email)
    }

    /// Writes about a contact. False if there is no such one.
    pub fn write(&mut self, session: i64, pen: impl FnOnce(&mut Papers)) -> bool {
        let found = match self.sessions.get_mut(&session) {
            Some(session) => Some(session),
            None => self.past.get_mut(&session),
        };
        found.map(|session| pen(&mut session.papers)).is_some()
    }

    /// Starts or stops recording what an agent is in. Tells of each contact whether it is recorded now and whether it may
    /// be. None if there is no such agent.
    pub fn record(&mut self, agent: i64, recording: bool) -> Option<Vec<(i64, bool, bool)>> {
        let session = self.agents.get(&agent)?.session;
        let found = session.and_then(|id| self.sessions.get_mut(&id));
        let Some(found) = found.filter(|session| session.status == SessionStatus::Active) else {
            return Some(Vec::new());
        };
        let may = found.modality == Modality::Audio;
        found.recording = recording && may;
        let told = vec![(found.id, found.recording, may)];
        let queue = found.queue;
        self.touched_agents.insert(agent);
        self.touched_queues.insert(queue);
        Some(told)
    }

    pub(super) fn file(&mut self, session: Session) {
        self.past.insert(session.id, session);
        if self.past.len() > KEPT {
            self.past.pop_first();
        }
    }
}
