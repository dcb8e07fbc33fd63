//! The shape of the document that a viewer holds, as promised in the README under "The live protocol".
//!
//! Pages, the API and the live socket are all made from these types, so that what is painted is what is patched. What is absent
//! is left out, never null: a merge patch (RFC 7396) cannot say null. Everything with an identity is an object keyed by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::patch::{MergePatch, object, to_json};
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
    pub agents: BTreeMap<String, Arc<AgentDoc>>,
    /// Queues.
    pub queues: BTreeMap<String, Arc<QueueDoc>>,
    /// Teams.
    pub teams: BTreeMap<String, Arc<TeamDoc>>,
    /// What customers said, by response.
    pub feedback: BTreeMap<String, Arc<FeedbackDoc>>,
    /// Survey requests.
    pub surveys: BTreeMap<String, Arc<SurveyDoc>>,
    /// Places that responses are about, by Goodays' identity for them.
    pub places: BTreeMap<String, Arc<PlaceDoc>>,
    /// Tags that surveys bear.
    pub tags: BTreeMap<String, Arc<TagDoc>>,
    /// What is counted of everything together: `floor`.
    pub totals: BTreeMap<String, Arc<FloorDoc>>,
    /// What is counted of what the viewer sees: `all` together, `team:3`, `team:` for those in no team, `queue:11`.
    pub counts: BTreeMap<String, Arc<CountsDoc>>,
    /// Alerts that fire.
    pub alerts: BTreeMap<String, Value>,
    /// How much there is of the list of which the document carries one page: `feedback` in the scopes `feedback:1` and so
    /// on, `surveys` in `surveys:1` and so on.
    pub lists: BTreeMap<String, Arc<ListDoc>>,
    /// What Clarity's people call the metrics, by the metric's name. A metric without a label is called by its name.
    pub labels: BTreeMap<String, Arc<str>>,
    /// The four systems: `clarity`, `goodays`, `agentConnect`, `kustomer`.
    pub sources: BTreeMap<String, Arc<SourceDoc>>,
    /// Ourselves: `disk` is `live`, `stale` while backups fail, `down` while new events are refused.
    pub server: BTreeMap<String, Arc<SourceDoc>>,
}

/// What stands at one place of the document. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Member {
    /// One of `agents`.
    Agent(Arc<AgentDoc>),
    /// One of `queues`.
    Queue(Arc<QueueDoc>),
    /// One of `teams`.
    Team(Arc<TeamDoc>),
    /// One of `feedback`.
    Feedback(Arc<FeedbackDoc>),
    /// One of `surveys`.
    Survey(Arc<SurveyDoc>),
    /// One of `places`.
    Place(Arc<PlaceDoc>),
    /// One of `tags`.
    Tag(Arc<TagDoc>),
    /// One of `totals`.
    Floor(Arc<FloorDoc>),
    /// One of `counts`.
    Counts(Arc<CountsDoc>),
    /// One of `lists`.
    List(Arc<ListDoc>),
    /// One of `labels`.
    Label(Arc<str>),
    /// One of `sources`, or of `server`.
    Source(Arc<SourceDoc>),
}

impl Member {
    /// Says that there is more of it than the viewer sees.
    pub(super) fn hide(&mut self, part: &str) {
        let hidden = match self {
            Self::Agent(it) => &mut Arc::make_mut(it).hidden,
            Self::Queue(it) => &mut Arc::make_mut(it).hidden,
            Self::Team(it) => &mut Arc::make_mut(it).hidden,
            Self::Tag(it) => &mut Arc::make_mut(it).hidden,
            Self::Floor(it) => &mut Arc::make_mut(it).hidden,
            Self::Source(it) => &mut Arc::make_mut(it).hidden,
            _ => return,
        };
        hidden.insert(part.to_owned(), true);
    }

