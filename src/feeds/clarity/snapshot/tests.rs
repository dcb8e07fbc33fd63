//! A reading against a small server of its own.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::http::{StatusCode, Uri};

use super::*;
use base::{Clock, Lifecycle};
use crate::config::{self, Auth};
use crate::feeds::clarity::settings;
use crate::gold::{BusinessDay, MatchRules};

fn beside(root: &str, life: &Lifecycle) -> (Gold, Clarity) {
    let mut section = config::Clarity::new(root.parse().expect("an address"), "client", Auth::Static);
    section.token = Some("token".into());
    let (clock, server) = (Clock::system(), config::Server::default());
    let day = BusinessDay { zone: server.time_zone, starts: server.day_starts };
    let upstream = settings::client(&section, &clock).expect("a client");
    (Gold::start(MatchRules::default(), day, clock, life), upstream)
}

fn reading(gold: &Gold, upstream: &Clarity, floor: Option<Roster>) -> Snapshot {
    Snapshot {
        also: MetricIncludes::default(),
        probe_queues: false,
        upstream: upstream.clone(),
        gold: gold.clone(),
        seen: StatusStarts::default(),
        floor,
        structure_due: true,
        details_due: true,
        noted: Default::default(),
        subscribe: None,
        next_lookup: 0,
        unanswered: BTreeSet::new(),
    }
}

#[tokio::test]
async fn whatever_drops_out_of_an_answers_lists_is_counted_one_by_one() {
    let app = Router::new().fallback(async |uri: Uri| {
        let path = uri.path();
        (
            StatusCode::OK,
            match () {
                () if path.ends_with("/profile/mbu") => {
                    r#"{"agents":[{"id":5},"?"],"queues":[{"id":11,"name":"Sales"},{"name":"nobody"}]}"#
                }
                () if path.contains("/metrics/") => {
                    r#"[{"type":"agent","id":5,"sessions":{"audio":{"sessions":["?",{"sessionId":1},{"queueId":11}]}},
                    "statusHistory":[{"agentStatus":"available"},"?"]},"?",{"name":"nobody"}]"#
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
    let (gold, upstream) = beside(&root, &life);
    let outcome = reading(&gold, &upstream, None).run().await;
    assert_eq!(outcome.trouble, None);
    // Of the structure 2, of the agents 2, of sessions 2, of a history 2, of each search 1.
    assert_eq!(outcome.noted.dropped, 10, "{outcome:?}");
    life.kill();
}

/// `reliability.md` U11: what is known of the structure will do.
#[tokio::test]
async fn a_structure_that_cannot_be_read_keeps_nobody_from_being_read() {
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
    let (gold, upstream) = beside(&root, &life);
    let reading = |floor| reading(&gold, &upstream, floor);
    let known = || Roster { agents: [5].into(), queues: BTreeMap::new() };
    let outcome = reading(Some(known())).run().await;
    assert!(outcome.not_structured.as_ref().is_some_and(|why| why.contains("500")), "{outcome:?}");
    assert!(outcome.trouble.is_none() && outcome.asked.is_some(), "{outcome:?}");

    // Neither a refusal with status 200 nor an answer about others is an answer about them.
    for odd in ["[]", "null", r#"{"message":"An error has occurred."}"#, r#"[{"id":6}]"#] {
        *answer.lock().expect("no panic") = odd;
        let outcome = reading(Some(known())).run().await;
        assert!(outcome.trouble.is_some() && outcome.asked.is_none(), "{odd}: {outcome:?}");
    }
    // One of two who is left out is unknown when that happens again.
    *answer.lock().expect("no panic") = r#"[{"id":5,"currentStatus":{"agentStatus":"available"}}]"#;
    let both = Roster { agents: [5, 6].into(), queues: BTreeMap::new() };
    let mut twice = reading(Some(both));
    twice.unanswered.insert(6);
    let outcome = twice.run().await;
    assert_eq!(outcome.unanswered, [6].into());
    gold.flush().await;
    let entity = gold.copy().get(&Key::Agent(AgentId(6)));
    let Some(Entity::Agent(agent)) = entity.as_deref() else { panic!("no agent: {entity:?}") };
    assert!(agent.status == AgentStatus::Unknown && agent.reason.is_some() && !agent.not_permitted, "{agent:?}");

    // Where nothing is known there is nobody to ask about.
    let outcome = reading(None).run().await;
    assert!(outcome.trouble.is_some() && outcome.asked.is_none(), "{outcome:?}");
    life.kill();
}
