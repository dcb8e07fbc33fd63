//! Our own types for a contact center, and [`Fact`], the closed list of what upstream systems report about it.
//!
//! Plain data: nothing here waits, fails, knows an upstream's JSON, or imports another module of the crate.

pub mod actor;
pub mod agent;
pub mod agent_update;
pub mod change;
pub mod customer_identity;
pub mod ended_interaction;
pub mod fact;
pub mod feedback;
pub mod feedback_action;
pub mod ids;
pub mod metric;
pub mod permission;
pub mod queue;
pub mod request;
pub mod role;
pub mod session;
pub mod session_record;
pub mod source;
pub mod status_history;
pub mod survey;
pub mod team;

pub use actor::{Actor, ActorKind};
pub use agent::AgentStatus;
pub use agent_update::{AgentStatusUpdate, AgentUpdate};
pub use change::{Change, Unclassified};
pub use customer_identity::CustomerIdentity;
pub use ended_interaction::{EndedInteraction, Interaction, SkipReason, SkippedSurvey};
pub use fact::{Fact, Ordinal};
pub use feedback::{Answer, AssumedDate, Customer, Message, Place, ResponseRecord, ThreadState};
pub use feedback_action::{FeedbackAction, FeedbackActionKind};
pub use ids::{AgentId, FeedbackActionId, GroupId, QueueId, ResponseId, SessionId, SurveyId, TeamId};
pub use metric::{Metric, MetricValue, Metrics, Modality};
pub use permission::{Permission, Visibility};
pub use queue::QueueUpdate;
pub use request::RequestState;
pub use role::Role;
pub use session::{SessionKind, SessionListUpdates, SessionStatus, SessionUpdate};
pub use session_record::{Pin, SessionRecord};
pub use source::{Health, SourceName, SourceState};
pub use status_history::{Occupancy, PastStatus, StatusHistory};
pub use survey::{Delivery, Survey, SurveyOrigin, SurveyResult, SurveyState};
pub use team::{StructureSnapshot, TeamRecord};
