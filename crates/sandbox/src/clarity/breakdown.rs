//! Parts of an agent that a caller must ask for: statuses of the last 24 hours, and metrics by queue (apis.md C71,
//! C72).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::realtime_data::{Object, RealtimeData, current_status, insert_selected};
use super::selection::Selection;
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

impl RealtimeData {
    /// As with sessions: all breakdowns if one changed, else the added and the removed ones.
    pub(super) fn breakdowns_diff(&self, before: Option<&Self>) -> Object {
        let none = BTreeMap::new();
        let Some(new) = &self.breakdowns else { return Object::new() };
        let old = before.and_then(|before| before.breakdowns.as_ref()).unwrap_or(&none);
        if new.iter().any(|(id, bag)| old.get(id).is_some_and(|old| old != bag)) {
            return [("breakdowns".to_owned(), json!(new.values().collect::<Vec<_>>()))].into_iter().collect();
        }
        let only_in = |these: &BTreeMap<i64, Value>, those: &BTreeMap<i64, Value>| -> Vec<Value> {
            these.iter().filter(|(id, _)| !those.contains_key(id)).map(|(_, bag)| bag.clone()).collect()
        };
        [("addedBreakdowns", only_in(new, old)), ("removedBreakdowns", only_in(old, new))]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| (name.to_owned(), json!(list)))
            .collect()
    }
}
