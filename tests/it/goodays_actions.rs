//! Actions on Goodays responses: only those offered, once, by name, and their outcome is shown.

use base::Clock;
use callboard::domain::FeedbackActionKind;
use callboard::store::NewOutboxEntry;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::goodays::{Mock, Next, send};
use crate::support::server::TestServer;

/// Does something, with a key if there is one.
async fn act(server: &TestServer, what: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = server.http.post(server.at(&format!("/api/v1/feedback/{what}"))).json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// Waits until the response is as wanted.
async fn until(server: &TestServer, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    server.until("feedback", what, |state| wanted(&state["feedback"][id])).await["feedback"][id].clone()
}

fn deeds(response: &Value) -> Vec<Value> {
    let mut all: Vec<Value> =
        response["actions"].as_object().into_iter().flat_map(serde_json::Map::values).cloned().collect();
    all.sort_by_key(|deed| deed["at"].as_str().unwrap_or_default().to_owned());
    all
}

fn states(response: &Value) -> Vec<String> {
    deeds(response).iter().map(|deed| deed["state"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A server that has heard of response `r1`.
async fn with_a_response(mock: &Mock) -> TestServer {
    let server = mock.server(|_| ()).await;
    hear(&server, &mock.customer_answers("r1", |_| ())).await;
    server
}

async fn hear(server: &TestServer, event: &Value) {
    send(server, event).await;
    let id = event["response"]["id"].as_str().expect("an id");
    until(server, id, "the response", Value::is_object).await;
}

fn standing() -> Clock {
    Clock::manual("2026-11-20T13:00:00Z".parse().expect("an instant"))
}

fn text(content: &str) -> Value {
    json!({"content": content, "who": "Jennifer"})
}

#[tokio::test]
async fn every_action_reaches_goodays_the_page_and_the_audit() {
    let mock = Mock::open().await;
    let server = mock.server(|_| ()).await;
    let me = json!({"who": "Jennifer", "email": "jennifer@example.com"});
    let with = |fields: Value| {
        let mut body = me.clone();
        body.as_object_mut().expect("a map").extend(fields.as_object().expect("a map").clone());
        body
    };
    let user = "1a2b3c4";
    let actions = [
        (
            "reply",
            json!({"content": "Dear Customer, we are sorry.", "remark_type": "problem"}),
            json!({"content": "Dear Customer, we are sorry.", "remark_type": "Problem", "user": user}),
        ),
        (
            "call",
            json!({"rating": 5, "note": "A misunderstanding."}),
            json!({"rating": 5, "note": "A misunderstanding.", "user": user}),
        ),
        ("close", json!({}), json!({"user": user})),
        ("spam", json!({}), json!({"user": user})),
    ];
    for (action, body, sent) in &actions {
        hear(&server, &mock.customer_answers(action, |_| ())).await;
        let (status, answer) = act(&server, &format!("{action}/{action}"), None, &with(body.clone())).await;
        assert_eq!((status, &answer["state"]), (202, &json!("queued")), "{answer}");
        let after = until(&server, action, "the end", |it| states(it) == ["accepted"]).await;
        assert_eq!(deeds(&after)[0]["who"], "Jennifer");
        let after = until(&server, action, "that it is over", |it| it["state"] == "closed").await;
        assert!(after.get("offeredActions").is_none() && after["needsReply"] == false, "{after}");
        assert_eq!(mock.done().last(), Some(&(format!("{action}/{action}"), sent.clone())));
    }
    // The customer writes again, and only a private message is offered, though the thread is closed.
    let again = mock.customer_writes("reply", "vdJmjjLk8D", "How long does it last?");
    send(&server, &again).await;
    let open = until(&server, "reply", "the message", |it| it["needsReply"] == true && it["state"] == "closed").await;
    assert_eq!(open["offeredActions"], json!({"message": true}));
    assert_eq!(act(&server, "reply/message", None, &with(json!({"content": "Until March."}))).await.0, 202);
    let after = until(&server, "reply", "the message's end", |it| states(it) == ["accepted", "accepted"]).await;
    assert_eq!(mock.done().last(), Some(&("reply/message".into(), json!({"content": "Until March.", "user": user}))));
    let after = if after["needsReply"] == false {
        after
    } else {
        until(&server, "reply", "an end", |it| it["needsReply"] == false).await
    };
    assert!(deeds(&after)[0].get("text").is_none(), "what stands in the thread is not said twice: {after}");

    assert_eq!(mock.asked("GET users").len(), 1, "a colleague is looked up once");
    assert_eq!(mock.wrong(), Vec::<String>::new());
    let lines = server.application.store.audit().newest(100).await.expect("the audit");
    let told: Vec<_> = lines.iter().rev().map(|line| (line.action.as_str(), line.actor.name.as_deref())).collect();
    let told_of = ["reply", "call", "close", "spam", "message"].map(|action| format!("feedback.{action}"));
    assert_eq!(told, told_of.iter().map(|what| (what.as_str(), Some("Jennifer"))).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line.ended.as_ref().is_some_and(|end| end.outcome == "accepted")));
    assert!(!format!("{lines:?}").contains("sorry"), "the audit keeps no words");
    let counted = server.get("/metrics").await.text().await.expect("a text");
    assert!(counted.contains("callboard_actions_total{action=\"feedback.call\",result=\"accepted\"} 1"), "{counted}");
    server.stop().await;
}

#[tokio::test]
async fn invalid_or_unoffered_action_is_refused_and_not_sent() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    let review = mock.customer_answers("g1", |it| it["source"] = json!("Google"));
    hear(&server, &review).await;
    hear(&server, &mock.customer_answers("d1", |_| ())).await;
    send(&server, &mock.manager_delegates("d1")).await;
    until(&server, "d1", "the delegation", |it| it["delegatedTo"] == "Customer Service").await;

    for (what, body, status, kind) in [
        ("r1/message", text("Hello"), 409, "not-offered"),
        ("d1/call", json!({}), 409, "not-offered"),
        ("r1/no-answer-needed", json!({}), 409, "not-offered"),
        ("nobody/reply", text("Hello"), 404, "not-found"),
        ("r1/sing", text("Hello"), 404, "not-found"),
        ("r1/reply", text("  "), 422, "not-valid"),
        ("r1/reply", json!({}), 422, "not-valid"),
        ("r1/reply", json!({"content": "Hello", "colour": "blue"}), 422, "not-valid"),
        ("r1/reply", json!({"content": "Hello", "remark_type": "Rant"}), 422, "not-valid"),
        ("r1/call", json!({"rating": 6}), 422, "not-valid"),
        ("r1/call", json!({"rating": "5 stars"}), 422, "not-valid"),
        ("r1/spam", text("Hello"), 422, "not-valid"),
        ("g1/reply", text("Hello"), 422, "not-valid"),
        ("g1/close", json!({}), 422, "not-valid"),
    ] {
        let (found, problem) = act(&server, what, None, &body).await;
        assert_eq!(
            (found, &problem["type"]),
            (status, &json!(format!("urn:callboard:problem:{kind}"))),
            "{what} {body}"
        );
        assert!(problem["title"].as_str().is_some_and(|title| title.ends_with('.')), "{problem}");
    }
    let (_, problem) = act(&server, "r1/message", None, &text("Hello")).await;
    assert_eq!(problem["offered"], json!(["call", "close", "reply", "spam"]));
    assert_eq!(mock.asked("PUT"), Vec::<String>::new());
    assert!(server.application.store.outbox().newest("goodays.deed", 10).await.expect("read").is_empty());
    // With its kind it is taken.
    assert_eq!(act(&server, "g1/reply", None, &json!({"content": "Hello", "remark_type": "Praise"})).await.0, 202);
    until(&server, "g1", "its end", |it| states(it) == ["accepted"]).await;
    assert_eq!(mock.done(), [("g1/reply".to_owned(), json!({"content": "Hello", "remark_type": "Praise"}))]);
    server.stop().await;
}

#[tokio::test]
async fn repeated_or_concurrent_reply_is_sent_once() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    let words = text("Dear customer");
    let presses = (0..8).map(|_| act(&server, "r1/reply", Some("one"), &words));
    let answers = futures_util::future::join_all(presses).await;
    assert!(answers.iter().all(|(status, answer)| *status == 202 && answer["id"] == answers[0].1["id"]), "{answers:?}");
    until(&server, "r1", "the end", |it| states(it) == ["accepted"]).await;
    // Also when it has long been done, and nothing is offered any more.
    let (status, late) = act(&server, "r1/reply", Some("one"), &words).await;
    assert_eq!((status, &late["id"], &late["state"]), (202, &answers[0].1["id"], &json!("accepted")));
    let (status, problem) = act(&server, "r1/reply", Some("one"), &text("Other words")).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:callboard:problem:conflict")));

    hear(&server, &mock.customer_answers("r2", |_| ())).await;
    let rivals =
        (0..8).map(|number| {
            let server = &server;
            async move {
                act(server, "r2/reply", Some(&format!("key-{number}")), &text(&format!("Answer {number}"))).await.0
            }
        });
    let statuses = futures_util::future::join_all(rivals).await;
    assert!(statuses.iter().all(|status| [202, 409].contains(status)), "{statuses:?}");
    let after = until(&server, "r2", "an end of all", |it| {
        !states(it).is_empty() && states(it).iter().all(|state| state == "accepted" || state == "rejected")
    })
    .await;
    assert_eq!(states(&after).iter().filter(|state| *state == "accepted").count(), 1, "{after}");
    assert_eq!(mock.asked("PUT").len(), 2, "one for each response: {:?}", mock.asked("PUT"));
    server.stop().await;
}

#[tokio::test]
async fn reply_after_one_in_goodays_is_refused_and_shows_it() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    mock.operator_acts("r1", "reply", &json!({"content": "We called you this morning."}));
    assert_eq!(act(&server, "r1/reply", None, &text("Dear customer")).await.0, 202);
    let after = until(&server, "r1", "the colleague's answer", |it| {
        states(it) == ["rejected"] && it["messages"].as_object().is_some_and(|texts| texts.len() == 2)
    })
    .await;
    let reason = deeds(&after)[0]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.starts_with("Already handled") && reason.contains("has been processed already."), "{reason}");
    assert_eq!(deeds(&after)[0]["text"], "Dear customer", "what was written is not lost");
    assert_eq!(after["state"], "closed");
    assert_eq!(mock.asked("PUT").len(), 1, "it is not tried again");
    server.stop().await;
}

