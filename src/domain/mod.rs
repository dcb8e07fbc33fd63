//! Our words: what a floor consists of, and the closed list of what the outside can tell us about it.
//!
//! Plain data. Nothing here waits, fails, knows a vendor's JSON, or imports another room.

pub mod actor;
pub mod agent;
pub mod change;
pub mod fact;
pub mod feedback;
pub mod feedback_deed;
pub mod helped;
pub mod ids;
pub mod metric;
pub mod past;
pub mod permission;
pub mod person;
pub mod queue;
pub mod request;
pub mod role;
pub mod session;
pub mod source;
pub mod survey;
pub mod team;
pub mod trace;

pub use actor::{Actor, ActorKind};
pub use agent::{AgentReading, AgentStatus, StatusReading};
pub use change::Change;
pub use fact::{Fact, Ordinal};
pub use feedback::{Answer, Assumed, Customer, Message, Place, ResponseReading, Thread};
pub use feedback_deed::{FeedbackDeed, FeedbackDeedKind};
pub use helped::{Helped, Interaction, NotAsked};
pub use ids::{AgentId, DeedId, GroupId, QueueId, ResponseId, SessionId, SurveyId, TeamId};
pub use metric::{MetricValue, Metrics, Modality};
pub use past::{Occupancy, PastStatus, StatusHistory};
pub use permission::{Permission, Realm};
pub use person::Person;
pub use queue::QueueReading;
pub use request::RequestState;
pub use role::Role;
pub use session::{SessionKind, SessionReading, SessionStatus, SessionsReading};
pub use source::{Health, SourceName, SourceState};
pub use survey::{Delivery, Survey, SurveyOrigin, SurveyResult, SurveyState};
pub use team::{StructureReading, TeamReading};
pub use trace::{Pin, SessionTrace};

use std::collections::BTreeMap;
use std::sync::Arc;

/// Fields that a vendor sent and that nobody here has a word for yet: kept and shown under the vendor's name for them.
pub type Unclassified = BTreeMap<Arc<str>, serde_json::Value>;
