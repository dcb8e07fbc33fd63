//! What a Clarity site says about itself: labels of metrics, groups and business units of teams, queue metrics over
//! REST.

use std::time::Duration;

use callboard::config::Clarity;
use serde_json::json;

use crate::support::clarity::Mock;
use crate::support::server::{TestServer, sandbox};
use crate::support::until;

/// `apis.md` C33.
#[tokio::test]
async fn metrics_use_the_labels_of_the_site() {
    let (sandbox, _life) = sandbox(6, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let state = server.until("floor", "the labels", |state| state["labels"]["availableTime"].is_string()).await;
    // Those that are asked for, and no other.
    let expected = json!({"abandonedCount": "Abandoned Count", "answeredCount": "Answered Count",
        "availableTime": "Time Ready for Contacts", "ronaCount": "Ring On No Answer Count"});
    assert_eq!(state["labels"], expected);
    let surveys = server.until("surveys", "the labels", |state| state["labels"] == expected).await;
    assert!(surveys["agents"].is_object(), "whoever sees agents sees their metrics");
    assert_eq!(server.state("status").await["state"]["labels"], json!({}), "and nobody else");
    let page = server.get("/supervisor").await.text().await.expect("a page");
    assert!(
        page.contains("Time Ready for Contacts:") && !page.contains("Available time:"),
        "the page calls it so, too"
    );
    server.stop().await;
}

#[tokio::test]
async fn label_is_text_and_missing_labels_are_harmless() {
    let mock = Mock::new();
    let server = mock.server(|_| ()).await;
    server.until("floor", "the floor", |state| state["agents"]["41"]["status"] == "available").await;
    let page = server.get("/supervisor").await.text().await.expect("a page");
    assert!(page.contains("Available time:"), "words of our own");
    let state = server.until("floor", "health", |state| state["sources"]["clarity"]["state"] == "polling").await;
    assert_eq!(
        (&state["labels"], &state["sources"]["clarity"]["counters"]["failedReadings"]),
        (&json!({}), &json!(null))
    );
    server.stop().await;
    let labels = "GET resources/dashboard/localization/en-us";
    assert_eq!(mock.asked(labels).len(), 1, "it is asked for with the structure, not with every reading");

    mock.answer(
        labels,
        200,
        json!({"AvailableTime": "<script>alert(1)</script>", "moonCount": "Moons", "moonCountShort": "M", "odd": 7}),
    );
    let server = mock.server(|clarity| clarity.agent_metrics = Vec::new()).await;
    let state = server.until("floor", "the labels", |state| state["labels"]["moonCount"] == "Moons").await;
    // All metrics are asked for, and all labels are kept, under the names that numbers come with.
    assert_eq!(state["labels"], json!({"availableTime": "<script>alert(1)</script>", "moonCount": "Moons"}));
    let page = server.get("/supervisor").await.text().await.expect("a page");
    assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert(1)"), "a label is no markup");
    server.stop().await;
}

/// `apis.md` C13.
#[tokio::test]
async fn teams_show_groups_and_business_unit() {
    let mock = Mock::new();
    let server = mock.server(|_| ()).await;
    let state = server.until("floor", "the team", |state| state["teams"]["3"].is_object()).await;
    let expected = json!({"name": "North", "groups": {"8": "Retail <b>", "9": "Group 9"}, "unit": "Shop"});
    assert_eq!(state["teams"]["3"], expected, "a group that has no name is called by its number");
    server.stop().await;

    mock.answer("GET profile/mbu", 200, json!({"teams": [{"id": 3, "name": "North", "businessUnitId": 2}]}));
    let server = mock.server(|_| ()).await;
    let state = server.until("floor", "the team", |state| state["teams"]["3"].is_object()).await;
    assert_eq!(state["teams"]["3"], json!({"name": "North"}), "what is not known is left out");
    server.stop().await;

    let (sandbox, _life) = sandbox(6, 2).await;
    let server = TestServer::with_sandbox(&sandbox).await;
    let told = |state: &serde_json::Value| {
        state["teams"].as_object().is_some_and(|teams| {
            !teams.is_empty() && teams.values().all(|team| team["groups"].is_object() && team["unit"].is_string())
        })
    };
    server.until("floor", "every team's place", told).await;
    server.stop().await;
}

/// No document describes queue metrics over REST, so they are read only where that is configured (apis.md C48).
#[tokio::test]
async fn queue_metrics_probe_is_optional_and_stops_on_404() {
    let mock = Mock::new();
    let server = mock.server(|_| ()).await;
    server.until("all", "a reading", |state| state["sources"]["clarity"]["state"] == "polling").await;
    server.stop().await;
    assert!(mock.asked(PROBE).is_empty(), "off by default");

    let server = mock.server(quick).await;
    server
        .until("all", "word of it", |state| state["sources"]["clarity"]["counters"]["missingQueueMetrics"] == 1)
        .await;
    let readings = mock.asked("POST metrics/agents/").len();
    until("more readings", || mock.asked("POST metrics/agents/").len() > readings + 3).await;
    assert_eq!(mock.asked(PROBE).len(), 1, "what is not there is not asked for again");
    let state = server.state("all").await;
    let failed = &state["state"]["sources"]["clarity"]["counters"]["failedReadings"];
    assert_eq!(failed, &json!(null), "and nothing else is the worse for it");
    server.stop().await;
}

#[tokio::test]
async fn queue_metrics_over_rest_are_shown_and_unknown_counted() {
    let mock = Mock::new();
    let waiting = json!({"sessionId": 82673, "sessionType": "queued", "queueId": 11, "customerName": "Jane C.",
        "sessionStatus": "Queued", "queuedMs": 34000});
    let queue = json!({"type": "queue", "id": "11", "name": "Orders", "metrics": {"audio": {"QueuedCount": 1,
        "abandonedCount": 4}},
        "sessions": {"audio": {"sessions": [waiting]}}});
    let odd = json!([queue, {"type": "agent", "id": 41}, {"type": "queue", "id": 99}, {"what": "is this"}]);
    mock.answer(PROBE, 200, odd);
    let server = mock.server(quick).await;
    let state = server.until("all", "who waits", |state| state["queues"]["11"]["waiting"] == 1).await;
    let queue = &state["queues"]["11"];
    assert_eq!(queue["metrics"]["audio"], json!({"queuedCount": 1, "abandonedCount": 4}));
    assert_eq!(queue["sessions"]["82673"]["customer"], "Jane C.");
    assert!(state["queues"].get("99").is_none(), "a queue that no structure has is no queue");
    // Readings are seconds apart here, so that what the first of them counted is seen before the second.
    let slow = mock.server(|clarity| clarity.probe_queue_metrics = true).await;
    let counted = |state: &serde_json::Value| state["sources"]["clarity"]["counters"]["unknownQueueMetrics"].as_u64();
    let state = slow.until("all", "the count", |state| counted(state).is_some()).await;
    assert_eq!(counted(&state), Some(3));
    slow.stop().await;
    let asked = mock.asked(PROBE);
    assert_eq!(
        asked[0]["metricProperties"],
        json!(["queuedCount", "answeredCount", "abandonedCount"]),
        "as agents are asked for"
    );

    // A full answer: what it leaves out is not there.
    mock.answer(
        PROBE,
        200,
        json!([{"type": "queue", "id": 11, "name": "Orders", "metrics": {"audio": {"queuedCount": 0}}}]),
    );
    let state = server.until("all", "nobody", |state| state["queues"]["11"]["waiting"] == 0).await;
    assert!(state["queues"]["11"].get("sessions").is_none());
    server.stop().await;
}

const PROBE: &str = "POST metrics/queues";

fn quick(clarity: &mut Clarity) {
    clarity.probe_queue_metrics = true;
    clarity.poll_interval = Duration::from_millis(200);
}

/// `apis.md` C44, C46.
#[tokio::test]
async fn queue_search_is_batched_with_a_fallback_to_single_ones() {
    let found = |id: i64, online: i64| {
        json!({"queuesFound": [{"queueId": id, "agentsOnline": online}, {"queueId": 99,
        "agentsOnline": 5}]})
    };
    let online = |wanted: [i64; 2]| {
        move |state: &serde_json::Value| {
            let queues = &state["queues"];
            queues["11"]["agentsOnline"] == wanted[0] && queues["12"]["agentsOnline"] == wanted[1]
        }
    };
    let mock = Mock::new();
    mock.answer(BATCH, 200, json!([{"code": 200, "body": found(11, 3)}, {"code": "200", "body": found(12, 4)}]));
    let server = mock.server(|_| ()).await;
    server.until("floor", "both queues", online([3, 4])).await;
    let items = |name: &str| json!({"method": "GET", "relativeUrl": format!("../v2/search/{name}")});
    assert_eq!(mock.asked(BATCH)[0], json!([items("Orders"), items("Returns")]));
    server.stop().await;
    assert!(mock.asked("GET search/Orders").is_empty(), "one round trip is enough");

    // One of them fails by itself, and holds up no other.
    mock.answer(BATCH, 200, json!([{"code": 500, "body": {"message": "no"}}, {"code": 200, "body": found(12, 6)}]));
    let server = mock.server(|_| ()).await;
    let state = server.until("floor", "the other", |state| state["queues"]["12"]["agentsOnline"] == 6).await;
    assert!(state["queues"]["11"].get("agentsOnline").is_none());
    server.stop().await;

    mock.answer("GET search/Orders", 200, found(11, 7));
    mock.answer("GET search/Returns", 200, found(12, 8));
    for (status, refusal) in [(500, json!({"message": "no"})), (401, json!({})), (200, json!([])), (404, json!({}))] {
        mock.answer(BATCH, status, refusal);
        let server = mock.server(|_| ()).await;
        server.until("floor", "both queues", online([7, 8])).await;
        server.stop().await;
    }
}

/// The batch method has no name of its own.
const BATCH: &str = "POST ";