#[tokio::test]
async fn action_without_answer_is_found_done_and_not_resent() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    for (id, next) in [("r1", Next::DoneBut(500)), ("r2", Next::DoneBut(504)), ("r3", Next::DoneInSilence)] {
        if id != "r1" {
            hear(&server, &mock.customer_answers(id, |_| ())).await;
        }
        mock.next(next);
        assert_eq!(act(&server, &format!("{id}/reply"), None, &text("Dear\ncustomer")).await.0, 202);
        until(&server, id, "the truth", |it| states(it) == ["accepted"]).await;
    }
    assert_eq!(mock.asked("PUT").len(), 3);
    assert_eq!(mock.done().len(), 3, "double effects: none");
    let lines = server.application.store.audit().newest(2).await.expect("the audit");
    assert_eq!((lines[0].action.as_str(), lines[1].action.as_str()), ("feedback.lookup", "feedback.reply"));
    assert_eq!(lines[1].ended.as_ref().map(|end| end.outcome.as_str()), Some("unknown"));
    server.stop().await;
}

#[tokio::test]
async fn action_known_to_have_failed_is_sent_again() {
    let mock = Mock::open().await;
    let clock = standing();
    let server = mock.server_at(clock.clone(), |_| ()).await;
    hear(&server, &mock.customer_answers("r1", |_| ())).await;
    mock.next(Next::Refused(500));
    assert_eq!(act(&server, "r1/close", None, &json!({})).await.0, 202);
    until(&server, "r1", "the doubt", |it| states(it) == ["unknown"]).await;
    // A press on "look it up" changes nothing while Goodays may still be at it.
    let deed = deeds(&server.state("feedback").await["state"]["feedback"]["r1"])[0].clone();
    let id = server.state("feedback").await["state"]["feedback"]["r1"]["actions"]
        .as_object()
        .expect("deeds")
        .keys()
        .next()
        .cloned();
    let retry = format!("r1/actions/{}/retry", id.expect("a deed"));
    assert_eq!(deed["attempts"], 1);
    let looked = mock.asked("bulk").len();
    assert_eq!(act(&server, &retry, None, &json!({})).await.1["state"], "unknown");
    while mock.asked("bulk").len() == looked {
        tokio::task::yield_now().await;
    }
    assert_eq!(mock.asked("PUT").len(), 1);
    clock.advance(SignedDuration::from_secs(61));
    assert_eq!(act(&server, &retry, None, &json!({})).await.0, 202);
    let after = until(&server, "r1", "the end", |it| states(it) == ["accepted"]).await;
    assert_eq!((mock.asked("PUT").len(), mock.done().len()), (2, 1));
    assert_eq!(deeds(&after)[0]["attempts"], 2);
    server.stop().await;
}

