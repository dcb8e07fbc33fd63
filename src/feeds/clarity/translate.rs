//! Translates Clarity's answers and pushes into the types of `domain`.
//!
//! Spellings differ between Clarity's own answers, so names are compared without case, blanks and punctuation (apis.md
//! B63). Fields that `domain` does not have are kept under the name they came with.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::names::{self, metric, real};
use super::received_at::ReceivedAt;
use crate::domain::metric::{MetricPath, QueueMetricsUpdate};
use crate::domain::session::SessionListUpdate;
use crate::domain::{
    AgentId, AgentStatus, AgentStatusUpdate, AgentUpdate, Change, GroupId, MetricValue, Metrics, Modality, PastStatus,
    QueueId, QueueUpdate, SessionId, SessionKind, SessionListUpdates, SessionStatus, SessionUpdate, StructureSnapshot,
    TeamId, TeamRecord, Unclassified,
};
use crate::upstream::clarity::wire::{self, Nullable};
use crate::upstream::tolerant::{camel_case, integer_of, is_set, normalized, number_of};

type Breakdowns = Option<Box<wire::Breakdowns>>;

/// Agent statuses by Clarity's numbers (apis.md C50). Its document has no status 13.
const STATUS_NUMBERS: [(i64, AgentStatus); 19] = [
    (1, AgentStatus::Available),
    (2, AgentStatus::InCall),
    (3, AgentStatus::Unavailable),
    (4, AgentStatus::Unknown),
    (5, AgentStatus::AfterCall),
    (6, AgentStatus::LoggedOut),
    (7, AgentStatus::OffPhoneActivity),
    (8, AgentStatus::RingOnNoAnswer),
    (9, AgentStatus::Busy),
    (10, AgentStatus::BeRightBack),
    (11, AgentStatus::DirectCall),
    (12, AgentStatus::Inactive),
    (14, AgentStatus::InImCall),
    (15, AgentStatus::DirectInboundDial),
    (16, AgentStatus::DirectOutboundDial),
    (17, AgentStatus::AtLunch),
    (18, AgentStatus::OffWork),
    (19, AgentStatus::ConferenceCall),
    (20, AgentStatus::Ringing),
];

/// The structure, and the number of entries without an id.
pub(super) fn structure(from: wire::Structure) -> (StructureSnapshot, u64) {
    let lists = [&from.agents, &from.queues, &from.teams, &from.groups, &from.business_units];
    let dropped = lists.into_iter().flatten().flatten().filter(|member| member.id.is_none()).count() as u64;
    let agents = from.agents.into_iter().flatten().filter_map(|member| {
        let mut agent = AgentUpdate::new(AgentId(member.id?));
        agent.name = shared(real(member.name));
        // -1 means no team (apis.md B84).
        agent.team = member.team_id.filter(|team| *team >= 0).map(TeamId);
        Some(agent)
    });
    let queues = from.queues.into_iter().flatten().filter_map(|member| {
        let mut queue = QueueUpdate::new(QueueId(member.id?));
        queue.name = shared(real(member.name));
        queue.teams = Some(member.team_ids.unwrap_or_default().into_iter().map(TeamId).collect());
        Some(queue)
    });
    let groups = named(from.groups);
    let units = named(from.business_units);
    let teams = from.teams.into_iter().flatten().filter_map(|member| {
        let id = member.id?;
        let group =
            |group: i64| (GroupId(group), groups.get(&group).cloned().unwrap_or_else(|| fallback("Group", group)));
        Some(TeamRecord {
            id: TeamId(id),
            name: shared(real(member.name)).unwrap_or_else(|| fallback("Team", id)),
            groups: member.group_ids.unwrap_or_default().into_iter().map(group).collect(),
            unit: member.business_unit_id.and_then(|unit| units.get(&unit).cloned()),
        })
    });
    (StructureSnapshot { agents: agents.collect(), queues: queues.collect(), teams: teams.collect() }, dropped)
}

/// Labels that are passed on: several times the metrics that a site enables.
const MAX_LABELS: usize = 1000;

/// The labels of the requested metrics, or of all metrics if all are requested, by metric name in camel case as in
/// updates (apis.md B43).
pub(super) fn labels(from: &wire::Labels, requested: &[&[String]]) -> BTreeMap<Arc<str>, Arc<str>> {
    let entry = |(name, label): (&str, &str)| (names::shared(&camel_case(name)), label.into());
    if requested.iter().any(|names| names.is_empty()) {
        return from.metrics().take(MAX_LABELS).map(entry).collect();
    }
    requested.iter().copied().flatten().filter_map(|name| Some(entry((name, from.given(name)?)))).collect()
}

