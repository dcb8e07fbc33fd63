//! The shape of the document that a viewer holds, as promised in the README under "The live protocol".
//!
//! One set of types for both readers: the view serialises them into the document, and pages read them back from that very
//! document, so that what is painted is what is patched. Whatever is absent is left out, never null: a merge patch
//! (RFC 7396) cannot say null. Everything with an identity is an object keyed by it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::total::{
    CoverageDoc, EffectDoc, FeedbackTotalDoc, FloorDoc, MeanDoc, NpsDoc, OpenByAgeDoc, PeriodDoc, PlaceDoc, RatioDoc,
    TagDoc, TimesDoc,
};
use crate::domain::MetricValue;

/// Metrics by kind of contact, then by name.
pub type MetricsDoc = BTreeMap<String, BTreeMap<String, MetricValue>>;

/// Under which key of `counts` everything together stands.
pub const COUNTED_ALL: &str = "all";

/// Under which key of `counts` those stand who are in no team.
pub const AGENTS_OF_NO_TEAM: &str = "team:";

/// A metric over all kinds of contact: what the source itself counted across kinds, else the sum. Names are compared
/// without case (`apis.md` B43). Of several numbers under one name, the total counts.
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
    metrics.values().filter_map(of).reduce(|a, b| a + b)
}

/// The whole state of a scope. The key of each map is the entity's identity as text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateDoc {
    /// Agents.
    pub agents: BTreeMap<String, AgentDoc>,
    /// Queues.
    pub queues: BTreeMap<String, QueueDoc>,
    /// Teams.
    pub teams: BTreeMap<String, TeamDoc>,
    /// What customers said, by response.
    pub feedback: BTreeMap<String, FeedbackDoc>,
    /// Survey requests.
    pub surveys: BTreeMap<String, SurveyDoc>,
    /// Places that responses are about, by Goodays' identity for them.
    pub places: BTreeMap<String, PlaceDoc>,
    /// Tags that surveys bear.
    pub tags: BTreeMap<String, TagDoc>,
    /// What is counted of everything together: `floor`.
    pub totals: BTreeMap<String, FloorDoc>,
    /// What is counted of what the viewer sees: `all` together, `team:3`, `team:` for those in no team, `queue:11`.
    pub counts: BTreeMap<String, CountsDoc>,
    /// Alerts that fire.
    pub alerts: BTreeMap<String, Value>,
    /// How much there is of the list of which the document carries one page: `feedback` in the scopes `feedback:1` and so
    /// on, `surveys` in `surveys:1` and so on.
    pub lists: BTreeMap<String, ListDoc>,
    /// What Clarity's people call the metrics, by the metric's name. A metric without a label is called by its name.
    pub labels: BTreeMap<String, String>,
    /// The four systems: `clarity`, `goodays`, `agentConnect`, `kustomer`.
    pub sources: BTreeMap<String, SourceDoc>,
    /// Ourselves: `disk` is `live`, `stale` while backups fail, `down` while new events are refused.
    pub server: BTreeMap<String, SourceDoc>,
}

/// A list of which the document carries one page: what needs somebody first, then the newest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListDoc {
    /// How many there are, on all pages.
    pub total: u64,
    /// How many of these need somebody to do something.
    pub needs_action: u64,
    /// Which page this is; the first is 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// How many there are in each state that any is in.
    pub states: BTreeMap<String, u64>,
}

/// An agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentDoc {
    /// The name shown to colleagues; "Agent 41" where nobody told us one.
    pub name: String,
    /// The team's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<i64>,
    /// What they are doing, such as `inCall`; an unknown status is shown as it came.
    pub status: String,
    /// The name that Clarity sent with it although the status's number means another one. The number counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contradicting_status: Option<String>,
    /// Which of seven that is: `available`, `ringing`, `inContact`, `afterCall`, `away`, `loggedOut`, `unknown`. Whoever is
    /// suspended while available is `away`.
    pub activity: String,
    /// Why they are away, or `Not permitted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether Clarity refuses to show them to Callboard's account, always `true`: else it is left out. Their status is
    /// `unknown`, and they count neither as logged in nor as logged out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_permitted: bool,
    /// When the status began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether they get no contacts.
    pub suspended: bool,
    /// Counts and measures; times in milliseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: MetricsDoc,
    /// The contacts in hand.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<String, SessionDoc>,
    /// What customers said about them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<FeedbackTotalDoc>,
    /// What there is of this, but not for this viewer: `feedback`, always `true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, bool>,
    /// The statuses of the last 24 hours, by the instant at which they began. Only in scopes that name the agent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub history: BTreeMap<Timestamp, StintDoc>,
    /// How busy they were in that time. Only in scopes that name the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupancy: Option<OccupancyDoc>,
    /// The metrics by queue. Only in scopes that name the agent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_queue: BTreeMap<String, MetricsDoc>,
    /// DetailLevel that nobody here has a word for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Value>,
}

