//! The client against a small server of its own.

use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use serde_json::Value;

use super::*;
use crate::upstream::clarity::methods::MetricIncludes;
use crate::upstream::clarity::{
    EntityIds, PropertySelection, SessionPropertiesKey, Subject, Subscription, TokenError, WriteVerb,
};

type Answerer = fn(&Seen, usize) -> Response;

#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    uri: String,
    token: Option<String>,
    cookie: Option<String>,
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
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let (token, cookie) = (header("authorization"), header("cookie"));
    let seen = Seen { method, uri: uri.to_string(), token, cookie, body: String::from_utf8_lossy(&body).into_owned() };
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
    let credential = windows_auth::Credential::Password(Secret::from("p"));
    let account = windows_auth::Account { username: "svc".into(), domain: "EXAMPLE".into(), credential };
    Credential::Windows { account, method: windows_auth::Method::Ntlm, kdc: None }
}

fn challenge() -> Response {
    let value = "https://floor.example.com/webauth/token,grant_type=\"urn:connect.auth:windows\"";
    (StatusCode::UNAUTHORIZED, [("www-authenticate", value)]).into_response()
}

const TOKEN: &str = r#"{"access_token":"first","token_type":"bearer","expires_in":3600}"#;

#[tokio::test]
async fn search_is_percent_encoded_and_a_blank_one_not_sent() {
    let (server, root) = Server::start(|_, _| r#"{"message":"none"}"#.into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    clarity.search("a/b?c#d@e%f g").await.expect("a result");
    assert_eq!(server.seen("/webapi/api/v2/search/")[0].uri, "/webapi/api/v2/search/a%2Fb%3Fc%23d%40e%25f%20g");
    assert_eq!(server.seen("/")[0].token.as_deref(), Some("Bearer t"));
    assert!(matches!(clarity.search("  ").await, Err(Error::NotSent { .. })));
    assert_eq!(server.seen("/").len(), 1);
}

#[tokio::test]
async fn agent_requests_are_split_and_name_both_parameters() {
    let (server, root) = Server::start(|_, _| r#"[{"type":"agent","id":1}]"#.into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let ids: Vec<i64> = (10_000..11_000).collect();
    let agents = clarity.agents(&ids, &clarity.agent_properties(), MetricIncludes::default()).await.expect("agents");
    let seen = server.seen("/webapi/api/v2/metrics/agents/?agentIds=");
    assert_eq!(agents.len(), seen.len());
    assert!(seen.len() > 1 && seen.iter().all(|seen| seen.uri.len() < 2000 && seen.method == Method::POST));
    assert!(seen[0].uri.ends_with("&modalities=audio,message"), "{}", seen[0].uri);
    let body: Value = serde_json::from_str(&seen[0].body).expect("JSON");
    assert_eq!(body["sessionProperties"], body["sessionPropertyType"]);
    assert_eq!(body["metricProperties"], serde_json::json!(["answeredCount"]));
    assert!(matches!(
        clarity.agents(&[], &PropertySelection::default(), MetricIncludes::default()).await,
        Err(Error::NotSent { .. })
    ));
}

#[tokio::test]
async fn every_subscription_uses_the_documented_address() {
    let (server, root) = Server::start(|_, _| r#"{"subscription":{"id":"s/1"}}"#.into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let ids = [5, 7];
    let asked = [
        (Subject::Agents, EntityIds::Agents(&ids), "agents?agentIds=5,7"),
        (Subject::AgentAggregate, EntityIds::Teams(&ids), "agents/aggregateBy?teamIds=5,7"),
        (Subject::AgentGroups, EntityIds::Groups(&ids), "agents/groupBy?groupIds=5,7"),
        (Subject::Queues, EntityIds::BusinessUnits(&ids), "queues?businessUnitIds=5,7"),
        (Subject::QueueAggregate, EntityIds::Queues(&ids), "queues/aggregateBy?queueIds=5,7"),
        (Subject::QueueGroups, EntityIds::Teams(&ids), "queues/groupBy?teamIds=5,7"),
    ];
    let includes = MetricIncludes { breakdowns: true, status_history: true };
    for (subject, targets, _) in asked {
        let (mut made, wanted) = (Vec::new(), clarity.agent_properties());
        clarity.subscribe(subject, "c-1", targets, &wanted, includes, &mut made).await.expect("a subscription");
        assert_eq!(made, [Subscription { id: Some("s/1".into()) }]);
    }
    let seen = server.seen("/");
    for (seen, (_, _, path)) in seen.iter().zip(asked) {
        let history = if path.starts_with("agents?") { "&includeStatusHistory=true" } else { "" };
        let query = format!("modalities=audio,message&includeBreakdowns=true{history}");
        assert_eq!(seen.uri, format!("/webapi/api/v2/subscriptions/{path}&{query}"));
        let body: Value = serde_json::from_str(&seen.body).expect("JSON");
        assert_eq!((&body["connectionId"], &body["metricProperties"][0]), (&"c-1".into(), &"answeredCount".into()));
        assert_eq!(seen.method, Method::POST);
    }
    assert_eq!(seen.len(), asked.len());
}

#[tokio::test]
async fn subscriptions_are_changed_and_ended_by_id_and_alerts_have_no_targets() {
    let (server, root) = Server::start(|seen, _| match seen.uri.ends_with("/alerts") {
        true => "17".into_response(),
        false => StatusCode::NO_CONTENT.into_response(),
    })
    .await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let includes = MetricIncludes { breakdowns: true, status_history: true };
    assert_eq!(clarity.subscribe_alerts("c-1").await.expect("alerts").id.as_deref(), Some("17"));
    clarity
        .update_subscription("s/1", "c-1", EntityIds::Queues(&[9]), &PropertySelection::default(), includes)
        .await
        .expect("a change");
    clarity.delete_subscription("s/1", "c-1").await.expect("an end");
    let seen = server.seen("/");
    let of = |seen: &Seen| (seen.method.clone(), seen.uri.clone(), seen.body.clone());
    let only = r#"{"connectionId":"c-1"}"#.to_owned();
    let path = |rest: &str| format!("/webapi/api/v2/subscriptions/{rest}");
    assert_eq!(of(&seen[0]), (Method::POST, path("alerts"), only.clone()));
    let changed = path("s%2F1?queueIds=9&modalities=audio,message&includeBreakdowns=true&includeStatusHistory=true");
    assert_eq!(of(&seen[1]), (Method::POST, changed, only.clone()));
    assert_eq!(of(&seen[2]), (Method::DELETE, path("s%2F1"), only));
}

#[tokio::test]
async fn invalid_subscription_is_not_sent() {
    let (server, root) = Server::start(|_, _| "{}".into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let wanted = PropertySelection::default();
    for (subject, targets) in [
        (Subject::Agents, EntityIds::Agents(&[])),
        (Subject::Agents, EntityIds::Queues(&[1])),
        (Subject::QueueAggregate, EntityIds::Agents(&[1])),
        (Subject::AgentGroups, EntityIds::Agents(&[1])),
    ] {
        let mut made = Vec::new();
        let asked = clarity.subscribe(subject, "c", targets, &wanted, MetricIncludes::default(), &mut made).await;
        let error = asked.expect_err("not sent");
        assert!(matches!(error, Error::NotSent { .. }), "{error}");
    }
    for id in ["", " ", ".", ".."] {
        assert!(matches!(clarity.delete_subscription(id, "c").await, Err(Error::NotSent { .. })));
        let change =
            clarity.update_subscription(id, "c", EntityIds::Teams(&[1]), &wanted, MetricIncludes::default()).await;
        assert!(matches!(change, Err(Error::NotSent { .. })));
    }
    assert!(server.seen("/").is_empty());
}

#[tokio::test]
async fn agent_list_is_parsed_in_every_shape() {
    let (_, root) = Server::start(|_, count| match count {
        1 => r#"[{"type":"agent","id":1}]"#.into_response(),
        2 => r#"{"items":[{"type":"agent","id":1}],"count":"1"}"#.into_response(),
        _ => r#"{"type":"agent","id":1}"#.into_response(),
    })
    .await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    for _ in 0..3 {
        let agents =
            clarity.agents(&[1], &PropertySelection::default(), MetricIncludes::default()).await.expect("agents");
        assert_eq!(agents.iter().map(|agent| agent.id).collect::<Vec<_>>(), [Some(1)]);
    }
}

#[tokio::test]
async fn concurrent_callers_share_one_token_request() {
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
async fn lasting_401_is_a_denial_and_not_a_loop() {
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
async fn wrong_client_id_is_tried_once_and_explained() {
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
async fn token_endpoint_without_windows_sign_in_is_named() {
    let (_, root) =
        Server::start(|_, _| (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=x")]).into_response()).await;
    let error = with_token_url(&root).structure().await.expect_err("no token");
    let Error::Token { source, .. } = error else { panic!("another error") };
    assert!(matches!(source, TokenError::AccountRefused { .. }) && !source.refuses_account(), "{source}");
}

#[tokio::test]
async fn denied_path_does_not_cause_token_requests() {
    let (server, root) = Server::start(|seen, _| match seen.uri.as_str() {
        "/webauth/token" => TOKEN.into_response(),
        "/webapi/api/v2/profile/mbu" => challenge(),
        _ => "{}".into_response(),
    })
    .await;
    let clarity = with_token_url(&root);
    let mut asked = Vec::new();
    for seconds in [0, 40, 40, 40, 300, 40] {
        pass(seconds).await;
        assert!(matches!(clarity.structure().await, Err(Error::Denied { .. })));
        clarity.info().await.expect("others are not touched");
        asked.push(server.seen("/webauth/token").len());
    }
    assert_eq!(asked, [1, 2, 2, 2, 3, 3]);
}

#[tokio::test]
async fn denied_agent_is_found_and_left_out_of_requests() {
    let (server, root) = Server::start(|seen, _| {
        let address: Url = format!("http://host{}", seen.uri).parse().expect("an address");
        let ids = address.query_pairs().find(|(name, _)| name.ends_with("Ids")).map(|(_, ids)| ids.into_owned());
        let ids: Vec<i64> = ids.iter().flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()).collect();
        if ids.contains(&13) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let agents: Vec<_> = ids.iter().map(|id| serde_json::json!({"type": "agent", "id": id})).collect();
        axum::Json(agents).into_response()
    })
    .await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let ids: Vec<i64> = (0..200).collect();
    for (seconds, requests) in [(0, 3..20), (60, 1..2), (300, 3..20)] {
        pass(seconds).await;
        let before = server.seen("/").len();
        let agents =
            clarity.agents(&ids, &PropertySelection::default(), MetricIncludes::default()).await.expect("agents");
        assert_eq!(agents.len(), 199);
        assert!(agents.iter().all(|agent| agent.id != Some(13)));
        let sent = server.seen("/").len() - before;
        assert!(requests.contains(&sent), "{sent} requests after {seconds} s");
        let asked = clarity.subscribe_agents("connection", &ids, MetricIncludes::default(), &mut Vec::new()).await;
        asked.expect("a subscription of the others");
    }
}

#[tokio::test]
async fn account_without_visible_agents_is_reported_after_a_few_requests() {
    let (server, root) = Server::start(|_, _| StatusCode::UNAUTHORIZED.into_response()).await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let ids: Vec<i64> = (0..200).collect();
    assert!(matches!(
        clarity.agents(&ids, &PropertySelection::default(), MetricIncludes::default()).await,
        Err(Error::Denied { .. })
    ));
    assert!(server.seen("/").len() <= 13);
    let before = server.seen("/").len();
    assert!(matches!(
        clarity.agents(&[1, 2], &PropertySelection::default(), MetricIncludes::default()).await,
        Err(Error::Denied { .. })
    ));
    assert!(server.seen("/").len() > before, "it may be the token: no agent counts as not permitted");
}

#[tokio::test]
async fn users_token_differs_at_the_same_addresses() {
    let (server, root) = Server::start(|_, _| "{}".into_response()).await;
    let service = clarity(&root, Credential::Static(Secret::from("service")));
    let person = service.with_credential(Credential::Static(Secret::from("person")));
    person.info().await.expect("an answer");
    service.info().await.expect("an answer");
    let tokens: Vec<_> = server.seen("/webapi/api/info").into_iter().filter_map(|seen| seen.token).collect();
    assert_eq!(tokens, ["Bearer person", "Bearer service"]);
}

#[tokio::test]
async fn cookies_are_shared_with_signalr_and_not_with_users() {
    let (server, root) = Server::start(|seen, _| match seen.uri.as_str() {
        "/webauth/token" => ([("set-cookie", "auth=1; Path=/")], TOKEN).into_response(),
        _ => ([("set-cookie", "node=a; Path=/")], "{}").into_response(),
    })
    .await;
    let service = with_token_url(&root);
    let person = service.with_credential(Credential::Static(Secret::from("person")));
    service.info().await.expect("an answer");
    service.info().await.expect("an answer");
    person.info().await.expect("an answer");
    service.tokens().authenticate().await.expect_err("it was not asked who it is");
    let mut connection = service.open_connection().expect("a connection");
    let _ = connection.next().await;
    connection.close().await;
    let cookies =
        |path| -> Vec<_> { server.seen(path).into_iter().map(|seen| seen.cookie.unwrap_or_default()).collect() };
    let both = |cookie: &String| cookie.contains("node=a") && cookie.contains("auth=1");
    let info = cookies("/webapi/api/info");
    assert!(info[0] == "auth=1" && both(&info[1]) && info[2].is_empty(), "{info:?}");
    assert!(cookies("/webauth/token")[0].is_empty() && both(&cookies("/webauth/token")[1]));
    assert!(both(&cookies("/webapi/signalr/negotiate")[0]));
}

#[tokio::test]
async fn rate_limit_and_malformed_answers_are_distinguished() {
    let (_, root) = Server::start(|_, count| match count {
        1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "900")]).into_response(),
        2 => (StatusCode::BAD_GATEWAY, "<html>").into_response(),
        _ => "<html>Ada</html>".into_response(),
    })
    .await;
    let clarity = clarity(&root, Credential::Static(Secret::from("t")));
    let Err(Error::RateLimited { retry_after, .. }) = clarity.info().await else { panic!("another answer") };
    assert_eq!(retry_after, Some(std::time::Duration::from_secs(300)), "no rest is longer");
    assert!(matches!(clarity.info().await, Err(Error::RateLimited { .. })), "and this was not sent");
    pass(300).await;
    assert_eq!(clarity.info().await.expect_err("502").status(), Some(502));
    let error = clarity.info().await.expect_err("not JSON");
    assert!(!format!("{error} {error:?}").contains("Ada"));
}

fn with_token_url(root: &Url) -> Clarity {
    let mut settings = clarity(root, windows()).settings().clone();
    settings.token_url = root.join("/webauth/token").ok();
    Clarity::new(settings, Clock::system()).expect("a client")
}

/// Lets time pass while nothing is on the wire.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
    tokio::time::resume();
}
