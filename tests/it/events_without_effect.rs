//! Signed events that are unreadable or of an undocumented type: acknowledged, stored, without effect, and shown.

use base::hmac::Tag;
use base::{Clock, Secret};
use callboard::config::{Goodays, Sending};
use callboard::domain::CustomerIdentity;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::agent_connect::AgentConnect;
use crate::support::kustomer::{Kustomer, closing, post, sign};
use crate::support::login::{ADMINISTRATOR, SUPERVISOR, SignedIn};
use crate::support::server::{TestServer, sandbox};

const SECRET: &str = "agreed";

fn goodays() -> Goodays {
    Goodays::new("http://127.0.0.1:9/v2".parse().expect("an address"), "t".into(), vec![Secret::from(SECRET)])
}

async fn to_goodays(server: &TestServer, body: &[u8]) -> StatusCode {
    let signature = Tag::sign(&Secret::from(SECRET), body).to_string();
    let request = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", signature);
    request.body(body.to_vec()).send().await.expect("an answer").status()
}

async fn to_kustomer(server: &TestServer, body: &[u8]) -> StatusCode {
    let request = server.http.post(server.at("/webhooks/kustomer")).header("X-Kustomer-Webhook-Signature", sign(body));
    request.body(body.to_vec()).send().await.expect("an answer").status()
}

fn event(kind: &Value, id: &str) -> Value {
    let at = Clock::system().now().to_string();
    let message = json!({"id": format!("m-{id}"), "created_date": at, "type": "Problem", "content": "words",
        "sender": {"email": "c@example.com", "first_name": "Chester"}});
    json!({"event_type": kind, "response": {"id": id, "created_date": at, "updated_date": at, "state": "open",
        "message": message, "user": {"email": "c@example.com"}, "actions": {"reply": "u"}}, "message": message})
}

async fn text(server: &TestServer, path: &str) -> String {
    server.get(path).await.text().await.expect("a text")
}

async fn counted(server: &TestServer, source: &str, name: &str, times: u64) -> Value {
    server.until("all", name, |state| state["sources"][source]["counters"][name] == times).await
}

#[tokio::test]
async fn goodays_event_of_an_unknown_type_changes_nothing() {
    let server = TestServer::standalone(|config| config.goodays = Some(goodays())).await;
    assert_eq!(to_goodays(&server, event(&json!("response"), "r1").to_string().as_bytes()).await, 204);
    let known = server.until("all", "the response", |state| state["feedback"]["r1"].is_object()).await;
    let types =
        ["survey_deleted", "response_deleted", "responses", "callboard.reconciled", "x<script>alert(1)</script>"];
    for kind in types {
        let mut about_r1 = event(&json!(kind), "r1");
        about_r1["response"]["state"] = json!("closed");
        about_r1["response"]["message"]["content"] = json!("other words");
        for body in [event(&json!(kind), "r2"), about_r1, json!({"event_type": kind})] {
            assert_eq!(to_goodays(&server, body.to_string().as_bytes()).await, 204, "{body}");
        }
    }
    let long = "y".repeat(500);
    assert_eq!(to_goodays(&server, event(&json!(long), "r3").to_string().as_bytes()).await, 204);
    let state = counted(&server, "goodays", "unknownEvents", 16).await;
    assert_eq!(state["feedback"], known["feedback"], "nothing is opened, closed or written over");
    let reason = state["sources"]["goodays"]["reason"].as_str().unwrap_or_default();
    assert!(!reason.contains("could not be read"), "an unknown type is no trouble: {reason}");
    let counts = server.application.store.inbox().counts().await.expect("counts");
    assert_eq!((counts.total, counts.with_error, counts.unprocessed), (17, 0, 0), "kept, and no error");
    assert!(text(&server, "/metrics").await.contains("callboard_webhook_unknown_type_total{source=\"goodays\"} 16"));
    let page = text(&server, "/status").await;
    for shown in ["survey_deleted", "response_deleted", "x&#60;script&#62;alert(1)&#60;/script&#62;", &long[..64]] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains(&long[..65]) && !page.contains("<script>alert"));

    // They stay counted in the next life, and what they carry stays without effect.
    let server = server.stop().await.restart().await;
    let state = counted(&server, "goodays", "unknownEvents", 16).await;
    assert_eq!(state["feedback"].as_object().map(serde_json::Map::len), Some(1));
    server.stop().await;
}

