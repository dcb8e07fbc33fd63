//! Everything that the outside can tell us, as a closed list.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AgentReading, FeedbackDeed, Health, NotAsked, Person, Pin, QueueReading, ResponseId, ResponseReading, SessionId,
    SessionTrace, SourceName, StructureReading, Survey, SurveyId, SurveyResult,
};

/// A place in the order in which we heard or asked. A full answer carries the place of its *question*: whatever was
/// heard after that is newer than the answer (`apis.md` B114).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ordinal(pub u64);

/// One thing that the outside told us. All of them are upserts by identity: hearing one twice changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Who and what there is. What is absent is gone.
    Structure(StructureReading),
    /// A full answer about these agents: what it leaves out of an agent, the agent has not.
    Agents {
        /// When it was asked.
        asked: Ordinal,
        /// The agents. Others are not affected.
        agents: Vec<AgentReading>,
    },
    /// A pushed change of one agent: what it leaves out is unchanged.
    AgentChanged {
        /// When it was heard.
        heard: Ordinal,
        /// The agent.
        agent: Box<AgentReading>,
    },
    /// A full answer about these queues: what it leaves out of a queue, the queue has not.
    Queues {
        /// When it was asked.
        asked: Ordinal,
        /// The queues. Others are not affected.
        queues: Vec<QueueReading>,
    },
    /// What a search says: names where nothing else gives any, addresses of agents, and the few numbers of queues that can
    /// be asked for. It says nothing of what anybody does, and of nobody that they exist.
    Found {
        /// When it was asked.
        asked: Ordinal,
        /// Agents, by names and addresses.
        agents: Vec<AgentReading>,
        /// Queues, by names and numbers.
        queues: Vec<QueueReading>,
    },
    /// A pushed change of one queue: what it leaves out is unchanged.
    QueueChanged {
        /// When it was heard.
        heard: Ordinal,
        /// The queue.
        queue: Box<QueueReading>,
    },
    /// What was pushed about queues before this place in the order, and not told again since, may have changed unnoticed.
    /// Who waits and what was counted is forgotten then rather than shown as if it were live.
    QueuesUncertain {
        /// What was told before this is not certain.
        before: Ordinal,
        /// Whether that goes for the numbers that can also be searched for.
        searched_too: bool,
    },
    /// What metrics are called, by name. What is absent is called nothing in particular.
    Labels(BTreeMap<Arc<str>, Arc<str>>),
    /// An event about a customer's response.
    Response(Box<ResponseReading>),
    /// These are not kept any longer: their time is over, or the customer wants to be forgotten.
    Forgotten {
        /// Responses that are gone.
        responses: Vec<ResponseId>,
        /// Requests whose customer is gone, which stay to be counted, and what the vendor told of surveys of theirs.
        surveys: Vec<SurveyId>,
        /// Sessions that are not remembered any longer.
        sessions: Vec<SessionId>,
        /// A customer who is not to be recognised in any session.
        person: Person,
    },
    /// What was asked about a session.
    Session(Box<SessionTrace>),
    /// What was kept of sessions. Whatever is told of them now is newer.
    SessionsKept(Vec<SessionTrace>),
    /// What was kept of responses. Those that are long over are not needed.
    ResponsesKept(Vec<ResponseReading>),
    /// A person says which session a response is about.
    Pinned(Pin),
    /// How far something has come that somebody does about a response.
    FeedbackDeed(Box<FeedbackDeed>),
    /// Where a survey request stands.
    Survey(Box<Survey>),
    /// What the vendor tells of a survey, ours or somebody else's.
    SurveyResult(Box<SurveyResult>),
    /// A customer was helped and is not asked about it.
    NotAsked(Box<NotAsked>),
    /// How well a source can be heard.
    Source(SourceName, Health),
}
