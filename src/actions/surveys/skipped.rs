//! Interactions about which nobody was asked: remembered by name, so that a person finds out why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Surveys;
use crate::domain::{AgentId, Permission, QueueId, SkippedSurvey};

/// What the store calls them.
const UNASKED: &str = "surveys.unasked";

/// How many are shown.
const SHOWN: usize = 50;

/// How many are looked through for those that somebody may see.
const LOOKED_THROUGH: u32 = 1000;

/// An interaction about which nobody was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedInteraction {
    /// Which: `session:82673`, `conversation:5f1`.
    pub interaction: String,
    /// Why, by name.
    pub reason: String,
    /// Who helped, where that is known.
    pub agent: Option<AgentId>,
    /// When that was decided.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    why: String,
    agent: Option<AgentId>,
    queue: Option<QueueId>,
}

impl Surveys {
    /// The newest interactions about which nobody was asked, of those that somebody may see.
    pub async fn skipped(&self, permission: &Permission) -> Vec<SkippedInteraction> {
        let newest = self.0.store.feed_state().newest(UNASKED, LOOKED_THROUGH).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "why nobody was asked cannot be read");
            Vec::new()
        });
        let seen = newest.into_iter().filter_map(|one| {
            let kept: Kept = serde_json::from_str(&one.value).ok()?;
            let seen = permission.sees_attributed_to(kept.agent, kept.queue, None);
            seen.then_some(SkippedInteraction {
                interaction: one.key,
                reason: kept.why,
                agent: kept.agent,
                at: one.changed,
            })
        });
        seen.take(SHOWN).collect()
    }

    /// Nobody is asked about it. The same reason again changes nothing.
    pub(super) async fn remember_unasked(&self, told: &SkippedSurvey) {
        let kept = Kept { why: told.reason.as_str().to_owned(), agent: told.agent, queue: told.queue };
        let Ok(what) = serde_json::to_string(&kept) else { return };
        if let Err(error) = self.0.store.feed_state().insert_once(UNASKED, &told.interaction_key(), &what).await {
            tracing::error!(error = %error, "why nobody was asked cannot be written down");
        }
    }
}
