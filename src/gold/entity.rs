//! Entities: what viewers see, derived from the records.
//!
//! Each entity is complete: an agent carries the sessions in hand and the feedback totals, so that a page about the
//! agent needs nothing else. An entity is never changed, only replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::agent_detail::AgentDetail;
use super::join::Attribution;
use super::join::survey_match::SurveyMatchRule;
use super::rollup::{FeedbackTotals, RollupGroup, TagEffect};
use crate::domain::agent::Activity;
use crate::domain::{
    AgentId, AgentStatus, FeedbackAction, FeedbackActionId, GroupId, Health, Metrics, Modality, QueueId, ResponseId,
    ResponseRecord, SessionId, SessionKind, SessionStatus, SourceName, Survey, SurveyId, SurveyOrigin, SurveyResult,
    TeamId, Unclassified,
};

/// The key of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An agent.
    Agent(AgentId),
    /// A queue.
    Queue(QueueId),
    /// A team.
    Team(TeamId),
    /// A response.
    Response(ResponseId),
    /// A survey request.
    Survey(SurveyId),
    /// A place that responses are about.
    Place(Arc<str>),
    /// A tag of surveys.
    Tag(Arc<str>),
    /// The totals of the whole floor.
    Floor,
    /// A metric's label, by the metric's name.
    Label(Arc<str>),
    /// The health of a source.
    Source(SourceName),
}

impl From<RollupGroup> for Key {
    fn from(group: RollupGroup) -> Self {
        match group {
            RollupGroup::Floor => Self::Floor,
            RollupGroup::Agent(id) => Self::Agent(id),
            RollupGroup::Team(id) => Self::Team(id),
            RollupGroup::Queue(id) => Self::Queue(id),
            RollupGroup::Place(id) => Self::Place(id),
            RollupGroup::Tag(name) => Self::Tag(name),
        }
    }
}

/// What viewers see under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Entity {
    /// An agent.
    Agent(Agent),
    /// A queue.
    Queue(Queue),
    /// A team.
    Team(Team),
    /// A response.
    Response(Box<Response>),
    /// A survey request.
    Survey(Box<SurveyRequest>),
    /// A place that responses are about.
    Place(Place),
    /// A tag of surveys.
    Tag(Tag),
    /// The totals of the whole floor.
    Floor(Floor),
    /// A metric's label.
    Label(Arc<str>),
    /// The health of a source.
    Source(Health),
}

/// An agent with the sessions in hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// The agent's id.
    pub id: AgentId,
    /// The name shown to colleagues.
    pub name: Option<Arc<str>>,
    /// The team.
    pub team: Option<TeamId>,
    /// The e-mail address. Never shown: surveys know the agent by it.
    pub email: Option<Arc<str>>,
    /// The login name. Never shown.
    pub login: Option<Arc<str>>,
    /// The SIP address. Never shown.
    pub sip: Option<Arc<str>>,
    /// Whether our account may not see the agent: then neither the status nor whether the agent is logged in is known.
    pub not_permitted: bool,
    /// The status.
    pub status: AgentStatus,
    /// The status name that Clarity sent, if its status number means another one. The number counts.
    pub contradicting_status: Option<Arc<str>>,
    /// The reason code.
    pub reason: Option<Arc<str>>,
    /// When the status began.
    pub since: Option<Timestamp>,
    /// Whether the agent is suspended and gets no contacts.
    pub suspended: bool,
    /// Metrics by modality and name.
    pub metrics: Arc<Metrics>,
    /// The sessions in hand.
    pub sessions: BTreeMap<SessionId, Arc<Session>>,
    /// Feedback about the agent.
    pub feedback: Option<Arc<FeedbackTotals>>,
    /// What only the agent's own page shows.
    pub detail: Arc<AgentDetail>,
    /// Fields that have no type of ours.
    pub other: Arc<Unclassified>,
}

impl Agent {
    /// The activity as it is counted: a suspended agent is not available.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.status.activity_if(self.suspended)
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Through a queue, or directly.
    pub kind: Option<SessionKind>,
    /// The modality.
    pub modality: Modality,
    /// The queue in which the customer waits or waited.
    pub queue: Option<QueueId>,
    /// The current primary agent.
    pub agent: Option<AgentId>,
    /// The first agent who was in contact, if that is another one: the session was transferred.
    pub first_agent: Option<AgentId>,
    /// The status.
    pub status: SessionStatus,
    /// When the status began.
    pub since: Option<Timestamp>,
    /// When the customer began to wait.
    pub queued_since: Option<Timestamp>,
    /// When customer and agent were connected.
    pub active_since: Option<Timestamp>,
    /// The customer's name.
    pub customer: Option<Arc<str>>,
    /// Whether it is being recorded.
    pub recording: Option<bool>,
    /// Whether the customer is on hold.
    pub on_hold: Option<bool>,
    /// When the hold began. Clarity may send it before `on_hold`.
    pub hold_since: Option<Timestamp>,
    /// Fields that have no type of ours.
    pub other: Arc<Unclassified>,
}

