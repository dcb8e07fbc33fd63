//! The servers over real sockets.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::goodays::sign_for_tests as sign;
use super::*;
use base::secret::ExposeSecret;

const TIMEOUT: Duration = Duration::from_secs(20);

struct Fixture {
    sandbox: Sandbox,
    client: Client,
    life: Lifecycle,
}

impl Fixture {
    async fn open(options: Options) -> Self {
        let life = Lifecycle::new();
        let sandbox = Sandbox::start(options, Clock::system(), life.clone()).await.expect("free ports");
        Self { sandbox, client: base::http::client().expect("a client"), life }
    }

    async fn small() -> Self {
        Self::open(Options { agents: 30, queues: 4, ..Options::default() }).await
    }

    async fn token(&self) -> String {
        let addresses = self.sandbox.addresses();
        let form = [("grant_type", "urn:connect.auth:windows"), ("client_id", &addresses.client_id)];
        let answer = self.client.post(addresses.clarity_token.clone()).form(&form).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(599)));
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    async fn api(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (StatusCode, Value) {
        let call =
            self.client.request(method, format!("{}{path}", self.sandbox.addresses().clarity_api)).bearer_auth(token);
        let call = match body {
            Some(body) => call.json(&body),
            None => call,
        };
        let answer = call.send().await.expect("an answer");
        let status = answer.status();
        // The server compresses larger answers.
        let body = base::http::read_body(answer, 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.life.kill();
    }
}

#[tokio::test]
async fn request_without_token_gets_challenge_with_token_url() {
    let fixture = Fixture::small().await;
    let addresses = fixture.sandbox.addresses();
    let answer = fixture.client.get(format!("{}/info", addresses.clarity_api)).send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
    let wanted = format!(r#"{},grant_type="urn:connect.auth:windows""#, addresses.clarity_token);
    assert_eq!(answer.headers()["www-authenticate"], wanted.as_str());
    let form = [("grant_type", "urn:connect.auth:windows"), ("client_id", "another client")];
    let answer = fixture.client.post(addresses.clarity_token.clone()).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["error"], "invalid_clientId");
    let token = fixture.token().await;
    assert_eq!(fixture.api(Method::GET, "/info", &token, None).await.0, 200);
    fixture.sandbox.control().expire_tokens();
    assert_eq!(fixture.api(Method::GET, "/info", &token, None).await.0, 401);
}

#[tokio::test]
async fn metrics_match_the_true_state_and_require_an_id() {
    let fixture = Fixture::small().await;
    let token = fixture.token().await;
    fixture.sandbox.control().pause(true);
    let snapshot = fixture.sandbox.snapshot();
    let (status, shown) = fixture.api(Method::GET, "/v2/metrics/agents/?groupIds=1,2,3", &token, None).await;
    assert_eq!(status, 200);
    assert_eq!(shown.as_array().expect("a bare array").len(), 30);
    for agent in shown.as_array().into_iter().flatten() {
        let expected = &snapshot.agents[&agent["id"].as_i64().expect("an id")];
        assert_eq!(agent["currentStatus"]["agentStatus"], json!(expected.status));
        assert_eq!(agent["currentStatus"].get("agentStatusId"), None);
        assert_eq!(agent.get("sessions").is_some(), expected.session.is_some());
    }
    assert_eq!(fixture.api(Method::GET, "/v2/metrics/agents/", &token, None).await.0, 401);
    let selection = json!({"metricProperties": ["takenCount"], "statusProperties": ["agentStatus"]});
    let (_, one) = fixture.api(Method::POST, "/v2/metrics/agents/5", &token, Some(selection)).await;
    assert_eq!(one["metrics"]["audio"].as_object().expect("counters").keys().collect::<Vec<_>>(), ["takenCount"]);
    let (_, parts) = fixture.api(Method::GET, "/v2/metrics/agents/status?agentIds=1,2", &token, None).await;
    assert_eq!(parts[1].get("metrics"), None);
    let (_, mbu) = fixture.api(Method::GET, "/v2/profile/mbu", &token, None).await;
    assert_eq!(mbu["businessUnits"][0]["type"], "Business Unti");
    let (_, found) = fixture.api(Method::GET, "/v2/search/example.com", &token, None).await;
    assert_eq!(found["agentsFound"].as_array().expect("agents").len(), 30);
    fixture.sandbox.control().fail_next(Upstream::Clarity, 1, StatusCode::BAD_GATEWAY);
    assert_eq!(fixture.api(Method::GET, "/v2/profile", &token, None).await.0, 502);
    assert_eq!(fixture.api(Method::GET, "/v2/profile", &token, None).await.0, 200);
}

#[tokio::test]
async fn status_update_changes_one_property_at_a_time() {
    let fixture = Fixture::small().await;
    let token = fixture.token().await;
    let update = async |body: Value| fixture.api(Method::POST, "/v2/agentStatus/update/3", &token, Some(body)).await.0;
    assert_eq!(update(json!({})).await, 400);
    assert_eq!(update(json!({"agentStatusId": 1, "isSuspended": true})).await, 400);
    assert_eq!(update(json!({"agentStatusId": 1, "reasonCodeId": 1})).await, 400);
    assert_eq!(update(json!({"isSuspended": true})).await, 204);
    assert!(fixture.sandbox.snapshot().agents[&3].suspended);
}

#[tokio::test]
async fn subscription_requires_a_connection_and_ends_with_delete() {
    let fixture = Fixture::small().await;
    let token = fixture.token().await;
    let unknown_connection = json!({"connectionId": "88cfebc8-e9f5-47a5-bfea-01b949ff9247"});
    assert_eq!(
        fixture.api(Method::POST, "/v2/subscriptions/agents?agentIds=1", &token, Some(unknown_connection)).await.0,
        404
    );
    let base = fixture.sandbox.addresses().clarity_api.join("/webapi/signalr/").expect("a URL");
    let call = fixture.client.get(base.join("negotiate?clientProtocol=2.1").expect("a URL")).bearer_auth(&token);
    let answer: Value = call.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["ProtocolVersion"], "1.5");
    let body = json!({"connectionId": answer["ConnectionId"]});
    let (status, created) =
        fixture.api(Method::POST, "/v2/subscriptions/queues?queueIds=1,2", &token, Some(body.clone())).await;
    assert_eq!(status, 200);
    let path = format!("/v2/subscriptions/{}", created["id"].as_str().expect("an id"));
    assert_eq!(fixture.api(Method::POST, &path, &token, Some(body.clone())).await.0, 204);
    assert_eq!(fixture.api(Method::DELETE, &path, &token, Some(body.clone())).await.0, 204);
    assert_eq!(fixture.api(Method::POST, &path, &token, Some(body)).await.0, 404);
    let unencoded = answer["ConnectionToken"].as_str().expect("a token");
    let start =
        fixture.client.get(format!("{base}start?transport=webSockets&connectionToken={unencoded}")).bearer_auth(&token);
    assert_eq!(start.send().await.expect("an answer").status(), 400, "an unencoded token");
    fixture.sandbox.control().set_signalr_unavailable(true);
    let refused = fixture.client.get(base.join("negotiate").expect("a URL")).bearer_auth(&token).send().await;
    assert_eq!(refused.expect("an answer").status(), 503);
}

