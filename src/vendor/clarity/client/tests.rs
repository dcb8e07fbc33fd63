//! The client against a small server of its own.

use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use serde_json::Value;

use super::*;
use crate::vendor::clarity::{SessionPropertiesKey, TokenError, Wanted, WriteVerb};

type Answerer = fn(&Seen, usize) -> Response;

#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    uri: String,
    token: Option<String>,
    body: String,
}

#[derive(Clone)]
struct Server {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Answerer,
}

impl Server {
    async fn start(answer: Answerer) -> (Self, Url) {
        let server = Self { seen: Arc::default(), answer };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, root.parse().expect("a URL"))
    }

    fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().expect("no panic").iter().filter(|seen| seen.uri.starts_with(path)).cloned().collect()
    }
}

async fn serve(State(server): State<Server>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let seen = Seen { method, uri: uri.to_string(), token, body: String::from_utf8_lossy(&body).into_owned() };
    let count = {
        let mut all = server.seen.lock().expect("no panic");
        all.push(seen.clone());
        all.iter().filter(|other| other.uri == seen.uri).count()
    };
    (server.answer)(&seen, count)
}

fn clarity(root: &Url, credential: Credential) -> Clarity {
    let settings = Settings {
        api_root: root.clone(),
        client_id: "0224C392".into(),
        token_hosts: Vec::new(),
        token_url: None,
        credential,
        signalr_path: "/webapi/signalr".into(),
        hub: "connect".into(),
        transports: vec!["webSockets".into()],
        session_properties_key: SessionPropertiesKey::Both,
        write_verb: WriteVerb::Get,
        modalities: vec!["audio".into(), "message".into()],
        agent_metrics: vec!["answeredCount".into()],
        queue_metrics: Vec::new(),
    };
    Clarity::new(settings, Clock::system()).expect("a client")
}

fn windows() -> Credential {
    Credential::Windows { username: "svc".into(), domain: "EXAMPLE".into(), password: Secret::from("p") }
}

fn challenge() -> Response {
    let value = "https://floor.example.com/webauth/token,grant_type=\"urn:connect.auth:windows\"";
    (StatusCode::UNAUTHORIZED, [("www-authenticate", value)]).into_response()
}

const TOKEN: &str = r#"{"access_token":"first","token_type":"bearer","expires_in":3600}"#;

#[tokio::test]
async fn a_search_is_encoded_completely_and_a_blank_one_is_not_sent() {
    let (server, root) = Server::start(|_, _| r#"{"message":"none"}"#.into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    clarity.search("a/b?c#d@e%f g").await.expect("a result");
    assert_eq!(server.seen("/webapi/api/v2/search/")[0].uri, "/webapi/api/v2/search/a%2Fb%3Fc%23d%40e%25f%20g");
    assert_eq!(server.seen("/")[0].token.as_deref(), Some("Bearer t"));
    assert!(matches!(clarity.search("  ").await, Err(Error::NotSent { .. })));
    assert_eq!(server.seen("/").len(), 1);
}

#[tokio::test]
async fn agents_are_asked_for_in_short_addresses_under_both_names() {
    let (server, root) = Server::start(|_, _| r#"[{"type":"agent","id":1}]"#.into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let ids: Vec<i64> = (10_000..11_000).collect();
    let agents = clarity.agents(&ids, &clarity.wanted_of_agents()).await.expect("agents");
    let seen = server.seen("/webapi/api/v2/metrics/agents/?agentIds=");
    assert_eq!(agents.len(), seen.len());
    assert!(seen.len() > 1 && seen.iter().all(|seen| seen.uri.len() < 2000 && seen.method == Method::POST));
    assert!(seen[0].uri.ends_with("&modalities=audio,message"), "{}", seen[0].uri);
    let body: Value = serde_json::from_str(&seen[0].body).expect("JSON");
    assert_eq!(body["sessionProperties"], body["sessionPropertyType"]);
    assert_eq!(body["metricProperties"], serde_json::json!(["answeredCount"]));
    assert!(matches!(clarity.agents(&[], &Wanted::default()).await, Err(Error::NotSent { .. })));
}

#[tokio::test]
async fn all_shapes_of_a_list_of_agents_are_read() {
    let (_, root) = Server::start(|_, count| match count {
        1 => r#"[{"type":"agent","id":1}]"#.into_response(),
        2 => r#"{"items":[{"type":"agent","id":1}],"count":"1"}"#.into_response(),
        _ => r#"{"type":"agent","id":1}"#.into_response(),
    })
    .await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    for _ in 0..3 {
        let agents = clarity.agents(&[1], &Wanted::default()).await.expect("agents");
        assert_eq!(agents.iter().map(|agent| agent.id).collect::<Vec<_>>(), [Some(1)]);
    }
}

#[tokio::test]
async fn many_callers_share_one_token_request() {
    let (server, root) = Server::start(|seen, _| match seen.uri.as_str() {
        "/webauth/token" => TOKEN.into_response(),
        _ => "{}".into_response(),
    })
    .await;
    let clarity = with_token_url(&root);
    let calls = (0..20).map(|_| clarity.structure());
    for outcome in futures_util::future::join_all(calls).await {
        outcome.expect("a structure");
    }
    let asked = server.seen("/webauth/token");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].body, "grant_type=urn%3Aconnect.auth%3Awindows&client_id=0224C392");
    assert_eq!(server.seen("/webapi/api/v2/profile/mbu")[0].token.as_deref(), Some("Bearer first"));
}

