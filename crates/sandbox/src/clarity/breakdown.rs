//! What is shown of an agent only if somebody wishes: what they did in the last 24 hours, and their metrics by queue
//! (`apis.md` C71, C72).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::picture::{Object, Picture, current_status, keep};
use super::wish::Wish;
use crate::floor::Doors;
use crate::world::{Agent, AgentTally, World};

/// What somebody did before and does now, as the one sample there is shows it (`apis.md` B68).
pub(super) fn history(agent: &Agent, doors: Doors, wish: &Wish) -> Vec<Object> {
    let past = agent.past.iter().map(|stint| {
        let mut status = json!({
            "agentStatus": stint.status.camel(),
            "startTime": doors.time(stint.began).to_string(),
            "endTime": doors.time(stint.ended).to_string(),
            "isSuspended": false,
        });
        if let Some((_, name)) = stint.reason {
            status["reasonCodeName"] = json!(name);
        }
        status.as_object().cloned().unwrap_or_default()
    });
    let mut all: Vec<Object> = past.chain([current_status(agent, doors)]).collect();
    all.iter_mut().for_each(|status| wish.keep_status(status));
    all
}

/// Metrics by queue. The document says "TODO" of their shape (`apis.md` B92): this is that of Realtime Data.
pub(super) fn breakdowns(world: &World, agent: &Agent, wish: &Wish) -> BTreeMap<i64, Value> {
    let of_queue = |(id, tally): (&i64, &AgentTally)| {
        let queue = world.queues().get(id)?;
        let mut metrics = BTreeMap::new();
        keep(&mut metrics, queue.modality, tally.counters(), wish);
        (!metrics.is_empty()).then(|| (*id, json!({"queueId": id, "queueName": queue.name, "metrics": metrics})))
    };
    agent.by_queue.iter().filter_map(of_queue).collect()
}

impl Picture {
    /// As with sessions: all of them if one has changed, else what is new and what is gone.
    pub(super) fn breakdowns_since(&self, before: Option<&Self>) -> Object {
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
