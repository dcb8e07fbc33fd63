//! Interactions without a survey request, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Surveys;
use crate::domain::{AgentId, Permission, QueueId, SkippedSurvey};

/// The kind of their entries in the feed state.
const KIND: &str = "surveys.skipped";

/// How many are shown.
const SHOWN: usize = 50;

/// How many are searched for those that a viewer may see.
const SEARCHED: u32 = 1000;

/// An interaction without a survey request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedInteraction {
    /// Its key: `session:82673`, `conversation:5f1`.
    pub interaction: String,
    /// The name of the [`SkipReason`](crate::domain::SkipReason).
    pub reason: String,
    /// The agent who handled it, if known.
    pub agent: Option<AgentId>,
    /// When that was decided.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct StoredSkip {
    reason: String,
    agent: Option<AgentId>,
    queue: Option<QueueId>,
}

impl Surveys {
    /// The newest interactions without a survey request, of those that `permission` shows.
    pub async fn skipped(&self, permission: &Permission) -> Vec<SkippedInteraction> {
        let newest = self.0.store.feed_state().newest(KIND, SEARCHED).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "interactions without a survey request cannot be read");
            Vec::new()
        });
        let visible = newest.into_iter().filter_map(|entry| {
            let StoredSkip { reason, agent, queue } = serde_json::from_str(&entry.value).ok()?;
            let is_visible = permission.sees_attributed_to(agent, queue, None);
            is_visible.then_some(SkippedInteraction { interaction: entry.key, reason, agent, at: entry.changed })
        });
        visible.take(SHOWN).collect()
    }

    /// Stores why an interaction has no survey request. The same reason again changes nothing.
    pub(super) async fn store_skipped(&self, skipped: &SkippedSurvey) {
        let SkippedSurvey { reason, agent, queue, .. } = skipped;
        let stored = StoredSkip { reason: reason.as_str().to_owned(), agent: *agent, queue: *queue };
        let Ok(value) = serde_json::to_string(&stored) else { return };
        if let Err(error) = self.0.store.feed_state().insert_once(KIND, &skipped.interaction_key(), &value).await {
            tracing::error!(error = %error, "an interaction without a survey request could not be stored");
        }
    }
}
