//! Realtime Data: the one object in which REST answers and pushes alike tell what goes on (apis.md C102 to C107).

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::Other;
use super::breakdown::{Breakdowns, breakdowns};
use super::metric_bag::MetricBag;
use super::nullable::{self, NullOr, Nullable, or_null};
use crate::upstream::tolerant::{self, Fields};

/// Sessions by kind of contact (apis.md C104).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionBag(pub Fields<SessionChanges>);

/// What is known or new about one agent, queue or group of them.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RealtimeData {
    /// `agent` or `queue`.
    #[serde(rename = "type", deserialize_with = "tolerant::text")]
    pub kind: Option<String>,
    /// Who or which; groups and aggregates have none.
    #[serde(deserialize_with = "tolerant::integer")]
    pub id: Option<i64>,
    /// The display name.
    #[serde(deserialize_with = "tolerant::text")]
    pub name: Option<Arc<str>>,
    /// Counts and measures.
    #[serde(deserialize_with = "metrics")]
    pub metrics: Option<MetricBag>,
    /// Contacts. In a full answer absence means none, in a push it means unchanged (apis.md B77).
    #[serde(deserialize_with = "sessions")]
    pub sessions: Option<SessionBag>,
    /// What the agent is doing.
    #[serde(deserialize_with = "current_status")]
    pub current_status: Option<CurrentStatus>,
    /// What the agent did in the last 24 hours; an object or a list (apis.md B68).
    #[serde(deserialize_with = "tolerant::objects")]
    pub status_history: Option<Vec<StatusModel>>,
    /// The metrics by queue, all of them (apis.md C71).
    #[serde(deserialize_with = "nullable_breakdowns")]
    pub breakdowns: Nullable<Box<Breakdowns>>,
    /// Those that are new since the last push.
    #[serde(deserialize_with = "breakdowns")]
    pub added_breakdowns: Option<Box<Breakdowns>>,
    /// Those that are gone since the last push.
    #[serde(deserialize_with = "breakdowns")]
    pub removed_breakdowns: Option<Box<Breakdowns>>,
    /// The ids that an aggregate sums up (apis.md C107).
    #[serde(deserialize_with = "tolerant::integers")]
    pub entity_ids: Option<Vec<i64>>,
    /// `team` or `group`.
    #[serde(deserialize_with = "tolerant::text")]
    pub group_type: Option<String>,
    /// Which team or group.
    #[serde(deserialize_with = "tolerant::integer")]
    pub group_id: Option<i64>,
    /// An agent's team, where a message names it.
    #[serde(deserialize_with = "tolerant::integer")]
    pub team_id: Option<i64>,
    /// Whether a queue is open, as a search calls it (apis.md C109), and so for the numbers below.
    #[serde(deserialize_with = "nullable::boolean")]
    pub is_open: Nullable<bool>,
    /// Agents logged in to a queue.
    #[serde(deserialize_with = "nullable::integer")]
    pub agents_online: Nullable<i64>,
    /// Agents ready for its next contact.
    #[serde(deserialize_with = "nullable::integer")]
    pub agents_available: Nullable<i64>,
    /// How long a caller would wait, in seconds.
    #[serde(deserialize_with = "nullable::number")]
    pub estimated_wait_time: Nullable<f64>,
    /// How many calls came today.
    #[serde(deserialize_with = "nullable::integer")]
    pub calls_today: Nullable<i64>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// The sessions of one kind of contact: all of them, or what changed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "ReadChanges")]
