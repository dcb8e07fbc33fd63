//! The live protocol: snapshot, patches, beats; reconnecting viewers resume or get a new snapshot.

use callboard::domain::{Fact, Health, Ordinal, SourceName, SourceState};
use jiff::Timestamp;
use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::server::TestServer;
use crate::support::viewer::{End, Position, Viewer};

/// Something changes, in every scope.
async fn change(server: &TestServer, word: &str) {
    let at: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
    let mut health = Health::new(SourceState::Live, at);
    health.reason = Some(word.into());
    server.application.gold.apply(Fact::Source(SourceName::Clarity, health)).await;
}

fn says<'a>(word: &'a str) -> impl FnMut(&Value) -> bool + 'a {
    move |state| state["sources"]["clarity"]["reason"] == word
}

#[tokio::test]
async fn viewer_gets_snapshot_then_beats_and_patches() {
    let server = TestServer::standalone(|_| ()).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    assert_eq!(viewer.step().await.expect("a frame"), "snapshot");
    for section in ["agents", "queues", "teams", "feedback", "surveys", "alerts", "labels", "sources"] {
        assert!(viewer.document[section].is_object(), "{section} is always there");
    }
    while viewer.step().await.expect("a frame") != "beat" {}
    change(&server, "one").await;
    viewer.until("the change", says("one")).await;
    assert_eq!((viewer.snapshots, viewer.patches > 0), (1, true));
    assert_eq!(viewer.document, server.state("all").await["state"]);
    server.stop().await;
}

#[tokio::test]
async fn reconnecting_viewer_gets_one_patch_for_the_gap() {
    let server = TestServer::standalone(|_| ()).await;
    let mut viewer = Viewer::connect(&server.base, "status", None).await;
    viewer.until("all four sources", |state| state["sources"].as_object().is_some_and(|it| it.len() == 4)).await;
    let held = viewer.position();
    drop(viewer);
    for word in ["one", "two", "three"] {
        change(&server, word).await;
        server.application.gold.flush().await;
    }
    let mut viewer = Viewer::connect(&server.base, "status", Some(held)).await;
    viewer.until("the last change", says("three")).await;
    assert_eq!((viewer.snapshots, viewer.patches), (0, 1));
    server.stop().await;
}

#[tokio::test]
async fn rendered_page_needs_no_snapshot() {
    let server = TestServer::standalone(|_| ()).await;
    let painted = server.state("floor").await;
    let held = Position {
        epoch: painted["epoch"].as_str().expect("an epoch").to_owned(),
        version: painted["version"].as_u64().expect("a version"),
        document: painted["state"].clone(),
    };
    let mut viewer = Viewer::connect(&server.base, "floor", Some(held)).await;
    change(&server, "after the paint").await;
    viewer.until("the change", says("after the paint")).await;
    assert_eq!(viewer.snapshots, 0);
    server.stop().await;
}

#[tokio::test]
async fn invalid_position_gets_a_snapshot() {
    let server = TestServer::standalone(|_| ()).await;
    let now = server.state("all").await;
    let (epoch, version) = (now["epoch"].as_str().expect("an epoch"), now["version"].as_u64().expect("a version"));
    let other_scope = server.state("floor").await["epoch"].as_str().expect("an epoch").to_owned();
    for (what, query) in [
        ("a foreign epoch", format!("epoch=0123456789abcdef&version={version}")),
        ("another scope's epoch", format!("epoch={other_scope}&version={version}")),
        ("a version of the future", format!("epoch={epoch}&version={}", version + 1_000_000)),
        ("a version that is no number", format!("epoch={epoch}&version=DROP%20TABLE")),
        ("a negative version", format!("epoch={epoch}&version=-1")),
        ("a huge version", format!("epoch={epoch}&version=99999999999999999999999999")),
        ("an epoch alone", format!("epoch={epoch}")),
        ("hostile text", "epoch=%3Cscript%3E%00&version=%F0%9F%92%A9".to_owned()),
    ] {
        let address = format!("ws://{}/api/v1/live?scope=all&{query}", server.application.address);
        let (mut socket, _) = tokio_tungstenite::connect_async(address).await.expect("an open socket");
        let first = futures_util::StreamExt::next(&mut socket).await.expect("a frame").expect("a frame");
        let first: Value = serde_json::from_str(first.to_text().expect("text")).expect("JSON");
        assert_eq!(first["type"], "snapshot", "{what}");
    }
    server.stop().await;
}

#[tokio::test]
async fn foreign_origin_and_unknown_scope_get_no_upgrade() {
    let server = TestServer::standalone(|_| ()).await;
    let own = format!("http://{}", server.application.address);
    let refused = [
        ("https://evil.example", "all", 403),
        ("null", "all", 403),
        (&format!("{own}.evil.example"), "all", 403),
        (&own.replace(&server.application.address.port().to_string(), "1"), "all", 403),
        (&own, "everything", 400),
        (&own, "queues:", 400),
        (&own, "wallboard:nosuch", 404),
    ];
    for (origin, scope, expected) in refused {
        let address = format!("ws://{}/api/v1/live?scope={scope}", server.application.address);
        let mut request = address.into_client_request().expect("a request");
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).expect("a header"));
        match tokio_tungstenite::connect_async(request).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), expected, "{origin} {scope}"),
            other => panic!("{origin} {scope}: {other:?}"),
        }
    }
    let mut request = format!("ws://{}/api/v1/live?scope=wallboard:north", server.application.address)
        .into_client_request()
        .expect("a request");
    request.headers_mut().insert("origin", HeaderValue::from_str(&own).expect("a header"));
    tokio_tungstenite::connect_async(request).await.expect("our own page may");
    server.stop().await;
}

