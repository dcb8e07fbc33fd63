//! Search, the only call that returns agents' mail addresses (apis.md C46, C108, C109).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Clarity;
use crate::contact_center::{Agent, ContactCenter, Queue, Status};

/// `GET /v2/search/{query}`.
pub async fn search(State(clarity): State<Clarity>, Path(query): Path<String>) -> Result<Json<Value>, StatusCode> {
    let needle = query.trim().to_lowercase();
    if needle.is_empty() {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(clarity.simulation.read(|center, _| {
        let agents: Vec<_> =
            center.agents().values().filter(|agent| matches(agent, &needle)).map(found_agent).collect();
        let queues: Vec<_> = (center.queues().values())
            .filter(|queue| queue.name.to_lowercase().contains(&needle))
            .map(|queue| found_queue(center, queue))
            .collect();
        let message = format!("Query '{query}' found {} agent(s) and {} queue(s).", agents.len(), queues.len());
        let mut answer = json!({"message": message});
        if !agents.is_empty() {
            answer["agentsFound"] = json!(agents);
        }
        if !queues.is_empty() {
            answer["queuesFound"] = json!(queues);
        }
        Json(answer)
    }))
}

/// `GET /v2/search/` without a query.
pub async fn empty() -> StatusCode {
    StatusCode::BAD_REQUEST
}

fn matches(agent: &Agent, needle: &str) -> bool {
    let fields = [
        agent.first.to_lowercase(),
        agent.last.to_lowercase(),
        agent.name().to_lowercase(),
        format!("sip:{}", agent.email()),
    ];
    fields.iter().any(|field| field.contains(needle))
}

fn found_agent(agent: &Agent) -> Value {
    let totals =
        |count: fn(&crate::contact_center::AgentCounters) -> u64| agent.by_modality.values().map(count).sum::<u64>();
    json!({
        "agentId": agent.id,
        "firstName": agent.first,
        "lastName": agent.last,
        "publicName": agent.name(),
        "loginName": agent.login(),
        "sipAddress": format!("sip:{}", agent.email()),
        "emailAddress": agent.email(),
        "phoneNumber": "NOTSET",
        "status": agent.status as i64,
        "callsAnswered": totals(|counters| counters.answered),
        "ronas": totals(|counters| counters.rona),
        "type": "agentSearch",
        "id": agent.id,
    })
}

fn found_queue(center: &ContactCenter, queue: &Queue) -> Value {
    let staff = || center.agents().values().filter(|agent| queue.teams.contains(&agent.team));
    json!({
        "queueId": queue.id,
        "queueName": queue.name,
        "isOpen": true,
        "agentsOnline": staff().filter(|agent| agent.status != Status::LoggedOut).count(),
        "agentsAvailable": staff().filter(|agent| agent.can_be_offered()).count(),
        "estimatedWaitTime": center.waiting(queue.id) * 20,
        "callsToday": queue.totals.offered,
        "type": "queueSearch",
        "id": queue.id,
    })
}