#[tokio::test]
async fn action_in_flight_at_kill_is_looked_up_and_not_resent() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    let stand = "whatever it was";
    let stopped = server.stop().await;
    let store = stopped.store();
    let body = json!({"response": "r1", "kind": "reply", "action": {"action": "reply", "content": "Dear customer"}});
    let intent = NewOutboxEntry {
        key: "feedback: k".into(),
        kind: "goodays.action".into(),
        body,
        context: json!({"actor": {"kind": "unknown", "name": "Jennifer"}, "revision": stand, "seen": ["mxo1B0eGdj"]}),
    };
    let id = store.outbox().enqueue(intent).await.expect("written").entry.id;
    store.outbox().claim(&id).await.expect("asked").expect("claimed");
    drop(store);
    // The request had arrived: Goodays did it.
    mock.operator_acts("r1", "reply", &json!({"content": "Dear customer"}));
    let server = stopped.restart().await;
    let after = until(&server, "r1", "the truth", |it| states(it) == ["accepted"]).await;
    assert_eq!(deeds(&after)[0]["who"], "Jennifer");
    assert_eq!(mock.asked("PUT"), Vec::<String>::new());
    server.stop().await;
}

#[tokio::test]
async fn unknown_outcome_without_lookup_waits_for_a_person() {
    let mock = Mock::open().await;
    mock.has_list(false);
    let server = with_a_response(&mock).await;
    mock.next(Next::Refused(502));
    assert_eq!(act(&server, "r1/reply", None, &text("Dear customer")).await.0, 202);
    let doubt = until(&server, "r1", "the doubt", |it| states(it) == ["unknown"]).await;
    assert!(deeds(&doubt)[0]["reason"].as_str().is_some_and(|why| why.contains("unknown")), "{doubt}");
    // Meanwhile nobody else ends the conversation.
    let (status, problem) = act(&server, "r1/spam", None, &json!({})).await;
    assert_eq!((status, problem["who"].as_str()), (409, Some("Jennifer")));
    let id = doubt["actions"].as_object().expect("deeds").keys().next().expect("a deed").clone();
    let retry = format!("r1/actions/{id}/retry");
    assert_eq!(act(&server, &retry, None, &json!({})).await.1["state"], "unknown");
    assert_eq!(act(&server, &retry, None, &json!({"sure": true, "who": "Ann"})).await.1["state"], "queued");
    until(&server, "r1", "the end", |it| states(it) == ["accepted"]).await;
    assert_eq!(mock.done().len(), 1);
    let lines = server.application.store.audit().newest(10).await.expect("the audit");
    assert!(
        lines.iter().any(|line| line.action == "feedback.retry" && line.actor.name.as_deref() == Some("Ann")),
        "{lines:?}"
    );
    // An accepted answer without a list: what it ended is ended here all the same.
    let after = server.state("feedback").await["state"]["feedback"]["r1"].clone();
    assert_eq!(
        (&after["state"], &after["needsReply"], after.get("offeredActions")),
        (&json!("closed"), &json!(false), None)
    );
    server.stop().await;
}