pub struct SessionChanges {
    /// All that there are: replaces this kind of contact.
    pub sessions: Option<Vec<SessionModel>>,
    /// New since the last push.
    pub added_sessions: Option<Vec<SessionModel>>,
    /// Gone since the last push.
    pub removed_sessions: Option<Vec<SessionModel>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReadChanges {
    #[serde(deserialize_with = "nullable_sessions")]
    sessions: Nullable<Vec<SessionModel>>,
    #[serde(deserialize_with = "tolerant::objects")]
    added_sessions: Option<Vec<SessionModel>>,
    #[serde(deserialize_with = "tolerant::objects")]
    removed_sessions: Option<Vec<SessionModel>>,
}

impl From<ReadChanges> for SessionChanges {
    fn from(read: ReadChanges) -> Self {
        let ReadChanges { sessions, added_sessions, removed_sessions } = read;
        // Beside what was added and removed, a null list says only that it is not this list that speaks.
        let is_change = added_sessions.is_some() || removed_sessions.is_some();
        let sessions = if is_change { sessions.flatten() } else { sessions.map(Option::unwrap_or_default) };
        Self { sessions, added_sessions, removed_sessions }
    }
}

/// A contact, as metrics and pushes show it (apis.md C105).
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionModel {
    /// Which. Those without are of no use (apis.md B45).
    #[serde(deserialize_with = "tolerant::integer")]
    pub session_id: Option<i64>,
    /// Queued, direct inbound or direct outbound, in several spellings (apis.md B71).
    #[serde(deserialize_with = "tolerant::text")]
    pub session_type: Option<String>,
    /// The queue, or one of the special ids (apis.md C57).
    #[serde(deserialize_with = "nullable::integer")]
    pub queue_id: Nullable<i64>,
    /// The customer. Personal.
    #[serde(deserialize_with = "tolerant::text")]
    pub customer_name: Option<Arc<str>>,
    /// The primary agent now, who after a transfer is another than the first (section 0).
    #[serde(deserialize_with = "nullable::integer")]
    pub agent_id: Nullable<i64>,
    /// Whether it is being recorded.
    #[serde(deserialize_with = "nullable::boolean")]
    pub is_recording: Nullable<bool>,
    /// Whether it may be recorded.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_recorded: Option<bool>,
    /// Whether a supervisor listens in.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_silent_joined: Option<bool>,
    /// Whether a supervisor whispers to the agent.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_whisper_joined: Option<bool>,
    /// Where in its life it is, as spelt (apis.md C52, B70).
    #[serde(deserialize_with = "tolerant::text")]
    pub session_status: Option<String>,
    /// How long it has waited; moves with each look (apis.md B76).
    #[serde(deserialize_with = "tolerant::rounded")]
    pub queued_ms: Option<i64>,
    /// How long it has been active; moves with each look.
    #[serde(deserialize_with = "tolerant::rounded")]
    pub active_ms: Option<i64>,
    /// Whether listening in is allowed.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_silent_joined: Option<bool>,
    /// Whether whispering is allowed.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub can_be_whisper_joined: Option<bool>,
    /// Whether the customer is on hold.
    #[serde(deserialize_with = "nullable::boolean")]
    pub is_on_hold: Nullable<bool>,
    /// Since when.
    #[serde(deserialize_with = "nullable::time")]
    pub hold_start_time: Nullable<Timestamp>,
    /// When it began.
    #[serde(deserialize_with = "tolerant::time")]
    pub start_time_stamp: Option<Timestamp>,
    /// When it was answered.
    #[serde(deserialize_with = "tolerant::time")]
    pub answered_time_stamp: Option<Timestamp>,
    /// Unknown fields.
    #[serde(flatten)]
    pub other: Other,
}

/// What an agent is doing now: of each part whether it is unchanged, none, or what it is (apis.md C106).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CurrentStatus {
    /// The status, as spelt.
    #[serde(deserialize_with = "nullable::text")]
    pub agent_status: Nullable<String>,
    /// Its number, where one is given; it wins over the name (apis.md B63).
    #[serde(deserialize_with = "nullable::integer")]
    pub agent_status_id: Nullable<i64>,
    /// The name of the reason code.
    #[serde(deserialize_with = "nullable::text")]
    pub reason_code_name: Nullable<String>,
    /// The id of the reason code.
    #[serde(deserialize_with = "nullable::integer")]
    pub reason_code_id: Nullable<i64>,
    #[serde(deserialize_with = "nullable::time")]
    start_time: Nullable<Timestamp>,
    #[serde(deserialize_with = "nullable::time")]
    utc_start_time: Nullable<Timestamp>,
    /// Suspended agents get no contacts.
    #[serde(deserialize_with = "nullable::boolean")]
    pub is_suspended: Nullable<bool>,
}

impl CurrentStatus {
    /// Since when. Asked for by one name and answered by another (apis.md B44).
    #[must_use]
    pub fn began(&self) -> Nullable<Timestamp> {
        let [one, other] = [self.start_time, self.utc_start_time];
        one.flatten().or(other.flatten()).map(Some).or(one).or(other)
    }

    /// A status that is null has no part.
    fn nothing() -> Self {
        Self {
            agent_status: Some(None),
            agent_status_id: Some(None),
            reason_code_name: Some(None),
            reason_code_id: Some(None),
            start_time: Some(None),
            utc_start_time: Some(None),
            is_suspended: Some(None),
        }
    }
}