/// A status that an agent had.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StintDoc {
    /// What they were doing, such as `inCall`; an unknown status is shown as it came.
    pub status: String,
    /// Which of the seven activities that is.
    pub activity: String,
    /// Why they were away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ended. Absent: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether they got no contacts, always `true`: else it is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

/// How much of an agent's time with customers or ready for them was with them: the times that are over, by the clock on
/// the wall.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OccupancyDoc {
    /// In percent, to one decimal.
    pub value: f64,
    /// Milliseconds in contact and wrapping up.
    pub handling: i64,
    /// Milliseconds ready for a contact.
    pub available: i64,
}

/// A session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionDoc {
    /// The queue's id. -2, -1, 0 and 9999 are no queues of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<i64>,
    /// `audio`, `instantMessage`, `message`.
    pub modality: String,
    /// `queued`, `directInbound`, `directOutbound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `queued`, `offered`, `connecting`, `active`, `afterCall`; an unknown status is shown as it came.
    pub status: String,
    /// The agent who had the contact first, where it was transferred and another agent has it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_agent: Option<i64>,
    /// When it got there: the start of the wait for one who waits, of the contact for one who is being answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The customer's name. Absent on wallboards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Whether it is being recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<bool>,
    /// Whether the customer is on hold. Absent: nobody told us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_hold: Option<bool>,
    /// Since when the customer is on hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_since: Option<Timestamp>,
    /// DetailLevel that nobody here has a word for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Value>,
}

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueDoc {
    /// The name; "Queue 11" where nobody told us one.
    pub name: String,
    /// Whether Clarity's list of queues does not name it, always `true`: else it is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
    /// Whether it takes contacts now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// The teams that answer it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub teams: BTreeSet<i64>,
    /// How many wait now, all kinds of contact together. Absent: nobody told us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<i64>,
    /// When the longest waiting customer began to wait. Absent: nobody waits, or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_wait_since: Option<Timestamp>,
    /// Agents logged in to it, by Clarity's own search. Our own count is `counts["queue:11"].staff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents_online: Option<i64>,
    /// Agents ready for its next contact, by Clarity's own search: suspended ones may be among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents_available: Option<i64>,
    /// The telephony system's own estimate for a new customer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_wait_seconds: Option<i64>,
    /// Calls of the telephony system's day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_today: Option<i64>,
    /// Counts and measures; times in milliseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: MetricsDoc,
    /// Who waits. Sessions that are being answered are with their agent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<String, SessionDoc>,
    /// What customers said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<FeedbackTotalDoc>,
    /// What there is of this, but not for this viewer: `feedback`, always `true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, bool>,
    /// DetailLevel that nobody here has a word for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Value>,
}

/// What is counted of what a viewer sees. What is not known is absent, and never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CountsDoc {
    /// Agents, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffDoc>,
    /// How many wait in all queues together. Absent: of one of them it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<i64>,
    /// When the longest waiting of them began to wait. Absent: nobody waits, or it is not known of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_wait_since: Option<Timestamp>,
    /// In which queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_wait_queue: Option<i64>,
    /// Threads linked to teams in which somebody waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_feedback: Option<u64>,
    /// Net promoter score of the board's day, of all queues together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nps: Option<NpsDoc>,
    /// Answers of 4 or 5 stars of the board's day, of all queues together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csat: Option<RatioDoc>,
    /// Metrics that are counts, of all queues together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Which of these are there, but not for this viewer; always `true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, bool>,
}

/// Agents by what they do, each once, however many queues they serve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StaffDoc {
    /// All of them.
    pub agents: u64,
    /// Those logged in: in any state but logged out and unknown.
    pub logged_in: u64,
    /// Ready for the next contact: available and not suspended.
    pub available: u64,
    /// A contact is being offered.
    pub ringing: u64,
    /// With a customer.
    pub in_contact: u64,
    /// Wrapping up.
    pub after_call: u64,
    /// Logged in and not ready, also by suspension.
    pub away: u64,
    /// Not at work.
    pub logged_out: u64,
    /// Nobody can tell.
    pub unknown: u64,
}

/// A team.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamDoc {
    /// The name.
    pub name: String,
    /// The names of the groups it belongs to, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, String>,
    /// The name of the business unit it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What customers said about its agents and places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<FeedbackTotalDoc>,
    /// What there is of this, but not for this viewer: `feedback`, always `true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, bool>,
}