#[tokio::test]
async fn actions_keep_order_per_response_and_back_off() {
    let mock = Mock::open().await;
    let clock = standing();
    let server = mock.server_at(clock.clone(), |_| ()).await;
    mock.customer_answers("r1", |_| ());
    mock.operator_acts("r1", "reply", &json!({"content": "Dear customer"}));
    hear(&server, &mock.customer_writes("r1", "m2", "And now?")).await;
    mock.next(Next::Refused(429));
    for words in ["First", "Second", "Third"] {
        assert_eq!(act(&server, "r1/message", None, &text(words)).await.0, 202);
    }
    until(&server, "r1", "the first to fail", |it| states(it).contains(&"failed".to_owned())).await;
    assert_eq!(mock.asked("PUT").len(), 1, "what comes after it waits for it");
    clock.advance(SignedDuration::from_secs(7));
    until(&server, "r1", "all three", |it| states(it) == ["accepted", "accepted", "accepted"]).await;
    let sent: Vec<_> = mock.done()[1..].iter().map(|(_, body)| body["content"].clone()).collect();
    assert_eq!(sent, ["First", "Second", "Third"]);
    server.stop().await;
}

#[tokio::test]
async fn refused_token_blocks_all_actions_until_retried_by_hand() {
    let mock = Mock::open().await;
    let server = mock.server(|config| config.goodays.as_mut().expect("a section").api_token = "wrong".into()).await;
    hear(&server, &mock.customer_answers("r1", |_| ())).await;
    assert_eq!(act(&server, "r1/call", None, &json!({})).await.0, 202);
    let failed = until(&server, "r1", "the failure", |it| states(it) == ["failed"]).await;
    server
        .until("status", "the trouble", |state| {
            let reason = state["sources"]["goodays"]["reason"].as_str().unwrap_or_default();
            reason.starts_with("Answers cannot be sent. Goodays refused the API token")
        })
        .await;
    let id = failed["actions"].as_object().expect("deeds").keys().next().expect("a deed").clone();
    assert_eq!(mock.asked("PUT").len(), 1);
    let mended = server.stop().await.change(|config| config.goodays = Some(mock.config()));
    let server = mended.restart().await;
    until(&server, "r1", "the failure again", |it| states(it) == ["failed"]).await;
    let wrong = format!("r2/actions/{id}/retry");
    assert_eq!(act(&server, &wrong, None, &json!({})).await.0, 404, "a deed belongs to its response");
    assert_eq!(act(&server, &format!("r1/actions/{id}/retry"), None, &json!({})).await.0, 202);
    until(&server, "r1", "the end", |it| states(it) == ["accepted"]).await;
    assert_eq!(
        act(&server, &format!("r1/actions/{id}/retry"), None, &json!({})).await.0,
        409,
        "what is done stays done"
    );
    server.stop().await;
}

