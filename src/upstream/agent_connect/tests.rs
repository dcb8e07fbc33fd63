//! Against a server written from the upstream's example requests.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::*;
use base::http;

type Calls = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

async fn server(status: u16, body: &'static str) -> (AgentConnect, Calls) {
    let calls = Calls::default();
    let answer = move |State(calls): State<Calls>, uri: Uri, headers: HeaderMap, sent: Bytes| async move {
        let sent = serde_json::from_slice(&sent).unwrap_or_default();
        calls.lock().unwrap().push((uri.to_string(), headers, sent));
        (StatusCode::from_u16(status).expect("a status"), [("retry-after", "7")], body)
    };
    let app = Router::new().fallback(answer).with_state(calls.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (client(&root), calls)
}

fn client(root: &str) -> AgentConnect {
    let http = http::client().expect("a client");
    AgentConnect::new(http, &root.parse().expect("a URL"), &"test-key".into()).expect("a client")
}

fn jane() -> Request {
    Request {
        customer: Customer { name: Some("Jane".into()), email: Some("janecustomer@example.com".into()) },
        employee: Employee { email: Some("paulagent@blancapeak.com".into()), custom_id: None },
        channel: "phone".into(),
        ext_interaction_id: "123456".into(),
        ..Request::default()
    }
}

#[tokio::test]
async fn simple_example_is_sent_as_documented() {
    let (agent_connect, calls) = server(200, r#"{"request_ID": "54bd2af9"}"#).await;
    let accepted = agent_connect.send(&jane()).await.expect("accepted");
    assert_eq!(accepted.request_id.as_deref(), Some("54bd2af9"));
    let calls = calls.lock().unwrap();
    let (path, headers, body) = &calls[0];
    assert_eq!(path, "/v1/requests");
    assert_eq!(headers["x-api-key"], "test-key");
    assert_eq!(headers["accept"], "application/json");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(
        *body,
        json!({ "customer": { "name": "Jane", "email": "janecustomer@example.com" }, "ext_interaction_id": "123456",
            "employee": { "email": "paulagent@blancapeak.com" }, "channel": "phone" })
    );
}

#[tokio::test]
async fn all_documented_fields_are_sent_and_no_others() {
    let (agent_connect, calls) = server(200, "{}").await;
    let full = Request {
        employee: Employee { custom_id: Some("007743".into()), email: Some(" ".into()) },
        external_url: Some("www.samplecrm.com/caseid=123456".into()),
        tags: ["exchange", "backorder", "exchange", " "].map(String::from).to_vec(),
        brand: Some("blancagold".into()),
        language: Some("fr-ca".into()),
        country: Some("CA".into()),
        do_not_send: true,
        custom_properties: [("team".to_owned(), "é".repeat(3_000))].into(),
        ..jane()
    };
    let accepted = agent_connect.send(&full).await.expect("accepted");
    assert_eq!(accepted, Accepted { request_id: None, raw: Some(json!({})) });
    assert_eq!(
        calls.lock().unwrap()[0].2,
        json!({ "customer": { "name": "Jane", "email": "janecustomer@example.com" }, "ext_interaction_id": "123456",
            "employee": { "custom_id": "007743" }, "channel": "phone", "do_not_send": true,
            "external_url": "www.samplecrm.com/caseid=123456", "tags": ["exchange", "backorder"],
            "brand": "blancagold", "language": "fr-ca", "country": "CA",
            "custom_properties": { "team": "é".repeat(request::MAX_PROPERTY) } })
    );
}

#[test]
fn tags_are_cut_at_the_upstreams_limit() {
    let tags: Vec<String> = (0..50).map(|number| (number / 2).to_string()).collect();
    let tidy = Request { tags, ..jane() }.tidy();
    assert_eq!(tidy.tags.len(), request::MAX_TAGS);
    assert_eq!(tidy.tags[19], "19");
}

#[tokio::test]
async fn recovery_has_its_own_address_and_no_customer() {
    let (agent_connect, calls) = server(200, r#"{"request_id":"new"}"#).await;
    let recovery = Recovery {
        initial_feedback_request_id: "54bd2af9-28cb-48df-8c60-cd27de080cd4".into(),
        employee: jane().employee,
        ext_interaction_id: "123456".into(),
        tags: vec!["compensation provided".into()],
        ..Recovery::default()
    };
    agent_connect.recover(&recovery).await.expect("accepted");
    let nothing = agent_connect.recover(&Recovery::default()).await;
    assert!(matches!(nothing, Err(SendError::Invalid(InvalidRequest::NoInitialRequest))));
    let calls = calls.lock().unwrap();
    assert_eq!(calls[0].0, "/v1/recoveries");
    assert_eq!(
        calls[0].2,
        json!({ "do_not_send": false, "tags": ["compensation provided"], "ext_interaction_id": "123456",
            "employee": { "email": "paulagent@blancapeak.com" },
            "initial_feedback_request_id": "54bd2af9-28cb-48df-8c60-cd27de080cd4" })
    );
}

#[tokio::test]
async fn invalid_request_is_not_sent() {
    let (agent_connect, calls) = server(200, "").await;
    let email = |email: &str| Customer { email: Some(email.into()), ..Customer::default() };
    let mut cases = vec![
        (Request { channel: " ".into(), ..jane() }, InvalidRequest::NoChannel),
        (Request { employee: Employee::default(), ..jane() }, InvalidRequest::NoEmployee),
        (Request { ext_interaction_id: String::new(), ..jane() }, InvalidRequest::NoInteraction),
        (Request { customer: Customer::default(), ..jane() }, InvalidRequest::NoCustomerEmail),
    ];
    for broken in ["[email protected]", "jane", "jane@", "@example.com", "jane@host", "a@b@c.d", "jane@example..com"] {
        cases.push((Request { customer: email(broken), ..jane() }, InvalidRequest::NoCustomerEmail));
    }
    for (request, wrong) in cases {
        let error = agent_connect.send(&request).await.expect_err("refused here");
        assert!(matches!(error, SendError::Invalid(found) if found == wrong), "{error}");
    }
    assert!(calls.lock().unwrap().is_empty());
    let silent = Request { customer: Customer::default(), do_not_send: true, ..jane() };
    assert_eq!(silent.check(), Ok(()), "no mail is sent, so no address is needed");
}

#[tokio::test]
async fn request_id_is_found_under_any_of_its_names() {
    for (body, id) in [
        (r#"{"request_id":"a"}"#, Some("a")),
        (r#"{"requestId":"b"}"#, Some("b")),
        (r#"{"uuid":"c"}"#, Some("c")),
        (r#"{"id":42}"#, Some("42")),
        (r#"{"channel":"phone"}"#, None),
    ] {
        let (agent_connect, _) = server(200, body).await;
        assert_eq!(agent_connect.send(&jane()).await.expect("accepted").request_id.as_deref(), id, "{body}");
    }
}

#[tokio::test]
async fn rejections_are_distinguished() {
    let send = async |status, body| {
        let (agent_connect, _) = server(status, body).await;
        agent_connect.send(&jane()).await.expect_err("refused")
    };
    let rejected = send(400, r#"{"errors":["Employee not found"]}"#).await;
    assert_eq!(rejected.to_string(), "Agent Connect refused (status 400): Employee not found");
    assert!(matches!(send(401, "").await, SendError::KeyRefused));
    assert!(matches!(send(403, "").await, SendError::KeyRefused));
    for status in [425, 429, 503] {
        let wait = send(status, "").await;
        assert!(matches!(wait, SendError::Overloaded { retry_after: Some(wait), .. } if wait.as_secs() == 7));
    }
    for status in [408, 500, 502, 504] {
        let why = "it may have been written down before that";
        let error = send(status, "").await;
        assert!(matches!(error, SendError::ServerError { status: told } if told == status), "{status}: {why}");
        assert!(error.to_string().contains("answered"), "{error}");
    }
    assert!(matches!(send(307, "").await, SendError::Redirected { status: 307 }));
}

#[tokio::test]
async fn refused_connection_is_not_sent_and_broken_one_is_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let agent_connect = client(&address);
    let hang_up = async {
        let (mut line, _) = listener.accept().await.expect("a call");
        let mut heard = [0; 1024];
        let _ = tokio::io::AsyncReadExt::read(&mut line, &mut heard).await;
    };
    let request = jane();
    let (broken, ()) = tokio::join!(agent_connect.send(&request), hang_up);
    assert!(matches!(broken, Err(SendError::NoAnswer(Some(_)))), "{broken:?}");
    drop(listener);
    // Another client: the first one may have a connection in the backlog of the listener that was just closed.
    let closed = client(&address).send(&jane()).await;
    assert!(matches!(closed, Err(SendError::NotSent(_))), "{closed:?}");
}

#[tokio::test]
async fn check_accepts_404_and_rejects_a_wrong_key() {
    for status in [200, 404] {
        server(status, "").await.0.check().await.expect("the key is accepted");
    }
    assert!(matches!(server(403, "").await.0.check().await, Err(SendError::KeyRefused)));
}

#[test]
fn key_and_customer_are_not_in_debug_output() {
    assert!(!format!("{:?}", client("http://127.0.0.1:1")).contains("test-key"));
    let accepted = Accepted { request_id: None, raw: Some(json!({ "email": "janecustomer@example.com" })) };
    assert!(!format!("{accepted:?}").contains("jane"));
}

/// Each says nothing of the request: whether it was taken is unknown, and it is not sent again by itself.
#[tokio::test]
async fn page_with_status_200_is_an_error() {
    let texts = ["<!DOCTYPE html><p>Sign in</p>", " \n<html>", "OK", "[]", "true", "17", "\"taken\"", "null"];
    let errors = [r#"{"error":"rate limited","code":429}"#, r#"{"errors":["Employee not found"]}"#, "", "{\"id\":"];
    for body in texts.into_iter().chain(errors) {
        let (agent_connect, _) = server(200, body).await;
        let error = agent_connect.send(&jane()).await.expect_err(body);
        assert!(matches!(error, SendError::UnusableReceipt { .. }), "{body}: {error}");
        assert!(error.to_string().contains("unknown"), "{error}");
    }
    for (status, body) in [(200, "{\"error\":null}"), (201, "{}"), (200, "\u{feff}{\"id\":1}")] {
        let (agent_connect, _) = server(status, body).await;
        agent_connect.send(&jane()).await.expect(body);
    }
    let (agent_connect, _) = server(302, "").await;
    let error = agent_connect.send(&jane()).await.expect_err("a redirect");
    assert!(matches!(error, SendError::Redirected { status: 302 }) && error.to_string().contains("not followed"));
}
