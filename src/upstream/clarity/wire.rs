//! Clarity's answers and pushes (apis.md A.1.5).
//!
//! Absent and empty are different: `None` means that the message has no such field. Unknown fields are kept in `other`;
//! statuses and kinds of contact are kept as they are spelt (apis.md B63).

use serde::de::{DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use crate::upstream::tolerant;

pub mod agent_status;
pub mod breakdown;
pub mod labels;
pub mod metric_bag;
pub mod nullable;
pub mod profile;
pub mod realtime;
pub mod search;
pub mod session;
pub mod session_parts;
pub mod structure;

pub use agent_status::AgentStatus;
pub use breakdown::{Breakdown, Breakdowns};
pub use labels::Labels;
pub use metric_bag::MetricBag;
pub use nullable::Nullable;
pub use profile::{DashboardSettings, Profile};
pub use realtime::{CurrentStatus, RealtimeData, SessionBag, SessionChanges, SessionModel, StatusModel};
pub use search::{SearchAgent, SearchQueue, SearchResult};
pub use session::Session;
pub use session_parts::{Disposition, ExtraItem, RecordingStatus, TranscriptMessage};
pub use structure::{Info, Member, Structure};

/// Unknown fields, by name.
pub type Other = Map<String, Value>;

/// A list in any of its shapes. An entry that is invalid is kept as an empty one: it has no id, and is counted
/// where it is left out.
pub(in crate::upstream::clarity) fn entries<'de, D, T>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let items: Option<Vec<Value>> = tolerant::list(from)?;
    Ok(items.map(|items| items.into_iter().map(|item| T::deserialize(item).unwrap_or_default()).collect()))
}
