//! Attribution of feedback to calls: days later, before the call, and between two calls, with rule and evidence.

use std::time::Duration;

use base::Clock;
use callboard::domain::{AgentId, Fact, Modality, QueueId, SessionId};
use callboard::domain::{AgentUpdate, SessionStatus, SessionUpdate, session::SessionListUpdate};
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::server::TestServer;
use crate::support::{clarity, goodays, until};

/// Clarity's name for a conversation of Kustomer's.
const CONVERSATION: &str = "5f2a5f2a5f2a5f2a5f2a5f2a";

/// A site where agent 41 has had three calls on 20 November 2026: two of Jenny's, at nine and at twelve, and one of
/// Rob's. It is the day after.
struct Site {
    clarity: clarity::Mock,
    goodays: goodays::Mock,
    clock: Clock,
}

impl Site {
    async fn new() -> (Self, TestServer) {
        let clock = Clock::manual("2026-11-21T09:00:00Z".parse().expect("a time"));
        let site = Self { clarity: clarity::Mock::new(), goodays: goodays::Mock::open().await, clock };
        for (id, began, email, conversation) in [
            (82_673, "2026-11-20T09:00:00Z", "Jenny.Park@example.com", Some(CONVERSATION)),
            (82_674, "2026-11-20T12:00:00Z", "jenny.park@example.com", None),
            (82_675, "2026-11-20T15:00:00Z", "rob@example.com", None),
        ] {
            site.has_ended(id, began, email, conversation);
        }
        let config = site.clarity.config(|clarity| clarity.poll_interval = Duration::from_millis(200)).await;
        let change = |it: &mut callboard::config::Config| {
            it.clarity = Some(config);
            it.wallboards[0].queues = vec![callboard::config::QueueRef::Id(11)];
        };
        let server = site.goodays.server_at(site.clock.clone(), change).await;
        (site, server)
    }

    /// What Clarity knows of a session that is over.
    fn has_ended(&self, id: i64, began: &str, email: &str, conversation: Option<&str>) {
        let mut items = vec![json!({"extraItemId": -1, "key": "CustomerEmail", "value": email})];
        items.extend(conversation.map(|it| json!({"extraItemId": -1, "key": "KustomerConversationId", "value": it})));
        let session = json!({"sessionId": id, "queueId": 11, "agentId": 41, "agentName": "Rob T.",
            "sessionStatus": "Completed",
            "startTimeStamp": began, "endTimeStamp": "2026-11-20T16:00:00Z", "customerPhone": "13128633465;EXT=3465",
            "extraItems": {"items": items, "count": 1}});
        self.clarity.answer(&format!("GET sessions/{id}"), 200, session);
    }

    /// Agent 41 has these calls in hand, and then no longer: Clarity is asked what they were.
    async fn has_calls(&self, server: &TestServer, calls: &[i64]) {
        self.agent_lists(calls);
        let lists = |state: &Value| {
            let sessions = &state["agents"]["41"]["sessions"];
            calls.iter().all(|id| sessions.get(id.to_string()).is_some())
        };
        server.until("all", "the calls", lists).await;
        self.agent_lists(&[]);
        for id in calls {
            let question = format!("GET sessions/{id}");
            until("what the call was", || !self.clarity.asked(&question).is_empty()).await;
        }
    }

    fn agent_lists(&self, calls: &[i64]) {
        let calls: Vec<Value> = calls
            .iter()
            .map(|id| {
                json!({"sessionId": id, "queueId": 11, "agentId": 41, "sessionStatus": "Active",
                "activeMs": 60000})
            })
            .collect();
        let agent = json!({"type": "agent", "id": 41, "name": "Rob T.", "currentStatus": {"agentStatus": "inCall"},
            "sessions": {"audio": {"sessions": calls}}});
        self.clarity.answer("POST metrics/agents/", 200, json!([agent]));
    }

    /// A customer with this address answers, with this `extra`.
    async fn says(&self, server: &TestServer, id: &str, email: &str, extra: Value) {
        let event = self.goodays.customer_answers(id, |response| {
            response["context"]["email"] = json!(email);
            response["context"]["phone"] = json!("");
            response["context"]["extra"] = extra;
        });
        goodays::send(server, &event).await;
    }
}

fn joined<'a>(state: &'a Value, id: &str) -> &'a Value {
    &state["feedback"][id]["attribution"]
}

/// Rule, confidence, session and agent, as far as there are any.
fn found(state: &Value, id: &str) -> (String, String, i64, i64) {
    let it = joined(state, id);
    let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| it[name].as_i64().unwrap_or_default();
    (text("rule"), text("confidence"), number("session"), number("agent"))
}

fn candidates(state: &Value, id: &str) -> Vec<String> {
    joined(state, id)["candidates"].as_object().map(|it| it.keys().cloned().collect()).unwrap_or_default()
}