#[tokio::test]
async fn unknown_types_are_a_bounded_list() {
    let server = TestServer::standalone(|config| config.goodays = Some(goodays())).await;
    for number in 0..50 {
        let body = json!({"event_type": format!("odd-{number:02}")}).to_string();
        assert_eq!(to_goodays(&server, body.as_bytes()).await, 204);
    }
    counted(&server, "goodays", "unknownEvents", 50).await;
    let page = text(&server, "/status").await;
    assert_eq!(page.matches(">odd-").count(), 20);
    let other = page.split("other types").nth(1).expect("a row for the others");
    assert!(other.starts_with("</th>") && other[..200].contains(">30</td>"), "{}", &other[..200]);
    let metrics = text(&server, "/metrics").await;
    assert_eq!(metrics.matches("callboard_webhook_unknown_type_total{").count(), 1, "no label is a sender's text");
    server.stop().await;
}

#[tokio::test]
async fn kustomer_event_of_an_unknown_type_changes_nothing() {
    let (upstream, kustomer) = (AgentConnect::start().await, Kustomer::start().await);
    let server = TestServer::standalone(|config| {
        config.agent_connect = Some(upstream.config());
        config.kustomer = Some(kustomer.config(Sending::On));
    })
    .await;
    for kind in ["kustomer.conversation.deleted", "kustomer.conversation.updated", "kustomer.message.create"] {
        // A revision that is believed would make the closing below look outdated.
        let odd = closing(kind, "5f1", 99, |event| event["name"] = json!(kind));
        assert_eq!(post(&server, &odd).await.status(), 204);
    }
    counted(&server, "kustomer", "unknownEvents", 3).await;
    assert!(upstream.taken("/v1/requests").is_empty());
    let known = closing("e9", "5f1", 7, |event| event["name"] = json!("Kustomer.Conversation.Update"));
    assert_eq!(post(&server, &known).await.status(), 204);
    counted(&server, "agentConnect", "requested", 1).await;
    let counts = server.application.store.inbox().counts().await.expect("counts");
    assert_eq!((counts.total, counts.with_error), (4, 0));
    assert!(text(&server, "/status").await.contains("kustomer.conversation.deleted"));
    server.stop().await;
}

