//! Against events and a server written from the upstream's document.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

use super::wire::Message;
use super::*;
use base::http;

fn message_event() -> Value {
    let customer = json!({ "email": "[email protected]", "first_name": "Chester", "last_name": "COPPERPOT" });
    let new = json!({ "id": "vdJmjjLk8D", "created_date": "2020-02-06T09:20:39.810686+01:00", "type": "Message",
        "content": "I need more information.", "attachment": null, "sender": customer });
    let reply = json!({ "id": "54EjZ70lxy", "created_date": "2020-02-05T12:20:39.810686+01:00", "type": "text",
        "content": "Thank you for your feedback.", "attachment": null, "sender": null });
    json!({
        "event_type": "message",
        "response": {
            "id": "vdOpL1NJ74l", "token": "1234abcd1234abcd1234abcd1234abcd",
            "created_date": "2020-02-05T10:20:39.810686+01:00", "updated_date": "2020-02-05T10:20:39.810686+01:00",
            "source": "email", "state": "closed", "thread": "12AB34", "alert_triggered": false,
            "survey": { "id": "12AB34", "slug": "survey1", "label": "survey 1", "enabled": true },
            "answers": [{ "id": "12AB34", "value": 5, "question":
                { "id": "12AB34", "title": "**Recommanderiez-vous** /PLACE/ ?", "type": "nps", "enabled": true } }],
            "message": { "id": "mxo1B0eGdj", "type": "Problem", "content": "Often wrong.", "sender": customer },
            "reply": reply, "user": customer,
            "context": { "email": "[email protected]", "phone": "", "crm_id": "", "last_name": "COPPERPOT",
                "extra": { "transaction_date": "2020-01-28", "session": 82673, "empty": "", "nested": {} } },
            "place": { "id": "jdprBX2pxM", "partner_id": "1234", "name": "place name", "enabled": true },
            "delegated_to": null, "attached_messages": [new, reply],
            "actions": { "message": "https://api.goodays.coapi/v2/responses/12AB34/message" }
        },
        "message": new
    })
}

fn parse(event: &Value) -> Event {
    Event::parse(event.to_string().as_bytes()).expect("an event")
}

#[test]
fn message_event_is_parsed_completely() {
    let event = parse(&message_event());
    let response = &event.response;
    assert_eq!(event.kind, EventKind::Message);
    assert_eq!(event.message.as_ref().map(|message| message.id.as_str()), Some("vdJmjjLk8D"));
    assert_eq!(response.id, "vdOpL1NJ74l");
    assert_eq!(
        response.created,
        "2020-02-05T09:20:39.810686Z".parse().ok().map(crate::upstream::tolerant::WrittenTime::Known)
    );
    assert_eq!((response.state.as_deref(), response.survey.as_deref()), (Some("closed"), Some("survey 1")));
    assert_eq!((&response.answers[0].value, response.answers[0].question_type.as_deref()), (&json!(5), Some("nps")));
    let thread: Vec<&str> = response.attached_messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(thread, ["vdJmjjLk8D", "54EjZ70lxy"]);
    assert!(response.reply.is_some() && response.delegated_to.is_none());
    assert_eq!(response.place.as_ref().and_then(|place| place.partner_id.as_deref()), Some("1234"));
    assert_eq!(response.actions, ["message"]);
}

