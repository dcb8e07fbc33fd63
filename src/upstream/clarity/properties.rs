//! The properties to request, in metrics requests and subscriptions.

use serde::Serialize;

use super::{Clarity, SessionPropertiesKey};

/// The properties to request. An empty list requests all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PropertySelection {
    /// Metric names.
    pub metrics: Vec<String>,
    /// Status properties (apis.md C63).
    pub statuses: Vec<String>,
    /// Session properties (apis.md C62).
    pub sessions: Vec<String>,
}

/// All status properties (apis.md C63), by name (B41).
const STATUS_PROPERTIES: &[&str] = &["agentStatus", "reasonCodeName", "utcStartTime", "utcEndTime", "isSuspended"];

/// All session properties (apis.md C62), by name (B41). `sessionId` is always sent (B45).
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

/// The selection as a request writes it.
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
    /// What to request of agents, by the settings.
    #[must_use]
    pub fn agent_properties(&self) -> PropertySelection {
        PropertySelection {
            metrics: self.settings().agent_metrics.clone(),
            statuses: owned(STATUS_PROPERTIES),
            sessions: owned(SESSION_PROPERTIES),
        }
    }

    /// What to request of queues, by the settings.
    #[must_use]
    pub fn queue_properties(&self) -> PropertySelection {
        PropertySelection {
            metrics: self.settings().queue_metrics.clone(),
            statuses: Vec::new(),
            sessions: owned(SESSION_PROPERTIES),
        }
    }

    /// The selection under the names that the settings choose (apis.md B40).
    pub(super) fn properties<'a>(&self, selection: &'a PropertySelection) -> Properties<'a> {
        let key = self.settings().session_properties_key;
        let under = |other| if key == other { &[][..] } else { &selection.sessions[..] };
        Properties {
            connection_id: None,
            metric_properties: &selection.metrics,
            status_properties: &selection.statuses,
            session_properties: under(SessionPropertiesKey::SessionPropertyType),
            session_property_type: under(SessionPropertiesKey::SessionProperties),
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
