//! Goodays webhooks: signed, on disk before they are acknowledged, on the page, once.

use base::hmac::Tag;
use base::{Clock, Secret};
use callboard::config::{Goodays, PlaceLink};
use callboard::domain::{
    AgentId, AgentUpdate, Fact, Modality, QueueId, SessionId, SessionStatus, SessionUpdate, TeamId,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::server::TestServer;

const SECRET: &str = "a-secret-agreed-upon";

async fn listening(secrets: &[&str]) -> TestServer {
    let secrets = secrets.iter().map(|secret| Secret::from(*secret)).collect();
    let goodays = Goodays::new("http://127.0.0.1:9/v2".parse().expect("an address"), Secret::from("t"), secrets);
    TestServer::standalone(|config| {
        config.goodays = Some(goodays);
        config.join.places = vec![PlaceLink { partner_id: "1234".to_owned(), queue_id: 11 }];
    })
    .await
}

async fn send(server: &TestServer, body: &[u8], signature: Option<&str>) -> StatusCode {
    let mut request = server.http.post(server.at("/webhooks/goodays")).body(body.to_vec());
    if let Some(signature) = signature {
        request = request.header("X-HMAC-SHA256", signature);
    }
    request.send().await.expect("an answer").status()
}

async fn send_signed(server: &TestServer, event: &Value) -> StatusCode {
    let body = event.to_string();
    send(server, body.as_bytes(), Some(&Tag::sign(&Secret::from(SECRET), body.as_bytes()).to_string())).await
}

/// The structure of the upstream's document with our own values.
fn event(kind: &str, id: &str, extra: &Value) -> Value {
    let message = json!({"id": "m1", "created_date": "2026-11-20T10:20:39.810686+01:00", "type": "Problem",
        "content": "I waited for ages. <script>alert(1)</script>", "attachment": "javascript:alert(1)",
        "sender": {"email": "[email protected]", "first_name": "Chester", "last_name": "COPPERPOT"}});
    json!({
        "event_type": kind,
        "response": {
            "id": id, "token": "1234abcd1234abcd1234abcd1234abcd", "created_date": "2026-11-20T10:20:39.810686+01:00",
            "updated_date": "2026-11-20T10:21:15.952136+01:00", "source": "email",
            "survey": {"id": "12AB34", "slug": "survey1", "label": "After a call", "enabled": true,
                "detail_url": "https://api.goodays.co/v2/surveys/12AB34"},
            "answers": [{"id": "12AB34", "value": 5, "question": {"id": "12AB34",
                "title": "**Would** you recommend /PLACE/ ?", "type": "nps", "enabled": true}}],
            "message": message, "reply": null,
            "user": {"email": "[email protected]", "first_name": "Chester", "last_name": "COPPERPOT",
                "opt_in": {"newsletter": false, "email": false, "sms": false}},
            "context": {"email": "[email protected]", "extra": extra, "cz_tag": "survey1", "crm_id": "",
                "last_name": "COPPERPOT", "first_name": "Chester"},
            "place": {"id": "12AB34", "partner_id": "1234", "name": "Harbour Street", "enabled": true,
                "detail_url": "https://api.goodays.co/v2/places/12AB34"},
            "delegated_to": null, "attached_messages": [], "state": "open", "thread": "z4RjEyMP4r",
            "actions": {"reply": "https://evil.example/reply", "spam": "https://evil.example/spam"},
            "alert_triggered": false
        }
    })
}

#[tokio::test]
async fn documented_example_is_accepted_and_altered_one_refused() {
    let server = listening(&["next-secret", "Critizr"]).await;
    let body = b"{\r\n    \"event_type\": \"response\"\r\n}";
    let signature = "bcf95bdaa6dae4e97a44eb8d65273d3c5459f9a258b68c26f10d6cc69b359b51";
    assert_eq!(send(&server, body, Some(signature)).await, StatusCode::NO_CONTENT);
    let changed = b"{\r\n    \"event_type\": \"responsf\"\r\n}";
    assert_eq!(send(&server, changed, Some(signature)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        server.application.store.inbox().counts().await.expect("counts").total,
        1,
        "nothing of a refused event is kept"
    );
    server.stop().await;
}

#[tokio::test]
async fn every_bad_signature_gets_the_same_answer() {
    let server = listening(&[SECRET]).await;
    let body = event("response", "r1", &json!({})).to_string();
    let good = Tag::sign(&Secret::from(SECRET), body.as_bytes()).to_string();
    let mut answers = Vec::new();
    for signature in [None, Some(""), Some("00"), Some(&good[1..]), Some(&"0".repeat(64))] {
        let mut request = server.http.post(server.at("/webhooks/goodays")).body(body.clone());
        if let Some(signature) = signature {
            request = request.header("X-HMAC-SHA256", signature);
        }
        answers.push(request.send().await.expect("an answer"));
    }
    let doubled = server.http.post(server.at("/webhooks/goodays")).body(body.clone());
    answers
        .push(doubled.header("X-HMAC-SHA256", &good).header("X-HMAC-SHA256", &good).send().await.expect("an answer"));
    let mut texts = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        texts.push(answer.text().await.expect("a text"));
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
    assert_eq!(server.application.store.inbox().counts().await.expect("counts").total, 0);
    server
        .until("status", "the refusals counted", |state| {
            state["sources"]["goodays"]["counters"]["refusedSignatures"].as_u64() == Some(texts.len() as u64)
        })
        .await;
    let many = (0..50).map(|_| send(&server, b"{}", Some("00")));
    assert!(futures_util::future::join_all(many).await.iter().all(|status| *status == StatusCode::UNAUTHORIZED));
    let all = texts.len() as u64 + 50;
    server
        .until("status", "each refusal counted", |state| {
            state["sources"]["goodays"]["counters"]["refusedSignatures"].as_u64() == Some(all)
        })
        .await;
    server.stop().await;
}

#[tokio::test]
async fn event_over_one_mebibyte_is_refused() {
    let server = listening(&[SECRET]).await;
    let limit = 1024 * 1024;
    assert_eq!(send(&server, &vec![b'x'; limit + 1], Some("00")).await, StatusCode::PAYLOAD_TOO_LARGE);
    let body = vec![b'x'; limit];
    let signature = Tag::sign(&Secret::from(SECRET), &body).to_string();
    assert_eq!(send(&server, &body, Some(&signature)).await, StatusCode::NO_CONTENT);
    server.stop().await;
}

#[tokio::test]
async fn response_is_attributed_to_its_call_with_the_rule() {
    let server = listening(&[SECRET]).await;
    let mut agent = AgentUpdate::new(AgentId(41));
    agent.team = Some(TeamId(3));
    let mut session = SessionUpdate::new(SessionId(82_673));
    session.status = Some(SessionStatus::Active);
    session.queue = Some(QueueId(11)).into();
    let list = callboard::domain::session::SessionListUpdate { all: Some(vec![session]), ..Default::default() };
    agent.sessions.push((Modality::Audio, list));
    let asked = server.application.gold.next_ordinal();
    server.application.gold.apply(Fact::AgentSnapshots { asked, agents: vec![agent] }).await;

    for (id, extra) in
        [("linked", json!({"session": "82673"})), ("early", json!({"session": 99})), ("placed", json!({}))]
    {
        let mut event = event("response", id, &extra);
        // Whoever waits for a call does so for a week.
        event["response"]["created_date"] = json!(Clock::system().now().to_string());
        assert_eq!(send_signed(&server, &event).await, StatusCode::NO_CONTENT);
    }
    let state =
        server.until("all", "all three", |state| state["feedback"].as_object().is_some_and(|it| it.len() == 3)).await;
    let linked = &state["feedback"]["linked"];
    assert_eq!(linked["attribution"]["rule"], "extra.session");
    assert_eq!(linked["attribution"]["evidence"], "context.extra.session = 82673");
    let joined = |key: &str| linked["attribution"][key].as_i64();
    assert_eq!(
        (joined("session"), joined("agent"), joined("queue"), joined("team")),
        (Some(82_673), Some(41), Some(11), Some(3))
    );
    assert_eq!(state["agents"]["41"]["feedback"]["open"], 1);
    assert_eq!(state["feedback"]["early"]["attribution"]["rule"], "pending");
    assert_eq!(state["feedback"]["placed"]["attribution"]["rule"], "place");

    let text = state.to_string();
    assert!(!text.contains("1234abcd1234abcd"), "the response's token stays here");
    assert!(!text.contains("evil.example"), "addresses from payloads go nowhere");
    assert!(!text.contains("javascript:"), "only web links become links");
    assert_eq!(linked["offeredActions"], json!({"reply": true, "spam": true}));
    let page = server.get("/feedback").await.text().await.expect("a page");
    assert!(!page.contains("<script>alert(1)") && page.contains("&#60;script"), "words are text and never markup");
    server.stop().await;
}

#[tokio::test]
async fn repeated_event_has_one_effect_and_unknown_one_has_none() {
    let server = listening(&[SECRET]).await;
    let first = event("response", "r1", &json!({}));
    let mut again = event("message", "r1", &json!({}));
    again["message"] = json!({"id": "m2", "created_date": "2026-11-20T11:00:00+01:00", "type": "Message",
        "content": "Hello?",
        "attachment": null, "sender": {"email": "", "first_name": "Chester", "last_name": ""}});
    let mut odd = event("teleported", "r2", &json!({}));
    odd["response"]["new_field"] = json!({"deep": [1, null]});
    for event in [&first, &again, &first, &again, &odd] {
        assert_eq!(send_signed(&server, event).await, StatusCode::NO_CONTENT);
    }
    let not_json = b"signed, but not JSON";
    let signature = Tag::sign(&Secret::from(SECRET), not_json).to_string();
    assert_eq!(send(&server, not_json, Some(&signature)).await, StatusCode::NO_CONTENT);

    let counted = |state: &Value| {
        let counters = &state["sources"]["goodays"]["counters"];
        counters["unknownEvents"] == 1 && counters["unreadableEvents"] == 1 && counters["events"] == 3
    };
    let state = server.until("all", "every event counted once", counted).await;
    assert_eq!(state["feedback"].as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(state["feedback"]["r1"]["messages"].as_object().map(serde_json::Map::len), Some(2));
    let counts = server.application.store.inbox().counts().await.expect("counts");
    assert_eq!((counts.total, counts.with_error), (4, 1));

    // Whatever was acknowledged is there in the next life, and what could not be read still waits for a person.
    let server = server.stop().await.restart().await;
    server
        .until("all", "what was said", |later| {
            later["feedback"] == state["feedback"] && later["sources"]["goodays"]["counters"]["unreadableEvents"] == 1
        })
        .await;
    server.stop().await;
}
