//! Agents, queues and teams, what is counted of them, and the sources they come from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::merge_patch::object;
use super::stats::{FeedbackTotalDoc, NpsDoc, RatioDoc};
use crate::domain::MetricValue;

/// Metrics by kind of contact, then by name.
pub type MetricsDoc = BTreeMap<String, BTreeMap<String, MetricValue>>;

/// The key of `counts` for everything together.
pub const COUNTED_ALL: &str = "all";

/// The key of `counts` for agents without a team.
pub const AGENTS_OF_NO_TEAM: &str = "team:";

/// Whether the values of a metric can be added up: those of averages and extremes cannot.
#[must_use]
pub fn is_additive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !["average", "avg", "mean", "longest", "shortest", "max", "min", "percent"].iter().any(|part| name.contains(part))
}

/// A metric over all modalities: the source's own value across modalities, else the sum. `None` also where several
/// values have no sum. Names are compared without case (`apis.md` B43). Of several numbers under one name, the total
/// counts.
#[must_use]
pub fn metric_total(metrics: &MetricsDoc, name: &str) -> Option<f64> {
    let of = |values: &BTreeMap<String, MetricValue>| {
        let (_, value) = values.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        match value {
            MetricValue::Parts(parts) => ["total", "count"].iter().find_map(|part| parts.get(*part)?.as_number()),
            value => value.as_number(),
        }
    };
    if let Some(across) = metrics.get("agnostic").and_then(of) {
        return Some(across);
    }
    let mut values = metrics.values().filter_map(of);
    let first = values.next()?;
    values.try_fold(first, |sum, value| is_additive(name).then_some(sum + value))
}

object! {
    /// An agent.
    #[schema(as = Agent)]
    pub struct AgentDoc {
        /// The name shown to colleagues; "Agent 41" where none is known.
        pub name: String,
        /// The team's id.
        pub team: Option<i64>,
        /// The status, such as `inCall`; an unknown one is shown as received.
        pub status: String,
        /// The name that Clarity sent with it although the status's number means another one. The number counts.
        pub contradicting_status: Option<String> = "contradictingStatus",
        /// The activity: `available`, `ringing`, `inContact`, `afterCall`, `away`, `loggedOut`, `unknown`. An
        /// agent who is suspended while available is `away`.
        pub activity: String,
        /// The reason code's name, or `Not permitted`.
        pub reason: Option<String>,
        /// Whether Clarity refuses to show them to Callboard's account, always `true`: else it is left out. Their
        /// status is `unknown`, and they count neither as logged in nor as logged out.
        pub not_permitted: bool = "notPermitted",
        /// When the status began.
        pub since: Option<Timestamp>,
        /// Whether they get no contacts.
        pub suspended: Option<bool>,
        /// Counts and measures; times in milliseconds.
        pub metrics: BTreeMap<String, BTreeMap<String, MetricValue>>,
        /// Current contacts, by session.
        pub sessions: BTreeMap<String, SessionDoc>,
        /// The agent's feedback.
        pub feedback: Option<FeedbackTotalDoc>,
        /// Members that exist but are hidden from this viewer: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
        /// The statuses of the last 24 hours, by the instant at which they began. Only in scopes that name the agent.
        pub history: BTreeMap<Timestamp, StatusIntervalDoc>,
        /// Occupancy in that time. Only in scopes that name the agent.
        pub occupancy: Option<OccupancyDoc>,
        /// The metrics by queue. Only in scopes that name the agent.
        pub by_queue: BTreeMap<String, BTreeMap<String, BTreeMap<String, MetricValue>>> = "byQueue",
        /// Fields for which Callboard has no name.
        pub other: BTreeMap<String, Value>,
    }
}

object! {
    /// A status that an agent had.
    #[schema(as = StatusInterval)]
    pub struct StatusIntervalDoc {
        /// The status, such as `inCall`; an unknown one is shown as received.
        pub status: String,
        /// Its activity.
        pub activity: String,
        /// The reason code's name.
        pub reason: Option<String>,
        /// When it ended. Absent: it goes on.
        pub until: Option<Timestamp>,
        /// Whether they got no contacts, always `true`: else it is left out.
        pub suspended: bool,
    }
}

object! {
    /// Occupancy: handling time as a share of handling and available time, over intervals that have ended.
    #[schema(as = Occupancy)]
    pub struct OccupancyDoc {
        /// In percent, to one decimal.
        pub value: f64,
        /// Milliseconds in contact and after-call work.
        pub handling: i64,
        /// Milliseconds ready for a contact.
        pub available: i64,
    }
}

object! {
    /// A session.
    #[schema(as = Session)]
    pub struct SessionDoc {
        /// The queue's id. -2, -1, 0 and 9999 are no queues of the site.
        pub queue: Option<i64>,
        /// `audio`, `instantMessage`, `message`.
        pub modality: String,
        /// `queued`, `directInbound`, `directOutbound`.
        pub kind: Option<String>,
        /// `queued`, `offered`, `connecting`, `active`, `afterCall`; an unknown status is shown as it came.
        pub status: String,
        /// The agent who had the contact first, where it was transferred and another agent has it now.
        pub first_agent: Option<i64> = "firstAgent",
        /// When this began: the wait of a waiting customer, or the contact.
        pub since: Option<Timestamp>,
        /// The customer's name. Absent on wallboards.
        pub customer: Option<String>,
        /// Whether it is being recorded.
        pub recording: Option<bool>,
        /// Whether the customer is on hold. Absent: unknown.
        pub on_hold: Option<bool> = "onHold",
        /// Since when the customer is on hold.
        pub hold_since: Option<Timestamp> = "holdSince",
        /// Fields for which Callboard has no name.
        pub other: BTreeMap<String, Value>,
    }
}