fn hangs_on(rule: &str, confidence: &str, session: i64) -> (String, String, i64, i64) {
    let agent = if session == 0 { 0 } else { 41 };
    (rule.to_owned(), confidence.to_owned(), session, agent)
}

/// Jenny's visit of 20 November, at a time of the day if she says one.
fn visit(time: Option<&str>) -> Value {
    match time {
        Some(time) => json!({"transaction_date": "2026-11-20", "transaction_time": time}),
        None => json!({"transaction_date": "2026-11-20"}),
    }
}

const JENNY: &str = "JENNY.park@example.com";

#[tokio::test]
async fn feedback_matches_by_session_conversation_and_visit() {
    let (site, server) = Site::new().await;
    // This one comes before anything is known of her calls.
    site.says(&server, "early", JENNY, visit(Some("09:10"))).await;
    server.until("all", "the early one", |state| found(state, "early") == hangs_on("unlinked", "", 0)).await;

    site.has_calls(&server, &[82_673, 82_674, 82_675]).await;
    site.says(&server, "number", "", json!({"session": 82_675})).await;
    site.says(&server, "conversation", "", json!({"conversation": CONVERSATION})).await;
    site.says(&server, "visit", JENNY, visit(Some("12:20"))).await;
    site.says(&server, "two", JENNY, visit(None)).await;
    site.says(
        &server,
        "conflict",
        JENNY,
        json!({"session": 82_675, "transaction_date": "2026-11-20", "transaction_time": "09:00"}),
    )
    .await;
    let is_joined = |state: &Value| {
        found(state, "number") == hangs_on("extra.session", "certain", 82_675)
            && found(state, "conversation") == hangs_on("extra.conversation", "certain", 82_673)
            && found(state, "visit") == hangs_on("customer.visit", "medium", 82_674)
            && found(state, "early") == hangs_on("customer.visit", "medium", 82_673)
            && found(state, "two") == hangs_on("unlinked", "", 0)
            && candidates(state, "two") == ["82673", "82674"]
            && joined(state, "conflict")["conflict"].is_string()
    };
    let before = server.until("all", "each on its call", is_joined).await;
    assert_eq!(
        joined(&before, "two")["candidates"]["82674"],
        json!({"agent": 41, "queue": 11,
        "began": "2026-11-20T12:00:00Z", "evidence": "the customer's e-mail address, and the time of the visit"})
    );
    assert_eq!(found(&before, "conflict"), hangs_on("extra.session", "certain", 82_675));
    let conflict = joined(&before, "conflict")["conflict"].as_str().expect("a conflict");
    assert!(conflict.contains("session 82673"), "{conflict}");
    assert_eq!(candidates(&before, "conflict"), ["82673"]);
    assert_eq!(before["agents"]["41"]["feedback"]["open"], 5, "all but the one with two calls");
    let page = server.get("/feedback/two").await.text().await.expect("a page");
    assert!(page.contains("2 possible calls") && page.contains("Session 82673") && page.contains("Session 82674"));
    let page = server.get("/feedback/conflict").await.text().await.expect("a page");
    assert!(page.contains(conflict) && page.contains("1 other possible call"), "{page}");
    for text in [before.to_string().to_lowercase(), page.to_lowercase()] {
        assert!(!text.contains("jenny.park") && !text.contains("8633465"), "whoever called is not shown: {text}");
    }
    let wall = server.state("wallboard:north").await;
    let shown = joined(&wall["state"], "conflict").as_object().expect("it is of the board's queue").keys();
    assert_eq!(shown.collect::<Vec<_>>(), ["agent", "confidence", "queue", "rule", "session", "team"], "and no more");

    // In the next life Clarity has forgotten all of them.
    let stopped = server.stop().await;
    for id in [82_673, 82_674, 82_675] {
        site.clarity.answer(&format!("GET sessions/{id}"), 500, json!(null));
    }
    let server = stopped.restart_at(&site.clock).await;
    site.says(&server, "later", JENNY, json!({"conversation": CONVERSATION})).await;
    let is_joined =
        |state: &Value| is_joined(state) && found(state, "later") == hangs_on("extra.conversation", "certain", 82_673);
    let after = server.until("all", "the same again", is_joined).await;
    for id in ["number", "conversation", "visit", "early", "two", "conflict"] {
        assert_eq!(joined(&after, id), joined(&before, id), "{id}");
    }
    server.stop().await;
}