/// An update about an agent. `None`: it has no id.
pub(super) fn agent(from: wire::RealtimeData, received: impl Into<ReceivedAt>) -> Option<AgentUpdate> {
    let received = received.into();
    let mut agent = AgentUpdate::new(AgentId(from.id?));
    agent.name = real(from.name);
    agent.team = from.team_id.filter(|team| *team >= 0).map(TeamId);
    agent.status = from.current_status.map(|from| status(from, received)).filter(AgentStatusUpdate::is_something);
    (agent.metrics, agent.cleared_metrics) = metrics(from.metrics);
    agent.sessions = sessions(from.sessions, received, &mut agent.dropped);
    agent.history = from.status_history.map(|statuses| {
        let count = statuses.len();
        let known: Vec<_> = statuses.into_iter().filter_map(|from| past_status(from, received)).collect();
        agent.dropped += (count - known.len()) as u64;
        known.into_iter().collect()
    });
    agent.by_queue = by_queue(from.breakdowns, from.added_breakdowns, from.removed_breakdowns);
    agent.other = other(from.other);
    Some(agent)
}

/// An update about a queue. `None`: it has no id.
pub(super) fn queue(from: wire::RealtimeData, received: impl Into<ReceivedAt>) -> Option<QueueUpdate> {
    let received = received.into();
    let mut queue = QueueUpdate::new(QueueId(from.id?));
    queue.name = real(from.name);
    queue.open = change(from.is_open);
    queue.agents_online = counted(change(from.agents_online));
    queue.agents_available = counted(change(from.agents_available));
    queue.estimated_wait_seconds = counted(change(from.estimated_wait_time).map(whole));
    queue.calls_today = counted(change(from.calls_today));
    (queue.metrics, queue.cleared_metrics) = metrics(from.metrics);
    queue.sessions = sessions(from.sessions, received, &mut queue.dropped);
    queue.other = other(from.other);
    Some(queue)
}