object! {
    /// A queue.
    #[schema(as = Queue)]
    pub struct QueueDoc {
        /// The name; "Queue 11" where none is known.
        pub name: String,
        /// Whether Clarity's list of queues does not name it, always `true`: else it is left out.
        pub unlisted: bool,
        /// Whether it takes contacts now.
        pub open: Option<bool>,
        /// The teams that answer it.
        pub teams: BTreeSet<i64>,
        /// Waiting customers, all kinds of contact together. Absent: unknown.
        pub waiting: Option<i64>,
        /// When the longest wait began. Absent: no customer waits, or unknown.
        pub longest_wait_since: Option<Timestamp> = "longestWaitSince",
        /// Agents logged in to it, by Clarity's own search. Our own count is `counts["queue:11"].staff`.
        pub agents_online: Option<i64> = "agentsOnline",
        /// Agents ready for its next contact, by Clarity's own search: suspended ones may be among them.
        pub agents_available: Option<i64> = "agentsAvailable",
        /// The telephony system's own estimate for a new customer, in seconds.
        pub estimated_wait_seconds: Option<i64> = "estimatedWaitSeconds",
        /// Calls of the telephony system's day.
        pub calls_today: Option<i64> = "callsToday",
        /// Counts and measures; times in milliseconds.
        pub metrics: BTreeMap<String, BTreeMap<String, MetricValue>>,
        /// Waiting sessions. Sessions that are being answered are with their agent.
        pub sessions: BTreeMap<String, SessionDoc>,
        /// The queue's feedback.
        pub feedback: Option<FeedbackTotalDoc>,
        /// Members that exist but are hidden from this viewer: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
        /// Fields for which Callboard has no name.
        pub other: BTreeMap<String, Value>,
    }
}

object! {
    /// A team.
    #[schema(as = Team)]
    pub struct TeamDoc {
        /// The name.
        pub name: String,
        /// The names of the groups it belongs to, by id.
        pub groups: BTreeMap<String, String>,
        /// The name of the business unit it belongs to.
        pub unit: Option<String>,
        /// Feedback about its agents and places.
        pub feedback: Option<FeedbackTotalDoc>,
        /// Members that exist but are hidden from this viewer: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

object! {
    /// Counts of what a viewer sees. An unknown count is absent, never 0.
    #[schema(as = Counts)]
    pub struct CountsDoc {
        /// Agents, each once.
        pub staff: Option<StaffDoc>,
        /// Waiting customers of all queues. Absent: the number of one of them is unknown.
        pub waiting: Option<i64>,
        /// When the longest wait began. Absent: no customer waits, or it is unknown for a queue.
        pub longest_wait_since: Option<Timestamp> = "longestWaitSince",
        /// The queue of the longest wait.
        pub longest_wait_queue: Option<i64> = "longestWaitQueue",
        /// Threads linked to teams that need a reply.
        pub open_feedback: Option<u64> = "openFeedback",
        /// Net promoter score of the board's day, of all queues together.
        pub nps: Option<NpsDoc>,
        /// Answers of 4 or 5 stars of the board's day, of all queues together.
        pub csat: Option<RatioDoc>,
        /// Metrics that are counts, of all queues together.
        pub metrics: BTreeMap<String, f64>,
        /// Members that exist but are hidden from this viewer, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

object! {
    /// Agents by activity, each once, however many queues they serve.
    #[derive(Copy, Eq)]
    #[schema(as = Staff)]
    pub struct StaffDoc {
        /// All of them.
        pub agents: u64,
        /// Those logged in: in any state but logged out and unknown.
        pub logged_in: u64 = "loggedIn",
        /// Ready for the next contact: available and not suspended.
        pub available: u64,
        /// A contact is being offered.
        pub ringing: u64,
        /// With a customer.
        pub in_contact: u64 = "inContact",
        /// In after-call work.
        pub after_call: u64 = "afterCall",
        /// Logged in and not ready, also by suspension.
        pub away: u64,
        /// Logged out.
        pub logged_out: u64 = "loggedOut",
        /// Unknown: Clarity does not say, or does not permit it.
        pub unknown: u64,
    }
}

object! {
    /// A list of which the document carries one page: items that need a reply or a review first, then the newest.
    #[schema(as = List)]
    pub struct ListDoc {
        /// The number of items on all pages.
        pub total: u64,
        /// Those that need a reply or a review.
        pub needs_action: u64 = "needsAction",
        /// The number of this page; the first is 1.
        pub page: u64,
        /// The number of pages.
        pub pages: u64,
        /// The number of items by state.
        pub states: Option<BTreeMap<String, u64>>,
    }
}

object! {
    /// The connection to one of the four systems.
    #[schema(as = Source)]
    pub struct SourceDoc {
        /// `live`, `polling`, `stale`, `down`, `off`.
        pub state: String,
        /// When this state began.
        pub since: Option<Timestamp>,
        /// The reason in a sentence, unless the source is live.
        pub reason: Option<String>,
        /// When it last sent anything.
        pub last_data: Option<Timestamp> = "lastData",
        /// When refused credentials are tried again. An administrator may try sooner.
        pub next_try: Option<Timestamp> = "nextTry",
        /// The transport of its pushes.
        pub transport: Option<String>,
        /// Names of the agents that Clarity refuses to show to the service account, by id, as far as they may be seen.
        pub not_permitted: BTreeMap<String, String> = "notPermitted",
        /// How far its clock is ahead of ours, in seconds; negative: behind. Absent below five seconds. Its times are
        /// converted to our clock.
        pub clock_offset_seconds: Option<i64> = "clockOffsetSeconds",
        /// Counters since the server's start.
        pub counters: BTreeMap<String, u64>,
        /// Members that exist but are hidden from this viewer: `counters`, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}