/// Receives webhooks; refuses the first one with 500.
async fn receiver(life: &Lifecycle) -> (Url, mpsc::UnboundedReceiver<(String, Bytes)>) {
    type Received = Arc<(std::sync::atomic::AtomicU32, mpsc::UnboundedSender<(String, Bytes)>)>;
    async fn receive(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
        if received.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        let signature = headers["x-hmac-sha256"].to_str().unwrap_or_default().to_owned();
        let _ = received.1.send((signature, body));
        StatusCode::OK
    }
    let (sender, received) = mpsc::unbounded_channel();
    let router = Router::new().route("/hook", post(receive)).with_state(Arc::new((0.into(), sender)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address")).parse().expect("a URL");
    life.spawn(serve(listener, router, life.clone()));
    (url, received)
}

#[tokio::test]
async fn webhook_is_signed_and_retried_and_its_response_takes_a_reply() {
    let fixture = Fixture::small().await;
    let addresses = fixture.sandbox.addresses();
    let id = fixture.sandbox.control().submit_response().expect("an open contact");
    let (url, mut received) = receiver(&fixture.life).await;
    fixture.sandbox.send_goodays_webhooks_to(url);
    // Other customers answer too.
    loop {
        let hook = tokio::time::timeout(TIMEOUT, received.recv()).await;
        let (signature, body) = hook.expect("in time").expect("a webhook");
        assert_eq!(signature, sign(&addresses.goodays_hmac, &body));
        if serde_json::from_slice::<Value>(&body).expect("JSON")["response"]["id"] == json!(id) {
            break;
        }
    }
    let reply = format!("{}/responses/{id}/reply", addresses.goodays_api);
    let call = |method: Method| {
        fixture.client.request(method, &reply).json(&json!({"content": "Thank you.", "remark_type": "Praise"}))
    };
    assert_eq!(call(Method::PUT).send().await.expect("an answer").status(), 401);
    assert_eq!(call(Method::PUT).header("authorization", "wrong").send().await.expect("an answer").status(), 403);
    let token = addresses.goodays_token.expose_secret();
    assert_eq!(call(Method::POST).header("authorization", token).send().await.expect("an answer").status(), 405);
    assert_eq!(call(Method::PUT).header("authorization", token).send().await.expect("an answer").status(), 200);
    assert_eq!(call(Method::PUT).header("authorization", token).send().await.expect("an answer").status(), 400);
    let bulk = fixture.client.get(format!("{}/responses/bulk", addresses.goodays_api)).header("authorization", token);
    let bulk: Value = bulk.send().await.expect("an answer").json().await.expect("JSON");
    let ours = bulk["results"].as_array().and_then(|all| all.iter().find(|response| response["id"] == json!(id)));
    assert_eq!(ours.expect("it is listed")["reply"]["content"], "Thank you.");
}

#[tokio::test]
async fn agent_connect_accepts_documented_requests_and_answers_later() {
    let fixture = Fixture::open(Options { agents: 10, queues: 2, speed: 2000.0, ..Options::default() }).await;
    let addresses = fixture.sandbox.addresses();
    let key = addresses.agent_connect_key.expose_secret();
    let send = async |body: Value| {
        let call = fixture
            .client
            .post(format!("{}v1/requests", addresses.agent_connect_api))
            .header("x-api-key", key)
            .json(&body);
        call.send().await.expect("an answer")
    };
    let request = |employee: &str| {
        json!({"customer": {"name": "Jane", "email": "jane@example.com"},
        "employee": {"email": employee}, "channel": "phone"})
    };
    let mut unknown = request("paul@example.com");
    unknown["not_documented"] = json!(1);
    assert_eq!(send(unknown).await.status(), 400);
    let mut accepted = 0;
    for number in 0..60 {
        accepted += u32::from(send(request(&format!("agent{number}@example.com"))).await.status() == 200);
    }
    assert!((45..60).contains(&accepted), "{accepted} of 60 requests were accepted");
    let claims = json!({"iat": 1_700_000_000});
    let signer = jsonwebtoken::EncodingKey::from_secret(addresses.agent_connect_secret.expose_secret().as_bytes());
    let jwt = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &signer).expect("a token");
    let answered = async || -> Vec<Value> {
        let call = fixture.client.get(format!("{}v2/data?after=0", addresses.agent_connect_api));
        let records: Vec<Value> = call
            .header("x-api-key", key)
            .header("authorization", &jwt)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(records.len(), accepted as usize);
        records.into_iter().filter(|record| record["response_received_at"].is_string()).collect()
    };
    let wait = async {
        loop {
            let records = answered().await;
            if !records.is_empty() {
                return records;
            }
            tokio::task::yield_now().await;
        }
    };
    let records = tokio::time::timeout(TIMEOUT, wait).await.expect("an answer in time");
    assert!(records[0]["answers"]["agent_star_rating"]["selected_options"]["1"]["integer_value"].is_u64());
    assert_eq!(
        fixture.client.get(format!("{}v2/data", addresses.agent_connect_api)).send().await.expect("an answer").status(),
        403
    );
}

#[tokio::test]
async fn kustomer_conversation_leads_to_customer_user_and_tags() {
    let fixture = Fixture::small().await;
    let addresses = fixture.sandbox.addresses();
    let get = async |path: &str| -> Value {
        let call = fixture.client.get(format!("{}v1/{path}", addresses.kustomer_api));
        call.bearer_auth(addresses.kustomer_key.expose_secret())
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON")
    };
    let conversation = get(&format!("conversations/c0{:022}", 82_673)).await["data"].clone();
    let customer = conversation["relationships"]["customer"]["data"]["id"].as_str().expect("a customer");
    assert!(get(&format!("customers/{customer}")).await["data"]["attributes"]["emails"][0]["email"].is_string());
    let user = conversation["attributes"]["assignedUsers"][0].as_str().expect("a user");
    assert!(get(&format!("users/{user}")).await["data"]["attributes"]["email"].is_string());
    let tag = conversation["attributes"]["tags"][0].as_str().expect("a tag");
    let tags = get(&format!("tags/{tag},aaaaaaaaaaaaaaaaaaaaaaaa")).await;
    assert_eq!(tags["data"].as_array().expect("a list").len(), 1);
    let refused =
        fixture.client.get(format!("{}v1/users/current", addresses.kustomer_api)).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn control_api_takes_commands_over_http() {
    let fixture = Fixture::small().await;
    let control = fixture.sandbox.addresses().control.clone();
    let send =
        async |command: Value| fixture.client.post(control.clone()).json(&command).send().await.expect("an answer");
    assert_eq!(send(json!({"command": "pause", "enabled": true})).await.status(), 200);
    let answer: Value =
        send(json!({"command": "set_waiting", "queue": 2, "waiting": 41})).await.json().await.expect("JSON");
    assert!(answer["at"].is_string());
    assert_eq!(fixture.sandbox.snapshot().waiting[&2], 41);
    assert_eq!(send(json!({"command": "set_waiting", "queue": 99, "waiting": 41})).await.status(), 404);
    assert_eq!(
        send(json!({"command": "fail_next", "upstream": "kustomer", "calls": 1, "status": 503})).await.status(),
        200
    );
}

/// A minimal SignalR client over long polling.
struct PollingClient<'a> {
    fixture: &'a Fixture,
    token: String,
    connection_token: String,
    connection_id: String,
    cursor: String,
}

impl<'a> PollingClient<'a> {
    async fn start(fixture: &'a Fixture) -> Self {
        let token = fixture.token().await;
        let mut polling = Self {
            fixture,
            token,
            connection_token: String::new(),
            connection_id: String::new(),
            cursor: String::new(),
        };
        let (status, negotiated) = polling.ask("negotiate", &[]).await;
        assert_eq!(status, 200);
        let negotiated: Value = serde_json::from_str(&negotiated).expect("JSON");
        polling.connection_token = negotiated["ConnectionToken"].as_str().expect("a token").to_owned();
        polling.connection_id = negotiated["ConnectionId"].as_str().expect("an id").to_owned();
        let init: Value = serde_json::from_str(&polling.ask("connect", &[]).await.1).expect("JSON");
        assert_eq!(init["S"], 1);
        polling.cursor = init["C"].as_str().expect("a cursor").to_owned();
        assert_eq!(polling.ask("start", &[]).await.1, r#"{"Response":"started"}"#);
        polling
    }

    async fn ask(&self, command: &str, more: &[(&str, &str)]) -> (StatusCode, String) {
        let mut at =
            self.fixture.sandbox.addresses().clarity_api.join(&format!("/webapi/signalr/{command}")).expect("a URL");
        let query =
            [("clientProtocol", "1.5"), ("transport", "longPolling"), ("connectionToken", &self.connection_token)];
        at.query_pairs_mut().extend_pairs(query.into_iter().chain(more.iter().copied()));
        let method = if matches!(command, "negotiate" | "start") { Method::GET } else { Method::POST };
        let answer = self.fixture.client.request(method, at).bearer_auth(&self.token).send().await.expect("an answer");
        (answer.status(), answer.text().await.unwrap_or_default())
    }

    async fn subscribe(&self) {
        let body = json!({"connectionId": self.connection_id, "metricProperties": ["queuedCount"]});
        let path = "/v2/subscriptions/queues?queueIds=1,2";
        assert_eq!(self.fixture.api(Method::POST, path, &self.token, Some(body)).await.0, 200);
    }

    /// Polls after a cursor. Returns the frame and the ids of the queues in it, in order.
    async fn poll(&self, cursor: &str, groups: &str) -> (Value, Vec<i64>) {
        let (status, text) = self.ask("poll", &[("messageId", cursor), ("groupsToken", groups)]).await;
        assert_eq!(status, 200, "{text}");
        let frame: Value = serde_json::from_str(text.trim()).expect("JSON");
        let pushes = frame["M"].as_array().into_iter().flatten();
        let items = pushes.flat_map(|push| push["A"][0].as_array().cloned().unwrap_or_default());
        let ids = items.filter_map(|item| item["id"].as_i64()).collect();
        (frame, ids)
    }
}

#[tokio::test]
async fn held_poll_gets_blanks_and_ends_with_an_empty_frame() {
    let timeouts = Timeouts {
        keep_alive: Duration::from_millis(50),
        connection: Duration::from_millis(400),
        poll_delay: Duration::from_millis(70),
        ..Timeouts::default()
    };
    let fixture = Fixture::open(Options { agents: 5, queues: 2, timeouts, ..Options::default() }).await;
    let polling = PollingClient::start(&fixture).await;
    let (_, text) = polling.ask("poll", &[("messageId", "")]).await;
    assert!(text.starts_with("  "), "{text:?}");
    let frame: Value = serde_json::from_str(text.trim()).expect("JSON");
    assert_eq!((&frame["M"], &frame["L"]), (&json!([]), &json!(70)));
}

#[tokio::test]
async fn aggregates_groups_and_alerts_are_pushed_until_deleted() {
    let fixture = Fixture::small().await;
    fixture.sandbox.control().pause(true);
    let polling = PollingClient::start(&fixture).await;
    let body =
        || Some(json!({"connectionId": polling.connection_id, "metricProperties": ["answeredCount", "queuedCount"]}));
    let subscribe = async |path: &str| {
        fixture.api(Method::POST, &format!("/v2/subscriptions/{path}"), &polling.token, body()).await
    };
    let mut created = Vec::new();
    for path in [
        "agents/aggregateBy?agentIds=1,2",
        "agents/groupBy?teamIds=1,2",
        "queues/aggregateBy?queueIds=1,2",
        "queues/groupBy?groupIds=1",
        "alerts",
    ] {
        let (status, answer) = subscribe(path).await;
        assert_eq!(status, 200, "{path}");
        created.push(format!("/v2/subscriptions/{}", answer["id"].as_str().expect("an id")));
    }
    assert_eq!(subscribe("queues/groupBy?queueIds=1").await.0, 401, "a query by queue ids has no groups");

    let control = fixture.sandbox.control();
    control.set_waiting(1, 77).expect("a queue");
    control.push_alert("The queue is long.");
    let (mut cursor, mut items) = (polling.cursor.clone(), Vec::new());
    let has = |items: &[Value], name: &str, value: Value| items.iter().any(|item: &Value| item[name] == value);
    while !(has(&items, "type", json!("alert")) && has(&items, "groupType", json!("group"))) {
        let (_, text) = polling.ask("poll", &[("messageId", &cursor)]).await;
        let frame: Value = serde_json::from_str(text.trim()).expect("JSON");
        cursor = frame["C"].as_str().expect("a cursor").to_owned();
        for push in frame["M"].as_array().into_iter().flatten() {
            let held = &push["A"][0];
            items.extend(held.as_array().or(held["data"].as_array()).cloned().unwrap_or_default());
        }
    }
    assert!(has(&items, "entityIds", json!([1, 2])) && has(&items, "groupType", json!("team")), "{items:?}");
    let queues =
        items.iter().rfind(|item| item["type"] == "queue" && item.get("groupId").is_none()).expect("an aggregate");
    assert!(queues["metrics"]["audio"]["queuedCount"].as_u64() >= Some(77), "{queues}");

    for path in &created {
        assert_eq!(fixture.api(Method::POST, path, &polling.token, body()).await.0, 204);
        assert_eq!(fixture.api(Method::DELETE, path, &polling.token, body()).await.0, 204);
        assert_eq!(fixture.api(Method::POST, path, &polling.token, body()).await.0, 404);
    }
    assert_eq!(control.subscription_count(), 0);
}

#[tokio::test]
async fn queue_metrics_are_404_until_enabled() {
    let fixture = Fixture::small().await;
    let token = fixture.token().await;
    let ask = async || fixture.api(Method::POST, "/v2/metrics/queues?queueIds=1,2", &token, None).await;
    assert_eq!(ask().await.0, 404);
    fixture.sandbox.control().enable_queue_metrics(true);
    let (status, answer) = ask().await;
    assert_eq!((status.as_u16(), answer[1]["type"].as_str(), answer[1]["id"].as_i64()), (200, Some("queue"), Some(2)));
    let sums = fixture.api(Method::POST, "/v2/metrics/agents/aggregateBy?agentIds=1,2", &token, None).await;
    assert_eq!((sums.0.as_u16(), &sums.1["entityIds"]), (200, &json!([1, 2])));
    let groups = fixture.api(Method::GET, "/v2/metrics/agents/groupBy?teamIds=1", &token, None).await;
    assert_eq!((groups.0.as_u16(), &groups.1[0]["groupType"]), (200, &json!("team")));
}

#[tokio::test]
async fn pushes_are_duplicated_and_reordered_on_request() {
    let fixture = Fixture::small().await;
    let control = fixture.sandbox.control();
    control.pause(true);
    let polling = PollingClient::start(&fixture).await;
    polling.subscribe().await;
    control.duplicate_pushes(true);
    assert!(control.set_waiting(1, 41).is_some());
    // The first message contains both queues; it comes twice.
    let (mut frame, mut ids) = polling.poll(&polling.cursor, "").await;
    let groups = frame["G"].as_str().expect("a groups token").to_owned();
    while ids.len() < 4 {
        let more = polling.poll(frame["C"].as_str().expect("a cursor"), &groups).await;
        frame = more.0;
        ids.extend(more.1);
    }
    assert_eq!(ids, [1, 2, 1, 2]);
    control.duplicate_pushes(false);
    control.reorder_pushes(true);
    assert!(control.set_waiting(1, 42).is_some() && control.set_waiting(2, 43).is_some());
    let (_, ids) = polling.poll(frame["C"].as_str().expect("a cursor"), &groups).await;
    assert_eq!(ids, [2, 1]);
}

#[tokio::test]
async fn negotiation_and_transports_are_refused_on_request() {
    let fixture = Fixture::small().await;
    let control = fixture.sandbox.control();
    let polling = PollingClient::start(&fixture).await;
    control.disable_transports(&["webSockets", "longPolling"]);
    assert!(polling.ask("negotiate", &[]).await.1.contains(r#""TryWebSockets":false"#));
    assert_eq!(polling.ask("connect", &[]).await.0, 404);
    control.disable_transports(&[]);
    control.redirect_negotiation(Some("https://elsewhere.example.com/signalr".to_owned()));
    assert!(polling.ask("negotiate", &[]).await.1.contains("elsewhere.example.com"));
    control.redirect_negotiation(None);
    control.refuse_negotiation(Some(StatusCode::FORBIDDEN));
    assert_eq!(polling.ask("negotiate", &[]).await.0, 403);
    control.forget_connections();
    assert_eq!(polling.ask("poll", &[("messageId", "")]).await.0, 400);
}

#[tokio::test]
async fn control_api_validates_commands_over_http() {
    let fixture = Fixture::small().await;
    let send = async |command: Value| {
        let at = fixture.sandbox.addresses().control.clone();
        fixture.client.post(at).json(&command).send().await.expect("an answer").status()
    };
    for command in [
        json!({"command": "duplicate_pushes", "enabled": true}),
        json!({"command": "reorder_pushes", "enabled": true}),
        json!({"command": "delay_signalr", "milliseconds": 1}),
        json!({"command": "redirect_negotiation", "url": null}),
        json!({"command": "disable_transports", "names": ["webSockets"]}),
        json!({"command": "withhold_pushes"}),
        json!({"command": "drop_subscriptions"}),
        json!({"command": "refuse_negotiation", "status": 403}),
    ] {
        assert_eq!(send(command.clone()).await, 200, "{command}");
    }
    assert_eq!(send(json!({"command": "refuse_negotiation", "status": 7})).await, 400);
}

#[tokio::test]
async fn session_annotations_are_returned_with_the_session() {
    let fixture = Fixture::small().await;
    fixture.sandbox.control().pause(true);
    let token = fixture.token().await;
    let sessions = fixture.sandbox.snapshot().sessions;
    let id = *sessions.keys().next().expect("an open session");
    let at = |what: &str| format!("/v2/sessions/{id}{what}");
    for (what, body) in [
        ("/setcallnotes", json!({"note": "Call back."})),
        ("/setdispositions", json!({"dispositionId": 4, "subDispositionId": 8})),
        ("/setextraitems", json!({"extraItemName": "Subject", "extraItemValue": "A label"})),
    ] {
        // The document says GET with a body (apis.md B27).
        let (status, _) = fixture.api(Method::GET, &at(what), &token, Some(body)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{what}");
        let (status, answer) = fixture.api(Method::GET, &at(what), &token, None).await;
        assert_eq!((status, answer["message"].is_string()), (StatusCode::BAD_REQUEST, true), "{what} without a body");
    }
    let (status, read) =
        fixture.api(Method::GET, &at("?includeExtraItems=true&includeDispositions=true"), &token, None).await;
    assert_eq!((status, &read["callNote"]), (StatusCode::OK, &json!("Call back.")));
    assert_eq!(read["selectedCallDisposition"]["callDispositionId"], 4);
    assert_eq!(read["extraItems"]["items"][1]["value"], "A label");
    assert_eq!(read["callDispositions"]["count"], 3);
    let (status, _) = fixture.api(Method::GET, "/v2/sessions/1", &token, None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "an unknown session (apis.md B87)");
}

#[tokio::test]
async fn batch_answers_each_call_as_if_it_came_alone() {
    let fixture = Fixture::small().await;
    let token = fixture.token().await;
    let items = json!([
        {"method": "POST", "relativeUrl": "../v2/subscriptions/agents/?modalities=2&agentIds=5"},
        {"method": "GET", "relativeUrl": "../v2/profile"},
        {"method": "GET", "relativeUrl": "../v2/agentStatus/list/5"},
        {"method": "GET", "relativeUrl": "../v2/nowhere"},
    ]);
    let (status, answers) = fixture.api(Method::POST, "/v2/", &token, Some(items)).await;
    assert_eq!(status, StatusCode::OK);
    let codes: Vec<_> = answers.as_array().expect("answers").iter().map(|answer| &answer["code"]).collect();
    assert_eq!(codes[1..], [&json!(200), &json!(200), &json!(404)], "{answers}");
    assert_ne!(codes[0], &json!(200), "a subscription without a connection (apis.md B10)");
    assert_eq!((&answers[1]["body"]["type"], &answers[1]["body"]["id"]), (&json!("agent"), &json!(1)));
}

#[tokio::test]
async fn recording_returns_the_active_call_or_an_empty_list() {
    let fixture = Fixture::small().await;
    fixture.sandbox.control().pause(true);
    let token = fixture.token().await;
    let agents = fixture.sandbox.snapshot().agents;
    let agent_in = |status: &str| agents.iter().find(|(_, agent)| agent.status == status).map(|(id, _)| *id);
    let (busy, free) = (
        agent_in("inCall").expect("an agent in a call"),
        agent_in("loggedOut").or(agent_in("available")).expect("a free agent"),
    );
    for (verb, expected) in [("start", true), ("stop", false)] {
        let at = |agent: i64| format!("/v2/sessions/callcontrol/{verb}RecordingSessions/{agent}");
        let (status, answer) = fixture.api(Method::POST, &at(busy), &token, None).await;
        assert_eq!((status, &answer["items"][0]["isRecording"]), (StatusCode::OK, &json!(expected)));
        let (status, answer) = fixture.api(Method::POST, &at(free), &token, None).await;
        assert_eq!((status, &answer["items"]), (StatusCode::OK, &json!([])));
        let (status, _) = fixture.api(Method::POST, &at(999), &token, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
