//! Agents, queues and teams change while Clarity pushes: renamed, moved, added and removed.

use serde_json::{Value, json};

use crate::support::signalrjs::SignalrJsServer;
use crate::support::viewer::Viewer;

fn agent(id: i64, name: &str, more: Value) -> Value {
    let mut agent = json!({"type": "agent", "id": id, "name": name, "metrics": {"audio": {"answeredCount": id}},
        "currentStatus": {"agentStatus": "available", "startTime": "2026-06-01T08:00:00Z", "isSuspended": false}});
    agent.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    agent
}

#[tokio::test]
async fn unknown_entity_triggers_a_structure_read() {
    let mut peer = SignalrJsServer::start(0).await;
    let server = peer.server().await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;

    // Rob is renamed and moves; Mia and a queue with a caller are new.
    let floor = json!({
        "agents": [agent(41, "Ada X.", json!({"teamId": 4})), agent(37, "Grace H.", json!({})), agent(43, "Mia",
            json!({}))],
        "queues": [{"type": "queue", "id": 11, "name": "Sales"}, {"type": "queue", "id": 12, "name": "Service"},
            {"type": "queue", "id": 13, "name": "Returns"}]
    });
    peer.set_floor(&floor.to_string()).await;
    let waiting =
        json!({"sessionId": 9001, "sessionType": "queued", "queueId": 13, "sessionStatus": "Queued", "queuedMs": 1000});
    peer.push(
        &json!([
            {"type": "agent", "id": 43, "name": "Unknown", "currentStatus": {"reasonCodeName": "First day"}},
            {"type": "queue", "id": 13, "sessions": {"audio": {"sessions": [waiting]}}}
        ])
        .to_string(),
    )
    .await;
    let state = viewer
        .document_when("those who are new", |state| {
            state["agents"]["43"]["status"] == "available" && state["queues"]["13"]["waiting"] == 1
        })
        .await;
    assert_eq!((&state["agents"]["43"]["name"], &state["queues"]["13"]["name"]), (&json!("Mia"), &json!("Returns")));
    assert_eq!((&state["agents"]["41"]["name"], &state["agents"]["41"]["team"]), (&json!("Ada X."), &json!(4)));

    // Grace and a queue leave. Another team of somebody who stays gives it away.
    let floor = json!({
        "agents": [agent(41, "Ada X.", json!({"teamId": 3})), agent(43, "Mia", json!({}))],
        "queues": [{"type": "queue", "id": 11, "name": "Sales"}, {"type": "queue", "id": 13, "name": "Returns"}]
    });
    peer.set_floor(&floor.to_string()).await;
    peer.push(&json!([{"type": "agent", "id": 41, "teamId": 3}]).to_string()).await;
    let is_gone = |state: &Value| state["agents"].get("37").is_none() && state["queues"].get("12").is_none();
    let state = viewer.document_when("those who have gone", is_gone).await;
    assert_eq!(state["agents"]["41"]["team"], 3);

    // What comes late about those who have gone brings no ghost back: what is pushed after it shows that it was heard.
    let call = json!({"sessionId": 9002, "queueId": 11, "agentId": 37, "sessionStatus": "Queued", "queuedMs": 1000});
    let late = agent(37, "Grace H.", json!({"sessions": {"audio": {"addedSessions": [call]}}}));
    peer.push(&json!([late, {"type": "queue", "id": 12, "callsToday": 5}]).to_string()).await;
    peer.push(&json!([{"type": "agent", "id": 41, "currentStatus": {"reasonCodeName": "After them"}}]).to_string())
        .await;
    let state = viewer.document_when("what came after", |state| state["agents"]["41"]["reason"] == "After them").await;
    assert!(is_gone(&state), "{state}");
    assert_eq!(state["counts"]["all"]["staff"]["agents"], 2);
    assert!(state["queues"]["11"]["sessions"].get("9002").is_none());
    server.stop().await;
}
