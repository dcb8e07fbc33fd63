//! Updates the metrics that are gauges of a state and not counts of events: store size, backup age, open feedback.

use std::time::Duration;

use crate::domain::{SourceName, SourceState};
use crate::gold::{Entity, Gold, Key};
use crate::store::Store;
use base::{Clock, Metrics};

const INTERVAL: Duration = Duration::from_secs(10);

/// The age buckets of open feedback, by their upper ends.
const AGES: [&str; 4] = ["4h", "1d", "3d", "older"];

pub(super) async fn run(gold: Gold, store: Store, metrics: Metrics, clock: Clock) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        metrics.store_bytes(store.size_bytes());
        if let Some(at) = store.backups().last() {
            metrics.backup_age(clock.now().duration_since(at).as_secs_f64());
        }
        for (age, open) in AGES.into_iter().zip(open_feedback(&gold).into_iter().flatten()) {
            metrics.feedback_open(age, open);
        }
    }
}

/// Responses that need a reply, by age, as pages count them. `None`: Goodays is not configured or was never read.
fn open_feedback(gold: &Gold) -> Option<[u64; AGES.len()]> {
    let state = match gold.copy().get(&Key::Source(SourceName::Goodays)).as_deref() {
        Some(Entity::Source(goodays)) => goodays.state,
        _ => SourceState::Off,
    };
    let counted = match gold.copy().get(&Key::Floor).as_deref() {
        Some(Entity::Floor(floor)) => Some(floor.feedback.open),
        _ => None,
    };
    let open = match state {
        SourceState::Off => None,
        SourceState::Live | SourceState::Polling => Some(counted.unwrap_or_default()),
        // Counted before Goodays became unreachable.
        SourceState::Stale | SourceState::Down => counted,
    }?;
    Some([open.under_4_hours, open.under_24_hours, open.under_3_days, open.older])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{Fact, FeedbackAction, FeedbackActionKind, Health, RequestState, ResponseRecord};
    use crate::gold::MatchRules;
    use base::Lifecycle;

    #[tokio::test]
    async fn open_feedback_counts_responses_that_need_a_reply_by_age() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let (clock, life) = (Clock::manual(now), Lifecycle::new());
        let gold = Gold::start(MatchRules::default(), crate::gold::BusinessDay::default(), clock, &life);
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
            "a": { "id": "a", "at": "2026-11-12T10:00:00Z", "kind": null, "text": "x", "from": "Mia", "attachment": null },
            "b": { "id": "b", "at": "2026-11-21T11:00:00Z", "kind": null, "text": "x", "from": null, "attachment": null }
        });
        let marked = response("r2", serde_json::json!({}));
        let revision = marked.revision();
        gold.apply(Fact::Response(Box::new(response("r1", again)))).await;
        gold.apply(Fact::Response(Box::new(marked))).await;
        let mark = FeedbackAction {
            id: "d1".into(),
            response: "r2".into(),
            kind: FeedbackActionKind::NoReplyNeeded,
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
        assert_eq!(open_feedback(&gold), None, "Goodays is off");
        gold.apply(Fact::Source(SourceName::Goodays, Health::new(SourceState::Live, now))).await;
        gold.flush().await;
        assert_eq!(open_feedback(&gold), Some([1, 0, 0, 0]));
    }
}
