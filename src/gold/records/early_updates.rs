//! Updates about agents and queues that the structure does not name. Either they are new, and the next structure names
//! them: then nothing that was pushed meanwhile is lost. Or they are gone, and an update that comes late shows nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Ordinal;

/// How long an update waits for a structure that names its subject: several times as long as it takes to ask for one.
const PATIENCE: SignedDuration = SignedDuration::from_secs(120);

/// So many subjects wait at most, with so many updates each. Peers that invent numbers must not fill the memory.
const MOST_SUBJECTS: usize = 200;
const MOST_UPDATES: usize = 20;

/// The updates by subject, in the order in which they came.
#[derive(Debug)]
pub(super) struct Early<Id, T>(BTreeMap<Id, Vec<(Timestamp, Ordinal, T)>>);

impl<Id, T> Default for Early<Id, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord, T> Early<Id, T> {
    pub fn keep(&mut self, id: Id, at: Timestamp, heard: Ordinal, update: T) {
        if self.0.len() >= MOST_SUBJECTS && !self.0.contains_key(&id) {
            return;
        }
        let updates = self.0.entry(id).or_default();
        if updates.len() >= MOST_UPDATES {
            updates.remove(0);
        }
        updates.push((at, heard, update));
    }

    /// What was kept about a subject that is there now.
    pub fn take(&mut self, id: &Id) -> Vec<(Timestamp, Ordinal, T)> {
        self.0.remove(id).unwrap_or_default()
    }

    /// A structure was told at this time. What has waited for too long is about a subject that is gone.
    pub fn give_up(&mut self, now: Timestamp) {
        self.0.retain(|_, updates| {
            updates.retain(|(at, ..)| now.duration_since(*at) < PATIENCE);
            !updates.is_empty()
        });
    }

    /// What was heard before is no longer believed.
    pub fn forget_before(&mut self, before: Ordinal) {
        self.0.retain(|_, updates| {
            updates.retain(|(_, heard, _)| *heard >= before);
            !updates.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_updates_are_bounded_and_given_up_after_a_while() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut early = Early::default();
        for number in 0..1000_u64 {
            early.keep(number % 300, at(0), Ordinal(number), number);
            early.keep(7, at(100), Ordinal(number), number);
        }
        assert_eq!(early.0.len(), MOST_SUBJECTS);
        assert_eq!(early.take(&7).len(), MOST_UPDATES);
        early.keep(7, at(100), Ordinal(9), 9);
        early.give_up(at(120));
        assert_eq!(early.take(&7), [(at(100), Ordinal(9), 9)]);
        assert!(early.0.is_empty());
    }
}
