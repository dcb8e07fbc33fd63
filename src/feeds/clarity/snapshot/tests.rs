//! Snapshots of a small server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use axum::Router;
use axum::http::{StatusCode, Uri};

use super::*;
use crate::config::{self, Auth};
use crate::feeds::clarity::settings;
use crate::gold::{BusinessDay, MatchRules};
use base::{Clock, Lifecycle};

fn gold_and_client(root: &str, life: &Lifecycle) -> (Gold, Clarity) {
    let mut section = config::Clarity::new(root.parse().expect("an address"), "client", Auth::Static);
    section.token = Some("token".into());
    let (clock, server) = (Clock::system(), config::Server::default());
    let day = BusinessDay { zone: server.time_zone, starts: server.day_starts };
    let clarity = settings::client(&section, &clock).expect("a client");
    (Gold::start(MatchRules::default(), day, clock, life), clarity)
}

fn snapshot(gold: &Gold, clarity: &Clarity, roster: Option<Roster>) -> Snapshot {
    Snapshot {
        includes: MetricIncludes::default(),
        probe_queues: false,
        clarity: clarity.clone(),
        gold: gold.clone(),
        status_starts: StatusStarts::default(),
        roster,
        structure_due: true,
        details_due: true,
        subscribe: None,
        next_search: 0,
        missing: BTreeSet::new(),
    }
}

#[tokio::test]
async fn entries_that_make_no_sense_are_counted() {
    let app = Router::new().fallback(async |uri: Uri| {
        let path = uri.path();
        (
            StatusCode::OK,
            match () {
                () if path.ends_with("/profile/mbu") => {
                    r#"{"agents":[{"id":5},"?"],"queues":[{"id":11,"name":"Sales"},{"name":"no id"}]}"#
                }
                () if path.contains("/metrics/") => {
                    r#"[{"type":"agent","id":5,"sessions":{"audio":{"sessions":["?",{"sessionId":1},{"queueId":11}]}},
                    "statusHistory":[{"agentStatus":"available"},"?"]},"?",{"name":"no id"}]"#
                }
                () if path.contains("/search/") => r#"{"agentsFound":[{"agentId":5,"publicName":"Ada"},"?"]}"#,
                () => r#"[{"code":200,"body":{"queuesFound":[{"queueId":11},"?"]}}]"#,
            },
        )
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let life = Lifecycle::new();
    let (gold, clarity) = gold_and_client(&root, &life);
    let outcome = snapshot(&gold, &clarity, None).run().await;
    assert_eq!(outcome.error, None);
    // Structure 2, agents 2, sessions 2, history 2, each of the two searches 1.
    assert_eq!(outcome.observations.dropped, 10, "{outcome:?}");
    life.kill();
}

/// The known structure is enough (reliability.md U11).
#[tokio::test]
async fn unreadable_structure_does_not_stop_the_agents() {
    let answer = Arc::new(Mutex::new(r#"[{"id":5}]"#));
    let told = Arc::clone(&answer);
    let app = Router::new().fallback(async move |uri: Uri| {
        let is_metrics = uri.path().contains("/metrics/");
        let told = *told.lock().expect("no panic");
        if is_metrics { (StatusCode::OK, told) } else { (StatusCode::INTERNAL_SERVER_ERROR, "") }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let life = Lifecycle::new();
    let (gold, clarity) = gold_and_client(&root, &life);
    let snapshot = |roster| snapshot(&gold, &clarity, roster);
    let known = || Roster { agents: [5].into(), queues: BTreeMap::new() };
    let outcome = snapshot(Some(known())).run().await;
    assert!(outcome.structure_error.as_ref().is_some_and(|why| why.contains("500")), "{outcome:?}");
    assert!(outcome.error.is_none() && outcome.asked.is_some(), "{outcome:?}");

    // Neither a refusal with status 200 nor an answer about other agents is an answer.
    for odd in ["[]", "null", r#"{"message":"An error has occurred."}"#, r#"[{"id":6}]"#] {
        *answer.lock().expect("no panic") = odd;
        let outcome = snapshot(Some(known())).run().await;
        assert!(outcome.error.is_some() && outcome.asked.is_none(), "{odd}: {outcome:?}");
    }
    // An agent that is missing from two answers in a row is unknown.
    *answer.lock().expect("no panic") = r#"[{"id":5,"currentStatus":{"agentStatus":"available"}}]"#;
    let both = Roster { agents: [5, 6].into(), queues: BTreeMap::new() };
    let mut twice = snapshot(Some(both));
    twice.missing.insert(6);
    let outcome = twice.run().await;
    assert_eq!(outcome.missing, [6].into());
    gold.flush().await;
    let entity = gold.copy().get(&Key::Agent(AgentId(6)));
    let Some(Entity::Agent(agent)) = entity.as_deref() else { panic!("no agent: {entity:?}") };
    assert!(agent.status == AgentStatus::Unknown && agent.reason.is_some() && !agent.not_permitted, "{agent:?}");

    // Without a structure there are no agents to request.
    let outcome = snapshot(None).run().await;
    assert!(outcome.error.is_some() && outcome.asked.is_none(), "{outcome:?}");
    life.kill();
}
