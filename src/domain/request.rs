//! The state of a request to an upstream system.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of a request to an upstream system (apis.md B181).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RequestState {
    /// In the outbox, not yet sent.
    #[default]
    Queued,
    /// Sent, not answered yet.
    Sent,
    /// Accepted. What the upstream system does with it is reported separately.
    Accepted,
    /// Rejected for good, with a reason.
    Rejected,
    /// It could not be delivered. It will be tried again, or a user can try again.
    Failed,
    /// Sent, but the answer never came: it may or may not have arrived. Not sent again automatically.
    Unknown,
    /// Held for review: only a user can send it.
    NeedsReview,
    /// Recorded by a dry run: only a user can send it.
    DryRun,
}

impl RequestState {
    /// All states, in the order of a request's lifecycle.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Accepted,
        Self::Rejected,
        Self::Failed,
        Self::Unknown,
        Self::NeedsReview,
        Self::DryRun,
    ];

    /// The name in documents and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NeedsReview => "needsReview",
            Self::DryRun => "dryRun",
        }
    }
}

impl fmt::Display for RequestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