/// What an agent did, or may do (apis.md C106, C101).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusModel {
    /// The status, as spelt.
    #[serde(deserialize_with = "tolerant::text")]
    pub agent_status: Option<String>,
    /// Its number, where one is given; it wins over the name (apis.md B63).
    #[serde(deserialize_with = "tolerant::integer")]
    pub agent_status_id: Option<i64>,
    /// The name of the reason code.
    #[serde(deserialize_with = "tolerant::text")]
    pub reason_code_name: Option<String>,
    /// The id of the reason code.
    #[serde(deserialize_with = "tolerant::integer")]
    pub reason_code_id: Option<i64>,
    #[serde(deserialize_with = "tolerant::time")]
    start_time: Option<Timestamp>,
    #[serde(deserialize_with = "tolerant::time")]
    utc_start_time: Option<Timestamp>,
    #[serde(deserialize_with = "tolerant::time")]
    end_time: Option<Timestamp>,
    #[serde(deserialize_with = "tolerant::time")]
    utc_end_time: Option<Timestamp>,
    /// Suspended agents get no contacts.
    #[serde(deserialize_with = "tolerant::boolean")]
    pub is_suspended: Option<bool>,
}

impl StatusModel {
    /// Since when. Asked for by one name and answered by another (apis.md B44).
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.start_time.or(self.utc_start_time)
    }

    /// Until when.
    #[must_use]
    pub fn ended(&self) -> Option<Timestamp> {
        self.end_time.or(self.utc_end_time)
    }
}

impl<'de> Deserialize<'de> for SessionBag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let none = || SessionChanges { sessions: Some(Vec::new()), ..SessionChanges::default() };
        let kinds = Fields::<NullOr<SessionChanges>>::deserialize(from)?;
        let kinds = kinds.0.into_iter().filter_map(|(kind, changes)| Some((kind, changes.0?.unwrap_or_else(none))));
        Ok(Self(Fields(kinds.collect())))
    }
}

/// The kinds of contact that have sessions (apis.md C104); metrics have `agnostic` besides (C103).
const KINDS: [&str; 3] = ["audio", "instantMessage", "message"];

fn metrics<'de, D: Deserializer<'de>>(from: D) -> Result<Option<MetricBag>, D::Error> {
    let none =
        || MetricBag(Fields::default(), KINDS.iter().chain(&["agnostic"]).map(|kind| (*kind).to_owned()).collect());
    Ok(NullOr::deserialize(from)?.0.map(|bag| bag.unwrap_or_else(none)))
}

fn sessions<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SessionBag>, D::Error> {
    let none = SessionChanges { sessions: Some(Vec::new()), ..SessionChanges::default() };
    let none = || SessionBag(Fields(KINDS.iter().map(|kind| ((*kind).to_owned(), none.clone())).collect()));
    Ok(NullOr::deserialize(from)?.0.map(|bag| bag.unwrap_or_else(none)))
}

fn current_status<'de, D: Deserializer<'de>>(from: D) -> Result<Option<CurrentStatus>, D::Error> {
    Ok(NullOr::deserialize(from)?.0.map(|status| status.unwrap_or_else(CurrentStatus::nothing)))
}

fn nullable_breakdowns<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<Box<Breakdowns>>, D::Error> {
    or_null(from, |from| breakdowns(from))
}

fn nullable_sessions<'de, D: Deserializer<'de>>(from: D) -> Result<Nullable<Vec<SessionModel>>, D::Error> {
    or_null(from, |from| tolerant::objects(from))
}

impl fmt::Debug for RealtimeData {
    /// Who, and no more: sessions and unknown fields may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = self.id.or(self.group_id).map_or_else(|| "?".to_owned(), |id| id.to_string());
        write!(f, "RealtimeData({} {which})", self.kind.as_deref().unwrap_or("?"))
    }
}

