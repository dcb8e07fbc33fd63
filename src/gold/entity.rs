//! What the records amount to: the things that viewers see, each whole in itself.
//!
//! An agent carries the sessions in hand and the feedback total, so that whoever sees an agent needs nothing else. An
//! entity is never changed, only replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::agent_detail::AgentDetail;
use super::join::Attribution;
use super::join::survey_match::SurveyMatchRule;
use super::rollup::{FeedbackTotals, TagEffect};
use crate::domain::agent::Activity;
use crate::domain::{
    AgentId, AgentStatus, FeedbackAction, FeedbackActionId, GroupId, Health, Metrics, Modality, QueueId, ResponseId,
    ResponseRecord, SessionId, SessionKind, SessionStatus, SourceName, Survey, SurveyId, SurveyOrigin, SurveyResult,
    TeamId, Unclassified,
};

/// The identity of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An agent.
    Agent(AgentId),
    /// A queue.
    Queue(QueueId),
    /// A team.
    Team(TeamId),
    /// A customer's response.
    Response(ResponseId),
    /// A survey request.
    Survey(SurveyId),
    /// A place that responses are about.
    Place(Arc<str>),
    /// A tag that surveys bear.
    Tag(Arc<str>),
    /// Everything that is counted of the whole floor.
    Floor,
    /// What a metric is called, by the metric's name.
    Label(Arc<str>),
    /// One of the four systems.
    Source(SourceName),
}

/// A thing that viewers see.
#[derive(Debug, Clone, PartialEq)]
pub enum Entity {
    /// An agent.
    Agent(Agent),
    /// A queue.
    Queue(Queue),
    /// A team.
    Team(Team),
    /// A customer's response.
    Response(Box<Response>),
    /// A survey request.
    Survey(Box<SurveyRequest>),
    /// A place that responses are about.
    Place(Place),
    /// A tag that surveys bear.
    Tag(Tag),
    /// Everything that is counted of the whole floor.
    Floor(Floor),
    /// What a metric is called.
    Label(Arc<str>),
    /// One of the four systems.
    Source(Health),
}

/// An agent with the sessions in hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Who.
    pub id: AgentId,
    /// The name shown to colleagues.
    pub name: Option<Arc<str>>,
    /// The team.
    pub team: Option<TeamId>,
    /// The e-mail address. Not for pages: it is what surveys know the agent by.
    pub email: Option<Arc<str>>,
    /// The name they sign in with. Not for pages either.
    pub login: Option<Arc<str>>,
    /// Their SIP address. Not for pages either.
    pub sip: Option<Arc<str>>,
    /// Whether the source refuses to show them to this account: nothing is known of what they do, and they are neither
    /// logged in nor logged out as far as anybody can tell.
    pub not_permitted: bool,
    /// What they are doing.
    pub status: AgentStatus,
    /// The name that came with the status although its number means another one. The number counts.
    pub contradicting_status: Option<Arc<str>>,
    /// Why they are away.
    pub reason: Option<Arc<str>>,
    /// When the status began.
    pub since: Option<Timestamp>,
    /// Whether they get no contacts.
    pub suspended: bool,
    /// Counts and measures.
    pub metrics: Arc<Metrics>,
    /// The contacts in hand.
    pub sessions: BTreeMap<SessionId, Arc<Session>>,
    /// What customers said about them.
    pub feedback: Option<Arc<FeedbackTotals>>,
    /// What only those ask about who look at this agent.
    pub detail: Arc<AgentDetail>,
    /// Fields without a word.
    pub other: Arc<Unclassified>,
}

impl Agent {
    /// What they are doing, as everybody counts it: whoever is suspended is not available.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.status.activity_if(self.suspended)
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Through a queue, or directly.
    pub kind: Option<SessionKind>,
    /// The kind of contact.
    pub modality: Modality,
    /// Where the customer waits or waited.
    pub queue: Option<QueueId>,
    /// Who answers: the primary agent now.
    pub agent: Option<AgentId>,
    /// Who had it in contact first, where that is another: it was transferred.
    pub first_agent: Option<AgentId>,
    /// Where it stands.
    pub status: SessionStatus,
    /// When it got there.
    pub since: Option<Timestamp>,
    /// When the customer began to wait.
    pub queued_since: Option<Timestamp>,
    /// When customer and agent were put together.
    pub active_since: Option<Timestamp>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// Whether it is being recorded.
    pub recording: Option<bool>,
    /// Whether the customer is on hold.
    pub on_hold: Option<bool>,
    /// Since when, or since when the next hold runs.
    pub hold_since: Option<Timestamp>,
    /// Fields without a word.
    pub other: Arc<Unclassified>,
}

