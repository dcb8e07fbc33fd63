//! Truncated, out-of-range and oddly written values affect neither their neighbors nor the source (docs/tolerance.md).

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use base::Secret;
use base::hmac::Tag;
use callboard::config::{AgentConnect, Goodays, Mode};
use jiff::tz::TimeZone;
use reqwest::StatusCode;
use sandbox::{FaultResponse, Upstream};
use serde_json::Value;

use crate::support::server::{TestServer, sandbox};

const SECRET: &str = "a-secret-agreed-upon";

async fn listening() -> TestServer {
    let api_root = "http://127.0.0.1:9/v2".parse().expect("an address");
    let goodays = Goodays::new(api_root, Secret::from("t"), vec![Secret::from(SECRET)]);
    TestServer::standalone(|config| {
        config.goodays = Some(goodays);
        config.server.time_zone = TimeZone::get("America/Chicago").expect("a zone");
    })
    .await
}

async fn send(server: &TestServer, body: &[u8]) {
    let tag = Tag::sign(&Secret::from(SECRET), body).to_string();
    let call = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", tag).body(body.to_vec());
    assert_eq!(call.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn webhook_with_invalid_utf8_shows_a_replacement_mark() {
    let server = listening().await;
    for (id, odd) in [
        ("half", &br#""content":"Great \ud83d","#[..]),
        ("other-half", br#""content":"Great \udc4d","#),
        ("huge", br#""content":"Great \ufffd","unused":1e400,"list":[-1e999],"#),
        ("name", br#""content":"Great \ufffd","nam\ud83d":1,"#),
        ("bytes", b"\"content\":\"Great \xff\","),
        ("twice", br#""content":"first","content":"Great \ufffd","#),
    ] {
        let body = [
            br#"{"event_type":"response","response":{"id":""#,
            id.as_bytes(),
            br#"","created_date":"2026-11-20T10:20:39","state":"open","message":{"id":"m1","#,
            odd,
            br#""type":"Praise","created_date":"2026-11-20T10:20:39Z"}}}"#,
        ];
        send(&server, &body.concat()).await;
        let state = server.until("feedback", id, |state| state["feedback"].get(id).is_some()).await;
        let shown = &state["feedback"][id];
        assert_eq!(shown["messages"]["m1"]["text"], "Great \u{fffd}", "{id}");
        assert_eq!(
            (&shown["created"], &shown["assumed"]),
            (&"2026-11-20T16:20:39Z".into(), &"timeZone".into()),
            "{id}"
        );
        assert!(state["sources"]["goodays"]["counters"].get("unreadableEvents").is_none(), "{id}");
    }
    let page = server.get("/feedback/half").await.text().await.expect("a page");
    assert!(page.contains("Great \u{fffd}") && page.contains("(time zone assumed)"), "{page}");
    server.stop().await;
}

/// An Agent Connect with one page of records that no serialiser of ours would write.
async fn data_return() -> String {
    const RECORDS: &str = r#"[
        {"uuid":"u1","sequence_id":1,"channel":"phone","ext_interaction_id":"case 1",
        "employee":{"email":"rob@example.com"},
         "request_created_at":"2026-11-20T12:00:00Z","request_delivery_status":"Delivered",
         "response_received_at":"2026-11-20T12:30:00",
         "answers":{"agent_star_rating":{"question_text":"How?","comment":"Cut \ud83d",
            "selected_options":{"1":{"option_id":1,"option_text":"x","integer_value":4.0}}}}},
        {"sequence_id":2,"note":"\udead"}, "no record", 1e400,
        {"uuid":"u3","sequence_id":"3.0","unused":1e400,"channel":"phone","ext_interaction_id":"case 3",
        "is_recovery":"false",
         "employee":{"email":"rob@example.com"},"request_created_at":"2026-11-20T12:00:00Z","answers":{}},
        {"uuid":7,"uuid":"u4","sequence_id":4,"channel":"phone","ext_interaction_id":"case 4",
         "employee":{"email":"rob@example.com"},"request_created_at":"2026-11-20T12:00:00Z"}
    ]"#;
    let answer = |Query(wanted): Query<Vec<(String, String)>>| async move {
        let after = wanted.iter().find(|(name, _)| name == "after").and_then(|(_, after)| after.parse::<i64>().ok());
        ([("content-type", "application/json")], if after.unwrap_or(0) < 4 { RECORDS } else { "[]" })
    };
    let app = Router::new().route("/v2/data", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    root
}

#[tokio::test]
async fn unreadable_records_do_not_lose_the_others() {
    let root = data_return().await;
    let server = TestServer::standalone(|config| {
        config.agent_connect = Some(AgentConnect {
            api_root: root.parse().expect("an address"),
            api_key: Some("k".into()),
            api_secret: Some("s".into()),
            mode: Mode::Production,
            data_return_interval: std::time::Duration::from_millis(50),
            ..AgentConnect::default()
        });
    })
    .await;
    let state = server
        .until("surveys", "all that can be read", |state| {
            ["u1", "u3", "u4"].iter().all(|uuid| state["surveys"].get(*uuid).is_some())
                && state["sources"]["agentConnect"]["counters"]["unreadableResults"].as_u64().is_some()
        })
        .await;
    let (first, source) = (&state["surveys"]["u1"], &state["sources"]["agentConnect"]);
    assert_eq!((&first["comment"], &first["stars"]), (&"Cut \u{fffd}".into(), &4.into()));
    assert_eq!(first["assumed"], "timeZone", "it was answered at a time without a zone");
    assert_eq!((&source["state"], &source["reason"]), (&"polling".into(), &Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn invalid_utf8_in_a_customer_name_loses_no_push() {
    let (sandbox, sandbox_life) = sandbox(8, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    server.until("all", "a live floor", |state| state["sources"]["clarity"]["state"] == "live").await;
    sandbox.control().pause(true);
    for number in 1..=3 {
        // Cut inside an emoji; a number that nobody can hold; a name that comes twice.
        let odd = [
            r#""customerName":"Zoë \ud83d""#,
            r#""customerName":"Zoë \ufffd","x":-1e999"#,
            r#""customerName":"?","customerName":"Zoë \ufffd""#,
        ][number - 1];
        let frame = format!(
            r#"{{"M":[{{"H":"connect","M":"onData","A":[[{{"type":"queue","id":1.0,
            "metrics":{{"audio":{{"queuedCount":"1.0"}}}},
                "sessions":{{"audio":{{"sessions":[{{"sessionId":90{number},"sessionStatus":"queued","queueId":1,
                {odd}}}]}}}}}}]]}}]}}"#
        );
        sandbox.control().send_raw_frame(frame.clone());
        let what = format!("push {number}");
        let state = server
            .until("all", &what, |state| {
                // The subscription may be renewed at any time, and then says what the queue really is.
                let queue = &state["queues"]["1"];
                let shown = &queue["sessions"][format!("90{number}")]["customer"];
                let is_shown = queue["waiting"] == 1 && shown == "Zoë \u{fffd}";
                if !is_shown {
                    sandbox.control().send_raw_frame(frame.clone());
                }
                is_shown
            })
            .await;
        let clarity = &state["sources"]["clarity"];
        assert_eq!(clarity["state"], "live");
        assert!(
            clarity["counters"].get("malformedFrames").is_none() && clarity["counters"].get("lost").is_none(),
            "{clarity}"
        );
    }

    // The same in the answer to a question: the floor is polled now.
    sandbox.control().set_signalr_unavailable(true);
    sandbox.control().disconnect_signalr();
    let agents: Vec<String> = sandbox
        .snapshot()
        .agents
        .keys()
        .map(|id| {
            format!(
                r#"{{"type":"agent","id":"{id}.0","currentStatus":{{"agentStatus":"Available",
        "startTime":"1970-01-01T00:00:00Z"}},
            "metrics":{{"audio":{{"handleTime":{{"average":"NaN","count":0.0}}}}}},
            "sessions":{{"audio":{{"sessions":[{{"sessionId":{id},"sessionStatus":"active","activeMs":61000.4,
            "customerName":"Cut \ud83d"}}]}}}}}}"#
            )
        })
        .collect();
    let answer = FaultResponse { body: format!("[{}]", agents.join(",")), ..FaultResponse::status(200) };
    sandbox.control().set_fault(Upstream::Clarity, "/metrics/agents", Some(answer));
    let state = server
        .until("all", "the answer", |state| {
            let mut agents = state["agents"].as_object().expect("agents").iter();
            state["sources"]["clarity"]["state"] == "polling"
                && agents.all(|(id, agent)| agent["sessions"][id]["customer"] == "Cut \u{fffd}")
        })
        .await;
    for agent in state["agents"].as_object().expect("agents").values() {
        assert_eq!(agent["status"], "available", "{agent}");
        assert_eq!(agent["metrics"]["audio"]["handleTime"], serde_json::json!({"count": 0}), "{agent}");
    }
    server.stop().await;
    sandbox_life.kill();
}
