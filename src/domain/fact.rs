//! Everything that upstream systems and people can report, as a closed list.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AgentUpdate, CustomerIdentity, FeedbackAction, Health, Pin, QueueUpdate, ResponseId, ResponseRecord, SessionId,
    SessionRecord, SkippedSurvey, SourceName, StructureSnapshot, Survey, SurveyId, SurveyResult,
};

/// A position in the order in which pushes were received and requests were sent. A snapshot carries the position of its
/// *request*: whatever was pushed after that is newer than the snapshot (apis.md B114).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ordinal(pub u64);

/// One report. All of them are upserts by identity: applying one twice changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// All agents, queues and teams that exist. What is absent is gone.
    Structure(StructureSnapshot),
    /// Snapshots of these agents: a field that is left out has no value.
    AgentSnapshots {
        /// When the request was sent.
        asked: Ordinal,
        /// The agents. Others are not affected.
        agents: Vec<AgentUpdate>,
    },
    /// A pushed update of one agent: a field that is left out is unchanged.
    AgentUpdated {
        /// When the push was received.
        received: Ordinal,
        /// The agent.
        agent: Box<AgentUpdate>,
    },
    /// Snapshots of these queues: a field that is left out has no value.
    QueueSnapshots {
        /// When the request was sent.
        asked: Ordinal,
        /// The queues. Others are not affected.
        queues: Vec<QueueUpdate>,
    },
    /// Results of a search: names where nothing else gives any, addresses of agents, and the few numbers of queues that
    /// can be searched for. A search says nothing about statuses, and a hit does not prove that the agent still exists.
    SearchResults {
        /// When the request was sent.
        asked: Ordinal,
        /// Agents, with names and addresses.
        agents: Vec<AgentUpdate>,
        /// Queues, with names and numbers.
        queues: Vec<QueueUpdate>,
    },
    /// A pushed update of one queue: a field that is left out is unchanged.
    QueueUpdated {
        /// When the push was received.
        received: Ordinal,
        /// The queue.
        queue: Box<QueueUpdate>,
    },
    /// Pushes about queues may have been missed. What was pushed before `before` and not again since is dropped, so
    /// that old counts and waiting customers are never shown as if they were live.
    QueuePushesMissed {
        /// What was pushed earlier may be out of date.
        before: Ordinal,
        /// Whether the numbers that a search returns are dropped too.
        searched_too: bool,
    },
    /// Labels by metric name. They replace all labels.
    MetricLabels(BTreeMap<Arc<str>, Arc<str>>),
    /// An event about a customer's response.
    Response(Box<ResponseRecord>),
    /// Removed from the store: their retention period is over, or the customer asked for erasure.
    Forgotten {
        /// Responses that are removed.
        responses: Vec<ResponseId>,
        /// Survey requests of the customer, which stay without personal data to be counted, and survey results, which
        /// go.
        surveys: Vec<SurveyId>,
        /// Sessions that are removed.
        sessions: Vec<SessionId>,
        /// A customer who must not be recognized in any session.
        person: CustomerIdentity,
    },
    /// What a lookup returned about a session.
    Session(Box<SessionRecord>),
    /// Sessions from the store. Whatever is reported of them otherwise is newer.
    StoredSessions(Vec<SessionRecord>),
    /// Responses from the store. Those that ended before the counted period are dropped.
    StoredResponses(Vec<ResponseRecord>),
    /// A user pinned a response to a session, or removed the pin.
    Pinned(Pin),
    /// The state of a user's action on a response.
    FeedbackAction(Box<FeedbackAction>),
    /// The state of a survey request.
    Survey(Box<Survey>),
    /// What Agent Connect reports of a survey, requested by Callboard or not.
    SurveyResult(Box<SurveyResult>),
    /// An interaction ended, and its customer is not surveyed.
    SurveySkipped(Box<SkippedSurvey>),
    /// The health of a source.
    Source(SourceName, Health),
}
