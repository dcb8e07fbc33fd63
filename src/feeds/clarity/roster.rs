//! The agents and queues that Clarity's structure names, as far as requests need them.

use std::collections::{BTreeMap, BTreeSet};

use super::push_watchdog::Kinds;

/// Ids of agents and queues, and the names by which queues are looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roster {
    pub agents: BTreeSet<i64>,
    /// By id: the order in which Clarity lists queues means nothing, so another order is no change.
    pub queues: BTreeMap<i64, String>,
}

impl Roster {
    /// Of which kinds there is anything to subscribe to.
    pub fn kinds(&self) -> Kinds {
        Kinds { agents: !self.agents.is_empty(), queues: !self.queues.is_empty() }
    }

    pub fn has_agent(&self, id: i64) -> bool {
        self.agents.contains(&id)
    }

    pub fn has_queue(&self, id: i64) -> bool {
        self.queues.contains_key(&id)
    }

    pub fn agent_ids(&self) -> Vec<i64> {
        self.agents.iter().copied().collect()
    }

    pub fn queue_ids(&self) -> Vec<i64> {
        self.queues.keys().copied().collect()
    }

    /// A roster of these agents and queues.
    #[cfg(test)]
    pub fn of<'a>(agents: impl IntoIterator<Item = i64>, queues: impl IntoIterator<Item = (i64, &'a str)>) -> Self {
        let queues = queues.into_iter().map(|(id, name)| (id, name.to_owned())).collect();
        Self { agents: agents.into_iter().collect(), queues }
    }
}
