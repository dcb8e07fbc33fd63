//! Our SignalR client against a third-party server (npm `signalrjs`), through its death and return.

use std::time::Duration;

use base::{Clock, Secret};
use callboard::upstream::clarity::methods::MetricIncludes;
use callboard::upstream::clarity::{Clarity, Credential, SessionPropertiesKey, Settings, WriteVerb, find_pushes};
use classic_signalr::{Connection, Event, Transport};

use crate::support::server::TIMEOUT;
use crate::support::signalrjs::SignalrJsServer;

fn clarity(port: u16, credential: Credential, transports: &[&str]) -> Clarity {
    let settings = Settings {
        api_root: format!("http://127.0.0.1:{port}/webapi/api").parse().expect("a URL"),
        client_id: "0224C392-3845-4AC0-B1A0-D63706181BA7".into(),
        token_hosts: Vec::new(),
        token_url: None,
        credential,
        signalr_path: "/webapi/signalr".into(),
        hub: "connect".into(),
        transports: transports.iter().map(|name| (*name).to_owned()).collect(),
        session_properties_key: SessionPropertiesKey::Both,
        write_verb: WriteVerb::Get,
        modalities: vec!["audio".into()],
        agent_metrics: vec!["answeredCount".into()],
        queue_metrics: vec!["queuedCount".into()],
    };
    Clarity::new(settings, Clock::system()).expect("a client")
}

/// In the order in which they fall back.
const TRANSPORTS: [&str; 3] = ["webSockets", "serverSentEvents", "longPolling"];

fn windows() -> Credential {
    let (username, domain) = ("svc".to_owned(), "EXAMPLE".to_owned());
    let account = windows_auth::Account {
        username,
        domain,
        credential: windows_auth::Credential::Password(Secret::from("unused")),
    };
    Credential::Windows { account, method: windows_auth::Method::Ntlm, kdc: None }
}

/// The next event that `wanted` accepts.
async fn wait_for<T>(connection: &mut Connection, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(connection.next().await) {
                return found;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, found).await.unwrap_or_else(|_| panic!("{what} never came"))
}

fn pushed_ids(event: Event) -> Option<Vec<Option<i64>>> {
    let Event::Call(call) = event else { return None };
    assert_eq!((call.hub.as_str(), call.method.as_str()), ("connect", "onData"));
    Some(find_pushes(&call.args).updates.iter().map(|reading| reading.id).collect())
}

#[tokio::test]
async fn killed_server_is_followed_again_after_restart() {
    let mut peer = SignalrJsServer::start(0).await;
    let clarity = clarity(peer.port, windows(), &TRANSPORTS);
    let mut connection = clarity.open_connection().expect("a connection");

    let (id, transport) = wait_for(&mut connection, "the connection", |event| match event {
        Event::Connected { connection_id, transport } => Some((connection_id, transport)),
        _ => None,
    })
    .await;
    assert_eq!(transport, Transport::ServerSentEvents, "this server offers no sockets");
    let mut subscriptions = Vec::new();
    let asked = clarity.subscribe_agents(&id, &[41, 37], MetricIncludes::default(), &mut subscriptions).await;
    asked.expect("a subscription");
    assert_eq!(subscriptions[0].id.as_deref(), Some("agents-1"));
    peer.push(r#"[{"type":"agent","id":41,"currentStatus":{"agentStatus":"inCall"}}]"#).await;
    assert_eq!(wait_for(&mut connection, "the first push", pushed_ids).await, [Some(41)]);

    let mut peer = killed_and_back(peer, &mut connection).await;
    peer.push(r#"[{"subscriptionId":"agents-1","data":[{"type":"agent","id":37},{"type":"queue","id":11}]}]"#).await;
    assert_eq!(wait_for(&mut connection, "the second push", pushed_ids).await, [Some(37), Some(11)]);
    connection.close().await;
}

/// Kills the server, starts it again on the same port, and waits until it is followed again.
async fn killed_and_back(peer: SignalrJsServer, connection: &mut Connection) -> SignalrJsServer {
    let port = peer.port;
    peer.kill().await;
    wait_for(connection, "the loss", |event| matches!(event, Event::Lost { .. }).then_some(())).await;
    let peer = SignalrJsServer::start(port).await;
    wait_for(connection, "the return", |event| {
        matches!(event, Event::Connected { .. } | Event::Reconnected { .. }).then_some(())
    })
    .await;
    peer
}

/// Pushes until the client gets it: between two polls this server keeps no messages.
async fn push_until_heard(peer: &mut SignalrJsServer, connection: &mut Connection, args: &str) -> Vec<Option<i64>> {
    let heard = async {
        loop {
            peer.push(args).await;
            let next = tokio::time::timeout(Duration::from_millis(200), connection.next()).await;
            if let Some(ids) = next.ok().and_then(pushed_ids).filter(|ids| !ids.is_empty()) {
                return ids;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, heard).await.expect("a push is heard")
}

#[tokio::test]
async fn killed_server_is_polled_again_after_restart() {
    let mut peer = SignalrJsServer::start(0).await;
    let clarity = clarity(peer.port, windows(), &["longPolling"]);
    let mut connection = clarity.open_connection().expect("a connection");
    let transport = wait_for(&mut connection, "the connection", |event| match event {
        Event::Connected { transport, .. } => Some(transport),
        _ => None,
    })
    .await;
    assert_eq!(transport, Transport::LongPolling);
    let push = r#"[{"type":"agent","id":41,"currentStatus":{"agentStatus":"inCall"}}]"#;
    assert_eq!(push_until_heard(&mut peer, &mut connection, push).await, [Some(41)]);

    let mut peer = killed_and_back(peer, &mut connection).await;
    let push = r#"[{"subscriptionId":"agents-1","data":[{"type":"agent","id":37}]}]"#;
    assert_eq!(push_until_heard(&mut peer, &mut connection, push).await, [Some(37)]);
    connection.close().await;
}

#[tokio::test]
async fn rest_api_of_the_peer_is_read_completely() {
    let peer = SignalrJsServer::start(0).await;
    let clarity = clarity(peer.port, windows(), &TRANSPORTS);
    assert_eq!(clarity.info().await.expect("info").connect_version.as_deref(), Some("4.1.2.0"));
    let structure = clarity.structure().await.expect("a structure");
    assert_eq!(structure.agents.map(|agents| agents.len()), Some(2));
    assert!(structure.groups.is_none());
    let agents =
        clarity.agents(&[41, 37], &clarity.agent_properties(), MetricIncludes::default()).await.expect("agents");
    assert!(agents.iter().all(|agent| agent.current_status.as_ref().is_some_and(|status| status.began().is_some())));
    let found = clarity.search("a/b").await.expect("a result");
    assert_eq!(found.queues_found.expect("queues")[0].agents_available, Some(1));
}