impl fmt::Debug for SessionModel {
    /// Only the id: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionModel").field(&self.session_id).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> RealtimeData {
        serde_json::from_value(value).expect("realtime data")
    }

    #[test]
    fn agent_of_the_documented_shape_is_parsed() {
        let agent = read(json!({
            "type": "agent",
            "metrics": {
                "audio": {"ronaCount": 2, "AnsweredCount": 9},
                "agnostic": {"availableTime": {"total": 12, "average": 4.5, "count": 3}, "total": 0}
            },
            "name": "Ada L.", "id": "41",
            "currentStatus": {"agentStatus": "ringOnNoAnswer", "startTime": "2026-10-27T19:56:02.98Z",
            "isSuspended": "false"},
            "sessions": {"audio": {"sessions": [{"sessionId": 82673, "queueId": "-1", "customerName": "Grace",
            "sessionStatus": "After Call"}]}},
            "addedBreakdowns": ["todo"]
        }));
        assert_eq!(agent.id, Some(41));
        let metrics = agent.metrics.as_ref().expect("metrics");
        let metric = |kind: &str, name: &str| metrics.0.get(kind).and_then(|bag| bag.get(name)).expect("a metric");
        assert_eq!(metric("audio", "answeredCount"), &json!(9));
        assert_eq!(metric("agnostic", "availableTime")["average"], json!(4.5));
        let status = agent.current_status.as_ref().expect("a status");
        assert_eq!(status.agent_status, Some(Some("ringOnNoAnswer".to_owned())));
        assert_eq!((status.is_suspended, status.reason_code_name.clone()), (Some(Some(false)), None));
        assert!(status.began().flatten().is_some());
        let sessions =
            agent.sessions.as_ref().and_then(|bag| bag.0.get("audio")?.sessions.clone()).expect("all of them");
        assert_eq!((sessions[0].session_id, sessions[0].queue_id), (Some(82_673), Some(Some(-1))));
        assert_eq!(sessions[0].session_status.as_deref(), Some("After Call"));
        assert_eq!(agent.added_breakdowns.as_ref().map(|added| &added.unrecognized[..]), Some(&[json!("todo")][..]));
        assert!(agent.breakdowns.is_none() && agent.removed_breakdowns.is_none() && agent.other.is_empty());
        assert!(!format!("{agent:?} {sessions:?}").contains("Grace"));
    }

    #[test]
    fn absent_and_empty_are_different() {
        let silent = read(json!({"type": "agent", "id": 41}));
        assert_eq!((silent.metrics, silent.sessions), (None, None));
        let empty =
            read(json!({"type": "agent", "id": 41, "metrics": {}, "sessions": {"audio": {"removedSessions": []}}}));
        assert_eq!(empty.metrics, Some(MetricBag::default()));
        let audio = empty.sessions.as_ref().and_then(|bag| bag.0.get("audio").cloned()).expect("sessions");
        assert_eq!((audio.sessions, audio.removed_sessions), (None, Some(Vec::new())));
    }

    #[test]
    fn null_says_at_every_depth_that_there_is_nothing() {
        let of = |value: Value| {
            read(json!({"type": "agent", "id": 41, "metrics": value, "sessions": value, "currentStatus": value}))
        };
        let none = of(json!(null));
        let status = none.current_status.expect("a status");
        assert_eq!((status.agent_status_id, status.began(), status.is_suspended), (Some(None), Some(None), Some(None)));
        assert_eq!(none.metrics.expect("a bag").1, ["audio", "instantMessage", "message", "agnostic"]);
        assert_eq!(none.sessions.expect("a bag").0.get("message").expect("a kind").sessions, Some(Vec::new()));
        let audio = of(json!({"audio": null}));
        assert_eq!(audio.metrics.expect("a bag").1, ["audio"]);
        assert_eq!(audio.sessions.expect("a bag").0.get("audio").expect("a kind").sessions, Some(Vec::new()));

        for (lists, sessions) in [
            (json!({"sessions": null}), Some(Vec::new())),
            (json!({"sessions": null, "addedSessions": [{"sessionId": 1}], "removedSessions": null}), None),
            (json!({"sessions": "?"}), None),
            (json!({}), None),
        ] {
            let agent = read(json!({"type": "agent", "id": 41, "sessions": {"audio": lists}}));
            assert_eq!(agent.sessions.expect("a bag").0.get("audio").expect("a kind").sessions, sessions, "{lists}");
        }
        assert_eq!(read(json!({"breakdowns": null})).breakdowns, Some(None));
    }

    #[test]
    fn group_without_agents_and_history_object_are_parsed() {
        let group = read(json!({"groupType": "group", "groupId": 2, "entityIds": [], "type": "agent"}));
        assert_eq!((group.group_id, group.entity_ids, group.metrics), (Some(2), Some(Vec::new()), None));
        let agent =
            read(json!({"id": 1, "statusHistory": {"agentStatus": "available", "startTime": "2026-1-1 05:00"}}));
        assert_eq!(agent.status_history.map(|history| history.len()), Some(1));
    }

    #[test]
    fn invalid_field_costs_only_itself() {
        let agent = read(
            json!({"type": "agent", "id": 5, "name": ["?"], "metrics": 7, "currentStatus": "active", "sessions": []}),
        );
        assert_eq!((agent.id, agent.name, agent.metrics), (Some(5), None, None));
        assert!(agent.current_status.is_none());
    }
}