#[tokio::test]
async fn no_answer_needed_is_marked_locally_only() {
    let mock = Mock::open().await;
    let server = mock.server(|_| ()).await;
    mock.customer_answers("r1", |_| ());
    mock.operator_acts("r1", "reply", &json!({"content": "Dear customer"}));
    hear(&server, &mock.customer_writes("r1", "m2", "Thank you! See you soon 😊")).await;
    assert_eq!(server.state("feedback").await["state"]["feedback"]["r1"]["needsReply"], true);
    let (status, answer) = act(&server, "r1/no-answer-needed", Some("k"), &json!({"who": "Ann"})).await;
    assert_eq!((status, &answer["state"]), (202, &json!("accepted")));
    let server = server.stop().await.restart().await;
    let after =
        until(&server, "r1", "the mark after a restart", |it| it["needsReply"] == false && states(it).len() == 1).await;
    assert_eq!((&deeds(&after)[0]["who"], &deeds(&after)[0]["action"]), (&json!("Ann"), &json!("no-answer-needed")));
    assert_eq!(mock.asked("PUT"), Vec::<String>::new());
    let lines = server.application.store.audit().newest(10).await.expect("the audit");
    assert_eq!(lines[0].action, "feedback.no-answer-needed");
    // When the customer writes once more, the mark is of the past.
    send(&server, &mock.customer_writes("r1", "m3", "One more thing…")).await;
    until(&server, "r1", "that it waits again", |it| it["needsReply"] == true).await;
    server.stop().await;
}