/// A queue with the sessions that wait in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// The queue's id.
    pub id: QueueId,
    /// The name.
    pub name: Option<Arc<str>>,
    /// Whether the structure does not name it: a session does, or a push that came before any structure.
    pub is_unlisted: bool,
    /// Whether it is open now.
    pub open: Option<bool>,
    /// The teams that answer it.
    pub teams: BTreeSet<TeamId>,
    /// How many wait, in all modalities. `None`: not known.
    pub waiting: Option<i64>,
    /// When the longest wait began.
    pub longest_wait_since: Option<Timestamp>,
    /// Agents logged in to it.
    pub agents_online: Option<i64>,
    /// Agents available to it.
    pub agents_available: Option<i64>,
    /// Clarity's estimate of the wait of a new customer, in seconds.
    pub estimated_wait_seconds: Option<i64>,
    /// Calls of Clarity's day.
    pub calls_today: Option<i64>,
    /// Metrics by modality and name.
    pub metrics: Arc<Metrics>,
    /// The sessions that wait.
    pub sessions: BTreeMap<SessionId, Arc<Session>>,
    /// Feedback about the queue.
    pub feedback: Option<Arc<FeedbackTotals>>,
    /// Fields that have no type of ours.
    pub other: Arc<Unclassified>,
}

/// A team.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// The team's id.
    pub id: TeamId,
    /// The name.
    pub name: Arc<str>,
    /// The groups it belongs to, by id, with their names.
    pub groups: BTreeMap<GroupId, Arc<str>>,
    /// The name of the business unit it belongs to.
    pub unit: Option<Arc<str>>,
    /// Feedback about its agents and places.
    pub feedback: Option<Arc<FeedbackTotals>>,
}

/// A place that responses are about.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The name.
    pub name: Arc<str>,
    /// Feedback about the place.
    pub feedback: Arc<FeedbackTotals>,
}

/// A tag of surveys.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The tag's name.
    pub name: Arc<str>,
    /// Feedback from surveys with the tag.
    pub feedback: Arc<FeedbackTotals>,
    /// How their star ratings compare to all others.
    pub effect: Option<TagEffect>,
}

/// The totals of the whole floor, including records that are attributed to nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Floor {
    /// All feedback.
    pub feedback: Arc<FeedbackTotals>,
}

/// A customer's response and what it is attributed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The response with its thread. An action that Goodays accepted is in it before Goodays reports it, so that no
    /// action is offered twice.
    pub record: Arc<ResponseRecord>,
    /// What it is attributed to.
    pub attribution: Attribution,
    /// The revision by Goodays' last report: see [`ResponseRecord::revision`].
    pub revision: Arc<str>,
    /// Users' actions on it.
    pub actions_taken: BTreeMap<FeedbackActionId, Arc<FeedbackAction>>,
    /// Whether the customer needs a reply: the thread is open, or the customer wrote again.
    pub needs_reply: bool,
}

/// A survey request with its result, and what it is attributed to.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyRequest {
    /// The request, or its substitute for a survey that was requested without Callboard.
    pub survey: Arc<Survey>,
    /// The agent of the result, else of the request.
    pub agent: Option<AgentId>,
    /// The agent's team.
    pub team: Option<TeamId>,
    /// Its result.
    pub result: Option<Arc<SurveyResult>>,
    /// The rule by which the result was matched.
    pub evidence: Option<SurveyMatchRule>,
    /// The survey that this one follows up.
    pub recovers: Option<SurveyId>,
    /// Whether a recovery survey may be requested: see [`SurveyRequest::wants_recovery`]. False once one was requested.
    pub may_recover: bool,
    /// The session whose id the survey names but that does not match, and why not.
    pub candidate: Option<(SessionId, &'static str)>,
}

impl SurveyRequest {
    /// When it was requested. For a survey that was requested without Callboard only the result says when, if it does.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.at(self.survey.created, |told| told.created.or(told.answered))
    }

    /// When it last changed, from the same source.
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

    /// Agent Connect's id for it, if that is known.
    #[must_use]
    pub fn uuid(&self) -> Option<&Arc<str>> {
        self.survey.request_id.as_ref().or(self.result.as_ref().map(|result| &result.uuid))
    }

    /// Whether the rating is low enough for a service recovery, and Agent Connect's id is known. Each scale has its own
    /// limit (apis.md J44).
    #[must_use]
    pub fn wants_recovery(&self) -> bool {
        let is_low = self.result.as_ref().is_some_and(|it| match it.stars {
            Some(stars) => stars <= 3,
            None => it.nps.is_some_and(|nps| nps <= 6),
        });
        is_low && self.recovers.is_none() && self.uuid().is_some()
    }
}
