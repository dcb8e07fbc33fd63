//! Callboard follows a SignalR server that none of us wrote, and shows what is again after that server was killed.

use callboard::base::Secret;
use callboard::config::{Auth, Clarity};
use serde_json::json;

use crate::support::house::House;
use crate::support::peer::Peer;

async fn following(peer: &Peer) -> House {
    let root = format!("http://127.0.0.1:{}/webapi/api", peer.port).parse().expect("an address");
    let mut clarity = Clarity::new(root, "0224C392-3845-4AC0-B1A0-D63706181BA7".to_owned(), Auth::Negotiate);
    clarity.username = "svc-callboard".to_owned();
    clarity.password = Some(Secret::from("unused"));
    House::alone(|config| config.clarity = Some(clarity)).await
}

#[tokio::test]
async fn what_it_pushes_is_in_the_state_and_so_is_what_it_is_after_its_death() {
    let mut peer = Peer::start(0).await;
    let port = peer.port;
    let house = following(&peer).await;
    let state = house
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
        {"type": "agent", "id": 41, "currentStatus": {"agentStatus": "onTheMoon"}, "metrics": {"audio": {"moonCount": 3}},
         "mood": "good"},
        {"type": "queue", "id": 11, "metrics": {"audio": {"queuedCount": 1}}, "sessions": {"audio": {"addedSessions": [session]}}}
    ]);
    peer.push(&json!([push]).to_string()).await;
    let state = house.until("all", "the push", |state| state["queues"]["11"]["waiting"] == 1).await;
    let agent = &state["agents"]["41"];
    assert_eq!(agent["status"], "onTheMoon", "an unknown status is shown as it came");
    assert_eq!(agent["activity"], "unknown");
    assert_eq!(agent["metrics"]["audio"]["moonCount"], 3, "and so is an unknown metric");
    assert_eq!(agent["metrics"]["audio"]["answeredCount"], 41, "a push keeps what it leaves out");
    assert_eq!(agent["other"]["mood"], "good", "and an unknown field");
    assert_eq!(state["queues"]["11"]["sessions"]["82673"]["customer"], "Jane C.");

    peer.kill().await;
    let state = house.until("all", "the loss", |state| state["sources"]["clarity"]["state"] == "down").await;
    assert!(state["sources"]["clarity"]["reason"].is_string(), "it is said why");
    assert_eq!(state["queues"]["11"].get("waiting"), None, "what only pushes could tell is unknown and not old");

    // The new life of the peer knows nothing of the pushes to the old one: Callboard must show what is.
    let mut peer = Peer::start(port).await;
    let state = house
        .until("all", "the return", |state| {
            state["sources"]["clarity"]["state"] == "live" && state["agents"]["41"]["status"] == "available"
        })
        .await;
    assert_eq!(state["agents"]["41"]["metrics"]["audio"].get("moonCount"), None);
    assert_eq!(state["agents"]["41"].get("other"), None);
    peer.push(r#"[{"type":"agent","id":37,"currentStatus":{"agentStatus":"afterCall"}}]"#).await;
    house.until("all", "a push of its new life", |state| state["agents"]["37"]["status"] == "afterCall").await;
    house.stop().await;
}