#[tokio::test]
async fn urls_from_payloads_are_never_called() {
    let canary = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = format!("http://{}", canary.local_addr().expect("an address"));
    let mock = Mock::open().await;
    mock.says_pages_are_at(&host);
    let server = mock.server_at(standing(), |_| ()).await;
    for id in ["r0", "r1", "r2", "r3"] {
        let event = mock.customer_answers(id, |it| {
            it["actions"] =
                json!({"reply": format!("{host}/v2/responses/{id}/reply"), "../../users": format!("{host}/x")});
            it["message"]["attachment"] = json!(format!("{host}/picture.png"));
            it["place"]["detail_url"] = json!(format!("{host}/v2/places/1"));
        });
        hear(&server, &event).await;
    }
    // The look-up after it goes through several pages, whose addresses are the canary's.
    assert_eq!(act(&server, "r3/reply", None, &text("Dear customer")).await.0, 202);
    until(&server, "r3", "the end", |it| states(it) == ["accepted"] && it["messages"]["answer1"].is_object()).await;
    assert!(mock.asked("cursor=2").len() == 1, "{:?}", mock.asked("bulk"));
    assert_eq!(act(&server, "r3/..%2F..%2Fusers", None, &json!({})).await.0, 404);
    let page = server.get("/feedback/r3").await.text().await.expect("a page");
    assert!(!page.contains("/v2/responses/r3/reply"), "addresses from payloads are not on the page");
    let nobody = std::future::poll_fn(|context| std::task::Poll::Ready(canary.poll_accept(context).is_pending()));
    assert!(nobody.await, "somebody called the canary");
    server.stop().await;
}

#[tokio::test]
async fn form_without_script_works_and_foreign_origin_is_refused() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    let page = server.get("/feedback/r1").await.text().await.expect("a page");
    let offered = |kind: &str| {
        let start = page.find(&format!("id=\"do-{kind}\"")).expect("a form");
        page[start..start + page[start..].find('>').expect("an end")].contains("data-offered")
    };
    let all = FeedbackActionKind::ALL.map(|kind| (kind.as_str(), offered(kind.as_str())));
    let yes = ["reply", "call", "close", "spam"];
    assert!(all.iter().all(|(kind, offered)| yes.contains(kind) == *offered), "{all:?}");

    let form =
        [("content", "Dear customer"), ("remark_type", ""), ("who", "Ann"), ("email", ""), ("idempotency_key", "k")];
    let post = |origin: &str| {
        server.http.post(server.at("/api/v1/feedback/r1/reply")).header("Origin", origin.to_owned()).form(&form)
    };
    let foreign = post("https://evil.example").send().await.expect("an answer");
    assert_eq!(foreign.status().as_u16(), 403);
    let origin = server.base.origin().ascii_serialization();
    for _ in 0..2 {
        let answer = post(&origin).send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["location"].as_bytes()),
            (303, &b"/feedback/r1#actions"[..])
        );
    }
    until(&server, "r1", "the end", |it| states(it) == ["accepted"]).await;
    assert_eq!(mock.done(), [("r1/reply".to_owned(), json!({"content": "Dear customer"}))]);
    let page = server.get("/feedback/r1").await.text().await.expect("a page");
    assert!(page.contains("by <span") && page.contains(">Ann</span>") && page.contains(">Done</span>"), "{page}");
    // A rating that is no number is refused in a sentence, on a page.
    hear(&server, &mock.customer_answers("r2", |_| ())).await;
    let stars = server.http.post(server.at("/api/v1/feedback/r2/call")).header("Accept", "text/html");
    let stars = stars.form(&[("rating", "5 stars")]).send().await.expect("an answer");
    assert_eq!(stars.status().as_u16(), 422);
    assert!(stars.text().await.expect("a page").contains("Rate the call with a whole number from 0 to 5."));
    server.stop().await;
}