    /// What turns `was` into this member. `None`: they are equal.
    pub(super) fn patch(&self, was: &Self) -> Option<Value> {
        let patch = match (was, self) {
            (was, is) if was == is => return None,
            (Self::Agent(was), Self::Agent(is)) => is.patch(was),
            (Self::Queue(was), Self::Queue(is)) => is.patch(was),
            (Self::Team(was), Self::Team(is)) => is.patch(was),
            (Self::Feedback(was), Self::Feedback(is)) => is.patch(was),
            (Self::Survey(was), Self::Survey(is)) => is.patch(was),
            (Self::Place(was), Self::Place(is)) => is.patch(was),
            (Self::Tag(was), Self::Tag(is)) => is.patch(was),
            (Self::Floor(was), Self::Floor(is)) => is.patch(was),
            (Self::Counts(was), Self::Counts(is)) => is.patch(was),
            (Self::List(was), Self::List(is)) => is.patch(was),
            (Self::Source(was), Self::Source(is)) => is.patch(was),
            (_, is) => to_json(is),
        };
        Some(patch)
    }
}

impl StateDoc {
    /// Puts a member in its place.
    pub(super) fn insert(&mut self, section: &str, name: String, member: Member) {
        match member {
            Member::Agent(it) => drop(self.agents.insert(name, it)),
            Member::Queue(it) => drop(self.queues.insert(name, it)),
            Member::Team(it) => drop(self.teams.insert(name, it)),
            Member::Feedback(it) => drop(self.feedback.insert(name, it)),
            Member::Survey(it) => drop(self.surveys.insert(name, it)),
            Member::Place(it) => drop(self.places.insert(name, it)),
            Member::Tag(it) => drop(self.tags.insert(name, it)),
            Member::Floor(it) => drop(self.totals.insert(name, it)),
            Member::Counts(it) => drop(self.counts.insert(name, it)),
            Member::List(it) => drop(self.lists.insert(name, it)),
            Member::Label(it) => drop(self.labels.insert(name, it)),
            Member::Source(it) if section == "server" => drop(self.server.insert(name, it)),
            Member::Source(it) => drop(self.sources.insert(name, it)),
        }
    }
}

object! {
    /// A list of which the document carries one page: what needs somebody first, then the newest.
    pub struct ListDoc {
        /// How many there are, on all pages.
        pub total: u64,
        /// How many of these need somebody to do something.
        pub needs_action: u64 = "needsAction",
        /// Which page this is; the first is 1.
        pub page: u64,
        /// How many pages there are.
        pub pages: u64,
        /// How many there are in each state that any is in.
        pub states: Option<BTreeMap<String, u64>>,
    }
}

object! {
    /// An agent.
    pub struct AgentDoc {
        /// The name shown to colleagues; "Agent 41" where nobody told us one.
        pub name: String,
        /// The team's id.
        pub team: Option<i64>,
        /// What they are doing, such as `inCall`; an unknown status is shown as it came.
        pub status: String,
        /// The name that Clarity sent with it although the status's number means another one. The number counts.
        pub contradicting_status: Option<String> = "contradictingStatus",
        /// Which of seven that is: `available`, `ringing`, `inContact`, `afterCall`, `away`, `loggedOut`, `unknown`. Whoever is
        /// suspended while available is `away`.
        pub activity: String,
        /// Why they are away, or `Not permitted`.
        pub reason: Option<String>,
        /// Whether Clarity refuses to show them to Callboard's account, always `true`: else it is left out. Their status is
        /// `unknown`, and they count neither as logged in nor as logged out.
        pub not_permitted: bool = "notPermitted",
        /// When the status began.
        pub since: Option<Timestamp>,
        /// Whether they get no contacts.
        pub suspended: Option<bool>,
        /// Counts and measures; times in milliseconds.
        pub metrics: MetricsDoc,
        /// The contacts in hand.
        pub sessions: BTreeMap<String, SessionDoc>,
        /// What customers said about them.
        pub feedback: Option<FeedbackTotalDoc>,
        /// What there is of this, but not for this viewer: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
        /// The statuses of the last 24 hours, by the instant at which they began. Only in scopes that name the agent.
        pub history: BTreeMap<Timestamp, StintDoc>,
        /// How busy they were in that time. Only in scopes that name the agent.
        pub occupancy: Option<OccupancyDoc>,
        /// The metrics by queue. Only in scopes that name the agent.
        pub by_queue: BTreeMap<String, MetricsDoc> = "byQueue",
        /// Fields for which Callboard has no name.
        pub other: BTreeMap<String, Value>,
    }
}

