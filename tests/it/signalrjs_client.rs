//! The Clarity client reads the REST API of the stub beside npm `signalrjs`. The SignalR side is tested in `classic-signalr`.

use base::{Clock, Secret};
use callboard::upstream::clarity::methods::MetricIncludes;
use callboard::upstream::clarity::{Clarity, Credential, SessionPropertiesKey, Settings, WriteVerb};

use crate::support::signalrjs::Peer;

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

#[tokio::test]
async fn the_rest_side_of_the_peer_is_read_whole() {
    let peer = Peer::start(0).await;
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
