//! What we ask of upstreams for people, and how far it has come.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a request has come (`apis.md` B181).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestState {
    /// Written down, not yet sent.
    #[default]
    Queued,
    /// On its way: nobody has answered yet.
    Sent,
    /// The upstream took it. What becomes of it there is another matter.
    Accepted,
    /// The upstream refused it for good, with a reason.
    Rejected,
    /// It could not be delivered to the upstream; it will be tried again or can be.
    Failed,
    /// It may or may not have arrived: the answer never came. Not sent again by itself.
    Unknown,
    /// Something about it is not clear, so nobody sends it but by hand.
    NeedsReview,
    /// What would have been sent. Nothing is, but by hand.
    DryRun,
}

impl RequestState {
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
