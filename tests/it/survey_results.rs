//! Survey results from Data Return: joined with their requests, looked up, resent, recovered.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::agent_connect::AgentConnect;
use crate::support::server::TestServer;
use crate::support::until;

async fn server(upstream: &AgentConnect) -> TestServer {
    let config = upstream.config();
    TestServer::standalone(|all| all.agent_connect = Some(config)).await
}

async fn ask(server: &TestServer, interaction: &str) -> String {
    let survey = json!({"customer_name": "Jane", "customer_email": "jane@customers.example", "channel": "phone",
        "employee_email": "rob@example.com", "ext_interaction_id": interaction});
    let answer = server.http.post(server.at("/api/v1/surveys")).json(&survey).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json::<Value>().await.expect("JSON")["id"].as_str().expect("an id").to_owned()
}

async fn post(server: &TestServer, id: &str, what: &str) -> reqwest::Response {
    let call = server.http.post(server.at(&format!("/api/v1/surveys/{id}/{what}")));
    call.json(&json!({})).send().await.expect("an answer")
}

async fn until_survey(server: &TestServer, id: &str, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    server.until("surveys", what, |state| wanted(&state["surveys"][id])).await["surveys"][id].clone()
}

#[tokio::test]
async fn results_are_paged_stored_and_shown_after_restart() {
    let upstream = AgentConnect::start().await;
    let records = (1..=2300).map(|number| {
        json!({"uuid": format!("u{number}"), "sequence_id": number, "ext_interaction_id": format!("case {number}"),
            "channel": "phone", "employee": {"email": "rob@example.com"}, "requested_via": "manual",
            "request_created_at": "2026-11-20T12:00:00Z",
                "request_delivery_status": "Hard bounce (will not be retried)"})
    });
    upstream.book().records = records.collect();
    let server = server(&upstream).await;
    let shown = |state: &Value| state["surveys"]["u999"]["origin"] == "external";
    let state = server
        .until("surveys", "the newest", |state| {
            shown(state) && state["surveys"].as_object().is_some_and(|all| all.len() == 500)
        })
        .await;
    assert_eq!(state["surveys"]["u999"]["delivery"], "Hard bounce (will not be retried)", "in the upstream's words");
    until("the third page", || upstream.book().asked.len() >= 4).await;
    assert_eq!(upstream.book().asked[..3], [None, Some(1000), Some(2000)]);
    assert_eq!(upstream.book().asked[3], Some(2200), "a little is read again");
    assert_eq!(server.application.store.survey_results().after(0, 5000).await.expect("kept").len(), 2300);

    // A change is a record with a new place; the same ones come again and change nothing.
    upstream.book().answer("case 7", 5, "Kind.");
    let state =
        server.until("surveys", "the change", |state| state["sources"]["agentConnect"]["state"] == "polling").await;
    assert!(state["sources"]["agentConnect"]["reason"].is_null(), "{}", state["sources"]["agentConnect"]);
    let changed = async || server.application.store.survey_results().after(2300, 10).await.expect("kept").len() == 1;
    while !changed().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    upstream.book().closed = Some(403);
    let server = server.stop().await.restart().await;
    let told = |state: &Value| state["sources"]["agentConnect"]["reason"].as_str().unwrap_or_default().to_owned();
    let refused = |state: &Value| told(state).contains("status 403");
    let state = server.until("surveys", "what was kept", |state| shown(state) && refused(state)).await;
    assert_eq!(state["sources"]["agentConnect"]["state"], "down");
    assert!(told(&state).contains("api_secret_file"), "{}", told(&state));
    server.stop().await;
}

#[tokio::test]
async fn unknown_outcome_is_looked_up_and_never_sent_twice() {
    let upstream = AgentConnect::start().await;
    upstream.book().script.push_back((500, Value::Null));
    let server = server(&upstream).await;
    let id = ask(&server, "123456").await;
    let found = until_survey(&server, &id, "that it was found", |it| it["state"] == "accepted").await;
    assert_eq!((found["requestId"].as_str(), found["evidence"].as_str()), (Some("uuid-1"), Some("requestId")));
    assert_eq!(upstream.taken("/v1/requests").len(), 1);
    assert_eq!(post(&server, &id, "retry").await.status(), StatusCode::CONFLICT);
    server.stop().await;
}