#[tokio::test]
async fn a_lasting_401_is_a_denial_and_not_a_loop() {
    let (server, root) = Server::start(|seen, _| match seen.uri.as_str() {
        "/webauth/token" => TOKEN.into_response(),
        _ => challenge(),
    })
    .await;
    let clarity = with_token_url(&root);
    for _ in 0..5 {
        assert!(matches!(clarity.structure().await, Err(Error::Denied { .. })));
    }
    assert_eq!(server.seen("/webauth/token").len(), 1);
}

#[tokio::test]
async fn a_wrong_client_id_is_asked_once_and_explained() {
    let (server, root) = Server::start(|_, _| {
        (StatusCode::BAD_REQUEST, r#"{"error":"invalid_clientId","error_description":"client_id is not valid"}"#)
            .into_response()
    })
    .await;
    let clarity = with_token_url(&root);
    for _ in 0..3 {
        let error = clarity.structure().await.expect_err("no token");
        assert!(matches!(error, Error::Token { source: TokenError::InvalidClientId, .. }), "{error}");
    }
    assert_eq!(server.seen("/webauth/token").len(), 1);
}

#[tokio::test]
async fn a_windows_sign_in_is_named_with_what_works_today() {
    let (_, root) =
        Server::start(|_, _| (StatusCode::UNAUTHORIZED, [("www-authenticate", "Negotiate")]).into_response()).await;
    let error = with_token_url(&root).structure().await.expect_err("no token");
    let Error::Token { source, .. } = error else { panic!("another error") };
    assert!(source.to_string().contains("auth = \"static\""), "{source}");
}

#[tokio::test]
async fn slowing_down_and_strange_answers_are_told_apart() {
    let (_, root) = Server::start(|_, count| match count {
        1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "900")]).into_response(),
        2 => (StatusCode::BAD_GATEWAY, "<html>").into_response(),
        _ => "<html>Ada</html>".into_response(),
    })
    .await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let Err(Error::TooMany { retry_after, .. }) = clarity.info().await else { panic!("another answer") };
    assert_eq!(retry_after, Some(std::time::Duration::from_secs(900)));
    assert_eq!(clarity.info().await.expect_err("502").status(), Some(502));
    let error = clarity.info().await.expect_err("not JSON");
    assert!(!format!("{error} {error:?}").contains("Ada"));
}

fn with_token_url(root: &Url) -> Clarity {
    let mut settings = clarity(root, windows()).settings().clone();
    settings.token_url = root.join("/webauth/token").ok();
    Clarity::new(settings, Clock::system()).expect("a client")
}
