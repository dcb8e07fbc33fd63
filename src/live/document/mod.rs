//! The document that a viewer holds, as promised in the README under "The live protocol".
//!
//! Pages, the API and the live socket are all made from these types, so that what a page shows is what patches change.
//! What is absent is left out, never null: a merge patch (RFC 7396) cannot say null. Everything with an identity is an
//! object keyed by it.

mod feedback;
mod floor;
pub mod merge_patch;
mod render;
mod stats;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::feedback::{ActionDoc, AnswerDoc, AttributionDoc, CandidateDoc, FeedbackDoc, MessageDoc, SurveyDoc};
pub use self::floor::{
    AGENTS_OF_NO_TEAM, AgentDoc, COUNTED_ALL, CountsDoc, ListDoc, MetricsDoc, OccupancyDoc, QueueDoc, SessionDoc,
    SourceDoc, StaffDoc, StatusIntervalDoc, TeamDoc, metric_total,
};
use self::merge_patch::{MergePatch, to_json};
pub use self::render::{member, path, visible_member};
pub use self::stats::{
    CoverageDoc, EffectDoc, FeedbackTotalDoc, FloorDoc, MeanDoc, NpsDoc, OpenByAgeDoc, PeriodDoc, PlaceDoc, RatioDoc,
    TagDoc, TimesDoc,
};

/// The whole state of a scope. The key of each map is the entity's id as text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = State)]
pub struct Document {
    /// Agents.
    pub agents: BTreeMap<String, Arc<AgentDoc>>,
    /// Queues.
    pub queues: BTreeMap<String, Arc<QueueDoc>>,
    /// Teams.
    pub teams: BTreeMap<String, Arc<TeamDoc>>,
    /// Responses of customers.
    pub feedback: BTreeMap<String, Arc<FeedbackDoc>>,
    /// Survey requests.
    pub surveys: BTreeMap<String, Arc<SurveyDoc>>,
    /// Places that responses are about, by Goodays' identity for them.
    pub places: BTreeMap<String, Arc<PlaceDoc>>,
    /// Tags of surveys.
    pub tags: BTreeMap<String, Arc<TagDoc>>,
    /// Aggregates of everything together: `floor`.
    pub totals: BTreeMap<String, Arc<FloorDoc>>,
    /// Counts of what the viewer sees: `all` together, `team:3`, `team:` for agents without a team, `queue:11`. Pages
    /// and wallboards show these.
    pub counts: BTreeMap<String, Arc<CountsDoc>>,
    /// Alerts that fire.
    pub alerts: BTreeMap<String, Value>,
    /// The size of a list of which the document has one page: `feedback` in the scopes `feedback:1` and so on,
    /// `surveys` in `surveys:1` and so on.
    pub lists: BTreeMap<String, Arc<ListDoc>>,
    /// The site's labels of metrics, by the metric's name.
    pub labels: BTreeMap<String, Arc<str>>,
    /// The four systems: `clarity`, `goodays`, `agentConnect`, `kustomer`.
    pub sources: BTreeMap<String, Arc<SourceDoc>>,
    /// Callboard itself: `disk` is `live`, `stale` while backups fail, `down` while new events are refused.
    pub server: BTreeMap<String, Arc<SourceDoc>>,
}

/// A member of the document. Cheap to clone.
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

impl Document {
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