object! {
    /// A status that an agent had.
    pub struct StintDoc {
        /// What they were doing, such as `inCall`; an unknown status is shown as it came.
        pub status: String,
        /// Which of the seven activities that is.
        pub activity: String,
        /// Why they were away.
        pub reason: Option<String>,
        /// When it ended. Absent: it goes on.
        pub until: Option<Timestamp>,
        /// Whether they got no contacts, always `true`: else it is left out.
        pub suspended: bool,
    }
}

object! {
    /// How much of an agent's time with customers or ready for them was with them: the times that are over, by the clock on
    /// the wall.
    pub struct OccupancyDoc {
        /// In percent, to one decimal.
        pub value: f64,
        /// Milliseconds in contact and wrapping up.
        pub handling: i64,
        /// Milliseconds ready for a contact.
        pub available: i64,
    }
}

object! {
    /// A session.
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
        /// When it got there: the start of the wait for one who waits, of the contact for one who is being answered.
        pub since: Option<Timestamp>,
        /// The customer's name. Absent on wallboards.
        pub customer: Option<String>,
        /// Whether it is being recorded.
        pub recording: Option<bool>,
        /// Whether the customer is on hold. Absent: nobody told us.
        pub on_hold: Option<bool> = "onHold",
        /// Since when the customer is on hold.
        pub hold_since: Option<Timestamp> = "holdSince",
        /// Fields for which Callboard has no name.
        pub other: BTreeMap<String, Value>,
    }
}

object! {
    /// A queue.
    pub struct QueueDoc {
        /// The name; "Queue 11" where nobody told us one.
        pub name: String,
        /// Whether Clarity's list of queues does not name it, always `true`: else it is left out.
        pub unlisted: bool,
        /// Whether it takes contacts now.
        pub open: Option<bool>,
        /// The teams that answer it.
        pub teams: BTreeSet<i64>,
        /// How many wait now, all kinds of contact together. Absent: nobody told us.
        pub waiting: Option<i64>,
        /// When the longest waiting customer began to wait. Absent: nobody waits, or nobody knows.
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
        pub metrics: MetricsDoc,
        /// Who waits. Sessions that are being answered are with their agent.
        pub sessions: BTreeMap<String, SessionDoc>,
        /// What customers said about it.
        pub feedback: Option<FeedbackTotalDoc>,
        /// What there is of this, but not for this viewer: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
        /// Fields for which Callboard has no name.
        pub other: BTreeMap<String, Value>,
    }
}

