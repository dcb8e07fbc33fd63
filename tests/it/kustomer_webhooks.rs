//! Conversations that are closed in Kustomer: only signed events count, on disk before they are acknowledged, surveyed
//! once.

use std::time::Duration;

use callboard::config::{Ask, Config, Sending};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::agent_connect::AgentConnect;
use crate::support::kustomer::{Kustomer, closing, post, sign};
use crate::support::server::TestServer;
use crate::support::until;

async fn server(
    surveys: &AgentConnect,
    kustomer: &Kustomer,
    send: Sending,
    change: impl FnOnce(&mut Config),
) -> TestServer {
    TestServer::standalone(|config| {
        config.agent_connect = Some(surveys.config());
        config.kustomer = Some(kustomer.config(send));
        change(config);
    })
    .await
}

async fn counted(server: &TestServer, source: &str, name: &str, times: u64) -> Value {
    server.until("surveys", name, |state| state["sources"][source]["counters"][name] == times).await
}

fn surveys(state: &Value) -> Vec<&Value> {
    state["surveys"].as_object().into_iter().flat_map(serde_json::Map::values).collect()
}

#[tokio::test]
async fn unsigned_event_is_refused_and_unreadable_signed_one_kept() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, Sending::On, |_| ()).await;
    let body = closing("e1", "5f1", 1, |_| ()).to_string();
    let good = sign(body.as_bytes());
    let wrong = sign(b"something else");
    let mut answers = Vec::new();
    for signatures in [vec![], vec![""], vec![&*wrong], vec![&*good, &*good], vec!["zz"]] {
        let mut call = server.http.post(server.at("/webhooks/kustomer")).body(body.clone());
        for signature in signatures {
            call = call.header("X-Kustomer-Webhook-Signature", signature);
        }
        let answer = call.send().await.expect("an answer");
        answers.push((answer.status(), answer.text().await.expect("a body")));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == StatusCode::UNAUTHORIZED), "{answers:?}");
    let large = vec![b' '; 1024 * 1024 + 1];
    let call = server.http.post(server.at("/webhooks/kustomer")).header("X-Kustomer-Webhook-Signature", sign(&large));
    assert_eq!(call.body(large).send().await.expect("an answer").status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(server.application.store.inbox().counts().await.expect("counts").total, 0, "nothing is kept of these");

    let call =
        server.http.post(server.at("/webhooks/kustomer")).header("X-Kustomer-Webhook-Signature", sign(b"no JSON"));
    assert_eq!(call.body("no JSON").send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    counted(&server, "kustomer", "unreadableEvents", 1).await;
    let counts = server.application.store.inbox().counts().await.expect("counts");
    assert_eq!((counts.total, counts.with_error), (1, 1));
    server.stop().await;
}

#[tokio::test]
async fn closed_conversation_sends_the_workflows_survey_request() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, Sending::On, |_| ()).await;
    assert_eq!(post(&server, &closing("e1", "5f1", 7, |_| ())).await.status(), StatusCode::NO_CONTENT);
    let state =
        server.until("surveys", "acceptance", |state| surveys(state).iter().any(|it| it["state"] == "accepted")).await;
    let shown = surveys(&state)[0].clone();
    assert_eq!((&shown["origin"], &shown["conversation"]), (&json!("conversation"), &json!("5f1")));
    assert_eq!(
        upstream.taken("/v1/requests"),
        [json!({
            "customer": {"name": "Jane", "email": "jane@customers.example"}, "employee": {"email": "u1@example.com"},
            "channel": "phone", "ext_interaction_id": "5f1", "tags": ["exchange", "backorder"],
            "external_url": "https://example.kustomerapp.com/app/customers/c9/event/5f1",
            "custom_properties": {"callboard_conversation": "5f1", "callboard_request": "conversation:5f1"},
        })]
    );
    assert!(!kustomer.desk().calls.iter().any(|call| call.starts_with("/v1/conversations")), "the event said it all");

    // The same event in other bytes, a later closing, an older change, and changes of other things.
    for event in [
        closing("e1", "5f1", 7, |event| event["again"] = json!(1)),
        closing("e2", "5f1", 9, |_| ()),
        closing("e3", "5f1", 3, |_| ()),
        closing("e4", "5f2", 1, |event| event["changes"] = json!({"attributes": {"tags": {}}})),
        closing("e5", "5f3", 1, |event| event["changes"]["attributes"]["status"]["before"] = json!("done")),
        closing("e6", "5f4", 1, |event| event["data"]["attributes"]["spam"] = json!(true)),
        closing("e7", "5f5", 1, |event| event["data"]["attributes"]["assignedUsers"] = json!([])),
    ] {
        assert_eq!(post(&server, &event).await.status(), StatusCode::NO_CONTENT);
    }
    counted(&server, "kustomer", "events", 8).await;
    let state = counted(&server, "agentConnect", "alreadyRequested", 2).await;
    let counters = &state["sources"]["kustomer"]["counters"];
    assert_eq!(
        (&counters["outdatedEvents"], &counters["otherChanges"], &counters["skippedConversations"]),
        (&json!(1), &json!(2), &json!(1))
    );
    counted(&server, "agentConnect", "skippedNoAssignee", 1).await;

    // It was closed while nothing ran, and Kustomer tells of it now.
    let long_ago = "2020-02-03T04:05:06Z";
    post(&server, &closing("e8", "5f6", 1, |event| event["createdAt"] = json!(long_ago))).await;
    counted(&server, "agentConnect", "skippedTooOld", 1).await;
    assert_eq!(upstream.taken("/v1/requests").len(), 1, "one conversation, one request");
    server.stop().await;
}

