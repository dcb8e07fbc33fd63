//! Which properties to ask for, in requests and subscriptions alike.

use serde::Serialize;

use super::{Clarity, SessionPropertiesKey};

/// Which properties to ask for. An empty list asks for all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PropertySelection {
    /// Names of metrics.
    pub metrics: Vec<String>,
    /// Names of status properties (`apis.md` C63).
    pub statuses: Vec<String>,
    /// Names of session properties (`apis.md` C62).
    pub sessions: Vec<String>,
}

/// The status properties there are (`apis.md` C63), by name (B41).
const STATUS_PROPERTIES: &[&str] = &["agentStatus", "reasonCodeName", "utcStartTime", "utcEndTime", "isSuspended"];

/// The session properties there are (`apis.md` C62), by name (B41). `sessionId` comes unasked (B45).
const SESSION_PROPERTIES: &[&str] = &[
    "sessionType",
    "queueId",
    "agentId",
    "customerName",
    "isRecording",
    "canBeRecorded",
    "isSilentJoined",
    "isWhisperJoined",
    "sessionStatus",
    "queuedMs",
    "activeMs",
    "canBeSilentJoined",
    "canBeWhisperJoined",
];

/// [`PropertySelection`] as a request writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    metric_properties: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    status_properties: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    session_properties: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    session_property_type: &'a [String],
}

impl Clarity {
    /// Everything about agents that the settings ask for.
    #[must_use]
    pub fn agent_properties(&self) -> PropertySelection {
        PropertySelection {
            metrics: self.settings().agent_metrics.clone(),
            statuses: owned(STATUS_PROPERTIES),
            sessions: owned(SESSION_PROPERTIES),
        }
    }

    /// Everything about queues that the settings ask for.
    #[must_use]
    pub fn queue_properties(&self) -> PropertySelection {
        PropertySelection {
            metrics: self.settings().queue_metrics.clone(),
            statuses: Vec::new(),
            sessions: owned(SESSION_PROPERTIES),
        }
    }

    /// What is wanted, as this site wants to be asked (`apis.md` B40).
    pub(super) fn properties<'a>(&self, wanted: &'a PropertySelection) -> Properties<'a> {
        let key = self.settings().session_properties_key;
        let under = |other| if key == other { &[][..] } else { &wanted.sessions[..] };
        Properties {
            connection_id: None,
            metric_properties: &wanted.metrics,
            status_properties: &wanted.statuses,
            session_properties: under(SessionPropertiesKey::SessionPropertyType),
            session_property_type: under(SessionPropertiesKey::SessionProperties),
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
