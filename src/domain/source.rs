//! How well each of the four systems can be heard.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::AgentId;

/// The four systems, and our own disk beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceName {
    /// Telephony: who is on which call.
    Clarity,
    /// What customers say.
    Goodays,
    /// Surveys about agents.
    AgentConnect,
    /// Where conversations are closed.
    Kustomer,
    /// Our own store: whether it takes new events.
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

/// Whether what we show of a source is what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceState {
    /// Every change arrives by itself.
    Live,
    /// Asked again and again; changes arrive late.
    Polling,
    /// Nothing has come for longer than it should take.
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

/// A source's health, as whoever listens to it sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// How it is.
    pub state: SourceState,
    /// Since when it has been so.
    pub since: Timestamp,
    /// Why, in a sentence for people, unless all is well.
    pub reason: Option<Arc<str>>,
    /// When it last told us anything.
    pub last_data: Option<Timestamp>,
    /// When refused credentials are shown again. An administrator may try sooner.
    pub next_try: Option<Timestamp>,
    /// How it is heard: `webSockets`, `serverSentEvents`, `webhook` and so on.
    pub transport: Option<Arc<str>>,
    /// Agents whom it refuses to show to our account, with their names.
    pub not_permitted: BTreeMap<AgentId, Arc<str>>,
    /// By how many seconds its clock is ahead of ours, or behind if negative, where that is worth a note.
    pub clock_offset: Option<i64>,
    /// What has been counted since the start, by name.
    pub counters: BTreeMap<&'static str, u64>,
}

impl Health {
    /// A source that is in this state from now on.
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