/// A queue with who waits in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Which.
    pub id: QueueId,
    /// The name.
    pub name: Option<Arc<str>>,
    /// Whether the structure does not name it: an agent's contact does, or a push before any structure was told.
    pub is_unlisted: bool,
    /// Whether it takes contacts now.
    pub open: Option<bool>,
    /// The teams that answer it.
    pub teams: BTreeSet<TeamId>,
    /// How many wait, all kinds of contact together.
    pub waiting: Option<i64>,
    /// When the longest waiting customer began to wait.
    pub longest_wait_since: Option<Timestamp>,
    /// Agents logged in to it.
    pub agents_online: Option<i64>,
    /// Agents ready for its next contact.
    pub agents_available: Option<i64>,
    /// The telephony system's own estimate for a new customer, in seconds.
    pub estimated_wait_seconds: Option<i64>,
    /// Calls of the telephony system's day.
    pub calls_today: Option<i64>,
    /// Counts and measures.
    pub metrics: Arc<Metrics>,
    /// Who waits.
    pub sessions: BTreeMap<SessionId, Arc<Session>>,
    /// What customers said about it.
    pub feedback: Option<Arc<FeedbackTotals>>,
    /// Fields without a word.
    pub other: Arc<Unclassified>,
}

/// A team.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// Which.
    pub id: TeamId,
    /// The name.
    pub name: Arc<str>,
    /// The groups it belongs to, with their names.
    pub groups: BTreeMap<GroupId, Arc<str>>,
    /// The name of the business unit it belongs to.
    pub unit: Option<Arc<str>>,
    /// What customers said about its agents and places.
    pub feedback: Option<Arc<FeedbackTotals>>,
}

/// A place that responses are about.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The name.
    pub name: Arc<str>,
    /// What customers said about it.
    pub feedback: Arc<FeedbackTotals>,
}

/// A tag that surveys bear.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The tag.
    pub name: Arc<str>,
    /// What customers said where it applies.
    pub feedback: Arc<FeedbackTotals>,
    /// How their stars compare to all others.
    pub effect: Option<TagEffect>,
}

/// Everything that is counted of the whole floor, also what hangs on nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Floor {
    /// What customers said.
    pub feedback: Arc<FeedbackTotals>,
}

/// A customer's response and what it hangs on.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// What the customer said, with the thread that followed. What the upstream has taken from us is in it before the upstream
    /// tells of it: nothing is offered twice.
    pub record: Arc<ResponseRecord>,
    /// What it hangs on.
    pub attribution: Attribution,
    /// How it stands by the upstream's last word: see [`ResponseRecord::revision`].
    pub revision: Arc<str>,
    /// What colleagues do about it.
    pub actions_taken: BTreeMap<FeedbackActionId, Arc<FeedbackAction>>,
    /// Whether somebody owes the customer an answer: the thread is open, or the customer wrote again.
    pub needs_reply: bool,
}

/// A survey request and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRequest {
    /// The request.
    pub survey: Arc<Survey>,
    /// The agent: whom the upstream names, else whom we named.
    pub agent: Option<AgentId>,
    /// The agent's team.
    pub team: Option<TeamId>,
    /// What the upstream tells of it.
    pub result: Option<Arc<SurveyResult>>,
    /// Why that is told of this request.
    pub evidence: Option<SurveyMatchRule>,
    /// The survey that this one asks about again.
    pub recovers: Option<SurveyId>,
    /// Whether the customer may be asked again, after it was made good: see [`SurveyRequest::wants_recovery`]. Not
    /// where that was asked already.
    pub may_recover: bool,
    /// The session that it names and is not joined with, and why not.
    pub candidate: Option<(SessionId, &'static str)>,
}

impl SurveyRequest {
    /// When it was asked for. Of one that others asked for, the upstream alone says when, if it does.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.at(self.survey.created, |told| told.created.or(told.answered))
    }

    /// When it last changed, likewise.
    #[must_use]
    pub fn changed(&self) -> Option<Timestamp> {
        self.at(self.survey.changed, |told| told.created.max(told.answered))
    }

    fn at(&self, ours: Timestamp, told: fn(&SurveyResult) -> Option<Timestamp>) -> Option<Timestamp> {
        match self.survey.origin {
            SurveyOrigin::External => self.result.as_deref().and_then(told),
            _ => Some(ours),
        }
    }

    /// The upstream's identity for it, as far as anybody has told it.
    #[must_use]
    pub fn uuid(&self) -> Option<&Arc<str>> {
        self.survey.request_id.as_ref().or(self.result.as_ref().map(|result| &result.uuid))
    }

    /// Whether something went wrong that may be made good, after which the customer is asked again: they said so, and the
    /// upstream's identity of it is known. Each scale has its own line (`apis.md` J44).
    #[must_use]
    pub fn wants_recovery(&self) -> bool {
        let low = self.result.as_ref().is_some_and(|it| match it.stars {
            Some(stars) => stars <= 3,
            None => it.nps.is_some_and(|nps| nps <= 6),
        });
        low && self.recovers.is_none() && self.uuid().is_some()
    }
}