#[tokio::test]
async fn lost_request_is_resent_only_by_hand_after_lookup() {
    let upstream = AgentConnect::start().await;
    upstream.book().script.push_back((500, Value::Null));
    upstream.book().records_what_it_takes = false;
    // While Data Return is closed the request cannot be looked up.
    upstream.book().closed = Some(429);
    let mut config = upstream.config();
    config.look_up_window = Duration::ZERO;
    let server = TestServer::standalone(|all| all.agent_connect = Some(config)).await;
    let id = ask(&server, "123456").await;
    until_survey(&server, &id, "the doubt", |it| it["state"] == "unknown" && it["mayRetry"].is_null()).await;
    let refused = post(&server, &id, "retry").await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");

    // Data Return answers again; the restarted server looks the request up without waiting a minute.
    upstream.book().closed = None;
    let server = server.stop().await.restart().await;
    let lost = until_survey(&server, &id, "the end of looking", |it| it["mayRetry"] == true).await;
    assert_eq!(lost["state"], "unknown");
    assert!(upstream.book().asked.len() >= 3, "two whole readings after it was noticed");
    assert_eq!(upstream.taken("/v1/requests").len(), 1, "nobody but a person sends it again");
    assert_eq!(post(&server, &id, "retry").await.status(), StatusCode::ACCEPTED);
    until_survey(&server, &id, "the answer", |it| it["state"] == "accepted" && it["attempts"] == 2).await;
    server.stop().await;
}

#[tokio::test]
async fn refused_request_keeps_the_reason_and_can_be_resent() {
    let upstream = AgentConnect::start().await;
    upstream.book().script.push_back((400, json!({"message": "Employee profile not complete"})));
    let server = server(&upstream).await;
    let id = ask(&server, "123456").await;
    let refused = until_survey(&server, &id, "the refusal", |it| it["state"] == "rejected").await;
    assert_eq!(
        (refused["reason"].as_str(), refused["mayRetry"].as_bool()),
        (Some("Employee profile not complete"), Some(true))
    );
    let page = server.get("/surveys").await.text().await.expect("a page");
    assert!(page.contains(&format!("action=\"/api/v1/surveys/{id}/retry\"")), "a form that works without script");
    let origin = server.base.origin().ascii_serialization();
    let form =
        server.http.post(server.at(&format!("/api/v1/surveys/{id}/retry"))).header("Origin", origin).form(&[("", "")]);
    assert_eq!(form.send().await.expect("an answer").status(), StatusCode::SEE_OTHER);
    until_survey(&server, &id, "the second try", |it| it["state"] == "accepted" && it["attempts"] == 2).await;
    assert_eq!(post(&server, "nobody", "retry").await.status(), StatusCode::NOT_FOUND);
    let mut audit = server.application.store.audit().newest(10).await.expect("the audit");
    audit.retain(|entry| entry.ended.as_ref().is_some_and(|end| end.outcome == "accepted"));
    let told: Vec<_> = audit.iter().map(|entry| (entry.action.as_str(), entry.actor.to_string())).collect();
    assert_eq!(told, ["survey.retry", "survey.request"].map(|what| (what, "unknown caller".to_owned())));
    assert!(audit.iter().all(|entry| entry.target == format!("survey {id}") && entry.actor.address.is_some()));
    assert_eq!(audit[0].before["state"], "rejected");
    assert!(!format!("{audit:?}").contains("jane@"), "nothing of the customer: {audit:?}");
    server.stop().await;
}

#[tokio::test]
async fn answer_is_shown_and_recovery_is_sent_once() {
    let upstream = AgentConnect::start().await;
    let server = server(&upstream).await;
    let id = ask(&server, "123456").await;
    until_survey(&server, &id, "acceptance", |it| it["state"] == "accepted").await;
    upstream.book().answer("123456", 2, "<b>Nobody</b> called back.");
    let answered = until_survey(&server, &id, "the answer", |it| it["stars"] == 2).await;
    assert_eq!((&answered["nps"], &answered["comment"]), (&json!(4), &json!("<b>Nobody</b> called back.")));
    assert_eq!((&answered["delivery"], &answered["mayRecover"]), (&json!("Delivered"), &json!(true)));
    let page = server.get("/surveys").await.text().await.expect("a page");
    assert!(page.contains("2 of 5 stars") && page.contains("NPS 4") && !page.contains("<b>Nobody"));

    let (one, two) = tokio::join!(post(&server, &id, "recover"), post(&server, &id, "recover"));
    assert_eq!([one.status(), two.status()], [StatusCode::ACCEPTED; 2]);
    let (one, two): (Value, Value) = (one.json().await.expect("JSON"), two.json().await.expect("JSON"));
    assert_eq!(one["id"], two["id"], "two who press are one recovery");
    let recovery = one["id"].as_str().expect("an id").to_owned();
    let shown = until_survey(&server, &recovery, "its record", |it| it["evidence"] == "requestId").await;
    assert_eq!(
        (&shown["recovers"], &shown["customer"], &shown["mayRecover"]),
        (&json!(id), &json!("Jane"), &Value::Null)
    );
    assert_eq!(
        upstream.taken("/v1/recoveries"),
        [json!({"initial_feedback_request_id": "uuid-1", "employee": {"email": "rob@example.com"},
            "ext_interaction_id": "123456", "do_not_send": false})]
    );
    assert_eq!(post(&server, &recovery, "recover").await.status(), StatusCode::CONFLICT, "not of a recovery");
    assert_eq!(post(&server, "nobody", "recover").await.status(), StatusCode::NOT_FOUND);
    server.stop().await;
}