#[tokio::test]
async fn ambiguous_request_waits_and_missing_data_is_fetched() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, Sending::On, |_| ()).await;
    let flat = json!({"id": "5f2", "customer": "c9", "channels": ["chat"], "tags": [], "assignedUsers": [{"id": "u2"}],
        "custom": {"doNotSendStellaConnectRequestBool": "true"}});
    kustomer.answer("/v1/conversations/5f2", flat);
    kustomer.desk().answers.remove("/v1/tags/t1,t2");
    for event in [
        closing("e1", "5f1", 1, |event| event["data"]["attributes"]["channels"] = json!(["sms"])),
        closing("e2", "5f2", 1, |event| event["data"] = json!({"id": "5f2", "status": "done", "rev": 1})),
        closing("e3", "5f3", 1, |event| event["data"]["relationships"]["customer"]["data"]["id"] = json!("nobody")),
        closing("e4", "5f4", 1, |_| ()),
    ] {
        assert_eq!(post(&server, &event).await.status(), StatusCode::NO_CONTENT);
    }
    counted(&server, "agentConnect", "skippedNoCustomerEmail", 1).await;
    let state = server
        .until("surveys", "two accepted", |state| {
            surveys(state).iter().filter(|it| it["state"] == "accepted").count() == 2
        })
        .await;
    let taken = upstream.taken("/v1/requests");
    assert_eq!(
        (&taken[0]["channel"], &taken[0]["do_not_send"], &taken[0]["employee"]["email"]),
        (&json!("chat"), &json!(true), &json!("u2@example.com"))
    );
    assert!(taken[0].get("tags").is_none() && taken[1].get("tags").is_none(), "no request fails for want of its tags");
    assert_eq!(taken[1]["ext_interaction_id"], "5f4");
    assert_eq!(kustomer.desk().calls.iter().filter(|call| call.starts_with("/v1/tags")).count(), 2, "no tags, no call");
    let (id, held) = state["surveys"]
        .as_object()
        .expect("surveys")
        .iter()
        .find(|(_, it)| it["state"] == "needsReview")
        .expect("one is held");
    assert!(held["reason"].as_str().is_some_and(|reason| reason.contains("sms")), "{held}");
    let sent = server.http.post(server.at(&format!("/api/v1/surveys/{id}/retry"))).send().await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    until("what a person sent", || upstream.taken("/v1/requests").len() == 3).await;
    assert_eq!(upstream.taken("/v1/requests")[2]["channel"], "sms");
    server.stop().await;
}

#[tokio::test]
async fn dry_run_shows_the_body_and_sends_nothing() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, Sending::DryRun, |_| ()).await;
    post(&server, &closing("e1", "5f1", 1, |_| ())).await;
    let state =
        server.until("surveys", "the dry run", |state| surveys(state).iter().any(|it| it["state"] == "dryRun")).await;
    let body: Value = serde_json::from_str(surveys(&state)[0]["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!((&body["channel"], &body["customer"]["email"]), (&json!("phone"), &json!("jane@customers.example")));
    assert!(server.get("/surveys").await.text().await.expect("a page").contains("What would be sent"));
    let server = server.stop().await.restart().await;
    server
        .until("surveys", "the dry run after a restart", |state| {
            surveys(state).iter().any(|it| it["state"] == "dryRun")
        })
        .await;
    assert!(upstream.taken("/v1/requests").is_empty());
    server.stop().await;
}

#[tokio::test]
async fn reopened_conversation_is_surveyed_again_after_restart() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let each = |config: &mut Config| config.kustomer.as_mut().expect("a section").ask = Ask::EachDone;
    let server = server(&upstream, &kustomer, Sending::On, each).await;
    kustomer.desk().closed = Some(503);
    assert_eq!(post(&server, &closing("e1", "5f1", 5, |_| ())).await.status(), StatusCode::NO_CONTENT);
    server.until("surveys", "the trouble", |state| state["sources"]["kustomer"]["state"] == "down").await;
    let server = server.stop().await.restart().await;
    kustomer.desk().closed = None;
    until("the first closing", || upstream.taken("/v1/requests").len() == 1).await;
    post(&server, &closing("e1", "5f1", 5, |event| event["again"] = json!(1))).await;
    post(&server, &closing("e2", "5f1", 9, |_| ())).await;
    until("the second closing", || upstream.taken("/v1/requests").len() == 2).await;
    counted(&server, "agentConnect", "alreadyRequested", 1).await;
    let keys: Vec<_> =
        upstream.taken("/v1/requests").iter().map(|it| it["custom_properties"]["callboard_request"].clone()).collect();
    assert_eq!(keys, ["conversation:5f1", "conversation:5f1:9"]);

    // What was acted on is not read again, and an older change is still known to be one.
    let server = server.stop().await.restart().await;
    post(&server, &closing("e0", "5f1", 7, |_| ())).await;
    let state = counted(&server, "kustomer", "outdatedEvents", 1).await;
    assert_eq!(state["sources"]["kustomer"]["counters"]["events"], 1);
    assert_eq!(upstream.taken("/v1/requests").len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn webhook_silence_is_a_fault_with_a_remedy() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = server(&upstream, &kustomer, Sending::Off, |config| {
        config.kustomer.as_mut().expect("a section").silent_after = Duration::from_millis(1);
        config.agent_connect.as_mut().expect("a section").silent_after = Duration::from_millis(1);
    })
    .await;
    let stale = |state: &Value, source: &str| state["sources"][source]["state"] == "stale";
    let state = server
        .until("surveys", "both silences", |state| stale(state, "kustomer") && stale(state, "agentConnect"))
        .await;
    let reason = |source: &str| state["sources"][source]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason("kustomer").contains("still enabled") && reason("agentConnect").contains("still sent"));
    server.stop().await;
}
