//! Updates of agents and queues that the structure does not name. If they are new, the next structure names them, and
//! nothing that was pushed meanwhile is lost. If they were removed, late updates expire here.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Ordinal;

/// How long an update waits for a structure that names its subject: several times as long as requesting one takes.
const MAX_WAIT: SignedDuration = SignedDuration::from_secs(120);

/// Limits, so that a system that sends random ids cannot fill the memory.
const MAX_SUBJECTS: usize = 200;
const MAX_UPDATES: usize = 20;

/// The updates by subject, in the order of their arrival.
#[derive(Debug)]
pub(super) struct EarlyUpdates<Id, T>(BTreeMap<Id, Vec<(Timestamp, Ordinal, T)>>);

impl<Id, T> Default for EarlyUpdates<Id, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Id: Ord, T> EarlyUpdates<Id, T> {
    pub fn keep(&mut self, id: Id, at: Timestamp, received: Ordinal, update: T) {
        if self.0.len() >= MAX_SUBJECTS && !self.0.contains_key(&id) {
            return;
        }
        let updates = self.0.entry(id).or_default();
        if updates.len() >= MAX_UPDATES {
            updates.remove(0);
        }
        updates.push((at, received, update));
    }

    /// Takes the updates of a subject that exists now.
    pub fn take(&mut self, id: &Id) -> Vec<(Timestamp, Ordinal, T)> {
        self.0.remove(id).unwrap_or_default()
    }

    /// A structure was applied at `now`: updates that waited too long are about a removed subject.
    pub fn expire(&mut self, now: Timestamp) {
        self.0.retain(|_, updates| {
            updates.retain(|(at, ..)| now.duration_since(*at) < MAX_WAIT);
            !updates.is_empty()
        });
    }

    /// Drops updates that may be out of date.
    pub fn drop_before(&mut self, before: Ordinal) {
        self.0.retain(|_, updates| {
            updates.retain(|(_, received, _)| *received >= before);
            !updates.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_updates_are_bounded_and_expire() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut early = EarlyUpdates::default();
        for number in 0..1000_u64 {
            early.keep(number % 300, at(0), Ordinal(number), number);
            early.keep(7, at(100), Ordinal(number), number);
        }
        assert_eq!(early.0.len(), MAX_SUBJECTS);
        assert_eq!(early.take(&7).len(), MAX_UPDATES);
        early.keep(7, at(100), Ordinal(9), 9);
        early.expire(at(120));
        assert_eq!(early.take(&7), [(at(100), Ordinal(9), 9)]);
        assert!(early.0.is_empty());
    }
}