#[tokio::test]
async fn unreadable_event_is_acknowledged_kept_and_shown() {
    let kustomer = Kustomer::start().await;
    let server = TestServer::standalone(|config| {
        config.goodays = Some(goodays());
        config.kustomer = Some(kustomer.config(Sending::Off));
    })
    .await;
    let bodies: [&[u8]; 9] = [
        b"",
        b"[]",
        b"\"text\"",
        b"hello <b>there</b>",
        b"{\"response\":{\"id\":\"r1\"},\"data\":{\"id\":\"c1\"}}",
        b"{\"event_type\":null,\"name\":\"\",\"response\":{\"id\":\"r2\"}}",
        b"\xff\xfe{}",
        b"{\"event_type\":\"response\",\"name\":\"kustomer.conversation.update\"}",
        b"{\"event_type\":\"response\",\"response\":{\"id\"",
    ];
    for body in bodies {
        assert_eq!(to_goodays(&server, body).await, 204, "{body:?}");
        assert_eq!(to_kustomer(&server, body).await, 204, "{body:?}");
    }
    counted(&server, "goodays", "unreadableEvents", 9).await;
    let state = counted(&server, "kustomer", "unreadableEvents", 9).await;
    assert!(state["feedback"].as_object().is_none_or(serde_json::Map::is_empty));
    let sources = server
        .until("status", "a reason on both cards", |state| {
            ["goodays", "kustomer"].iter().all(|source| state["sources"][source]["reason"].is_string())
        })
        .await["sources"]
        .clone();
    for source in ["goodays", "kustomer"] {
        let reason = sources[source]["reason"].as_str().expect("a reason");
        assert!(reason.starts_with("9 events could not be read and were kept as they came"), "{source}: {reason}");
        assert!(
            text(&server, "/metrics")
                .await
                .contains(&format!("callboard_webhook_unreadable_total{{source=\"{source}\"}} 9"))
        );
    }
    let page = text(&server, "/status").await;
    let links: Vec<&str> = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|it| it.starts_with("/status/events/"))
        .collect();
    assert_eq!(links.len(), 18, "the newest twenty are listed");
    for reason in ["The event is not JSON", "The event has no event_type.", "The event has no response with an id."] {
        assert!(page.contains(reason), "{reason}");
    }
    let mut seen = Vec::new();
    for link in &links {
        let answer = server.get(link).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-content-type-options"]),
            (200, &"nosniff".parse().expect("a header"))
        );
        assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
        seen.push(answer.bytes().await.expect("bytes").to_vec());
    }
    seen.sort();
    let mut sent: Vec<Vec<u8>> = bodies.iter().chain(&bodies).map(|body| body.to_vec()).collect();
    sent.sort();
    assert_eq!(seen, sent, "the very bytes");
    let looked = server.application.store.audit().newest(99).await.expect("lines");
    assert_eq!(looked.iter().filter(|line| line.action == "webhook.read").count(), 18, "whoever looks is in the audit");

    let server = server.stop().await.restart().await;
    counted(&server, "goodays", "unreadableEvents", 9).await;
    assert!(text(&server, "/status").await.contains(links[0]));
    assert_eq!(server.get("/status/events/999999").await.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn event_that_had_an_effect_is_not_shown_raw() {
    let server = TestServer::standalone(|config| config.goodays = Some(goodays())).await;
    assert_eq!(to_goodays(&server, event(&json!("response"), "r1").to_string().as_bytes()).await, 204);
    server.until("all", "the response", |state| state["feedback"]["r1"].is_object()).await;
    assert_eq!(server.get("/status/events/1").await.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn unreadable_events_are_visible_to_administrators_only() {
    let (sandbox, _life) = sandbox(12, 2).await;
    let secret = Secret::from(SECRET);
    let server = TestServer::with_login(&sandbox, |config| {
        config.goodays.as_mut().expect("the sandbox plays Goodays").hmac_secrets.push(secret);
    })
    .await;
    assert_eq!(to_goodays(&server, b"canary bird").await, 204);
    counted_by(&SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await).await;
    for (number, may) in [(ADMINISTRATOR, true), (SUPERVISOR, false)] {
        let somebody = SignedIn::as_agent(&server, &sandbox, number).await;
        let page = somebody.text("/status").await;
        assert!(page.contains("Goodays: 1 event"), "the count is for everybody");
        assert_eq!(page.contains("/status/events/"), may);
        let link = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await.text("/status").await;
        let link = link
            .split("href=\"/status/events/")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a link")
            .to_owned();
        let status = somebody.get(&format!("/status/events/{link}")).await.status();
        assert_eq!(status, if may { StatusCode::OK } else { StatusCode::FORBIDDEN });
    }
    server.stop().await;
}

async fn counted_by(keeper: &SignedIn<'_>) {
    let mut viewer = keeper.watch("status", None).await;
    viewer.until("it is counted", |state| state["sources"]["goodays"]["counters"]["unreadableEvents"] == 1).await;
}

#[tokio::test]
async fn erased_customer_leaves_no_event_without_effect() {
    let server = TestServer::standalone(|config| config.goodays = Some(goodays())).await;
    let person = || CustomerIdentity::new(Some("c@example.com"), None);
    for body in [event(&json!("survey_deleted"), "r1").to_string(), "[\"c@example.com\"]".to_owned()] {
        assert_eq!(to_goodays(&server, body.as_bytes()).await, 204);
    }
    counted(&server, "goodays", "unreadableEvents", 1).await;
    let erased = server
        .application
        .store
        .privacy()
        .erase(person(), callboard::domain::Actor::command("a test"))
        .await
        .expect("done");
    assert_eq!(erased.report.webhooks, 2);
    drop(erased);
    let mut typeless = event(&json!(null), "r2");
    typeless["response"]["created_date"] = json!("2026-01-01T00:00:00Z");
    let mut unknown = event(&json!("survey_deleted"), "r3");
    unknown["response"]["created_date"] = json!("2026-01-01T00:00:00Z");
    for body in [typeless, unknown] {
        assert_eq!(to_goodays(&server, body.to_string().as_bytes()).await, 204);
    }
    assert_eq!(server.application.store.inbox().counts().await.expect("counts").total, 0, "not even for a moment");
    assert!(!text(&server, "/status").await.contains("survey_deleted"));
    server.stop().await;
}

/// Nothing of it is kept, and its sender may give us up: an administrator must see that it happened.
#[tokio::test]
async fn event_refused_on_receipt_is_counted_and_shown() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_login(&sandbox, |config| config.goodays = Some(goodays())).await;
    let large = vec![b'x'; 1024 * 1024 + 1];
    assert_eq!(to_goodays(&server, &large).await, 413);
    let administrator = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let page = administrator.text("/status").await;
    for shown in ["Refused on arrival", "1,048,577", "Larger than 1048576 bytes."] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let page = SignedIn::as_agent(&server, &sandbox, SUPERVISOR).await.text("/status").await;
    assert!(!page.contains("Refused on arrival"), "it is for administrators");
    let body = b"{}";
    let tag = Tag::sign(&Secret::from(SECRET), body).to_string();
    let request = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", tag);
    let packed = request.header("content-encoding", "gzip").body(body.to_vec()).send().await.expect("an answer");
    assert_eq!(packed.status(), 415);
    assert!(administrator.text("/status").await.contains("Sent with Content-Encoding: gzip."), "the newest");
    let metrics = text(&server, "/metrics").await;
    for result in ["too_large", "encoded"] {
        let counted = format!("callboard_webhooks_total{{source=\"goodays\",result=\"{result}\"}} 1");
        assert!(metrics.contains(&counted), "{metrics}");
    }
    server.stop().await;
    sandbox_life.kill();
}
