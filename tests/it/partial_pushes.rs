//! Partial pushes: an absent field is unchanged, null clears it, a value sets it.

use serde_json::{Value, json};

use crate::support::signalrjs::SignalrJsServer;
use crate::support::viewer::Viewer;

#[tokio::test]
async fn partial_push_changes_only_named_fields() {
    let mut peer = SignalrJsServer::start(0).await;
    let server = peer.server().await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    let began = "2026-06-01T08:00:00.5Z";
    // Each push, and what the agent (or the queue) shows of status, reason, since and suspension after it.
    let status = |state: &Value| {
        let agent = &state["agents"]["41"];
        json!([agent["status"], agent["reason"], agent["since"], agent["suspended"]])
    };
    for (push, expected) in [
        (json!({"isSuspended": true}), json!(["available", null, began, true])),
        (json!({"reasonCodeName": "Lunch"}), json!(["available", "Lunch", began, true])),
        (
            json!({"agentStatus": "unavailable", "startTime": "2026-06-01T09:00:00Z"}),
            json!(["unavailable", null, "2026-06-01T09:00:00Z", true]),
        ),
        (
            json!({"reasonCodeName": "Lunch", "isSuspended": "false"}),
            json!(["unavailable", "Lunch", "2026-06-01T09:00:00Z", false]),
        ),
        (json!({"startTime": "2026-06-01T10:00:00Z"}), json!(["unavailable", "Lunch", "2026-06-01T10:00:00Z", false])),
        (json!({"reasonCodeName": null}), json!(["unavailable", null, "2026-06-01T10:00:00Z", false])),
    ] {
        peer.push(&json!([{"type": "agent", "id": 41, "currentStatus": push}]).to_string()).await;
        let state = viewer.document_when(&push.to_string(), |state| status(state) == expected).await;
        assert_eq!(state["agents"]["41"]["name"], "Ada L.");
        assert_eq!(state["agents"]["41"]["metrics"]["audio"]["answeredCount"], 41);
    }

    let session = |parts: Value| {
        let mut session = json!({"sessionId": 82673});
        session.as_object_mut().expect("an object").extend(parts.as_object().expect("an object").clone());
        json!({"type": "agent", "id": 41, "sessions": {"audio": {"addedSessions": [session], "sessions": null}}})
    };
    let shown = |state: &Value| {
        let session = &state["agents"]["41"]["sessions"]["82673"];
        json!([session["status"], session["customer"], session["queue"], session["onHold"]])
    };
    for (push, expected) in [
        (
            session(json!({"sessionStatus": "Active", "customerName": "Jane C.", "queueId": 11})),
            json!(["active", "Jane C.", 11, null]),
        ),
        (session(json!({"isOnHold": true})), json!(["active", "Jane C.", 11, true])),
        (session(json!({"customerName": "Unknown", "isOnHold": null})), json!(["active", "Jane C.", 11, null])),
        (session(json!({"sessionStatus": "AfterCall"})), json!(["afterCall", "Jane C.", 11, null])),
    ] {
        peer.push(&json!([push]).to_string()).await;
        viewer.document_when(&push.to_string(), |state| shown(state) == expected).await;
    }

    let queue = |state: &Value| {
        let queue = &state["queues"]["11"];
        json!([queue["name"], queue["open"], queue["metrics"]["audio"], queue["agentsOnline"]])
    };
    for (push, expected) in [
        (
            json!({"metrics": {"audio": {"queuedCount": 2, "abandonedCount": 1}}}),
            json!(["Sales", true, {"queuedCount": 2, "abandonedCount": 1}, 2]),
        ),
        (json!({"isOpen": false}), json!(["Sales", false, {"queuedCount": 2, "abandonedCount": 1}, 2])),
        (
            json!({"metrics": {"audio": {"queuedCount": 3}}, "name": ""}),
            json!(["Sales", false, {"queuedCount": 3, "abandonedCount": 1}, 2]),
        ),
        (
            json!({"metrics": {"audio": {"abandonedCount": null}}, "name": "UNKNOWN"}),
            json!(["Sales", false, {"queuedCount": 3}, 2]),
        ),
    ] {
        let mut whole = json!({"type": "queue", "id": 11});
        whole.as_object_mut().expect("an object").extend(push.as_object().expect("an object").clone());
        peer.push(&json!([whole]).to_string()).await;
        viewer.document_when(&push.to_string(), |state| queue(state) == expected).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn unexpected_push_values_are_counted_and_marked() {
    let mut peer = SignalrJsServer::start(0).await;
    let server = peer.server().await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    let session =
        |id: Value, agent: i64| json!({"sessionId": id, "agentId": agent, "sessionStatus": "Active", "queueId": 11});
    let adds = |agent: i64, sessions: &[Value]| {
        json!({"type": "agent", "id": agent,
        "sessions": {"audio": {"addedSessions": sessions}}})
    };
    // A status of two minds, an entry without an identity, and a call that goes from one agent to another.
    peer.push(
        &json!([
            {"type": "agent", "id": 41, "currentStatus": {"agentStatusId": 5, "agentStatus": "available"}},
            adds(41, &[session(json!(9001), 41), session(json!("?"), 41)])
        ])
        .to_string(),
    )
    .await;
    viewer.document_when("the call", |state| state["agents"]["41"]["sessions"]["9001"]["status"] == "active").await;
    peer.push(
        &json!([
            // The same contradiction is none that is new.
            {"type": "agent", "id": 41, "currentStatus": {"agentStatusId": 5, "agentStatus": "available"}},
            {"type": "agent", "id": 41, "sessions": {"audio": {"removedSessions": [{"sessionId": 9001}]}}},
            {"type": "queue", "id": 11, "sessions": {"audio": {"addedSessions": ["?"]}}},
            adds(37, &[session(json!(9001), 37)])
        ])
        .to_string(),
    )
    .await;
    let count = |state: &Value, name: &str| state["sources"]["clarity"]["counters"][name].as_u64();
    let state = viewer.document_when("the counts", |state| count(state, "transfers") == Some(1)).await;
    let agent = &state["agents"]["41"];
    assert_eq!((&agent["status"], &agent["contradictingStatus"]), (&json!("afterCall"), &json!("available")));
    assert_eq!((count(&state, "contradictingStatuses"), count(&state, "droppedEntries")), (Some(1), Some(2)));
    let state =
        viewer.document_when("the mark", |state| state["agents"]["37"]["sessions"]["9001"]["firstAgent"] == 41).await;
    assert_eq!(state["agents"]["41"].get("sessions"), None);
    server.stop().await;
}
