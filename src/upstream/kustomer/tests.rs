//! Against a server written from the documented workflow and the public record.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::*;
use base::http;

type Calls = Arc<Mutex<Vec<(String, HeaderMap)>>>;

async fn server(status: u16, body: Value) -> (Kustomer, Calls) {
    let calls = Calls::default();
    let answer = move |State(calls): State<Calls>, uri: Uri, headers: HeaderMap| async move {
        calls.lock().unwrap().push((uri.to_string(), headers));
        (StatusCode::from_u16(status).expect("a status"), [("retry-after", "7")], body.to_string())
    };
    let app = Router::new().fallback(answer).with_state(calls.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (client(&root), calls)
}

fn client(root: &str) -> Kustomer {
    let http = http::client().expect("a client");
    Kustomer::new(http, &root.parse().expect("a URL"), &"secret-key".into()).expect("a client")
}

fn conversation() -> Value {
    json!({
        "type": "conversation", "id": "5f1",
        "attributes": { "status": "done", "channels": ["email", "voice"], "tags": ["t1", "t2"], "rev": 12,
            "assignedUsers": ["u1"], "spam": false, "custom": { "doNotSendAgentConnectRequestBool": true } },
        "relationships": { "customer": { "data": { "type": "customer", "id": "c9" } },
            "modifiedBy": { "data": { "type": "user", "id": "u2" } } }
    })
}

#[tokio::test]
async fn conversation_is_parsed_in_api_and_flat_shape() {
    let flat = json!({ "id": "5f1", "customer": "c9", "modifiedBy": { "id": "u2" }, "status": "done", "rev": 12,
        "channels": ["email", "voice"], "tags": ["t1", "t2"], "assignedUsers": [{ "id": "u1" }],
        "custom": { "doNotSendAgentConnectRequestBool": true } });
    let (api, calls) = server(200, json!({ "data": conversation() })).await;
    let (workflow, _) = server(200, flat).await;
    let found = api.conversation("5f1").await.expect("found");
    assert!(found == workflow.conversation("5f1").await.expect("found"));
    assert_eq!((found.customer.as_deref(), found.modified_by.as_deref()), (Some("c9"), Some("u2")));
    assert_eq!((found.channels, found.assigned_users), (vec!["email".to_owned(), "voice".into()], vec!["u1".into()]));
    assert_eq!(found.custom["doNotSendAgentConnectRequestBool"], json!(true));
    let calls = calls.lock().unwrap();
    assert_eq!(calls[0].0, "/v1/conversations/5f1");
    assert_eq!(calls[0].1["authorization"], "Bearer secret-key");
}

#[tokio::test]
async fn customers_and_users_are_parsed() {
    let emails = json!([{ "email": "a@example.com" }, { "type": "home", "email": "b@example.com", "verified": true }]);
    let (kustomer, _) = server(
        200,
        json!({ "data": { "id": "c9", "attributes": { "name": "Jane", "displayName": "J", "email": "u@example.com",
            "emails": emails, "phones": [{ "type": "home", "phone": "+1 312 863 3465" }, "863-3465"] } } }),
    )
    .await;
    let customer = kustomer.customer("c9").await.expect("found");
    assert_eq!(customer.name.as_deref(), Some("Jane"));
    assert_eq!(customer.emails, [("a@example.com".to_owned(), false), ("b@example.com".to_owned(), true)]);
    assert_eq!(customer.phones, ["+1 312 863 3465", "863-3465"]);
    let user = kustomer.user("u1").await.expect("found");
    assert_eq!((user.name.as_deref(), user.email.as_deref()), (Some("J"), Some("u@example.com")));
}

#[tokio::test]
async fn tags_are_parsed_as_list_single_or_partial() {
    let tag = |name: &str| json!({ "type": "tag", "id": name, "attributes": { "name": name } });
    let ids = ["t1".to_owned(), "t2".to_owned()];
    for (status, body, names) in [
        (200, json!({ "data": [tag("exchange"), tag("backorder")] }), vec!["exchange", "backorder"]),
        (200, json!({ "data": tag("exchange") }), vec!["exchange"]),
        (404, json!({ "data": [tag("exchange")], "errors": [{ "status": 404 }] }), vec!["exchange"]),
        (404, json!({ "errors": [] }), vec![]),
    ] {
        let (kustomer, calls) = server(status, body).await;
        assert_eq!(kustomer.tags(&ids).await.expect("told"), names);
        let path = calls.lock().unwrap()[0].0.clone();
        assert_eq!(path, "/v1/tags/t1,t2");
    }
}

#[tokio::test]
async fn conversation_without_readable_tags_gets_no_survey() {
    let (kustomer, calls) = server(500, Value::Null).await;
    assert!(kustomer.tags(&[]).await.expect("none").is_empty());
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn rejections_are_distinguished() {
    let ask = async |status| {
        let (kustomer, _) = server(status, json!({ "errors": [{ "title": "bad id" }] })).await;
        kustomer.conversation("5f1").await.expect_err("refused")
    };
    assert!(matches!(ask(401).await, CallError::KeyRefused { status: 401 }));
    assert!(matches!(ask(404).await, CallError::NotFound));
    assert_eq!(ask(400).await.to_string(), "Kustomer refused (status 400): bad id");
    for status in [429, 503] {
        let wait = ask(status).await;
        assert!(matches!(wait, CallError::Overloaded { retry_after: Some(wait), .. } if wait.as_secs() == 7));
    }
    assert!(matches!(ask(200).await, CallError::Unreadable(WireError::NoIdentity("conversation"))));
    let unreachable = client("http://127.0.0.1:1").conversation("5f1").await.err();
    assert!(matches!(unreachable, Some(CallError::Unreachable(_))));
    assert!(matches!(client("http://127.0.0.1:1").user("..").await.err(), Some(CallError::Invalid(_))));
}

#[tokio::test]
async fn check_accepts_404_and_not_a_rejected_key() {
    assert!(server(404, json!({})).await.0.check().await.is_ok());
    assert!(matches!(server(403, json!({})).await.0.check().await, Err(CallError::KeyRefused { status: 403 })));
}

#[test]
fn unchanged_status_is_no_status_change() {
    let event = |changes: Value| {
        let body = json!({ "id": "e1", "name": "kustomer.conversation.update", "data": conversation(),
            "changes": changes, "createdAt": "2026-11-21T09:41:00.000Z" });
        Event::parse(body.to_string().as_bytes()).expect("an event")
    };
    let status =
        |before, after| json!({ "attributes": { "status": { "op": "replace", "before": before, "after": after } } });
    let done = event(status("open", "done"));
    assert_eq!(done.status_change, Some((Some("open".into()), "done".into())));
    assert_eq!((done.id.as_deref(), done.conversation.rev), (Some("e1"), Some(12)));
    assert_eq!(done.created, "2026-11-21T09:41:00Z".parse().ok().map(crate::upstream::tolerant::WrittenTime::Known));
    assert_eq!(event(status("done", "done")).status_change, None);
    assert_eq!(event(json!({ "attributes": { "tags": {} } })).status_change, None);
    assert!(!format!("{done:?}").contains("c9"));
    let nameless = br#"{"name":"kustomer.conversation.update"}"#;
    assert!(matches!(Event::parse(nameless), Err(WireError::NoIdentity("conversation"))));
}

#[test]
fn foreign_event_is_an_error_with_its_reason() {
    for odd in [b"[".as_slice(), b"", b"\xff", b"hello"] {
        assert!(matches!(Event::parse(odd), Err(WireError::NotJson { .. })), "{odd:?}");
    }
    for odd in [b"[]".as_slice(), br#""text""#, b"{}", b"null", br#"{"name":""}"#, br#"{"name":{}}"#] {
        assert!(matches!(Event::parse(odd), Err(WireError::NoType)), "{odd:?}");
    }
    for name in ["kustomer.conversation.create", "kustomer.conversation.updated", "kustomer.message.create", "x"] {
        let body = json!({ "name": name, "data": conversation() }).to_string();
        assert!(matches!(Event::parse(body.as_bytes()), Err(WireError::UnknownType(found)) if found == name), "{name}");
    }
    for name in ["Kustomer.Conversation.Update", " kustomer.conversation.update "] {
        let body = json!({ "name": name, "data": conversation() }).to_string();
        assert!(Event::parse(body.as_bytes()).is_ok(), "{name}");
    }
}

#[test]
fn api_key_is_not_in_debug_output() {
    assert!(!format!("{:?}", client("http://127.0.0.1:1")).contains("secret-key"));
}

/// A page says nothing of a customer: asking again may.
#[tokio::test]
async fn page_with_status_200_is_an_error() {
    for (status, body) in
        [(200, "<!DOCTYPE html><p>Sign in</p>"), (404, "<html>no such page</html>"), (200, "OK"), (200, ""), (204, "")]
    {
        let app = Router::new().fallback(async move || (StatusCode::from_u16(status).expect("a status"), body));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let error = client(&root).customer("c9").await.expect_err(body);
        assert!(matches!(error, CallError::Body(_)) && error.to_string().contains("in between"), "{body}: {error}");
    }
    let (kustomer, _) = server(302, json!({})).await;
    let error = kustomer.customer("c9").await.expect_err("a redirect");
    assert!(matches!(error, CallError::Redirected { status: 302 }) && error.to_string().contains("not followed"));
    for shape in [json!({}), json!([]), json!(null), json!({"data": null}), json!({"data": {"attributes": {}}})] {
        let (kustomer, _) = server(200, shape.clone()).await;
        let error = kustomer.customer("c9").await.expect_err("no customer");
        assert!(matches!(error, CallError::Unreadable(_)), "{shape}: {error}");
    }
    let nameless = json!({"data": {"id": null, "attributes": {"emails": [{"email": "jane@example.com"}]}}});
    let (kustomer, _) = server(200, nameless).await;
    assert_eq!(kustomer.customer("c9").await.expect("the id of the request").id, "c9");
}
