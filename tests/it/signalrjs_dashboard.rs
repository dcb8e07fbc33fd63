//! The whole server against a third-party SignalR server (npm `signalrjs`), through its death and return.

use base::Secret;
use callboard::config::{Auth, Clarity};
use serde_json::json;

use crate::support::server::TestServer;
use crate::support::signalrjs::SignalrJsServer;

async fn following(peer: &SignalrJsServer) -> TestServer {
    let root = format!("http://127.0.0.1:{}/webapi/api", peer.port).parse().expect("an address");
    let mut clarity = Clarity::new(root, "0224C392-3845-4AC0-B1A0-D63706181BA7".to_owned(), Auth::Negotiate);
    clarity.username = "svc-callboard".to_owned();
    clarity.password = Some(Secret::from("unused"));
    TestServer::standalone(|config| config.clarity = Some(clarity)).await
}

#[tokio::test]
async fn pushes_are_shown_and_state_is_right_after_a_kill() {
    let mut peer = SignalrJsServer::start(0).await;
    let port = peer.port;
    let server = following(&peer).await;
    let state = server
        .until("all", "a live floor over server-sent events", |state| {
            let clarity = &state["sources"]["clarity"];
            clarity["state"] == "live" && clarity["transport"] == "serverSentEvents"
        })
        .await;
    assert_eq!(state["agents"]["41"]["status"], "available");
    assert_eq!(state["agents"]["41"]["team"], 3);
    assert_eq!(state["queues"]["11"]["agentsAvailable"], 1);

    let session = json!({"sessionId": 82673, "sessionType": "queued", "queueId": 11, "customerName": "Jane C.",
        "sessionStatus": "Queued", "queuedMs": 1000});
    let push = json!([
        {"type": "agent", "id": 41, "currentStatus": {"agentStatus": "onTheMoon"},
            "metrics": {"audio": {"moonCount": 3}},
         "mood": "good"},
        {"type": "queue", "id": 11, "metrics": {"audio": {"queuedCount": 1}},
            "sessions": {"audio": {"addedSessions": [session]}}}
    ]);
    peer.push(&json!([push]).to_string()).await;
    let state = server.until("all", "the push", |state| state["queues"]["11"]["waiting"] == 1).await;
    let agent = &state["agents"]["41"];
    assert_eq!(agent["status"], "onTheMoon", "an unknown status is shown as it came");
    assert_eq!(agent["activity"], "unknown");
    assert_eq!(agent["metrics"]["audio"]["moonCount"], 3, "and so is an unknown metric");
    assert_eq!(agent["metrics"]["audio"]["answeredCount"], 41, "a push keeps what it leaves out");
    assert_eq!(agent["other"]["mood"], "good", "and an unknown field");
    assert_eq!(state["queues"]["11"]["sessions"]["82673"]["customer"], "Jane C.");

    peer.kill().await;
    let state = server.until("all", "the loss", |state| state["sources"]["clarity"]["state"] == "down").await;
    assert!(state["sources"]["clarity"]["reason"].is_string(), "it is said why");
    assert_eq!(state["queues"]["11"].get("waiting"), None, "what only pushes could tell is unknown and not old");

    // The new life of the peer knows nothing of the pushes to the old one: Callboard must show what is.
    let mut peer = SignalrJsServer::start(port).await;
    let state = server
        .until("all", "the return", |state| {
            state["sources"]["clarity"]["state"] == "live" && state["agents"]["41"]["status"] == "available"
        })
        .await;
    assert_eq!(state["agents"]["41"]["metrics"]["audio"].get("moonCount"), None);
    assert_eq!(state["agents"]["41"].get("other"), None);
    peer.push(r#"[{"type":"agent","id":37,"currentStatus":{"agentStatus":"afterCall"}}]"#).await;
    server.until("all", "a push of its new life", |state| state["agents"]["37"]["status"] == "afterCall").await;
    server.stop().await;
}

/// What the peer says of queue 11: how many wait, and who.
fn waiting(callers: &[i64]) -> serde_json::Value {
    let session =
        |id: &i64| json!({"sessionId": id, "sessionType": "queued", "queueId": 11, "sessionStatus": "Queued"});
    let sessions: Vec<_> = callers.iter().map(session).collect();
    json!([[
        {"type": "queue", "id": 11, "metrics": {"audio": {"queuedCount": callers.len()}},
         "sessions": {"audio": {"sessions": sessions}}},
        {"type": "queue", "id": 12, "metrics": {"audio": {"queuedCount": 0}}}
    ]])
}

fn shown(state: &serde_json::Value) -> Vec<String> {
    let sessions = state["queues"]["11"]["sessions"].as_object();
    sessions.into_iter().flatten().map(|(id, _)| id.clone()).collect()
}

fn state_and_reason(state: &serde_json::Value) -> (&str, &str) {
    let clarity = &state["sources"]["clarity"];
    (clarity["state"].as_str().unwrap_or_default(), clarity["reason"].as_str().unwrap_or_default())
}

/// Agents sit still, and nothing is pushed about queues any more: a caller who has left and three who have come are
/// shown once Clarity answers a new subscription; when it does not, nothing is live and nothing old is shown.
#[tokio::test]
async fn lost_queue_pushes_leave_no_old_number() {
    let mut peer = SignalrJsServer::start(0).await;
    peer.push(&json!({"answer": waiting(&[82_673])}).to_string()).await;
    let server = following(&peer).await;
    server
        .until("all", "the caller who waits", |state| {
            state_and_reason(state).0 == "live" && shown(state) == ["82673"] && state["queues"]["11"]["waiting"] == 1
        })
        .await;

    // The change itself is never pushed.
    let three = waiting(&[82_674, 82_675, 82_676]);
    peer.push(&json!({"answer": three, "callsToday": 12}).to_string()).await;
    let state = server
        .until("all", "those who wait now", |state| {
            assert_eq!(state_and_reason(state).0, "live", "subscriptions are renewed, and a person notices nothing");
            state["queues"]["11"]["waiting"] == 3
        })
        .await;
    assert_eq!(shown(&state), ["82674", "82675", "82676"]);

    // Nor does a new subscription bring anything.
    peer.push(&json!({"answer": null, "callsToday": 13}).to_string()).await;
    let state = server.until("all", "the doubt", |state| state_and_reason(state).0 == "polling").await;
    assert!(state_and_reason(&state).1.contains("queues"), "{state}");
    let state =
        server.until("all", "what is no longer known", |state| state["queues"]["11"]["waiting"].is_null()).await;
    assert_eq!((state_and_reason(&state).0, shown(&state).len()), ("polling", 0), "{state}");
    assert!(state["queues"]["12"]["waiting"].is_null(), "a queue in which nobody waited is no better known");

    peer.push(&json!({"answer": waiting(&[82_676])}).to_string()).await;
    server
        .until("all", "live again", |state| {
            state_and_reason(state).0 == "live" && shown(state) == ["82676"] && state["queues"]["12"]["waiting"] == 0
        })
        .await;
    server.stop().await;
}

/// An agent changes, and no push tells of it, whatever is subscribed: it is polled until one does.
#[tokio::test]
async fn agents_without_pushes_are_polled_until_pushed() {
    let mut peer = SignalrJsServer::start(0).await;
    peer.push(&json!({"answer": waiting(&[])}).to_string()).await;
    let server = following(&peer).await;
    server.until("all", "a live floor", |state| state_and_reason(state).0 == "live").await;
    let status = |status: &str| json!({"says": {"41": {"currentStatus": {"agentStatus": status}}}}).to_string();
    let statuses = ["afterCall", "available"];
    for round in 0..2 {
        peer.push(&status(statuses[round % 2])).await;
        server.until("all", "the change", |state| state["agents"]["41"]["status"] == statuses[round % 2]).await;
    }
    let state = server.until("all", "the doubt", |state| state_and_reason(state).0 == "polling").await;
    assert!(state_and_reason(&state).1.contains("agents"), "{state}");
    let asked = |state: &serde_json::Value| state["sources"]["clarity"]["counters"]["agentResubscriptions"].as_u64();
    server.until("all", "another request", |state| asked(state) >= Some(2)).await;
    assert_eq!(state_and_reason(&server.state("all").await["state"]).0, "polling", "a request is no delivery");
    peer.push(r#"[{"type":"agent","id":37,"currentStatus":{"agentStatus":"afterCall"}}]"#).await;
    server.until("all", "live again", |state| state_and_reason(state).0 == "live").await;
    server.stop().await;
}
