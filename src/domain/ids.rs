//! Identities as types, so that a queue's number is never taken for an agent's.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// A person who answers customers.
    AgentId,
    /// A line in which customers wait. Four numbers are not queues of the site: see [`QueueId::special_name`].
    QueueId,
    /// The agents under one team lead.
    TeamId,
    /// Several teams seen as one.
    GroupId,
    /// One visit of one customer to one queue, or one direct call.
    SessionId,
}

named! {
    /// One customer's answer to a survey, with the thread that follows it.
    ResponseId,
    /// One request to survey a customer. The identity is ours.
    SurveyId,
    /// One thing that somebody does about a response. The identity is ours.
    FeedbackActionId,
}

impl QueueId {
    /// What the numbers mean that stand for no queue of the site (`apis.md` C57).
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
