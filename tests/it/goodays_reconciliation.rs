//! Responses that webhooks missed are fetched from the list, and a silent webhook is reported.

use std::time::Duration;

use base::Clock;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::goodays::{Mock, send};

fn standing() -> Clock {
    Clock::manual("2026-11-20T13:00:00Z".parse().expect("an instant"))
}

fn counter(state: &Value, name: &str) -> u64 {
    state["sources"]["goodays"]["counters"][name].as_u64().unwrap_or_default()
}

fn responses(state: &Value) -> usize {
    state["feedback"].as_object().map_or(0, serde_json::Map::len)
}

#[tokio::test]
async fn missed_responses_are_fetched_at_start_and_stored() {
    let mock = Mock::open().await;
    for id in ["r1", "r2", "r3", "r4", "r5"] {
        mock.customer_answers(id, |_| ());
    }
    // One without an identity is kept and told all the same.
    mock.customer_answers("r6", |response| response["id"] = json!(null));
    let server = mock.server_at(standing(), |_| ()).await;
    let all = |state: &Value| responses(state) == 5 && counter(state, "unreadableEvents") == 1;
    let state = server.until("all", "all five", all).await;
    assert_eq!(counter(&state, "events"), 0);
    assert_eq!(mock.asked("bulk").len(), 3, "two on a page: {:?}", mock.asked("bulk"));
    assert!(mock.asked("bulk")[0].contains("start_date=2026-11-19T12%3A00%3A00Z&end_date=2026-11-20T13%3A00%3A00Z"));
    assert_eq!(server.application.store.inbox().counts().await.expect("counts").total, 6);
    let stopped = server.stop().await;
    let kept = std::fs::read(stopped.data_dir().join("callboard.db")).expect("what was kept");
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("r5") && !kept.contains("1234abcd1234abcd"), "the response's token is not kept");
    // In the next life they are there without being asked for, and not taken in twice.
    let server = stopped.restart().await;
    let later = server.until("all", "all five again", |state| responses(state) == 5).await;
    assert_eq!(later["feedback"], state["feedback"]);
    assert_eq!(server.application.store.inbox().counts().await.expect("counts").total, 6);
    server.stop().await;
}

#[tokio::test]
async fn listed_response_of_a_webhook_has_no_second_effect() {
    let mock = Mock::open().await;
    let server = mock.server_at(standing(), |_| ()).await;
    while mock.asked("bulk").is_empty() {
        tokio::task::yield_now().await;
    }
    let first = mock.customer_answers("r1", |_| ());
    send(&server, &first).await;
    server.until("all", "the response", |state| responses(state) == 1).await;
    let stopped = server.stop().await;
    // While nobody listens a colleague answers one customer, and another one says something.
    mock.operator_acts("r1", "reply", &json!({"content": "We are sorry."}));
    mock.customer_answers("r2", |_| ());
    let server = stopped.restart_at(&standing()).await;
    let both = |state: &Value| responses(state) == 2 && state["feedback"]["r1"]["state"] == "closed";
    let state = server.until("all", "both", both).await;
    assert_eq!(
        server.application.store.inbox().counts().await.expect("counts").total,
        3,
        "one event, two that were found"
    );
    assert!(state["feedback"]["r1"].get("offeredActions").is_none());
    let stopped = server.stop().await;
    let asked = mock.asked("bulk").len();
    let server = stopped.restart_at(&standing()).await;
    server.until("all", "both again", |state| responses(state) == 2).await;
    while mock.asked("bulk").len() == asked {
        tokio::task::yield_now().await;
    }
    server.application.gold.flush().await;
    assert_eq!(
        server.application.store.inbox().counts().await.expect("counts").total,
        3,
        "nothing new, nothing stored"
    );
    server.stop().await;
}

#[tokio::test]
async fn missing_list_endpoint_is_reported_and_harmless() {
    let mock = Mock::open().await;
    mock.has_list(false);
    let server = mock.server(|_| ()).await;
    let state = server
        .until("status", "the remark", |state| {
            let reason = state["sources"]["goodays"]["reason"].as_str().unwrap_or_default();
            reason.starts_with("This Goodays has no list of responses")
        })
        .await;
    assert_eq!(state["sources"]["goodays"]["state"], "live");
    send(&server, &mock.customer_answers("r1", |_| ())).await;
    server.until("all", "the response", |state| responses(state) == 1).await;
    assert_eq!(mock.asked("bulk").len(), 1, "it is asked once");
    server.stop().await;
}

#[tokio::test]
async fn webhook_silence_is_reported_and_the_gap_is_fetched() {
    let mock = Mock::open().await;
    let clock = standing();
    let alarm = |config: &mut callboard::config::Config| {
        config.goodays.as_mut().expect("a section").silence_alarm = Duration::from_secs(24 * 60 * 60);
    };
    let server = mock.server_at(clock.clone(), alarm).await;
    send(&server, &mock.customer_answers("r1", |_| ())).await;
    server.until("all", "the response", |state| responses(state) == 1).await;
    clock.advance(SignedDuration::from_hours(25));
    // Whatever wakes the feed lets it look at the clock; here somebody knocks with a wrong signature.
    let stranger = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", "00").body("{}");
    assert_eq!(stranger.send().await.expect("an answer").status().as_u16(), 401);
    let state = server.until("status", "the silence", |state| state["sources"]["goodays"]["state"] == "stale").await;
    let reason = state["sources"]["goodays"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("No webhook has come for more than 24h"), "{reason}");
    let page = server.get("/feedback").await.text().await.expect("a page");
    assert!(page.contains("No webhook has come for more than 24h"));
    let counted = server.get("/metrics").await.text().await.expect("a text");
    assert!(counted.contains("callboard_source_up{source=\"goodays\"} 0"), "{counted}");

    // One webhook was lost in the silence; the next one ends it.
    mock.customer_answers("r2", |it| it["created_date"] = json!("2026-11-21T10:20:39.810686+01:00"));
    send(&server, &mock.customer_answers("r3", |_| ())).await;
    let state = server.until("all", "all three", |state| responses(state) == 3).await;
    assert_eq!(state["sources"]["goodays"]["state"], "live");
    assert_eq!(state["sources"]["goodays"].get("reason"), None);
    server.stop().await;
}
