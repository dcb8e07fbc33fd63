//! What a site tells about itself besides its floor: what its metrics are called, how its teams hang together, and
//! what there may be of its queues.

use serde_json::json;

use crate::support::clarity::Mock;
use crate::support::house::{House, sandbox};

/// `apis.md` C33.
#[tokio::test]
async fn metrics_are_called_what_the_site_calls_them() {
    let (sandbox, _life) = sandbox(6, 2).await;
    let house = House::beside(&sandbox).await;
    let state = house.until("floor", "the labels", |state| state["labels"]["availableTime"].is_string()).await;
    // Those that are asked for, and no other.
    let expected = json!({"abandonedCount": "Abandoned Count", "answeredCount": "Answered Count",
        "availableTime": "Time Ready for Contacts", "ronaCount": "Ring On No Answer Count"});
    assert_eq!(state["labels"], expected);
    let surveys = house.until("surveys", "the labels", |state| state["labels"] == expected).await;
    assert!(surveys["agents"].is_object(), "whoever sees agents sees their metrics");
    assert_eq!(house.state("status").await["state"]["labels"], json!({}), "and nobody else");
    let page = house.get("/supervisor").await.text().await.expect("a page");
    assert!(
        page.contains("Time Ready for Contacts:") && !page.contains("Available time:"),
        "the page calls it so, too"
    );
    house.stop().await;
}

#[tokio::test]
async fn a_label_is_text_and_a_site_without_labels_loses_nothing() {
    let mock = Mock::new();
    let house = mock.house(|_| ()).await;
    house.until("floor", "the floor", |state| state["agents"]["41"]["status"] == "available").await;
    let page = house.get("/supervisor").await.text().await.expect("a page");
    assert!(page.contains("Available time:"), "words of our own");
    let state = house.until("floor", "health", |state| state["sources"]["clarity"]["state"] == "polling").await;
    assert_eq!(
        (&state["labels"], &state["sources"]["clarity"]["counters"]["failedReadings"]),
        (&json!({}), &json!(null))
    );
    house.stop().await;
    let labels = "GET resources/dashboard/localization/en-us";
    assert_eq!(mock.asked(labels).len(), 1, "it is asked for with the structure, not with every reading");

    mock.answer(
        labels,
        200,
        json!({"AvailableTime": "<script>alert(1)</script>", "moonCount": "Moons", "moonCountShort": "M", "odd": 7}),
    );
    let house = mock.house(|clarity| clarity.agent_metrics = Vec::new()).await;
    let state = house.until("floor", "the labels", |state| state["labels"]["moonCount"] == "Moons").await;
    // All metrics are asked for, and all labels are kept, under the names that numbers come with.
    assert_eq!(state["labels"], json!({"availableTime": "<script>alert(1)</script>", "moonCount": "Moons"}));
    let page = house.get("/supervisor").await.text().await.expect("a page");
    assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert(1)"), "a label is no markup");
    house.stop().await;
}

/// `apis.md` C13.
#[tokio::test]
async fn teams_tell_their_groups_and_their_business_unit() {
    let mock = Mock::new();
    let house = mock.house(|_| ()).await;
    let state = house.until("floor", "the team", |state| state["teams"]["3"].is_object()).await;
    let expected = json!({"name": "North", "groups": {"8": "Retail <b>", "9": "Group 9"}, "unit": "Shop"});
    assert_eq!(state["teams"]["3"], expected, "a group that has no name is called by its number");
    house.stop().await;

    mock.answer("GET profile/mbu", 200, json!({"teams": [{"id": 3, "name": "North", "businessUnitId": 2}]}));
    let house = mock.house(|_| ()).await;
    let state = house.until("floor", "the team", |state| state["teams"]["3"].is_object()).await;
    assert_eq!(state["teams"]["3"], json!({"name": "North"}), "what is not known is left out");
    house.stop().await;

    let (sandbox, _life) = sandbox(6, 2).await;
    let house = House::beside(&sandbox).await;
    let told = |state: &serde_json::Value| {
        state["teams"].as_object().is_some_and(|teams| {
            !teams.is_empty() && teams.values().all(|team| team["groups"].is_object() && team["unit"].is_string())
        })
    };
    house.until("floor", "every team's place", told).await;
    house.stop().await;
}