/// The form of a page, as a browser without script sends it when its button is pressed: where to, and its fields.
fn pressed(page: &str, form: &str, filled: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    let unescaped = |text: &str| {
        text.replace("&#34;", "\"")
            .replace("&#38;", "&")
            .replace("&#39;", "'")
            .replace("&#60;", "<")
            .replace("&#62;", ">")
    };
    let form = page.split_once(form).expect("the form").1.split_once("</form>").expect("its end").0;
    let attribute = |tag: &str, name: &str| {
        tag.split_once(&format!(" {name}=\"")).map(|(_, rest)| unescaped(rest.split_once('"').expect("an end").0))
    };
    let button = form.split_once("<button").expect("a button").1.split_once('>').expect("an end").0;
    let head = form.split_once("<form").expect("a form").1.split_once('>').expect("an end").0;
    let to = attribute(button, "formaction").or_else(|| attribute(head, "action"));
    let mut fields: Vec<(String, String)> = form
        .split("<input")
        .skip(1)
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
        .collect();
    for (name, value) in filled {
        fields.retain(|(known, _)| known != name);
        fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    (to.expect("an address"), fields)
}

#[tokio::test]
async fn page_without_script_confirms_before_sending() {
    let mock = Mock::open().await;
    let server = with_a_response(&mock).await;
    let origin = server.base.origin().ascii_serialization();
    let post = async |to: &str, fields: &[(String, String)]| {
        let post = server.http.post(server.at(to)).header("Origin", &origin).header("Accept", "text/html");
        post.form(fields).send().await.expect("an answer")
    };
    let page = server.get("/feedback/r1").await.text().await.expect("a page");
    let content = "Dear <b>customer</b> & \"friends\"";
    let (to, fields) = pressed(&page, "id=\"do-reply\"", &[("content", content), ("who", "Ann")]);
    assert_eq!(to, "/confirm");
    let asked = post(&to, &fields).await;
    assert_eq!(asked.status(), 200);
    let asked = asked.text().await.expect("a page");
    assert!(asked.contains("<h1>Send this reply to ") && asked.contains("? It may be published.</h1>"), "{asked}");
    assert!(asked.contains("Dear &#60;b&#62;customer") && asked.contains("href=\"/feedback/r1\""), "{asked}");
    assert_eq!(mock.done(), [], "nothing was sent yet");

    let (to, fields) = pressed(&asked, "<main", &[]);
    assert_eq!(to, "/api/v1/feedback/r1/reply");
    for _ in 0..2 {
        assert_eq!(post(&to, &fields).await.status(), 303);
    }
    until(&server, "r1", "the end", |it| states(it) == ["accepted"]).await;
    assert_eq!(mock.done().len(), 1, "pressed twice, sent once");
    assert_eq!(mock.done()[0].1["content"], content);
    server.stop().await;
}

#[tokio::test]
async fn form_offers_the_fields_that_the_source_requires() {
    let mock = Mock::open().await;
    let server = mock.server(|_| ()).await;
    for (id, source, choices) in [
        ("r1", "email", vec!["", "Praise", "Question", "Idea", "Problem", "Message"]),
        ("r2", "Google", vec!["Praise", "Question", "Idea", "Problem", "Message"]),
    ] {
        hear(&server, &mock.customer_answers(id, |response| response["source"] = json!(source))).await;
        let page = server.get(&format!("/feedback/{id}")).await.text().await.expect("a page");
        for kind in ["reply", "close"] {
            let form = page
                .split_once(&format!("id=\"do-{kind}\""))
                .expect("a form")
                .1
                .split_once("</form>")
                .expect("its end")
                .0;
            let select = form
                .split_once("<select name=\"remark_type\"")
                .expect("kinds")
                .1
                .split_once("</select>")
                .expect("its end")
                .0;
            let (head, options) = select.split_once('>').expect("its options");
            let is_needed = head.contains("required");
            // An empty first choice that must not stay is none.
            let offered: Vec<&str> = options
                .split("<option")
                .skip(1)
                .map(|option| option.split_once('>').expect("an option").1.split('<').next().expect("its text"))
                .map(|text| if ["Unchanged", "Choose one"].contains(&text) { "" } else { text })
                .filter(|text| !(is_needed && text.is_empty()))
                .collect();
            assert_eq!(offered, choices, "{kind} of {source}");
        }
        // Each of them is taken.
        for (number, choice) in choices.iter().enumerate() {
            let id = format!("{id}-{number}");
            hear(&server, &mock.customer_answers(&id, |response| response["source"] = json!(source))).await;
            let mut wish = text("Thanks");
            if !choice.is_empty() {
                wish["remark_type"] = json!(choice);
            }
            assert_eq!(act(&server, &format!("{id}/reply"), None, &wish).await.0, 202, "{source}: {choice}");
        }
    }
    server.stop().await;
}