async fn pin(server: &TestServer, response: &str, body: &Value) -> (StatusCode, Value) {
    let address = server.at(&format!("/api/v1/feedback/{response}/pin"));
    let answer = server.http.post(address).json(body).send().await.expect("an answer");
    let status = answer.status();
    if !status.is_success() {
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{body}");
    }
    (status, answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn ambiguous_feedback_is_pinned_and_unpinned_by_hand() {
    let (site, server) = Site::new().await;
    site.has_calls(&server, &[82_673, 82_674]).await;
    site.says(&server, "two", JENNY, visit(None)).await;
    server.until("all", "both", |state| candidates(state, "two").len() == 2).await;

    for (response, body, status) in [
        ("none", json!({"session": 82_674}), StatusCode::NOT_FOUND),
        ("two", json!({"session": "the first"}), StatusCode::UNPROCESSABLE_ENTITY),
        ("two", json!({"session": 0}), StatusCode::UNPROCESSABLE_ENTITY),
        ("two", json!({"sesion": 82_674}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(pin(&server, response, &body).await.0, status, "{body}");
    }
    let wish = json!({"session": 82_674, "who": "Ann"});
    for _ in 0..2 {
        assert_eq!(pin(&server, "two", &wish).await, (StatusCode::OK, json!({"session": 82_674})));
    }
    let is_pinned = |state: &Value| found(state, "two") == hangs_on("pinned", "certain", 82_674);
    let state = server.until("all", "the pin", is_pinned).await;
    assert_eq!(joined(&state, "two")["evidence"], "pinned by Ann");
    assert_eq!(candidates(&state, "two"), ["82673"], "what it might have been is still shown");
    assert_eq!(state["agents"]["41"]["feedback"]["open"], 1);

    let server = server.stop().await.restart_at(&site.clock).await;
    server.until("all", "the pin in the next life", is_pinned).await;
    let page = server.get("/feedback/two").await.text().await.expect("a page");
    assert!(page.contains("Linked manually: pinned by Ann"), "{page}");

    // As the page without script sends it: the button that was pressed is the last.
    let form = "session=82673&who=Bob&session=";
    let request = server.http.post(server.at("/api/v1/feedback/two/pin")).body(form);
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/feedback/two#facts-title");
    server.until("all", "no pin", |state| found(state, "two") == hangs_on("unlinked", "", 0)).await;
    let empty = server.http.post(server.at("/api/v1/feedback/two/pin")).send().await.expect("an answer");
    assert_eq!(empty.status(), StatusCode::OK, "nothing is pinned already");

    let lines = server.application.store.audit().newest(9).await.expect("lines");
    let lines = lines.iter().filter(|line| line.action == "feedback.pin" && line.actor.name.is_some());
    let lines: Vec<_> = lines
        .map(|line| (line.actor.name.as_deref().unwrap_or_default(), &*line.target, &line.before, &line.after))
        .collect();
    let (none, pinned) = (json!({"session": null}), json!({"session": 82_674}));
    assert_eq!(lines, [("Bob", "response two", &pinned, &none), ("Ann", "response two", &none, &pinned)]);
    server.stop().await;
}

#[tokio::test]
async fn unknown_session_is_looked_up_and_dropped_after_a_week() {
    let (site, server) = Site::new().await;
    // Clarity still knows the first, and answers nothing about the second, which has only just begun.
    site.says(&server, "late", "", json!({"session": 82_675})).await;
    site.says(&server, "early", "", json!({"session": 90_001})).await;
    site.says(&server, "never", "", json!({"session": 90_002})).await;
    let waits = |state: &Value, id: &str| joined(state, id)["rule"] == "pending";
    server.until("all", "all three wait", |state| ["late", "early", "never"].iter().all(|id| waits(state, id))).await;
    let is_found = |state: &Value| found(state, "late") == hangs_on("extra.session", "certain", 82_675);
    server.until("all", "the one that was looked up", is_found).await;
    until("the look-up of the other two", || {
        ["GET sessions/90001", "GET sessions/90002"].iter().all(|it| !site.clarity.asked(it).is_empty())
    })
    .await;
    assert!(waits(&server.state("all").await["state"], "early"));

    let mut agent = AgentUpdate::new(AgentId(41));
    let mut session = SessionUpdate::new(SessionId(90_001));
    (session.status, session.queue) = (Some(SessionStatus::Active), Some(QueueId(11)).into());
    agent.sessions.push((Modality::Audio, SessionListUpdate { added: vec![session], ..SessionListUpdate::default() }));
    let heard = server.application.gold.next_ordinal();
    server.application.gold.apply(Fact::AgentUpdated { received: heard, agent: Box::new(agent) }).await;
    let is_found = |state: &Value| found(state, "early") == hangs_on("extra.session", "certain", 90_001);
    let state = server.until("all", "the call that came", is_found).await;
    assert!(waits(&state, "never"));

    let stopped = server.stop().await;
    site.clock.advance(SignedDuration::from_hours(8 * 24));
    let server = stopped.restart_at(&site.clock).await;
    let is_given_up = |state: &Value| {
        found(state, "never") == hangs_on("unlinked", "", 0)
            && found(state, "late") == hangs_on("extra.session", "certain", 82_675)
            && is_found(state)
    };
    server.until("all", "the end of waiting", is_given_up).await;
    server.stop().await;
}
