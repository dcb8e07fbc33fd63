//! The roles of viewers.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// The role of a viewer. Each role includes the rights of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A wallboard display: one wallboard, without customers' names or verbatims.
    Display,
    /// Handles contacts: sees their own status, contacts and feedback.
    Agent,
    /// Leads a team: sees its agents and queues, and replies to feedback about them.
    TeamLead,
    /// Changes agents' statuses, acts on contacts, and pairs displays.
    Supervisor,
    /// Reads the audit log and manages all sign-ins.
    Administrator,
}

impl Role {
    /// All roles, the one with the fewest rights first.
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
