//! Our words: what a floor consists of, and the closed list of what the outside can tell us about it.
//!
//! Plain data. Nothing here waits, fails, knows an upstream's JSON, or imports another room.

pub mod actor;
pub mod agent;
pub mod change;
pub mod fact;
pub mod feedback;
pub mod feedback_action;
pub mod ended_interaction;
pub mod ids;
pub mod metric;
pub mod status_history;
pub mod permission;
pub mod customer_identity;
pub mod queue;
pub mod request;
pub mod role;
pub mod session;
pub mod source;
pub mod survey;
pub mod team;
pub mod session_record;

pub use actor::{Actor, ActorKind};
pub use agent::{AgentUpdate, AgentStatus, AgentStatusUpdate};
pub use change::Change;
pub use fact::{Fact, Ordinal};
pub use feedback::{Answer, AssumedDate, Customer, Message, Place, ResponseRecord, ThreadState};
pub use feedback_action::{FeedbackAction, FeedbackActionKind};
pub use ended_interaction::{EndedInteraction, Interaction, SkippedSurvey, SkipReason};
pub use ids::{AgentId, FeedbackActionId, GroupId, QueueId, ResponseId, SessionId, SurveyId, TeamId};
pub use metric::{MetricValue, Metrics, Modality};
pub use status_history::{Occupancy, PastStatus, StatusHistory};
pub use permission::{Permission, Visibility};
pub use customer_identity::CustomerIdentity;
pub use queue::QueueUpdate;
pub use request::RequestState;
pub use role::Role;
pub use session::{SessionKind, SessionUpdate, SessionStatus, SessionListUpdates};
pub use source::{Health, SourceName, SourceState};
pub use survey::{Delivery, Survey, SurveyOrigin, SurveyResult, SurveyState};
pub use team::{StructureSnapshot, TeamRecord};
pub use session_record::{Pin, SessionRecord};

use std::collections::BTreeMap;
use std::sync::Arc;

/// Fields that an upstream sent and that nobody here has a word for yet: kept and shown under the upstream's name for them.
pub type Unclassified = BTreeMap<Arc<str>, serde_json::Value>;
