//! Survey requests: stored, sent once, and shown with their delivery state.

use callboard::config::AgentConnect;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::server::{TestServer, sandbox};

fn survey() -> Value {
    json!({"customer_name": "Jane", "customer_email": "janecustomer@example.com", "employee_custom_id": "ABC789",
        "employee_email": "nobody.here@example.com", "channel": "phone", "ext_interaction_id": "123456",
        "tags": ["exchange", "exchange", "backorder"]})
}

async fn ask(server: &TestServer, key: &str, survey: &Value) -> reqwest::Response {
    let request = server.http.post(server.at("/api/v1/surveys")).header("Idempotency-Key", key).json(survey);
    request.send().await.expect("an answer")
}

fn states(state: &Value) -> Vec<&str> {
    state["surveys"]
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values)
        .filter_map(|it| it["state"].as_str())
        .collect()
}

#[tokio::test]
async fn request_is_accepted_or_refused_with_the_reason() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    // The sandbox refuses some employees; among many agents there are both kinds.
    let state = server.until("all", "the floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    assert!(!state["agents"].as_object().expect("agents").is_empty());
    for number in 0..40 {
        let mut survey = survey();
        survey["employee_custom_id"] = json!(format!("{number:06}"));
        survey["employee_email"] = Value::Null;
        survey["ext_interaction_id"] = json!(format!("123456-{number}"));
        assert_eq!(ask(&server, &format!("key-{number}"), &survey).await.status(), StatusCode::ACCEPTED);
    }
    let state = server
        .until("surveys", "an end of all forty", |state| {
            let states = states(state);
            states.len() == 40 && states.iter().all(|state| matches!(*state, "accepted" | "rejected"))
        })
        .await;
    for survey in state["surveys"].as_object().expect("surveys").values() {
        match survey["state"].as_str() {
            Some("accepted") => assert!(survey["requestId"].is_string()),
            _ => assert!(survey["reason"].is_string(), "a refusal has a reason: {survey}"),
        }
        assert_eq!(survey["attempts"], 1);
    }
    let page = server.get("/surveys").await.text().await.expect("a page");
    assert!(page.contains("123456"));
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn same_idempotency_key_is_the_same_request() {
    let (sandbox, sandbox_life) = sandbox(4, 1).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let first: Value = ask(&server, "once", &survey()).await.json().await.expect("JSON");
    let second: Value = ask(&server, "once", &survey()).await.json().await.expect("JSON");
    assert_eq!(first["id"], second["id"]);
    let mut other = survey();
    other["ext_interaction_id"] = json!("654321");
    let conflict = ask(&server, "once", &other).await;
    assert_eq!(conflict.status(), StatusCode::CONFLICT);
    assert_eq!(conflict.headers()["content-type"], "application/problem+json");
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn invalid_request_is_refused_and_plain_form_works() {
    let (sandbox, sandbox_life) = sandbox(4, 1).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let mut unreachable = survey();
    unreachable["customer_email"] = json!("not an address");
    let mut unknown_field = survey();
    unknown_field["colour"] = json!("blue");
    for (survey, expected) in [
        (unreachable, StatusCode::UNPROCESSABLE_ENTITY),
        (unknown_field, StatusCode::UNPROCESSABLE_ENTITY),
        (json!([1]), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let refused = ask(&server, "bad", &survey).await;
        assert_eq!(refused.status(), expected, "{survey}");
        let problem: Value = refused.json().await.expect("a problem document");
        assert!(problem["title"].as_str().is_some_and(|title| title.ends_with('.')), "{problem}");
    }

    let form = [
        ("customer_name", "Jane"),
        ("customer_email", "jane@example.com"),
        ("employee_custom_id", "ABC789"),
        ("channel", "phone"),
        ("ext_interaction_id", "123456"),
        ("tags", "exchange, backorder"),
        ("session_id", ""),
        ("idempotency_key", "from-the-page"),
    ];
    let origin = server.base.origin().ascii_serialization();
    let posted = server.http.post(server.at("/api/v1/surveys")).header("Origin", origin).form(&form);
    let answer = posted.send().await.expect("an answer");
    assert_eq!((answer.status(), answer.headers()["location"].as_bytes()), (StatusCode::SEE_OTHER, &b"/surveys"[..]));
    let foreign = server.http.post(server.at("/api/v1/surveys")).header("Origin", "https://evil.example").form(&form);
    assert_eq!(foreign.send().await.expect("an answer").status(), StatusCode::FORBIDDEN);
    server.stop().await;
    sandbox_life.kill();
}

#[tokio::test]
async fn unreachable_agent_connect_keeps_the_request_for_retry() {
    let server = TestServer::standalone(|config| {
        config.agent_connect = Some(AgentConnect {
            api_root: "http://127.0.0.1:9".parse().expect("an address"),
            api_key: Some("key".into()),
            ..AgentConnect::default()
        });
    })
    .await;
    assert_eq!(ask(&server, "k", &survey()).await.status(), StatusCode::ACCEPTED);
    let state = server.until("surveys", "the failure", |state| states(state) == ["failed"]).await;
    assert_eq!(state["sources"]["agentConnect"]["state"], "down");
    let server = server.stop().await.restart().await;
    server.until("surveys", "the request after a restart", |state| states(state).len() == 1).await;
    server.stop().await;
}
