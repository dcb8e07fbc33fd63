//! Statuses of an agent, and metrics by queue. Callers must ask for the statuses of the last 24 hours and for the
//! metrics by queue (apis.md C71, C72).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::selection::{Object, Selection, insert_selected};
use crate::contact_center::{Agent, AgentCounters, ContactCenter};
use crate::simulation::Timeline;

/// Past statuses and the current one, shaped like the only sample in the document (apis.md B68).
pub(super) fn history(agent: &Agent, timeline: Timeline, selection: &Selection) -> Vec<Object> {
    let past = agent.past.iter().map(|interval| {
        let mut status = json!({
            "agentStatus": interval.status.camel(),
            "startTime": timeline.time(interval.began).to_string(),
            "endTime": timeline.time(interval.ended).to_string(),
            "isSuspended": false,
        });
        if let Some((_, name)) = interval.reason {
            status["reasonCodeName"] = json!(name);
        }
        status.as_object().cloned().unwrap_or_default()
    });
    let mut all: Vec<Object> = past.chain([current_status(agent, timeline)]).collect();
    all.iter_mut().for_each(|status| selection.keep_status(status));
    all
}

/// Metrics by queue. The document says "TODO" of their shape (apis.md B92); this is the shape of Realtime Data.
pub(super) fn breakdowns(center: &ContactCenter, agent: &Agent, selection: &Selection) -> BTreeMap<i64, Value> {
    let of_queue = |(id, counters): (&i64, &AgentCounters)| {
        let queue = center.queues().get(id)?;
        let mut metrics = BTreeMap::new();
        insert_selected(&mut metrics, queue.modality, counters.by_name(), selection);
        (!metrics.is_empty()).then(|| (*id, json!({"queueId": id, "queueName": queue.name, "metrics": metrics})))
    };
    agent.by_queue.iter().filter_map(of_queue).collect()
}

/// The status in metrics: its name starts with a small letter, it has no status id, and the reason's id is text
/// (apis.md B61, B65).
pub(super) fn current_status(agent: &Agent, timeline: Timeline) -> Object {
    let mut status = Object::new();
    status.insert("agentStatus".to_owned(), json!(agent.status.camel()));
    if let Some((id, name)) = agent.reason {
        status.insert("reasonCodeName".to_owned(), json!(name));
        status.insert("reasonCodeId".to_owned(), json!(id.to_string()));
    }
    status.insert("startTime".to_owned(), json!(timeline.time(agent.since).to_string()));
    status.insert("isSuspended".to_owned(), json!(agent.suspended));
    status
}