fn change<T>(from: Nullable<T>) -> Change<T> {
    match from {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(value)) => Change::Set(value),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a wait in seconds, and `as` keeps within i64")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// A queue that a search found: the only request that has numbers of queues (apis.md B38).
pub(super) fn found_queue(from: wire::SearchQueue) -> Option<QueueUpdate> {
    let mut queue = QueueUpdate::new(QueueId(from.queue_id?));
    queue.name = shared(real(from.queue_name));
    // A search shows all of a queue: what it leaves out is not known.
    queue.open = known(from.is_open);
    queue.agents_online = counted(known(from.agents_online));
    queue.agents_available = counted(known(from.agents_available));
    queue.estimated_wait_seconds = counted(known(from.estimated_wait_time.map(whole)));
    queue.calls_today = counted(known(from.calls_today));
    Some(queue)
}

fn known<T>(from: Option<T>) -> Change<T> {
    from.map_or(Change::Clear, Change::Set)
}

/// An agent that a search found: the only answer with their names in other systems (apis.md C108, D.1). `None`: it has
/// none.
pub(super) fn found_agent(from: wire::SearchAgent) -> Option<AgentUpdate> {
    let mut agent = AgentUpdate::new(AgentId(from.agent_id?));
    agent.name = shared(real(from.public_name));
    let name = |text: Option<String>| shared(real(text));
    (agent.email, agent.login, agent.sip) = (name(from.email_address), name(from.login_name), name(from.sip_address));
    let has_name = [&agent.name, &agent.email, &agent.login, &agent.sip].iter().any(|name| name.is_some());
    has_name.then_some(agent)
}

/// Clears a number that cannot be a count of people or seconds.
fn counted(number: Change<i64>) -> Change<i64> {
    match number {
        Change::Set(number) if !(0..1_000_000_000).contains(&number) => Change::Clear,
        number => number,
    }
}

/// The parts of a status that an update sets or clears.
fn status(from: wire::CurrentStatus, received: ReceivedAt) -> AgentStatusUpdate {
    let since = change(from.began()).map(|began| received.ours(began));
    let (mut name, mut number) = (from.agent_status, from.agent_status_id);
    // The number may stand in place of the name.
    if let Some(id) = name.as_ref().and_then(|name| name.as_ref()?.trim().parse().ok()) {
        (name, number) = (None, Some(number.flatten().or(Some(id))));
    }
    let is_cleared = matches!((&name, number), (Some(None), None | Some(None)) | (None, Some(None)));
    let name = name.flatten();
    let found = which_status(name.as_deref(), number.flatten());
    let (known, contradicting) = found.map_or((None, None), |(status, contradicting)| (Some(status), contradicting));
    AgentStatusUpdate {
        status: known.map_or(if is_cleared { Change::Clear } else { Change::Keep }, Change::Set),
        contradicting: contradicting.map(Arc::from),
        reason: reason(from.reason_code_name, from.reason_code_id),
        since,
        suspended: change(from.is_suspended),
    }
}

/// The status of this name and number, and the name if the two contradict each other. The number wins over the name,
/// unless it is unknown (apis.md B63, B64).
fn which_status(name: Option<&str>, number: Option<i64>) -> Option<(AgentStatus, Option<&str>)> {
    let name = name.filter(|name| !name.trim().is_empty());
    let by_name = name.map(agent_status);
    let by_number = number.map(|number| {
        let known = STATUS_NUMBERS.iter().find(|(known, _)| *known == number);
        known.map_or_else(|| AgentStatus::Other(number.to_string().into()), |(_, status)| status.clone())
    });
    match (by_number, by_name) {
        (Some(AgentStatus::Other(_)), Some(named)) => Some((named, None)),
        (Some(status), Some(named)) => {
            let contradicting = name.filter(|_| named != status);
            Some((status, contradicting))
        }
        (Some(status), None) | (None, Some(status)) => Some((status, None)),
        (None, None) => None,
    }
}

/// A reason without a name is called by its number: the name of an earlier reason would be wrong.
fn reason(name: Nullable<String>, number: Nullable<i64>) -> Change<Arc<str>> {
    match (name, number) {
        (Some(Some(name)), _) if !name.trim().is_empty() => Change::Set(name.into()),
        (_, Some(Some(number))) if number > 0 => Change::Set(fallback("Reason", number)),
        (None, None) => Change::Keep,
        _ => Change::Clear,
    }
}

/// A status of the history. `None`: it is unknown, or does not say when it began.
fn past_status(from: wire::StatusModel, received: ReceivedAt) -> Option<(Timestamp, PastStatus)> {
    let (status, _) = which_status(from.agent_status.as_deref(), from.agent_status_id)?;
    let (began, until) = (received.ours(from.began()?), from.ended().map(|ended| received.ours(ended)));
    let reason = reason(from.reason_code_name.map(Some), from.reason_code_id.map(Some)).value();
    Some((began, PastStatus { status, reason, until, suspended: from.is_suspended.unwrap_or_default() }))
}

/// Metrics by queue. `None`: the update has none. Names of queues are known from the structure.
fn by_queue(
    all: Nullable<Box<wire::Breakdowns>>,
    added: Breakdowns,
    removed: Breakdowns,
) -> Option<Box<QueueMetricsUpdate>> {
    // Beside added and removed ones, a null says only that the list is not complete.
    let is_change = added.is_some() || removed.is_some();
    let all = if is_change { all.flatten() } else { all.map(Option::unwrap_or_default) };
    if all.is_none() && added.is_none() && removed.is_none() {
        return None;
    }
    let mut reading = QueueMetricsUpdate::default();
    let mut known = |name: &str, from: Breakdowns| {
        let from = from.map(|from| *from)?;
        if !from.unrecognized.is_empty() {
            reading.unread.insert(name.into(), Value::Array(from.unrecognized));
        }
        Some(from.known)
    };
    let [all, added, removed] =
        [known("breakdowns", all), known("addedBreakdowns", added), known("removedBreakdowns", removed)];
    reading.all =
        all.map(|all| all.into_iter().map(|from| (QueueId(from.queue), metrics(Some(from.metrics)).0)).collect());
    for from in added.into_iter().flatten() {
        let queue = QueueId(from.queue);
        let (metrics, cleared) = metrics(Some(from.metrics));
        reading.added.insert(queue, metrics);
        reading.cleared.extend(cleared.into_iter().map(|path| (queue, path)));
    }
    reading.removed = removed.into_iter().flatten().map(|gone| QueueId(gone.queue)).collect();
    Some(Box::new(reading))
}

fn agent_status(name: &str) -> AgentStatus {
    // The usual spelling first, which needs no conversion.
    let known = AgentStatus::KNOWN.iter().find(|known| known.as_str() == name).or_else(|| {
        let normalized = normalized(name);
        AgentStatus::KNOWN.iter().find(|known| self::normalized(known.as_str()) == normalized)
    });
    known.cloned().unwrap_or_else(|| AgentStatus::Other(name.into()))
}

fn sessions(from: Option<wire::SessionBag>, received: ReceivedAt, dropped: &mut u64) -> SessionListUpdates {
    let mut reading = SessionListUpdates::new();
    for (kind, changes) in from.into_iter().flat_map(|bag| bag.0.0) {
        let mut read = |list: Option<Vec<wire::SessionModel>>| {
            let all = list?.into_iter().map(|session| self::session(session, received));
            let mut sessions = Vec::new();
            for session in all {
                match session {
                    Some(session) => sessions.push(session),
                    None => *dropped += 1,
                }
            }
            Some(sessions)
        };
        let list = SessionListUpdate {
            all: read(changes.sessions),
            added: read(changes.added_sessions).unwrap_or_default(),
            removed: read(changes.removed_sessions).unwrap_or_default().into_iter().map(|gone| gone.id).collect(),
        };
        reading.push((modality(&kind), list));
    }
    reading
}

/// An update about a session. `None`: it has no id (apis.md B45).
fn session(from: wire::SessionModel, received: ReceivedAt) -> Option<SessionUpdate> {
    let mut session = SessionUpdate::new(SessionId(from.session_id?));
    let queue = from.queue_id.flatten();
    session.queue = change(from.queue_id).map(QueueId);
    session.kind = from.session_type.as_deref().map(kind).or_else(|| queue.and_then(kind_of_queue));
    session.agent = match change(from.agent_id) {
        // Zero and below mean no agent.
        Change::Set(..=0) => Change::Clear,
        agent => agent.map(AgentId),
    };
    session.status = from.session_status.filter(|name| !name.trim().is_empty()).as_deref().map(session_status);
    let at = |theirs: Option<Timestamp>| theirs.map(|theirs| received.ours(theirs));
    // A duration that reaches back to an unset time, or into the future, is none.
    let ago = |milliseconds: Option<i64>| {
        let began = received.at.checked_sub(SignedDuration::from_millis(milliseconds?)).ok()?;
        (is_set(began) && began <= received.at).then_some(began)
    };
    // A running duration counts only while the session is in that state (apis.md B76), which another update may say.
    session.queued_since = at(from.start_time_stamp).or(ago(from.queued_ms));
    session.active_since = at(from.answered_time_stamp).or(ago(from.active_ms));
    session.customer = real(from.customer_name);
    session.recording = change(from.is_recording);
    session.on_hold = change(from.is_on_hold);
    session.hold_since = change(from.hold_start_time).map(|began| received.ours(began));
    session.other = other(from.other);
    Some(session)
}

fn session_status(name: &str) -> SessionStatus {
    match normalized(name).as_ref() {
        "new" => SessionStatus::New,
        "queued" | "reenqueued" => SessionStatus::Queued,
        "notifyingagent" => SessionStatus::Offered,
        "connecting" | "callingcustomer" | "directinbounddial" | "directoutbounddial" => SessionStatus::Connecting,
        "active" | "activeimonly" => SessionStatus::Active,
        "aftercall" => SessionStatus::AfterCall,
        "abandoned" => SessionStatus::Abandoned,
        // The other statuses that Clarity does not list as active (apis.md C53).
        "completed" | "transferred" | "completedafterhours" => SessionStatus::Ended,
        _ => SessionStatus::Other(name.into()),
    }
}

fn kind(name: &str) -> SessionKind {
    match normalized(name).as_ref() {
        "queued" => SessionKind::Queued,
        "did" | "directinbound" => SessionKind::DirectInbound,
        "dod" | "directoutbound" => SessionKind::DirectOutbound,
        _ => SessionKind::Other(name.into()),
    }
}

/// The kind of a session that does not name its kind, by its queue's number (apis.md B71).
fn kind_of_queue(queue: i64) -> Option<SessionKind> {
    match queue {
        -1 => Some(SessionKind::DirectInbound),
        -2 => Some(SessionKind::DirectOutbound),
        9999 => Some(SessionKind::Other("direct".into())),
        1.. => Some(SessionKind::Queued),
        _ => None,
    }
}

/// A kind of contact, by its new or old name or its number (apis.md B46, B72).
pub(super) fn modality(name: &str) -> Modality {
    match normalized(name).as_ref() {
        "audio" | "audiovideo" | "2" => Modality::Audio,
        "instantmessage" | "1" => Modality::InstantMessage,
        "message" | "3" => Modality::Message,
        "agnostic" => Modality::Agnostic,
        _ => Modality::Other(name.into()),
    }
}

/// The metrics that an update sets, and those that it clears.
fn metrics(from: Option<wire::MetricBag>) -> (Metrics, Vec<MetricPath>) {
    let (mut metrics, mut cleared) = (Metrics::new(), Vec::new());
    let Some(wire::MetricBag(kinds, none)) = from else { return (metrics, cleared) };
    cleared.extend(none.iter().map(|kind| (modality(kind), Vec::new())));
    for (kind, bag) in kinds.0 {
        let modality = modality(&kind);
        // A remnant of a flattened object, not a metric (apis.md C123).
        let is_remnant = |name: &str| modality == Modality::Agnostic && name == "total";
        let bag = bag.0.into_iter().filter(|(name, _)| !is_remnant(name));
        let mut clear = |path: Vec<Arc<str>>| cleared.push((modality.clone(), path));
        let values = bag.filter_map(|(name, value)| {
            let name = names::shared(&name);
            let value = metric_value(value, std::slice::from_ref(&name), &mut clear)?;
            Some((metric(name), value))
        });
        let values = values.collect();
        metrics.insert(modality, values);
    }
    (metrics, cleared)
}

/// The value of a metric or of a part of one. A value that says that there is none clears its path.
fn metric_value(value: Value, path: &[Arc<str>], clear: &mut impl FnMut(Vec<Arc<str>>)) -> Option<MetricValue> {
    Some(match value {
        value if has_no_value(&value) => {
            clear(path.to_vec());
            return None;
        }
        Value::Array(_) => return None,
        Value::Bool(flag) => MetricValue::Text(flag.to_string().into()),
        Value::Object(parts) => {
            let parts = parts.into_iter().filter_map(|(name, value)| {
                let name = names::shared(&name);
                let path: Vec<_> = path.iter().chain([&name]).cloned().collect();
                Some((name, metric_value(value, &path, clear)?))
            });
            MetricValue::Parts(parts.collect())
        }
        value => match (integer_of(&value), number_of(&value), value) {
            (Some(count), ..) => MetricValue::Count(count),
            (None, Some(number), _) => MetricValue::Number(number),
            (None, None, value) => MetricValue::Text(value.as_str()?.into()),
        },
    })
}

/// No count and no time is larger.
const MAX_METRIC: f64 = 1e15;

/// Null, what .NET writes for an average of nothing, or a number that no count and no time can have.
fn has_no_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64().is_some_and(|number| !(0.0..MAX_METRIC).contains(&number)),
        Value::String(text) => text.trim().is_empty() || text.trim().parse::<f64>().is_ok_and(|it| !it.is_finite()),
        _ => false,
    }
}