#[test]
fn empty_text_is_absent_and_a_number_is_text() {
    let context = parse(&message_event()).response.context;
    assert!(context.phone.is_none() && context.crm_id.is_none());
    let extra = [("session", "82673"), ("transaction_date", "2020-01-28")];
    assert_eq!(context.extra, extra.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn delegation_is_parsed_in_every_spelling() {
    for spelling in ["delegated", "delegate", "Delegation"] {
        let mut event = message_event();
        event["event_type"] = json!(spelling);
        event["response"]["delegated_to"] = json!({ "id": "ap4M7B1w82", "partner_id": "CustomerService" });
        let event = parse(&event);
        assert_eq!(event.kind, EventKind::Delegated);
        assert_eq!(event.event_type, spelling);
        assert_eq!(event.response.delegated_to.and_then(|place| place.id).as_deref(), Some("ap4M7B1w82"));
    }
}

#[test]
fn event_of_unknown_type_is_an_error_without_content() {
    for name in ["archived", "survey_deleted", "response_deleted", "responses", "callboard.reconciled"] {
        let mut event = message_event();
        event["event_type"] = json!(name);
        let found = Event::parse(event.to_string().as_bytes());
        assert!(matches!(found, Err(WireError::UnknownType(found)) if found == name), "{name}");
    }
    for name in [json!(null), json!(""), json!(" "), json!({}), json!([])] {
        let mut event = message_event();
        event["event_type"] = name.clone();
        assert!(matches!(Event::parse(event.to_string().as_bytes()), Err(WireError::NoType)), "{name}");
    }
}

#[test]
fn malformed_fields_are_absent_in_a_valid_event() {
    let odd = json!({ "event_type": "response", "new": [1], "response": { "id": "a", "answers": "none", "actions": [],
        "created_date": "yesterday", "message": "text", "place": 3, "user": null, "attached_messages": [null, {}] } });
    let response = parse(&odd).response;
    assert!(response.created.is_none() && response.place.is_none());
    assert_eq!(response.message.and_then(|message| message.content).as_deref(), Some("text"), "whatever shape it has");
    assert!(response.answers.is_empty() && response.actions.is_empty() && response.attached_messages.is_empty());
    let marked = [b"\xEF\xBB\xBF".as_slice(), odd.to_string().as_bytes()].concat();
    assert!(Event::parse(&marked).is_ok());
}

#[test]
fn titles_answers_and_actions_are_parsed_in_every_shape() {
    let response = |response: Value| {
        let mut whole = json!({ "id": "a" });
        whole.as_object_mut().unwrap().extend(response.as_object().unwrap().clone());
        parse(&json!({ "event_type": "response", "response": whole })).response
    };
    for (title, expected) in [
        (json!("Why?"), Some("Why?")),
        (json!({ "fr": "Pourquoi ?", "en": "Why?" }), Some("Why?")),
        (json!({ "fr": "Pourquoi ?", "en-GB": "Why?" }), Some("Why?")),
        (json!({ "fr": "Pourquoi ?", "de": null }), Some("Pourquoi ?")),
        (json!([{ "locale": "fr", "value": "Pourquoi ?" }, { "locale": "en_US", "value": "Why?" }]), Some("Why?")),
        (json!({ "label": "Why?" }), Some("Why?")),
        (json!(7), Some("7")),
        (json!({}), None),
        (json!(null), None),
    ] {
        let read = response(json!({ "answers": [{ "value": 1, "question": { "title": title, "type": "choice" } }] }));
        assert_eq!(read.answers[0].title.as_deref(), expected, "{title}");
    }
    for (kind, value, expected) in [
        ("nps", json!(9), json!(9)),
        ("nps", json!({ "label": "9 - very likely", "value": 9 }), json!(9)),
        ("NPS", json!({ "label": "nine", "value": "9" }), json!("9")),
        ("nps", json!("NaN"), json!(null)),
        ("choice", json!({ "label": "Delivery", "value": 123 }), json!("Delivery")),
        ("choice", json!({ "label": { "fr": "Livraison", "en": "Delivery" }, "value": 123 }), json!("Delivery")),
        (
            "choice",
            json!([{ "label": "Delivery", "value": 1 }, { "value": "price" }, "other"]),
            json!(["Delivery", "price", "other"]),
        ),
        ("choice", json!({ "fr": "oui", "en": "yes" }), json!("yes")),
        ("choice", json!({ "x": 1, "other": 2 }), json!({ "x": 1, "other": 2 })),
        ("text", json!("NaN"), json!("NaN")),
        ("text", json!(null), json!(null)),
    ] {
        let read =
            response(json!({ "answers": [{ "value": value, "question": { "title": "?", "type": kind } }, 7, null] }));
        assert_eq!((read.answers.len(), &read.answers[0].value), (1, &expected), "{kind} {value}");
    }
    for (actions, expected) in [
        (
            json!({ "reply": "https://api.goodays.co/v2/responses/a/reply", "call": null, "close": false }),
            vec!["reply", "call"],
        ),
        (json!(["reply", "Call", 7, null]), vec!["reply", "call"]),
        (
            json!([{ "name": "reply", "url": "https://api.goodays.co/x" }, { "action": "CLOSE" }]),
            vec!["reply", "close"],
        ),
        (json!({ "name": "message", "href": "https://api.goodays.co/x" }), vec!["message"]),
        (json!([{ "reply": "https://api.goodays.co/x" }]), vec!["reply"]),
        (json!("reply"), vec!["reply"]),
        (json!(["https://api.goodays.co/v2/responses/a/reply"]), vec![]),
        (json!(["translate"]), vec!["translate"]),
        (json!(true), vec![]),
    ] {
        let mut read = response(json!({ "actions": actions })).actions;
        read.sort_by_key(|name| expected.iter().position(|other| other == name));
        assert_eq!(read, expected, "{actions}");
    }
    for (flag, expected) in
        [(json!("true"), true), (json!("TRUE"), true), (json!(1), true), (json!("no"), false), (json!([]), false)]
    {
        assert_eq!(response(json!({ "alert_triggered": flag })).alert_triggered, expected, "{flag}");
    }
    let read =
        response(json!({ "answers": { "value": 5, "question": "How was it?" }, "attached_messages": { "id": 7.0,
            "content": "x" },
        "survey": { "label": { "en": "After a call", "fr": "Apres" } }, "place": { "id": 901.0,
        "name": { "fr": "Lyon" } } }));
    assert_eq!((read.answers[0].title.as_deref(), read.attached_messages[0].id.as_str()), (Some("How was it?"), "7"));
    let place = read.place.expect("a place");
    assert_eq!(
        (read.survey.as_deref(), place.id.as_deref(), place.name.as_deref()),
        (Some("After a call"), Some("901"), Some("Lyon"))
    );
}

#[test]
fn odd_byte_does_not_lose_the_event() {
    for (body, content) in [
        (&br#""content":"Great \ud83d""#[..], "Great \u{fffd}"),
        (br#""x":-1e999,"content":"Great""#, "Great"),
        (b"\"content\":\"caf\xe9\"", "caf\u{fffd}"),
        (b"\"content\":\"a\nb\"", "a\nb"),
    ] {
        let begin = br#"{"event_type":"response","extra":1e400,"response":{"id":"a","message":{"id":"m","#;
        let response = Event::parse(&[b"\xef\xbb\xbf", &begin[..], body, b"}}}"].concat()).expect("an event").response;
        assert_eq!(response.message.and_then(|message| message.content).as_deref(), Some(content));
    }
}

#[test]
fn event_needs_json_and_an_id() {
    for odd in [b"{".as_slice(), b"", b"\xff\xfe", b"hello"] {
        assert!(matches!(Event::parse(odd), Err(WireError::NotJson { .. })), "{odd:?}");
    }
    for odd in [b"[]".as_slice(), br#""text""#, b"7", b"null", br#"{"response":{"id":"a"}}"#] {
        assert!(matches!(Event::parse(odd), Err(WireError::NoType)), "{odd:?}");
    }
    assert!(matches!(Event::parse(br#"{"event_type":"response"}"#), Err(WireError::NoResponse)));
}

#[test]
fn customer_text_is_not_in_debug_output() {
    let shown = format!("{:?}", parse(&message_event()));
    assert!(!shown.contains("wrong") && !shown.contains("1234abcd") && !shown.contains("COPPERPOT"), "{shown}");
    let action = reply("Secret words");
    assert_eq!(format!("{action:?}"), "Action(reply)");
}

#[test]
fn same_message_is_equal_in_every_place() {
    let event = parse(&message_event());
    let first: Option<&Message> = event.response.attached_messages.first();
    assert!(first == event.message.as_ref());
}

type Calls = Arc<Mutex<Vec<(Method, String, HeaderMap, Value)>>>;

/// Answers everything with one status and body, and remembers what it was asked.
async fn server(status: StatusCode, body: &'static str) -> (Goodays, Calls) {
    let calls = Calls::default();
    type Call = (Method, Uri, HeaderMap);
    let answer = move |State(calls): State<Calls>, (method, uri, headers): Call, sent: Bytes| async move {
        let sent = serde_json::from_slice(&sent).unwrap_or_default();
        calls.lock().unwrap().push((method, uri.to_string(), headers, sent));
        (status, [("retry-after", "7")], body)
    };
    let app = Router::new().fallback(answer).with_state(calls.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}/v2", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (client(&root), calls)
}

fn client(root: &str) -> Goodays {
    let http = http::client().expect("a client");
    Goodays::new(http, &root.parse().expect("a URL"), &"1234abcd1234".into()).expect("a client")
}

fn reply(content: &str) -> Action {
    Action::Reply { content: content.into(), user: Some("1a2b3c4".into()), remark_type: None }
}

#[tokio::test]
async fn action_is_put_with_the_raw_token_and_an_escaped_id() {
    let (goodays, calls) = server(StatusCode::NO_CONTENT, "").await;
    goodays.act("646RjJ5Z49", &reply("Dear Customer")).await.expect("done");
    goodays.act("../users?a=b#c", &Action::Spam { user: None }).await.expect("done");
    let calls = calls.lock().unwrap();
    let (method, path, headers, body) = &calls[0];
    assert_eq!((method, path.as_str()), (&Method::PUT, "/v2/responses/646RjJ5Z49/reply"));
    assert_eq!(headers["authorization"], "1234abcd1234");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(*body, json!({ "content": "Dear Customer", "user": "1a2b3c4" }));
    assert_eq!((calls[1].1.as_str(), &calls[1].3), ("/v2/responses/..%2Fusers%3Fa=b%23c/spam", &json!({})));
}

#[tokio::test]
async fn invalid_request_is_not_sent() {
    let (goodays, calls) = server(StatusCode::OK, "").await;
    let call = Action::Call { user: None, rating: Some(6), note: None };
    assert!(matches!(goodays.act("a", &call).await, Err(CallError::Invalid(_))));
    assert!(matches!(goodays.act("a", &reply("  ")).await, Err(CallError::Invalid(_))));
    assert!(matches!(goodays.act("..", &reply("x")).await, Err(CallError::Invalid(_))));
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn user_is_found_by_email_in_a_list_or_a_page() {
    for body in [r#"{"results":[{"id":"1a2b3c4"}]}"#, r#"[{"id":"1a2b3c4"}]"#, r#"{"id":"1a2b3c4"}"#] {
        let (goodays, calls) = server(StatusCode::OK, body).await;
        assert_eq!(goodays.user("jen+x@example.com").await.expect("found").as_deref(), Some("1a2b3c4"));
        assert_eq!(calls.lock().unwrap()[0].1, "/v2/users?email=jen%2Bx%40example.com");
    }
    let (goodays, _) = server(StatusCode::OK, r#"{"results":[]}"#).await;
    assert_eq!(goodays.user("unknown@example.com").await.expect("asked"), None);
    goodays.check().await.expect("the token is accepted");
}

#[tokio::test]
async fn rejections_are_distinguished() {
    let act = async |status: u16, body| {
        let (goodays, _) = server(StatusCode::from_u16(status).expect("a status"), body).await;
        goodays.act("a", &reply("x")).await.expect_err("refused")
    };
    assert!(matches!(act(401, "No API key found in request").await, CallError::KeyRefused { status: 401 }));
    assert!(matches!(act(403, "").await, CallError::KeyRefused { status: 403 }));
    let rejected = act(400, r#"{"message":"Already closed"}"#).await;
    assert_eq!(rejected.to_string(), "Goodays refused (status 400): Already closed");
    assert!(matches!(act(301, "").await, CallError::Redirected { status: 301 }));
    for status in [429, 503] {
        let wait = act(status, "").await;
        assert!(matches!(wait, CallError::Overloaded { retry_after: Some(wait), .. } if wait.as_secs() == 7));
    }
    for status in [500, 502, 504] {
        let error = act(status, "").await;
        assert!(matches!(error, CallError::ServerError { status: told } if told == status), "{error}");
        assert!(error.to_string().contains("answered"), "{error}");
    }
    let error = act(302, "").await;
    assert!(matches!(error, CallError::Redirected { status: 302 }) && error.to_string().contains("not followed"));
    let errors = [r#"{"error":"rate limited"}"#, r#"{"errors":[{"title":"no"}]}"#, "{\"id\":"];
    for odd in ["<html>Sign in</html>", "upstream connect error"].into_iter().chain(errors) {
        let error = act(200, odd).await;
        assert!(matches!(error, CallError::UnusableReceipt(_)) && error.to_string().contains("unknown"), "{error}");
    }
    assert!(matches!(act(206, "{}").await, CallError::UnusableReceipt(_)));
    // The connection may have broken after the action was done (reliability.md O1).
    assert!(matches!(act(500, "").await, CallError::ServerError { status: 500 }));
}

#[tokio::test]
async fn refused_connection_is_not_sent_and_broken_one_is_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let goodays = client(&format!("http://{}", listener.local_addr().expect("an address")));
    let hang_up = async {
        let (mut line, _) = listener.accept().await.expect("a call");
        let mut heard = [0; 1024];
        let _ = tokio::io::AsyncReadExt::read(&mut line, &mut heard).await;
    };
    let (broken, ()) = tokio::join!(goodays.check(), hang_up);
    assert!(matches!(broken, Err(CallError::NoAnswer(Some(_)))), "{broken:?}");
    drop(listener);
    let closed = goodays.check().await;
    assert!(matches!(closed, Err(CallError::NotSent(_))), "{closed:?}");
}

/// What a customer said is not lost for want of an identity, and is one text however often it comes.
#[test]
fn text_without_an_id_gets_one_by_its_content() {
    let message = |message: Value| {
        let event = json!({"event_type": "message", "response": {"id": "x"}, "message": message});
        super::wire::Event::parse(event.to_string().as_bytes()).expect("an event").message.expect("a text")
    };
    let (first, again) =
        (message(json!({"id": null, "content": "CANCEL"})), message(json!({"id": null, "content": "CANCEL"})));
    assert_eq!((first.content.as_deref(), &first.id), (Some("CANCEL"), &again.id));
    assert_ne!(message(json!({"id": {}, "content": "ANOTHER"})).id, first.id);
    assert_eq!(message(json!("CANCEL")).content.as_deref(), Some("CANCEL"));
    assert_eq!(
        message(json!({"id": "m", "content": {"fr": "BONJOUR", "en": "HELLO"}})).content.as_deref(),
        Some("HELLO")
    );
    let two_links = json!({"id": "m", "attachment": {"url": "javascript:alert(1)", "href": "https://ok.example/a"}});
    assert_eq!(message(two_links).attachments, ["https://ok.example/a"]);
}

/// Ids that were rounded when they were read may have been two.
#[test]
fn id_beyond_exact_numbers_is_none() {
    for id in ["12345678901234567890123", "9007199254740993.0", "-9007199254740993.0"] {
        let event = format!(r#"{{"event_type": "response", "response": {{"id": {id}}}}}"#);
        assert!(matches!(Event::parse(event.as_bytes()), Err(WireError::NoResponse)), "{id}");
    }
    let event = r#"{"event_type": "response", "response": {"id": 9007199254740993}}"#;
    assert_eq!(Event::parse(event.as_bytes()).expect("an event").response.id, "9007199254740993");
}

#[test]
fn malformed_texts_and_answers_are_counted() {
    let dropped = |response: serde_json::Value, message: serde_json::Value| {
        let mut event = serde_json::json!({"event_type": "message", "response": {"id": "x"}, "message": message});
        event["response"].as_object_mut().unwrap().extend(response.as_object().unwrap().clone());
        super::wire::Event::parse(event.to_string().as_bytes()).expect("an event").response.dropped
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    for (response, message, expected) in [
        ("{}", "null", 0),
        (r#"{"answers": [], "attached_messages": null, "message": {}, "reply": ""}"#, "[]", 0),
        (
            r#"{"answers": [{"value": 5}, "?", null],
                "attached_messages": [{"id": "m"}, {"sender": {"email": "a@b.example"}}]}"#,
            "null",
            3,
        ),
        (r#"{"message": {"type": "x"}, "reply": {"id": "m"}}"#, r#"{"type": "x"}"#, 2),
        (r#"{"message": {"id": "m"}, "reply": 7}"#, r#"{"id": "n"}"#, 1),
    ] {
        assert_eq!(dropped(json(response), json(message)), expected, "{response} {message}");
    }
}
