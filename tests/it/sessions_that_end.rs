//! Sessions that end: their customers are asked once, about the agent who had them last.

use std::collections::BTreeSet;
use std::path::Path;

use callboard::commands::configure;
use callboard::config::Sending;
use callboard::sandbox::Options;
use serde_json::Value;

use crate::support::house::{House, sandbox_with};

fn about_sessions(state: &Value) -> Vec<&Value> {
    let all = state["surveys"].as_object().into_iter().flat_map(serde_json::Map::values);
    all.filter(|survey| survey["origin"] == "session").collect()
}

#[tokio::test]
async fn customers_of_ended_sessions_are_asked_once_and_a_restart_asks_nobody_again() {
    let options = Options { agents: 12, queues: 2, speed: 30.0, ..Options::default() };
    let (sandbox, neighbours) = sandbox_with(options).await;
    let house = House::alone(|config| {
        *config = configure(sandbox.addresses(), Path::new(""));
        config.agent_connect.as_mut().expect("the sandbox plays it").send = Sending::On;
    })
    .await;
    let done = |state: &Value| {
        about_sessions(state).iter().filter(|it| it["state"] == "accepted" || it["state"] == "rejected").count() >= 4
    };
    let state = house.until("surveys", "four requests", done).await;
    let before: BTreeSet<i64> = about_sessions(&state).iter().filter_map(|it| it["session"].as_i64()).collect();
    assert_eq!(before.len(), about_sessions(&state).len(), "no session twice");
    for survey in about_sessions(&state) {
        let (session, conversation) = (survey["session"].as_i64().expect("a session"), survey["conversation"].as_str());
        let expected = conversation.map_or_else(|| session.to_string(), str::to_owned);
        assert_eq!(survey["interaction"], expected, "a session that is a conversation is known by that");
        assert!(survey["employee"].as_str().is_some_and(|name| name.contains('@')), "{survey}");
        assert!(survey["agent"].is_i64(), "{survey}");
    }

    let house = house.stop().await.again().await;
    let more = |state: &Value| {
        let now: BTreeSet<i64> = about_sessions(state).iter().filter_map(|it| it["session"].as_i64()).collect();
        now.len() >= before.len() + 2
    };
    let state = house.until("surveys", "new ones after a restart", more).await;
    let all: Vec<i64> = about_sessions(&state).iter().filter_map(|it| it["session"].as_i64()).collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "no session twice");
    house.stop().await;
    neighbours.kill();
}
