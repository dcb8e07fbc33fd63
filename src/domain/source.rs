//! The health of each of the four upstream systems.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::AgentId;

/// The four upstream systems, and our own store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceName {
    /// Telephony: agents, queues and sessions.
    Clarity,
    /// Customers' responses.
    Goodays,
    /// Surveys about agents.
    AgentConnect,
    /// Conversations.
    Kustomer,
    /// Our own store: whether it can be written.
    Store,
}

impl SourceName {
    /// The four systems, in the order in which pages show them.
    pub const ALL: [Self; 4] = [Self::Clarity, Self::Goodays, Self::AgentConnect, Self::Kustomer];

    /// The name in documents and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clarity => "clarity",
            Self::Goodays => "goodays",
            Self::AgentConnect => "agentConnect",
            Self::Kustomer => "kustomer",
            Self::Store => "store",
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How current the data of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceState {
    /// Changes are pushed.
    Live,
    /// Polled; changes arrive late.
    Polling,
    /// No data for longer than expected.
    Stale,
    /// It cannot be reached.
    Down,
    /// Not configured.
    Off,
}

impl SourceState {
    /// The name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Polling => "polling",
            Self::Stale => "stale",
            Self::Down => "down",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A source's health.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Its state.
    pub state: SourceState,
    /// When the state began.
    pub since: Timestamp,
    /// Why it is in this state, in a sentence for users. `None` while all is well.
    pub reason: Option<Arc<str>>,
    /// When it last sent data.
    pub last_data: Option<Timestamp>,
    /// When refused credentials are tried again. An administrator may try sooner.
    pub next_try: Option<Timestamp>,
    /// The transport: `webSockets`, `serverSentEvents`, `webhook` and so on.
    pub transport: Option<Arc<str>>,
    /// Agents that the service account may not see, with their names.
    pub not_permitted: BTreeMap<AgentId, Arc<str>>,
    /// By how many seconds its clock is ahead of ours, or behind if negative, if that is worth showing.
    pub clock_offset: Option<i64>,
    /// Event counts since the start, by counter name.
    pub counters: BTreeMap<&'static str, u64>,
}

impl Health {
    /// A source that enters this state at `since`.
    #[must_use]
    pub fn new(state: SourceState, since: Timestamp) -> Self {
        Self {
            state,
            since,
            reason: None,
            last_data: None,
            next_try: None,
            transport: None,
            not_permitted: BTreeMap::new(),
            clock_offset: None,
            counters: BTreeMap::new(),
        }
    }
}