object! {
    /// What is counted of what a viewer sees. What is not known is absent, and never 0.
    pub struct CountsDoc {
        /// Agents, each once.
        pub staff: Option<StaffDoc>,
        /// How many wait in all queues together. Absent: of one of them it is not known.
        pub waiting: Option<i64>,
        /// When the longest waiting of them began to wait. Absent: nobody waits, or it is not known of all.
        pub longest_wait_since: Option<Timestamp> = "longestWaitSince",
        /// In which queue.
        pub longest_wait_queue: Option<i64> = "longestWaitQueue",
        /// Threads linked to teams in which somebody waits for an answer.
        pub open_feedback: Option<u64> = "openFeedback",
        /// Net promoter score of the board's day, of all queues together.
        pub nps: Option<NpsDoc>,
        /// Answers of 4 or 5 stars of the board's day, of all queues together.
        pub csat: Option<RatioDoc>,
        /// Metrics that are counts, of all queues together.
        pub metrics: BTreeMap<String, f64>,
        /// Which of these are there, but not for this viewer; always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

object! {
    /// Agents by what they do, each once, however many queues they serve.
    #[derive(Copy, Eq)]
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
        /// Wrapping up.
        pub after_call: u64 = "afterCall",
        /// Logged in and not ready, also by suspension.
        pub away: u64,
        /// Not at work.
        pub logged_out: u64 = "loggedOut",
        /// Nobody can tell.
        pub unknown: u64,
    }
}

object! {
    /// A team.
    pub struct TeamDoc {
        /// The name.
        pub name: String,
        /// The names of the groups it belongs to, by id.
        pub groups: BTreeMap<String, String>,
        /// The name of the business unit it belongs to.
        pub unit: Option<String>,
        /// What customers said about its agents and places.
        pub feedback: Option<FeedbackTotalDoc>,
        /// What there is of this, but not for this viewer: `feedback`, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}

object! {
    /// One customer's response with its thread.
    pub struct FeedbackDoc {
        /// `open`, `pending`, `closed`; an unknown state is shown as it came.
        pub state: String,
        /// When the customer answered.
        pub created: Option<Timestamp>,
        /// What had to be assumed about when that was: `timeZone` (none was named: that of the house) or `received` (no date was
        /// sent: when it was first heard of).
        pub assumed: Option<String>,
        /// How the survey reached the customer, or where the text comes from, such as `email` or `google`.
        pub source: Option<String>,
        /// The survey's name.
        pub survey: Option<String>,
        /// How likely the customer is to recommend, 0 to 10.
        pub nps: Option<u8>,
        /// The customer's name.
        pub customer: Option<String>,
        /// The answers, by position in the survey.
        pub answers: BTreeMap<String, AnswerDoc>,
        /// The texts, by identity. Sort by `at`.
        pub messages: BTreeMap<String, MessageDoc>,
        /// The place it is about.
        pub place: Option<String>,
        /// The place it was handed to.
        pub delegated_to: Option<String> = "delegatedTo",
        /// What Goodays offers to do with it, by name, always `true`: nothing else is possible.
        pub offered_actions: BTreeMap<String, bool> = "offeredActions",
        /// Whether Goodays raised an alert for it.
        pub alert: Option<bool>,
        /// Whether somebody owes the customer an answer: the thread is open, or the customer wrote again.
        pub needs_reply: Option<bool> = "needsReply",
        /// What colleagues do about it, by identity. Sort by `at`.
        pub actions: BTreeMap<String, ActionDoc>,
        /// What it hangs on.
        pub attribution: AttributionDoc,
    }
}

object! {
    /// Something that a colleague does about a response.
    pub struct ActionDoc {
        /// `reply`, `message`, `call`, `close`, `spam`, `no-answer-needed`.
        pub action: String,
        /// `queued`, `sent`, `accepted`, `rejected`, `failed`, `unknown`.
        pub state: String,
        /// Why it went no further.
        pub reason: Option<String>,
        /// Who does it.
        pub who: String,
        /// What they wrote: text, never HTML. Absent once it stands in the thread.
        pub text: Option<String>,
        /// How often it was sent.
        pub attempts: u32,
        /// When somebody wanted it.
        pub at: Option<Timestamp>,
        /// When its state last changed.
        pub changed: Option<Timestamp>,
    }
}

object! {
    /// One text of a thread.
    pub struct MessageDoc {
        /// When it was written.
        pub at: Option<Timestamp>,
        /// Praise, question, idea, problem, message, in the upstream's spelling.
        pub kind: Option<String>,
        /// Who wrote it.
        pub from: Option<String>,
        /// What it says: text, never HTML.
        pub text: String,
        /// A link, only ever http or https.
        pub attachment: Option<String>,
    }
}

object! {
    /// One answer of a survey.
    pub struct AnswerDoc {
        /// The question as it was asked, without markup.
        pub question: String,
        /// The kind of question.
        pub kind: String,
        /// The answer, as it came.
        pub value: Value,
    }
}

object! {
    /// What a response hangs on, and why we say so.
    pub struct AttributionDoc {
        /// The rule that decided: `pinned`, `extra.session`, `extra.conversation`, `customer.visit`, `place`, `waiting` (what it
        /// names is not known yet) or `unlinked`.
        pub rule: String,
        /// How sure that is: `certain` or `medium`; absent where nothing was joined.
        pub confidence: Option<String>,
        /// The evidence, in words.
        pub evidence: Option<String>,
        /// The session.
        pub session: Option<i64>,
        /// The agent who answered.
        pub agent: Option<i64>,
        /// The queue.
        pub queue: Option<i64>,
        /// The team.
        pub team: Option<i64>,
        /// Sessions that it might be as well, or might be at all, by number.
        pub candidates: BTreeMap<String, CandidateDoc>,
        /// What a weaker rule says else, in words.
        pub conflict: Option<String>,
    }
}

object! {
    /// A session that a response might hang on.
    pub struct CandidateDoc {
        /// What speaks for it, in words.
        pub evidence: String,
        /// When it began.
        pub began: Option<Timestamp>,
        /// The agent who answered.
        pub agent: Option<i64>,
        /// The queue.
        pub queue: Option<i64>,
    }
}

object! {
    /// A survey request.
    pub struct SurveyDoc {
        /// The interaction it is about.
        pub interaction: String,
        /// What made somebody ask: `manual`, `session`, `conversation`, `external`.
        pub origin: String,
        /// The survey that this one asks about again, after something was made good.
        pub recovers: Option<String>,
        /// The session, where that is known.
        pub session: Option<i64>,
        /// The conversation, where that is known.
        pub conversation: Option<String>,
        /// The agent's id, where that is known.
        pub agent: Option<i64>,
        /// The agent as Agent Connect knows them.
        pub employee: String,
        /// The customer's name.
        pub customer: Option<String>,
        /// Phone, e-mail, chat and so on.
        pub channel: String,
        /// What it was about.
        pub tags: Vec<String>,
        /// Where a person can read about the interaction.
        pub link: Option<String>,
        /// `queued`, `sent`, `accepted`, `rejected`, `failed`, `unknown`, `needsReview`, `dryRun`.
        pub state: String,
        /// Why it went no further.
        pub reason: Option<String>,
        /// What was decided among several, such as users who were assigned.
        pub note: Option<String>,
        /// The session that it names and is not joined with, and why not.
        pub candidate: Option<String>,
        /// Whether it may be sent again by hand, or at all.
        pub may_retry: bool = "mayRetry",
        /// Whether the customer may be asked again, after something was made good.
        pub may_recover: bool = "mayRecover",
        /// What would be sent, as JSON, of a request that is not sent by itself.
        pub body: Option<String>,
        /// How the delivery went, in Agent Connect's words.
        pub delivery: Option<String>,
        /// When the customer answered.
        pub answered: Option<Timestamp>,
        /// `timeZone`: Agent Connect named no time zone, and that of the house was assumed.
        pub assumed: Option<String>,
        /// One to five.
        pub stars: Option<u8>,
        /// Zero to ten; another scale.
        pub nps: Option<u8>,
        /// Whether it was solved at once, in the answer's words.
        pub resolved: Option<String>,
        /// What the customer wrote.
        pub comment: Option<String>,
        /// Why Agent Connect's record is taken for this request's: `requestId`, `ownKey`, `parties`, `interaction`, `nearest`.
        pub evidence: Option<String>,
        /// The upstream's identity for it.
        pub request_id: Option<String> = "requestId",
        /// How often it was sent.
        pub attempts: u32,
        /// When somebody asked for it.
        pub created: Option<Timestamp>,
        /// When its state last changed.
        pub changed: Option<Timestamp>,
    }
}

object! {
    /// How well a source can be heard.
    pub struct SourceDoc {
        /// `live`, `polling`, `stale`, `down`, `off`.
        pub state: String,
        /// Since when.
        pub since: Option<Timestamp>,
        /// Why, in a sentence, unless all is well.
        pub reason: Option<String>,
        /// When it last told us anything.
        pub last_data: Option<Timestamp> = "lastData",
        /// When refused credentials are shown again. An administrator may try sooner.
        pub next_try: Option<Timestamp> = "nextTry",
        /// How it is heard.
        pub transport: Option<String>,
        /// Names of the agents whom Clarity refuses to show to Callboard's account, by id, as far as they may be seen.
        pub not_permitted: BTreeMap<String, String> = "notPermitted",
        /// By how many seconds its clock is ahead of ours, or behind if negative, from five on.
        pub clock_offset_seconds: Option<i64> = "clockOffsetSeconds",
        /// What has been counted since the server's start.
        pub counters: BTreeMap<String, u64>,
        /// What there is of this, but not for this viewer: `counters`, always `true`.
        pub hidden: BTreeMap<String, bool>,
    }
}
