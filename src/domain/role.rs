//! What people are to the house.

use std::fmt;

/// What somebody is to the house. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A screen on the wall: one wallboard, and nobody's name or words.
    Display,
    /// Somebody who answers customers: their own doing, and what customers said of it.
    Agent,
    /// Leads agents: their floor, and their customers' feedback, which they answer.
    TeamLead,
    /// Keeps the floor: acts on agents and contacts, shows displays what to show.
    Supervisor,
    /// Keeps the house: the audit, and everybody's sign-ins.
    Administrator,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Display, Self::Agent, Self::TeamLead, Self::Supervisor, Self::Administrator];

    /// The name in documents and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Display => "display",
            Self::Agent => "agent",
            Self::TeamLead => "team-lead",
            Self::Supervisor => "supervisor",
            Self::Administrator => "administrator",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TeamLead => "team lead",
            other => other.as_str(),
        })
    }
}