/// One customer's response with its thread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeedbackDoc {
    /// `open`, `pending`, `closed`; an unknown state is shown as it came.
    pub state: String,
    /// When the customer answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// What had to be assumed about when that was: `timeZone` (none was named: that of the house) or `received` (no date was
    /// sent: when it was first heard of).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
    /// How the survey reached the customer, or where the text comes from, such as `email` or `google`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The survey's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survey: Option<String>,
    /// How likely the customer is to recommend, 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nps: Option<u8>,
    /// The customer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The answers, by position in the survey.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, AnswerDoc>,
    /// The texts, by identity. Sort by `at`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<String, MessageDoc>,
    /// The place it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The place it was handed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegated_to: Option<String>,
    /// What Goodays offers to do with it, by name, always `true`: nothing else is possible.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub offered_actions: BTreeMap<String, bool>,
    /// Whether Goodays raised an alert for it.
    pub alert: bool,
    /// Whether somebody owes the customer an answer: the thread is open, or the customer wrote again.
    pub needs_reply: bool,
    /// What colleagues do about it, by identity. Sort by `at`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: BTreeMap<String, ActionDoc>,
    /// What it hangs on.
    pub attribution: AttributionDoc,
}

/// Something that a colleague does about a response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionDoc {
    /// `reply`, `message`, `call`, `close`, `spam`, `no-answer-needed`.
    pub action: String,
    /// `queued`, `sent`, `accepted`, `rejected`, `failed`, `unknown`.
    pub state: String,
    /// Why it went no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who does it.
    pub who: String,
    /// What they wrote: text, never HTML. Absent once it stands in the thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// When somebody wanted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When its state last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
}

/// One text of a thread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageDoc {
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Praise, question, idea, problem, message, in the upstream's spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it says: text, never HTML.
    pub text: String,
    /// A link, only ever http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment: Option<String>,
}

/// One answer of a survey.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnswerDoc {
    /// The question as it was asked, without markup.
    pub question: String,
    /// The kind of question.
    pub kind: String,
    /// The answer, as it came.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub value: Value,
}

/// What a response hangs on, and why we say so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttributionDoc {
    /// The rule that decided: `pinned`, `extra.session`, `extra.conversation`, `customer.visit`, `place`, `waiting` (what it
    /// names is not known yet) or `unlinked`.
    pub rule: String,
    /// How sure that is: `certain` or `medium`; absent where nothing was joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
    /// The evidence, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<i64>,
    /// The agent who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<i64>,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<i64>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<i64>,
    /// Sessions that it might be as well, or might be at all, by number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub candidates: BTreeMap<String, CandidateDoc>,
    /// What a weaker rule says else, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
}

/// A session that a response might hang on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CandidateDoc {
    /// What speaks for it, in words.
    pub evidence: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// The agent who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<i64>,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<i64>,
}

/// A survey request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SurveyDoc {
    /// The interaction it is about.
    pub interaction: String,
    /// What made somebody ask: `manual`, `session`, `conversation`, `external`.
    pub origin: String,
    /// The survey that this one asks about again, after something was made good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovers: Option<String>,
    /// The session, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<i64>,
    /// The conversation, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The agent's id, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<i64>,
    /// The agent as Agent Connect knows them.
    pub employee: String,
    /// The customer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Phone, e-mail, chat and so on.
    pub channel: String,
    /// What it was about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where a person can read about the interaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// `queued`, `sent`, `accepted`, `rejected`, `failed`, `unknown`, `needsReview`, `dryRun`.
    pub state: String,
    /// Why it went no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was decided among several, such as users who were assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The session that it names and is not joined with, and why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Whether it may be sent again by hand, or at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_retry: bool,
    /// Whether the customer may be asked again, after something was made good.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_recover: bool,
    /// What would be sent, as JSON, of a request that is not sent by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How the delivery went, in Agent Connect's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// When the customer answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// `timeZone`: Agent Connect named no time zone, and that of the house was assumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
    /// One to five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stars: Option<u8>,
    /// Zero to ten; another scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nps: Option<u8>,
    /// Whether it was solved at once, in the answer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
    /// What the customer wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Why Agent Connect's record is taken for this request's: `requestId`, `ownKey`, `parties`, `interaction`, `nearest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The upstream's identity for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// When somebody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When its state last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
}

/// How well a source can be heard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceDoc {
    /// `live`, `polling`, `stale`, `down`, `off`.
    pub state: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why, in a sentence, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it last told us anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_data: Option<Timestamp>,
    /// When refused credentials are shown again. An administrator may try sooner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// How it is heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Names of the agents whom Clarity refuses to show to Callboard's account, by id, as far as they may be seen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub not_permitted: BTreeMap<String, String>,
    /// By how many seconds its clock is ahead of ours, or behind if negative, from five on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_seconds: Option<i64>,
    /// What has been counted since the server's start.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    /// What there is of this, but not for this viewer: `counters`, always `true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, bool>,
}
