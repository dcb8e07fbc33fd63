//! Actors, as the audit log names them.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AgentId;

/// Who performs an action: a request's viewer and address, or a part of Callboard that acts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The kind of actor.
    pub kind: ActorKind,
    /// The user's agent id in Clarity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// The user's name, a display's id, or a command. Of an unknown caller: the name that the request claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The public id of the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<String>,
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A user with a browser.
    User,
    /// A display.
    Display,
    /// A program that sends a user's token with each request, or one of Callboard's commands.
    Program,
    /// Callboard by itself.
    System,
    /// A client of which only the address is known.
    Unknown,
}

impl ActorKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::User, Self::Display, Self::Program, Self::System, Self::Unknown];

    /// The name in the store and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Display => "display",
            Self::Program => "program",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Actor {
    /// A user with a browser.
    #[must_use]
    pub fn user(agent: AgentId, name: &str, sign_in: &str) -> Self {
        let (name, sign_in) = (Some(name.to_owned()), Some(sign_in.to_owned()));
        Self { agent: Some(agent), name, sign_in, ..Self::of(ActorKind::User) }
    }

    /// A display, by its id.
    #[must_use]
    pub fn display(id: &str) -> Self {
        Self { name: Some(id.to_owned()), ..Self::of(ActorKind::Display) }
    }

    /// One of Callboard's commands, such as `callboard erase`.
    #[must_use]
    pub fn command(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::of(ActorKind::Program) }
    }

    /// Callboard by itself.
    #[must_use]
    pub fn system() -> Self {
        Self::of(ActorKind::System)
    }

    /// A client of which only the address is known.
    #[must_use]
    pub fn unknown(address: Option<IpAddr>) -> Self {
        Self { address, ..Self::of(ActorKind::Unknown) }
    }

    /// The same with the address that the request came from.
    #[must_use]
    pub fn at(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// Adds the name that an unknown caller claims. Known actors keep their names.
    #[must_use]
    pub fn calling_themselves(self, name: Option<&str>) -> Self {
        match (self.kind, name) {
            (ActorKind::Unknown, Some(name)) => Self { name: Some(name.to_owned()), ..self },
            _ => self,
        }
    }

    fn of(kind: ActorKind) -> Self {
        Self { kind, agent: None, name: None, address: None, sign_in: None }
    }
}

/// As one text, such as `agent 5 (Ann)`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.agent, self.name.as_deref()) {
            (ActorKind::System, ..) => f.write_str("Callboard"),
            (ActorKind::Unknown, _, None) => f.write_str("unknown caller"),
            (ActorKind::Unknown, _, Some(name)) => write!(f, "{name} (unknown caller)"),
            (ActorKind::Display, _, Some(id)) => write!(f, "display {id}"),
            (_, Some(agent), Some(name)) => write!(f, "agent {agent} ({name})"),
            (_, Some(agent), None) => write!(f, "agent {agent}"),
            (_, None, Some(name)) => f.write_str(name),
            (kind, None, None) => f.write_str(kind.as_str()),
        }
    }
}
