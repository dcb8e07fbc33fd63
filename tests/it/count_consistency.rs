//! A count is the same on the supervisor page, on wallboards and in each scope of the API.

use callboard::config::{QueueRef, Wallboard};
use serde_json::{Value, json};

use crate::support::login::{ADMINISTRATOR, SignedIn, TEAM_LEAD};
use crate::support::server::{TestServer, sandbox};

/// The text of the cell of that kind and argument.
fn shown(page: &str, kind: &str, arg: &str) -> String {
    let mark = format!("data-as=\"{kind}\" data-arg=\"{arg}\"");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let at = page.find(&mark).unwrap_or_else(|| panic!("no {kind} {arg}"));
    page[at..].split_once('>').expect("a tag").1.split('<').next().expect("a text").to_owned()
}

#[tokio::test]
async fn available_count_agrees_on_pages_wallboards_and_api() {
    let (sandbox, _life) = sandbox(36, 1).await;
    let server = TestServer::with_login(&sandbox, |config| {
        let mut all = Wallboard::new("everything");
        all.tiles = ["agentsAvailable", "agentsOnline"].map(str::to_owned).to_vec();
        let mut every = all.clone();
        every.name = "every".to_owned();
        every.queues = [1].map(QueueRef::Id).to_vec();
        config.wallboards.extend([all, every]);
    })
    .await;
    let keeper = SignedIn::as_agent(&server, &sandbox, ADMINISTRATOR).await;
    let mut viewer = keeper.watch("all", None).await;
    let free = |state: &Value| {
        let agents = state["agents"].as_object().expect("agents").clone();
        let is_free = |agent: &Value| agent["status"] == "available" && agent["suspended"] == false;
        agents.into_iter().filter(|(_, agent)| is_free(agent)).map(|(id, _)| id).collect::<Vec<_>>()
    };
    let away = |state: &Value| {
        let agents = state["agents"].as_object().expect("agents").clone();
        agents
            .into_iter()
            .filter(|(_, agent)| agent["activity"] == "away" && agent["suspended"] == false)
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    let is_known = |state: &Value| {
        let all = &state["counts"]["all"];
        // More than will be offered to them at once.
        all["staff"]["agents"] == 36 && all["waiting"].as_u64().is_some_and(|n| away(state).len() as u64 > n + 2)
    };
    viewer.until("a floor with agents who are away", is_known).await;
    // From here on no agent moves without being told to: those who were away become free.
    sandbox.control().pause(true);
    for id in away(&viewer.document) {
        let asked = keeper.request(reqwest::Method::POST, &format!("/api/v1/agents/{id}/status"));
        assert_eq!(asked.json(&json!({"status": "available"})).send().await.expect("an answer").status(), 200);
    }
    viewer.until("two free agents", |state| free(state).len() > 1).await;
    // A suspended agent no longer counts as available.
    let first = free(&viewer.document).first().expect("somebody is free").clone();
    let asked = keeper.request(reqwest::Method::POST, &format!("/api/v1/agents/{first}/suspend"));
    assert_eq!(asked.json(&json!({"suspended": true})).send().await.expect("an answer").status(), 200);
    viewer.until("the suspension", |state| state["agents"][&first]["suspended"] == true).await;
    let available = free(&viewer.document).len();
    assert_eq!(viewer.document["counts"]["all"]["staff"]["available"], available);
    assert_eq!(viewer.document["agents"][&first]["activity"], "away");

    let mut seen = Vec::new();
    for scope in ["all", "floor", "wallboard:everything", "wallboard:every"] {
        seen.push((scope.to_owned(), keeper.state(scope).await["counts"]["all"]["staff"]["available"].to_string()));
    }
    seen.push(("desk".to_owned(), shown(&keeper.text("/supervisor").await, "activityCount", "available")));
    for wall in ["everything", "every"] {
        let page = keeper.text(&format!("/wallboard/{wall}")).await;
        seen.push((wall.to_owned(), shown(&page, "boardTile", "agentsAvailable")));
    }
    for (place, number) in seen {
        assert_eq!(number, available.to_string(), "{place}");
    }
    // Teams add up to the whole, and whoever is limited counts whom they see.
    let state = keeper.state("floor").await;
    let of_teams = state["counts"].as_object().expect("counts").iter().filter(|(of, _)| of.starts_with("team:"));
    let sum: u64 = of_teams.filter_map(|(_, counts)| counts["staff"]["available"].as_u64()).sum();
    assert_eq!(sum, available as u64);
    let lead = SignedIn::as_agent(&server, &sandbox, TEAM_LEAD).await;
    let own = lead.state("floor").await;
    let seen = own["agents"].as_object().expect("agents").len();
    assert!(seen < 36);
    assert_eq!(own["counts"]["all"]["staff"]["agents"], seen);
    assert_eq!(own["counts"]["all"]["staff"]["available"], free(&own).len());
}
