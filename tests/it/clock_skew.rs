//! Durations come from one clock, whatever the clocks of the sources say; the skew is measured and shown.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use base::Clock;
use callboard::config::{AgentConnect, Auth, Clarity, Goodays, Kustomer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::clarity::{Mock, date};
use crate::support::server::TestServer;

const AGENT: &str = "POST metrics/agents/";

/// A status that began `seconds` ago, dated by a clock that is `ahead`.
fn began(ahead: SignedDuration, status: &str, seconds: i64) -> Value {
    let since = Clock::system().now() + ahead - SignedDuration::from_secs(seconds);
    json!([{"type": "agent", "id": 41, "name": "Rob T.",
        "currentStatus": {"agentStatus": status, "startTime": since.to_string()}}])
}

fn age(state: &Value) -> Option<SignedDuration> {
    let since: Timestamp = state["agents"]["41"]["since"].as_str()?.parse().ok()?;
    Some(Clock::system().now().duration_since(since))
}

fn offset(state: &Value, source: &str) -> Option<i64> {
    state["sources"][source]["clockOffsetSeconds"].as_i64()
}

fn is_about(offset: Option<i64>, wanted: i64) -> bool {
    offset.is_some_and(|offset| (offset - wanted).abs() <= 3)
}

#[tokio::test]
async fn status_age_is_right_under_any_clock_skew_of_clarity() {
    for (minutes, told) in
        [(-20, "20 min behind ours"), (20, "ahead of ours"), (-120, "behind ours"), (120, "ahead of ours")]
    {
        let mock = Mock::new();
        let ahead = SignedDuration::from_mins(minutes);
        mock.set_clock(ahead);
        mock.answer(AGENT, 200, began(ahead, "available", 6));
        let server = mock.server(|_| ()).await;
        // What was read before the offset was known is read again once it is.
        let state = server.until("all", "the offset and an age by our clock", |state| {
            offset(state, "clarity").is_some() && age(state).is_some_and(|age| (3..60).contains(&age.as_secs()))
        });
        let state = state.await;
        assert!(is_about(offset(&state, "clarity"), minutes * 60), "{minutes} min: {state}");
        let page = server.get("/status").await.text().await.expect("a page");
        assert!(page.contains(told), "{minutes} min: {page}");
        let metrics = server.get("/metrics").await.text().await.expect("text");
        let line = metrics.lines().find_map(|line| {
            line.strip_prefix("callboard_source_clock_offset_seconds{source=\"clarity\"} ")?.parse::<f64>().ok()
        });
        assert!(line.is_some_and(|seconds| (seconds - minutes as f64 * 60.0).abs() < 3.0), "{metrics}");
        server.stop().await;
    }
}

#[tokio::test]
async fn clock_in_sync_is_not_reported() {
    let mock = Mock::new();
    mock.answer(AGENT, 200, began(SignedDuration::ZERO, "available", 6));
    let server = mock.server(|_| ()).await;
    let state = server.until("all", "the status", |state| age(state).is_some()).await;
    assert_eq!(offset(&state, "clarity"), None);
    let page = server.get("/status").await.text().await.expect("a page");
    assert!(!page.contains("behind ours") && !page.contains("ahead of ours"), "{page}");
    server.stop().await;
}

/// The clock of statuses may differ from the `Date` header's. It is measured from changes between two polls.
#[tokio::test]
async fn skew_without_date_header_is_measured_from_changes() {
    let mock = Mock::new();
    let behind = SignedDuration::from_mins(-20);
    mock.answer(AGENT, 200, began(behind, "available", 6));
    let server = mock.server(|clarity| clarity.poll_interval = Duration::from_millis(200)).await;
    for status in ["inCall", "afterCall", "available"] {
        server.until("all", "a status", |state| !state["agents"]["41"]["status"].is_null()).await;
        mock.answer(AGENT, 200, began(behind, status, 0));
        server.until("all", "the change", |state| state["agents"]["41"]["status"] == status).await;
    }
    let state = server.until("all", "the offset", |state| offset(state, "clarity").is_some()).await;
    assert!(is_about(offset(&state, "clarity"), -1200), "{state}");
    let young = |state: &Value| age(state).is_some_and(|age| age.as_secs() < 60);
    server.until("all", "an age by our clock", young).await;
    server.stop().await;
}

#[tokio::test]
async fn skew_of_every_polled_source_is_measured() {
    let ahead = SignedDuration::from_mins(-45);
    let respond = async |State(ahead): State<SignedDuration>| {
        (StatusCode::NOT_FOUND, [(header::DATE, date(ahead))], "{}").into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    let app = Router::new().fallback(respond).with_state(ahead);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let at = |path: &str| format!("{root}{path}").parse().expect("an address");
    let server = TestServer::standalone(|config| {
        let mut clarity = Clarity::new(at("/webapi/api"), "", Auth::Static);
        clarity.token = Some("unused".into());
        config.clarity = Some(clarity);
        config.goodays = Some(Goodays::new(at("/v2"), "token".into(), vec!["secret".into()]));
        config.agent_connect = Some(AgentConnect {
            api_root: at(""),
            api_key: Some("key".into()),
            api_secret: Some("secret".into()),
            ..AgentConnect::default()
        });
        config.kustomer = Some(Kustomer {
            api_root: at(""),
            api_key: Some("key".into()),
            webhook_secret: Some("secret".into()),
            org_domain: "example".into(),
            ..Kustomer::default()
        });
    });
    let server = server.await;
    for source in ["clarity", "goodays", "agentConnect", "kustomer"] {
        server.until("status", source, |state| is_about(offset(state, source), -2700)).await;
    }
    server.stop().await;
}
