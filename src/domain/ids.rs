//! Ids as types, so that a queue's id is never taken for an agent's.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Arc<str>);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    )+};
}

numbered! {
    /// An agent.
    AgentId,
    /// A queue. Four ids are not queues of the site: see [`QueueId::special_name`].
    QueueId,
    /// A team.
    TeamId,
    /// A group of teams.
    GroupId,
    /// One visit of one customer to one queue, or one direct call.
    SessionId,
}

named! {
    /// A customer's response in Goodays, with the thread that follows it.
    ResponseId,
    /// A survey request. The id is ours, or Agent Connect's if it was requested without Callboard.
    SurveyId,
    /// An action on a response. The id is ours.
    FeedbackActionId,
}

impl QueueId {
    /// The name of an id that is no queue of the site (apis.md C57).
    #[must_use]
    pub fn special_name(self) -> Option<&'static str> {
        match self.0 {
            -2 => Some("Direct outbound"),
            -1 => Some("Direct inbound"),
            0 => Some("All queues"),
            9999 => Some("Direct calls"),
            _ => None,
        }
    }
}
