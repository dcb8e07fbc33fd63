//! Each skipped interaction is noted once, with the reason.

use base::hmac::Tag;
use base::{Clock, Secret};
use callboard::config::{Goodays, Sending};
use callboard::domain::CustomerIdentity;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::agent_connect::AgentConnect;
use crate::support::kustomer::{Kustomer, closing, post};
use crate::support::server::TestServer;

async fn text(server: &TestServer, path: &str) -> String {
    server.get(path).await.text().await.expect("a text")
}

async fn counted(server: &TestServer, source: &str, name: &str, times: u64) -> Value {
    server.until("all", name, |state| state["sources"][source]["counters"][name] == times).await
}

async fn send(server: &TestServer, event: &Value) {
    let body = event.to_string();
    let signature = Tag::sign(&Secret::from("agreed"), body.as_bytes()).to_string();
    let request = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", signature).body(body);
    assert_eq!(request.send().await.expect("an answer").status(), 204);
}

fn goodays() -> Goodays {
    Goodays::new("http://127.0.0.1:9/v2".parse().expect("an address"), "t".into(), vec![Secret::from("agreed")])
}

#[tokio::test]
async fn unexpected_action_url_is_noted_once_per_response() {
    let server = TestServer::standalone(|config| config.goodays = Some(goodays())).await;
    let at = Clock::system().now().to_string();
    let event = |id: &str, kind: &str, address: &str| {
        json!({"event_type": kind, "response": {"id": id,
        "created_date": at, "state": "open", "actions": {"reply": address}}})
    };
    let own = |id: &str| format!("https://api.goodays.co/api/v2/responses/{id}/reply");
    for (id, kind, address) in [
        ("fine", "response", own("fine")),
        ("ours", "response", "http://127.0.0.1:9/v2/responses/ours/reply".to_owned()),
        ("host", "response", "https://evil.example/responses/host/reply".to_owned()),
        ("host", "message", "https://evil.example/responses/host/reply".to_owned()),
        ("typo", "response", "https://api.goodays.coapi/v2/responses/typo/reply".to_owned()),
        ("other", "response", own("somebody-elses")),
        ("other", "delegated", own("somebody-elses")),
        ("none", "response", "javascript:alert(1)".to_owned()),
    ] {
        send(&server, &event(id, kind, &address)).await;
    }
    counted(&server, "goodays", "events", 8).await;
    let state = counted(&server, "goodays", "oddActionAddresses", 4).await;
    assert_eq!(state["feedback"].as_object().map(serde_json::Map::len), Some(6), "it costs nothing else");
    let page = text(&server, "/status").await;
    for shown in
        ["host An action&#39;s address is of another host.", "other An action&#39;s address names another response."]
    {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("evil.example"), "the address itself goes nowhere");
    let server = server.stop().await.restart().await;
    send(&server, &event("host", "delegated", "https://evil.example/again")).await;
    let state = counted(&server, "goodays", "events", 1).await;
    assert!(state["sources"]["goodays"]["counters"].get("oddActionAddresses").is_none(), "it has been noted");
    server.stop().await;
}

#[tokio::test]
async fn several_assigned_users_name_the_chosen_one() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = TestServer::standalone(|config| {
        config.agent_connect = Some(upstream.config());
        config.kustomer = Some(kustomer.config(Sending::On));
    })
    .await;
    let alone = |event: &mut Value| event["data"]["attributes"]["assignedUsers"] = json!(["u1"]);
    for event in [closing("e1", "5f1", 1, |_| ()), closing("e2", "5f1", 2, |_| ()), closing("e3", "5f2", 1, alone)] {
        assert_eq!(post(&server, &event).await.status(), 204);
    }
    counted(&server, "kustomer", "closedConversations", 3).await;
    let state = counted(&server, "kustomer", "severalAssigned", 1).await;
    let note = |conversation: &str| {
        let all = state["surveys"].as_object().expect("surveys").values();
        all.clone().find(|it| it["conversation"] == conversation).expect("a row")["note"].clone()
    };
    assert_eq!(note("5f1"), "2 users were assigned: the first of them was taken.");
    assert_eq!(note("5f2"), Value::Null);
    assert!(text(&server, "/surveys").await.contains("2 users were assigned: the first of them was taken."));
    assert!(text(&server, "/status").await.contains("Kustomer conversations with several assigned users"));
    server.stop().await;
}

#[tokio::test]
async fn page_names_interactions_without_survey_request() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = TestServer::standalone(|config| {
        config.agent_connect = Some(upstream.config());
        config.kustomer = Some(kustomer.config(Sending::On));
    })
    .await;
    // It was assigned when it was closed, and is not when it is looked up.
    kustomer.answer(
        "/v1/conversations/5f1",
        json!({"id": "5f1", "customer": "c9", "channels": ["chat"], "assignedUsers": []}),
    );
    let partial = closing("e1", "5f1", 1, |event| {
        event["data"]["attributes"].as_object_mut().expect("fields").remove("channels");
    });
    let nobody = closing("e2", "5f2", 1, |event| event["data"]["attributes"]["assignedUsers"] = json!([]));
    for event in [&partial, &nobody] {
        assert_eq!(post(&server, event).await.status(), 204);
    }
    counted(&server, "agentConnect", "skippedUnassigned", 1).await;
    counted(&server, "agentConnect", "skippedNoAssignee", 1).await;
    assert!(upstream.taken("/v1/requests").is_empty());
    let server = server.stop().await.restart().await;
    let page = text(&server, "/surveys").await;
    let row = |interaction: &str| {
        let after = page.split(interaction).nth(1).unwrap_or_else(|| panic!("no row of {interaction}")).to_owned();
        after[..after.find("</tr>").expect("a row")].to_owned()
    };
    assert!(row("Conversation 5f1").contains("Unassigned"), "{}", row("Conversation 5f1"));
    assert!(row("Conversation 5f2").contains("No assignee"), "{}", row("Conversation 5f2"));
    server.stop().await;
}

#[tokio::test]
async fn erased_customer_who_writes_again_is_counted_once() {
    let server = TestServer::standalone(|config| config.goodays = Some(goodays())).await;
    let person = || CustomerIdentity::new(Some("c@example.com"), None);
    drop(
        server
            .application
            .store
            .privacy()
            .erase(person(), callboard::domain::Actor::command("a test"))
            .await
            .expect("done"),
    );
    let event = |id: &str, kind: &str, email: &str| {
        let at = (Clock::system().now() + SignedDuration::from_mins(5)).to_string();
        json!({"event_type": kind, "response": {"id": id, "created_date": at, "state": "open",
            "user": {"email": email}}})
    };
    for (id, kind, email) in [
        ("anew", "response", "c@example.com"),
        ("anew", "delegated", "c@example.com"),
        ("other", "response", "d@example.com"),
    ] {
        send(&server, &event(id, kind, email)).await;
    }
    let state = counted(&server, "goodays", "events", 3).await;
    assert_eq!(state["feedback"].as_object().map(serde_json::Map::len), Some(2), "they are heard");
    counted(&server, "goodays", "erasedWroteAgain", 1).await;
    assert!(text(&server, "/status").await.contains("Responses of customers who were erased"));
    // Forgotten once more, nothing of it is left.
    let erased = server
        .application
        .store
        .privacy()
        .erase(person(), callboard::domain::Actor::command("a test"))
        .await
        .expect("done");
    drop(erased);
    assert!(!text(&server, "/status").await.contains("Responses of customers who were erased"));
    server.stop().await;
}
