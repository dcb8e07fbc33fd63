//! Everything that the outside can tell us, as a closed list.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AgentUpdate, FeedbackAction, Health, SkippedSurvey, CustomerIdentity, Pin, QueueUpdate, ResponseId, ResponseRecord, SessionId,
    SessionRecord, SourceName, StructureSnapshot, Survey, SurveyId, SurveyResult,
};

/// A place in the order in which we heard or asked. A full answer carries the place of its *question*: whatever was
/// heard after that is newer than the answer (`apis.md` B114).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ordinal(pub u64);

/// One thing that the outside told us. All of them are upserts by identity: hearing one twice changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Who and what there is. What is absent is gone.
    Structure(StructureSnapshot),
    /// A full answer about these agents: what it leaves out of an agent, the agent has not.
    AgentSnapshots {
        /// When it was asked.
        asked: Ordinal,
        /// The agents. Others are not affected.
        agents: Vec<AgentUpdate>,
    },
    /// A pushed change of one agent: what it leaves out is unchanged.
    AgentUpdated {
        /// When it was heard.
        received: Ordinal,
        /// The agent.
        agent: Box<AgentUpdate>,
    },
    /// A full answer about these queues: what it leaves out of a queue, the queue has not.
    QueueSnapshots {
        /// When it was asked.
        asked: Ordinal,
        /// The queues. Others are not affected.
        queues: Vec<QueueUpdate>,
    },
    /// What a search says: names where nothing else gives any, addresses of agents, and the few numbers of queues that can
    /// be asked for. It says nothing of what anybody does, and of nobody that they exist.
    SearchResults {
        /// When it was asked.
        asked: Ordinal,
        /// Agents, by names and addresses.
        agents: Vec<AgentUpdate>,
        /// Queues, by names and numbers.
        queues: Vec<QueueUpdate>,
    },
    /// A pushed change of one queue: what it leaves out is unchanged.
    QueueUpdated {
        /// When it was heard.
        received: Ordinal,
        /// The queue.
        queue: Box<QueueUpdate>,
    },
    /// What was pushed about queues before this place in the order, and not told again since, may have changed unnoticed.
    /// Who waits and what was counted is forgotten then rather than shown as if it were live.
    QueuePushesMissed {
        /// What was told before this is not certain.
        before: Ordinal,
        /// Whether that goes for the numbers that can also be searched for.
        searched_too: bool,
    },
    /// What metrics are called, by name. What is absent is called nothing in particular.
    MetricLabels(BTreeMap<Arc<str>, Arc<str>>),
    /// An event about a customer's response.
    Response(Box<ResponseRecord>),
    /// These are not kept any longer: their time is over, or the customer wants to be forgotten.
    Forgotten {
        /// Responses that are gone.
        responses: Vec<ResponseId>,
        /// Requests whose customer is gone, which stay to be counted, and what the upstream told of surveys of theirs.
        surveys: Vec<SurveyId>,
        /// Sessions that are not remembered any longer.
        sessions: Vec<SessionId>,
        /// A customer who is not to be recognised in any session.
        person: CustomerIdentity,
    },
    /// What was asked about a session.
    Session(Box<SessionRecord>),
    /// What was kept of sessions. Whatever is told of them now is newer.
    StoredSessions(Vec<SessionRecord>),
    /// What was kept of responses. Those that are long over are not needed.
    StoredResponses(Vec<ResponseRecord>),
    /// A person says which session a response is about.
    Pinned(Pin),
    /// How far something has come that somebody does about a response.
    FeedbackAction(Box<FeedbackAction>),
    /// Where a survey request stands.
    Survey(Box<Survey>),
    /// What the upstream tells of a survey, ours or somebody else's.
    SurveyResult(Box<SurveyResult>),
    /// A customer was helped and is not asked about it.
    SurveySkipped(Box<SkippedSurvey>),
    /// How well a source can be heard.
    Source(SourceName, Health),
}
