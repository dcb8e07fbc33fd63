//! Where entities are kept, and how changes are published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::entity::{Entity, Key};
use super::rollup::BacklogByAge;
use crate::domain::{SourceName, SourceState};

/// An entity and the version of its last change.
#[derive(Debug, Clone)]
struct Stamped {
    version: u64,
    entity: Arc<Entity>,
}

/// The change of one entity in one version.
#[derive(Debug, Clone)]
pub struct Change {
    /// The entity's key.
    pub key: Key,
    /// The entity before. `None`: it did not exist.
    pub before: Option<Arc<Entity>>,
    /// The entity now. `None`: it was removed.
    pub after: Option<Arc<Entity>>,
}

/// Everything that changed in one version. All deltas applied in order give the gold copy.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The version after these changes.
    pub version: u64,
    /// The changes, by key.
    pub changes: Vec<Change>,
    /// When the oldest of its facts arrived: the latency until a viewer sees it is measured from here.
    pub received: Instant,
}

/// The entities. Readers never wait; only the owner task writes.
#[derive(Debug, Default)]
pub struct GoldCopy {
    entities: DashMap<Key, Stamped, RandomState>,
    version: AtomicU64,
}

impl GoldCopy {
    /// The version of the last delta. Entities of a newer version may already be readable.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// One entity, if it exists.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Entity>> {
        Some(Arc::clone(&self.entities.get(key)?.entity))
    }

    /// The open backlog of the whole floor, as pages and metrics count it. `None`: not known, because Goodays is off,
    /// or has not been read since the start.
    #[must_use]
    pub fn open_backlog(&self) -> Option<BacklogByAge> {
        let state = match self.get(&Key::Source(SourceName::Goodays)).as_deref() {
            Some(Entity::Source(goodays)) => goodays.state,
            _ => SourceState::Off,
        };
        let counted = match self.get(&Key::Floor).as_deref() {
            Some(Entity::Floor(floor)) => Some(floor.feedback.open),
            _ => None,
        };
        match state {
            SourceState::Off => None,
            // Totals without any record do not exist: then the backlog is zero.
            SourceState::Live | SourceState::Polling => Some(counted.unwrap_or_default()),
            SourceState::Stale | SourceState::Down => counted,
        }
    }

    /// Calls `visit` with each entity and the version of its last change, in no order.
    pub fn for_each(&self, mut visit: impl FnMut(&Key, u64, &Arc<Entity>)) {
        for entry in &self.entities {
            visit(entry.key(), entry.version, &entry.entity);
        }
    }

    /// Writes the changes of a version. Only for the owner task: two writers would mix versions.
    pub(super) fn write(&self, version: u64, changes: &[Change]) {
        for change in changes {
            match &change.after {
                Some(entity) => {
                    self.entities.insert(change.key.clone(), Stamped { version, entity: Arc::clone(entity) })
                }
                None => self.entities.remove(&change.key).map(|(_, stamped)| stamped),
            };
        }
        self.version.store(version, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Fact, FeedbackAction, FeedbackActionKind, Health, RequestState, ResponseRecord};
    use crate::gold::{BusinessDay, Gold, MatchRules};
    use base::{Clock, Lifecycle};

    fn open_backlog(gold: &Gold) -> Option<[u64; 4]> {
        gold.copy().open_backlog().map(|backlog| backlog.by_age().map(|(_, count)| count))
    }

    #[tokio::test]
    async fn open_backlog_counts_responses_that_need_a_reply_by_age() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let (clock, life) = (Clock::manual(now), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), BusinessDay::default(), clock, &life);
        let response = |id: &str, messages: serde_json::Value| -> ResponseRecord {
            serde_json::from_value(serde_json::json!({
                "id": id, "created": "2026-11-11T10:00:00Z", "updated": null, "source": null, "thread": "open",
                "survey": null, "answers": [], "messages": messages,
                "customer": { "name": "Chester", "email": null, "phone": null, "crm_id": null }, "extra": {},
                "place": null, "delegatedTo": null, "actions": ["message"], "alert": false
            }))
            .unwrap()
        };
        // A team lead replied to r1, and the customer wrote again an hour ago; r2 was marked as needing no reply.
        let again = serde_json::json!({
            "a": { "id": "a", "at": "2026-11-12T10:00:00Z", "kind": null, "text": "x", "from": "Mia",
            "attachment": null },
            "b": { "id": "b", "at": "2026-11-21T11:00:00Z", "kind": null, "text": "x", "from": null,
            "attachment": null }
        });
        let marked = response("r2", serde_json::json!({}));
        let revision = marked.revision();
        gold.apply(Fact::Response(Box::new(response("r1", again)))).await;
        gold.apply(Fact::Response(Box::new(marked))).await;
        let mark = FeedbackAction {
            id: "d1".into(),
            response: "r2".into(),
            kind: FeedbackActionKind::NoAnswerNeeded,
            who: "mia".into(),
            text: None,
            state: RequestState::Accepted,
            reason: None,
            attempts: 0,
            revision,
            created: now,
            changed: now,
        };
        gold.apply(Fact::FeedbackAction(Box::new(mark))).await;
        gold.flush().await;
        assert_eq!(open_backlog(&gold), None, "Goodays is off");
        gold.apply(Fact::Source(SourceName::Goodays, Health::new(SourceState::Live, now))).await;
        gold.flush().await;
        assert_eq!(open_backlog(&gold), Some([1, 0, 0, 0]));
    }
}