#[tokio::test]
async fn shutdown_closes_1012_and_restart_sends_a_snapshot() {
    let server = TestServer::standalone(|_| ()).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    viewer.step().await.expect("a snapshot");
    let held = viewer.position();
    let stopping = tokio::spawn(server.stop());
    let end = loop {
        if let Err(end) = viewer.step().await {
            break end;
        }
    };
    match end {
        End::Closed(Some(frame)) => assert_eq!(u16::from(frame.code), 1012),
        other => panic!("it ended with {other:?}"),
    }
    let server = stopping.await.expect("it stops").restart().await;
    let mut viewer = Viewer::connect(&server.base, "all", Some(held)).await;
    assert_eq!(viewer.step().await.expect("a frame"), "snapshot", "versions of another life mean nothing");
    server.stop().await;
}

#[tokio::test]
async fn flooding_viewer_is_disconnected() {
    let server = TestServer::standalone(|_| ()).await;
    let mut viewer = Viewer::connect(&server.base, "all", None).await;
    for _ in 0..200 {
        viewer.send(Message::text("hello")).await;
    }
    let end = loop {
        if let Err(end) = viewer.step().await {
            break end;
        }
    };
    match end {
        End::Closed(Some(frame)) => assert_eq!(u16::from(frame.code), 1008),
        End::Broken => {}
        End::Closed(None) => panic!("it was closed without a reason"),
    }
    server.stop().await;
}

/// V9: whatever a viewer does to us costs one connection, its own.
#[tokio::test]
async fn abuse_closes_only_the_abusers_socket() {
    use futures_util::{SinkExt, StreamExt};
    let server = TestServer::standalone(|_| ()).await;
    let mut neighbour = Viewer::connect(&server.base, "all", None).await;
    neighbour.step().await.expect("a snapshot");
    let ten_megabytes = vec![Message::binary(vec![b'x'; 10 << 20])];
    let just_too_large = vec![Message::text("x".repeat(64 * 1024 + 1))];
    let pings = vec![Message::Ping(b"are you there"[..].into()); 2_000];
    let messages = vec![Message::text("{}"); 2_000];
    let pongs = vec![Message::Pong(Default::default()); 2_000];
    for (what, abuse) in [
        ("a message of 10 MB", ten_megabytes),
        ("one byte too many", just_too_large),
        ("a flood of pings", pings),
        ("a flood of messages", messages),
        ("a flood of pongs", pongs),
    ] {
        let address = format!("ws://{}/api/v1/live?scope=all", server.application.address);
        let (socket, _) = tokio_tungstenite::connect_async(address).await.expect("an open socket");
        let (mut said, mut heard) = socket.split();
        // The socket may be closed in the middle of a write.
        let abusing = async {
            for message in abuse {
                if said.send(message).await.is_err() {
                    break;
                }
            }
            std::future::pending::<()>().await;
        };
        let ended = async {
            while let Some(frame) = heard.next().await {
                match frame {
                    Ok(Message::Close(frame)) => return frame.map(|frame| u16::from(frame.code)),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
            None
        };
        let code = tokio::select! {
            () = abusing => unreachable!("abuse has no end of its own"),
            ended = tokio::time::timeout(crate::support::server::TIMEOUT,
                ended) => ended.expect("it is shown out in time"),
        };
        assert!(matches!(code, None | Some(1008 | 1009)), "{what}: {code:?}");
    }
    change(&server, "after the abuse").await;
    neighbour.until("what happens next", says("after the abuse")).await;
    let metrics = server.get("/metrics").await.text().await.expect("text");
    assert!(metrics.contains("callboard_viewers{page=\"all\"} 1"), "{metrics}");
    server.stop().await;
}

#[tokio::test]
async fn wallboard_has_its_queues_without_customer_names() {
    use callboard::domain::session::SessionListUpdate;
    use callboard::domain::{Modality, QueueId, QueueUpdate, SessionId, SessionStatus, SessionUpdate};
    let server = TestServer::standalone(|_| ()).await;
    for id in 0..4 {
        let mut waiting = SessionUpdate::new(SessionId(82_673 + id));
        waiting.status = Some(SessionStatus::Queued);
        waiting.customer = Some("Jane Customer".into());
        waiting.other.insert("customerPhone".into(), Value::from("+13128633465"));
        let mut queue = QueueUpdate::new(QueueId(id));
        queue.sessions =
            [(Modality::Audio, SessionListUpdate { all: Some(vec![waiting]), ..SessionListUpdate::default() })].into();
        server
            .application
            .gold
            .apply(Fact::QueueUpdated { received: Ordinal::default(), queue: Box::new(queue) })
            .await;
    }
    server.application.gold.flush().await;
    let state = server.until("wallboard:north", "both queues", |state| state["queues"].get("2").is_some()).await;
    let queues: Vec<&String> = state["queues"].as_object().expect("queues").keys().collect();
    assert_eq!(queues, ["0", "2"]);
    assert_eq!(state["queues"]["2"]["waiting"], 1);
    let text = state.to_string() + &server.get("/wallboard/north").await.text().await.expect("a page");
    assert!(!text.contains("Jane") && !text.contains("13128633465"), "the wall shows no customer");
    server.stop().await;
}