/// Fields that `domain` does not have. A null clears one in an update.
fn other(from: wire::Other) -> Unclassified {
    let is_none = |value: &Value| value.as_str().is_some_and(|text| wire::nullable::NO_NUMBER.contains(&text));
    let known = |value: Value| if is_none(&value) { Value::Null } else { value };
    from.into_iter().map(|(name, value)| (name.into(), known(value))).collect()
}

/// Names of members by id.
fn named(members: Option<Vec<wire::Member>>) -> BTreeMap<i64, Arc<str>> {
    members.into_iter().flatten().filter_map(|member| Some((member.id?, shared(real(member.name))?))).collect()
}

/// The name of a member without one.
fn fallback(kind: &str, id: i64) -> Arc<str> {
    format!("{kind} {id}").into()
}

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Arc::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at() -> Timestamp {
        "2026-11-21T09:00:00Z".parse().expect("a time")
    }

    fn read(value: Value) -> AgentUpdate {
        agent(serde_json::from_value(value).expect("realtime data"), at()).expect("an agent")
    }

    #[test]
    fn documented_update_is_translated() {
        let agent = read(json!({
            "type": "agent",
            "metrics": {
                "audio": {"ronaCount": 1, "AnsweredCount": 7, "longestHandleTime": 6602551.5},
                "agnostic": {"availableTime": {"total": 900, "average": 4.5, "count": 2}, "total": 0}
            },
            "name": "Rob T.", "id": "41",
            "currentStatus": {"agentStatus": "ringOnNoAnswer", "startTime": "2026-11-21T08:56:02.98Z",
            "isSuspended": "false"},
            "sessions": {"audio": {"sessions": [
                {"sessionId": 82673, "sessionType": "queued", "queueId": 11, "customerName": "Jane C.", "agentId": 41,
                 "sessionStatus": "Active", "queuedMs": 34000, "activeMs": 60000, "isRecording": true}
            ]}},
            "mood": "good"
        }));
        assert_eq!(agent.id, AgentId(41));
        let audio = &agent.metrics[&Modality::Audio];
        assert_eq!(audio["answeredCount"], MetricValue::Count(7));
        assert_eq!(audio["longestHandleTime"], MetricValue::Number(6_602_551.5));
        assert!(!agent.metrics[&Modality::Agnostic].contains_key("total"));
        let status = agent.status.expect("a status");
        assert_eq!((status.status, status.suspended), (Change::Set(AgentStatus::RingOnNoAnswer), Change::Set(false)));
        let sessions = agent.sessions[0].1.all.as_ref().expect("a list");
        assert_eq!(sessions[0].active_since.map(|since| since.to_string()).as_deref(), Some("2026-11-21T08:59:00Z"));
        assert_eq!(agent.other["mood"], json!("good"));
    }

    /// Durations since an unset time, or negative ones.
    #[test]
    fn impossible_duration_is_none() {
        let since_the_year_one = 63_900_000_000_000_i64;
        for (milliseconds, expected) in [
            (json!(34_000), true),
            (json!(since_the_year_one), false),
            (json!(1_795_000_000_000_i64), false),
            (json!(-5), false),
        ] {
            let agent = read(json!({"id": 41, "sessions": {"audio": {"sessions": [
                {"sessionId": 82673, "queuedMs": milliseconds, "activeMs": milliseconds}
            ]}}}));
            let session = &agent.sessions[0].1.all.as_ref().expect("a list")[0];
            let known = (session.queued_since.is_some(), session.active_since.is_some());
            assert_eq!(known, (expected, expected), "{milliseconds}");
        }
    }

    #[test]
    fn status_is_known_in_any_spelling_and_kept_if_unknown() {
        let set = |name: &str| Change::Set(agent_status(name));
        for (value, expected, contradicting) in [
            (json!({"agentStatus": "inCall"}), set("inCall"), None),
            (json!({"agentStatus": "In Call"}), set("inCall"), None),
            (json!({"agentStatus": "IN_CALL", "agentStatusId": 2}), set("inCall"), None),
            (json!({"agentStatus": "available", "agentStatusId": "5"}), set("afterCall"), Some("available")),
            (json!({"agentStatus": "Moon", "agentStatusId": 5}), set("afterCall"), Some("Moon")),
            (json!({"agentStatusId": 13}), set("13"), None),
            (json!({"agentStatus": 5}), set("afterCall"), None),
            (json!({"agentStatus": "5"}), set("afterCall"), None),
            (json!({"agentStatus": "onTheMoon", "agentStatusId": 99}), set("onTheMoon"), None),
            (json!({"agentStatus": "onTheMoon"}), set("onTheMoon"), None),
            (json!({"agentStatus": "available", "agentStatusId": null}), set("available"), None),
            (json!({"agentStatus": null, "agentStatusId": 5}), set("afterCall"), None),
            (json!({"agentStatus": null}), Change::Clear, None),
            (json!({"agentStatus": null, "agentStatusId": null}), Change::Clear, None),
            (json!({"agentStatus": " ", "isSuspended": true}), Change::Keep, None),
            (json!({"agentStatus": ["?"], "isSuspended": true}), Change::Keep, None),
            (json!({"isSuspended": true}), Change::Keep, None),
        ] {
            let status = read(json!({"type": "agent", "id": 1, "currentStatus": value})).status.expect("a status");
            assert_eq!((status.status, status.contradicting.as_deref()), (expected, contradicting), "{value}");
        }
        assert_eq!(read(json!({"type": "agent", "id": 1, "currentStatus": {}})).status, None);
    }

    #[test]
    fn status_part_is_kept_cleared_or_set_by_itself() {
        let status =
            |value: Value| read(json!({"type": "agent", "id": 1, "currentStatus": value})).status.expect("a status");
        let unsaid = AgentStatusUpdate::default;
        let lunch = || Change::Set("Lunch".into());
        let began = "2026-11-21T08:56:00Z".parse().expect("a time");
        for (value, expected) in [
            (json!({"isSuspended": true}), AgentStatusUpdate { suspended: Change::Set(true), ..unsaid() }),
            (json!({"isSuspended": null}), AgentStatusUpdate { suspended: Change::Clear, ..unsaid() }),
            (json!({"isSuspended": "?", "reasonCodeName": "Lunch"}), AgentStatusUpdate { reason: lunch(), ..unsaid() }),
            (json!({"reasonCodeName": "Lunch", "reasonCodeId": 2}), AgentStatusUpdate { reason: lunch(), ..unsaid() }),
            (json!({"reasonCodeId": "2"}), AgentStatusUpdate { reason: Change::Set("Reason 2".into()), ..unsaid() }),
            (json!({"reasonCodeName": null}), AgentStatusUpdate { reason: Change::Clear, ..unsaid() }),
            (json!({"reasonCodeName": "NOTSET"}), AgentStatusUpdate { reason: Change::Clear, ..unsaid() }),
            (json!({"reasonCodeName": ""}), AgentStatusUpdate { reason: Change::Clear, ..unsaid() }),
            (json!({"startTime": "2026-11-21T08:56:00Z"}), AgentStatusUpdate { since: Change::Set(began), ..unsaid() }),
            (json!({"startTime": null}), AgentStatusUpdate { since: Change::Clear, ..unsaid() }),
            (
                json!({"startTime": null, "utcStartTime": "2026-11-21T08:56:00Z"}),
                AgentStatusUpdate { since: Change::Set(began), ..unsaid() },
            ),
        ] {
            assert_eq!(status(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn push_sets_and_clears_queue_fields_one_by_one() {
        let read = |value: Value| queue(serde_json::from_value(value).expect("realtime data"), at()).expect("a queue");
        let open = read(json!({"type": "queue", "id": 11, "isOpen": "false", "callsToday": null}));
        assert_eq!(
            (open.open, open.calls_today, open.agents_online),
            (Change::Set(false), Change::Clear, Change::Keep)
        );
        assert!(open.metrics.is_empty() && open.other.is_empty());
        let counted = read(json!({"type": "queue", "id": 11, "metrics": {"audio": {"QueuedCount": 2, "answered": null,
            "wait": {"total": 4, "count": null}}, "message": null}}));
        assert_eq!(counted.metrics[&Modality::Audio]["queuedCount"], MetricValue::Count(2));
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<Arc<str>>>();
        let expected = [
            (Modality::Message, vec![]),
            (Modality::Audio, names(&["answered"])),
            (Modality::Audio, names(&["wait", "count"])),
        ];
        assert_eq!(counted.cleared_metrics, expected);
    }

    #[test]
    fn placeholder_name_is_none() {
        let agent = read(json!({"type": "agent", "id": 1, "name": "UNKNOWN", "sessions": {"audio": {"sessions": [
            {"sessionId": 1, "customerName": "Unknown"}, {"customerName": "Jane"}, {"sessionId": "?"}]}}}));
        let sessions = agent.sessions[0].1.all.as_ref().expect("a list");
        assert_eq!((agent.name, &sessions[0].customer, sessions.len(), agent.dropped), (None, &None, 1, 2));
        let members = json!({"agents": [{"id": 1, "name": " "}], "queues": [{"id": 2, "name": "NotSet"}],
            "teams": [{"id": 3, "name": "none"}]});
        let (read, dropped) = structure(serde_json::from_value(members).expect("a structure"));
        assert_eq!(dropped, 0);
        assert_eq!((&read.agents[0].name, &read.queues[0].name, &*read.teams[0].name), (&None, &None, "Team 3"));
    }

    #[test]
    fn dotnet_numbers_are_read_and_nan_is_none() {
        use MetricValue::{Count, Number, Text};
        let metric = |value: &Value| {
            let mut cleared = Vec::new();
            let path = ["it".into()];
            let read = metric_value(value.clone(), &path, &mut |path: Vec<Arc<str>>| cleared.push(path.join("/")));
            (read, cleared.join(" "))
        };
        for (value, expected, gone) in [
            (json!(5.0), Some(Count(5)), ""),
            (json!("5"), Some(Count(5)), ""),
            (json!("5.0"), Some(Count(5)), ""),
            (json!(-0.0), Some(Count(0)), ""),
            (json!(61_000.4), Some(Number(61_000.4)), ""),
            (json!("61000.4"), Some(Number(61_000.4)), ""),
            (json!(1e300), None, "it"),
            (json!(-5), None, "it"),
            (json!("NaN"), None, "it"),
            (json!(" nan "), None, "it"),
            (json!("Infinity"), None, "it"),
            (json!("-INFINITY"), None, "it"),
            (json!("+Infinity"), None, "it"),
            (json!("1e999"), None, "it"),
            (json!(""), None, "it"),
            (json!(null), None, "it"),
            (json!("open"), Some(Text("open".into())), ""),
            (json!(["?"]), None, ""),
            (
                json!({"average": "NaN", "total": "0", "count": 0.0}),
                Some(MetricValue::Parts([("count".into(), Count(0)), ("total".into(), Count(0))].into())),
                "it/average",
            ),
        ] {
            assert_eq!(metric(&value), (expected, gone.to_owned()), "{value}");
        }
        let session = |changes: Value| {
            let mut session =
                json!({"sessionId": 901.0, "queueId": "11.0", "sessionStatus": "active", "activeMs": 61_000.4});
            session.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
            let agent = read(json!({"type": "agent", "id": "41.0", "sessions": {"audio": {"sessions": [session]}}}));
            assert_eq!(agent.id, AgentId(41));
            agent.sessions[0].1.all.as_ref().expect("a list").first().cloned()
        };
        let known = session(json!({})).expect("a session");
        assert_eq!((known.id, known.queue), (SessionId(901), Change::Set(QueueId(11))));
        assert_eq!(known.active_since.map(|since| since.to_string()).as_deref(), Some("2026-11-21T08:58:59Z"));
        assert_eq!(session(json!({"activeMs": "NaN"})).expect("a session").active_since, None);
        assert!(session(json!({"sessionId": 1.5})).is_none(), "half an id is none");
    }

    #[test]
    fn unset_start_time_is_unknown() {
        for began in
            ["0001-01-01T00:00:00", "1970-01-01T00:00:00Z", "1970-01-01T02:00:00+01:00", "1969-12-31T23:59:59Z"]
        {
            let agent = read(
                json!({"type": "agent", "id": 1, "currentStatus": {"agentStatus": "available", "startTime": began},
                "sessions": {"audio": {"sessions": [
                    {"sessionId": 1, "sessionStatus": "queued", "startTimeStamp": began},
                    {"sessionId": 2, "sessionStatus": "active", "answeredTimeStamp": began}]}}}),
            );
            assert_eq!(agent.status.expect("a status").since, Change::Clear, "{began}");
            let sessions = agent.sessions[0].1.all.as_ref().expect("a list");
            assert!(sessions.iter().all(|it| it.queued_since.is_none() && it.active_since.is_none()), "{began}");
        }
        let agent = read(json!({"type": "agent", "id": 1,
            "currentStatus": {"agentStatus": "available", "startTime": 0, "utcStartTime": 1_795_000_000}}));
        let began = Timestamp::from_second(1_795_000_000).expect("a time");
        assert_eq!(agent.status.map(|status| status.since), Some(Change::Set(began)));
    }

    #[test]
    fn session_kinds_and_modalities_have_many_names() {
        for (name, expected) in
            [("Queued", "queued"), ("DID", "directInbound"), ("Direct Outbound", "directOutbound"), ("Odd", "Odd")]
        {
            assert_eq!(kind(name).as_str(), expected);
        }
        for (queue, expected) in
            [(-1, Some("directInbound")), (-2, Some("directOutbound")), (0, None), (11, Some("queued"))]
        {
            assert_eq!(kind_of_queue(queue).as_ref().map(SessionKind::as_str), expected, "{queue}");
        }
        for (name, expected) in [("Audio", "audio"), ("AudioVideo", "audio"), ("3", "message"), ("fax", "fax")] {
            assert_eq!(modality(name).as_str(), expected);
        }
        for (name, expected) in [
            ("After Call", "afterCall"),
            ("ReEnqueued", "queued"),
            ("Transferred", "ended"),
            ("Connected", "Connected"),
        ] {
            assert_eq!(session_status(name).as_str(), expected);
        }
    }

    #[test]
    fn status_history_is_keyed_by_start_and_metrics_by_queue() {
        let agent = read(json!({
            "type": "agent", "id": 41,
            "statusHistory": [
                {"agentStatus": "Available", "startTime": "2026-1-1 05:00", "endTime": "2026-1-1 06:00"},
                {"agentStatus": "unavailable", "reasonCodeName": "On Break", "startTime": "2026-01-01T06:00:00Z",
                    "isSuspended": "true"},
                {"agentStatus": "inCall"}
            ],
            "breakdowns": [{"queueId": 11, "queueName": "Orders", "metrics": {"audio": {"AnsweredCount": 5}}}, "todo"],
            "removedBreakdowns": [{"queueId": 12}]
        }));
        let history = agent.history.expect("a history");
        let begins: Vec<String> = history.keys().map(ToString::to_string).collect();
        assert_eq!(begins, ["2026-01-01T05:00:00Z", "2026-01-01T06:00:00Z"], "a status without a start is dropped");
        let (first, second) = (history.values().next().expect("two"), history.values().nth(1).expect("two"));
        assert_eq!(
            (&first.status, first.until.map(|at| at.to_string()).as_deref()),
            (&AgentStatus::Available, Some("2026-01-01T06:00:00Z"))
        );
        assert_eq!((second.reason.as_deref(), second.until, second.suspended), (Some("On Break"), None, true));
        let by_queue = agent.by_queue.expect("metrics by queue");
        let all = by_queue.all.expect("all of them");
        assert_eq!(all[&QueueId(11)][&Modality::Audio]["answeredCount"], MetricValue::Count(5));
        assert_eq!((by_queue.added.len(), by_queue.removed), (0, vec![QueueId(12)]));
        assert_eq!(by_queue.unread["breakdowns"], json!(["todo"]), "an unknown shape is kept");
        assert!(agent.other.is_empty());
        assert_eq!(read(json!({"type": "agent", "id": 41})).by_queue, None);
    }

    #[test]
    fn structure_without_a_list_has_none_of_its_members() {
        let (read, dropped) = structure(
            serde_json::from_value(json!({
                "agents": [{"type": "Agent", "id": 41, "name": "Rob T.", "teamId": -1}, {"name": "no id"}, "?", 7]
            }))
            .expect("a structure"),
        );
        assert_eq!((read.agents.len(), read.agents[0].team, read.queues.len(), dropped), (1, None, 0, 3));
    }

    #[test]
    fn session_agent_of_zero_or_less_is_cleared() {
        let agent = |value: Value| {
            let session = json!({"sessionId": 1, "agentId": value});
            let read = read(json!({"type": "agent", "id": 1, "sessions": {"audio": {"sessions": [session]}}}));
            read.sessions[0].1.all.as_ref().expect("a list")[0].agent
        };
        for (value, expected) in [
            (json!(41), Change::Set(AgentId(41))),
            (json!(0), Change::Clear),
            (json!(-1), Change::Clear),
            (json!(null), Change::Clear),
            (json!("?"), Change::Keep),
        ] {
            assert_eq!(agent(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn field_missing_from_a_search_is_cleared() {
        let found = |value: Value| found_queue(serde_json::from_value(value).expect("a queue")).expect("a queue");
        let bare = found(json!({"queueId": 11}));
        assert_eq!((bare.open, bare.calls_today, bare.agents_online), (Change::Clear, Change::Clear, Change::Clear));
        assert_eq!(found(json!({"queueId": 11, "callsToday": 3})).calls_today, Change::Set(3));
    }

    #[test]
    fn null_breakdowns_beside_added_ones_clear_nothing() {
        let read = |value: Value| {
            let mut whole = json!({"type": "agent", "id": 1, "mood": "NaN", "place": null, "desk": "B 14"});
            whole.as_object_mut().expect("an object").extend(value.as_object().expect("an object").clone());
            read(whole)
        };
        let added = json!([{"queueId": 12, "metrics": {"audio": {"answeredCount": 1}}}]);
        let change = read(json!({"breakdowns": null, "addedBreakdowns": added})).by_queue.expect("a change");
        assert_eq!((change.all, change.added.len()), (None, 1));
        let none = read(json!({"breakdowns": null}));
        assert_eq!(none.by_queue.expect("all of them").all, Some(BTreeMap::new()), "there are none");
        assert_eq!((&none.other["mood"], &none.other["desk"]), (&Value::Null, &json!("B 14")), "nothing was measured");
    }
}
