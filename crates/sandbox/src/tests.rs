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

const PATIENCE: Duration = Duration::from_secs(20);

struct House {
    sandbox: Sandbox,
    client: Client,
    life: Lifecycle,
}

impl House {
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
        // Answers of some size come compressed.
        let body = base::http::read_body(answer, 1 << 20).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.life.kill();
    }
}

#[tokio::test]
async fn whoever_has_no_token_is_told_where_to_get_one() {
    let house = House::small().await;
    let addresses = house.sandbox.addresses();
    let answer = house.client.get(format!("{}/info", addresses.clarity_api)).send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
    let wanted = format!(r#"{},grant_type="urn:connect.auth:windows""#, addresses.clarity_token);
    assert_eq!(answer.headers()["www-authenticate"], wanted.as_str());
    let form = [("grant_type", "urn:connect.auth:windows"), ("client_id", "somebody else")];
    let answer = house.client.post(addresses.clarity_token.clone()).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["error"], "invalid_clientId");
    let token = house.token().await;
    assert_eq!(house.api(Method::GET, "/info", &token, None).await.0, 200);
    house.sandbox.steering().expire_tokens();
    assert_eq!(house.api(Method::GET, "/info", &token, None).await.0, 401);
}

#[tokio::test]
async fn metrics_show_what_is_true_as_a_bare_array_and_need_an_id() {
    let house = House::small().await;
    let token = house.token().await;
    house.sandbox.steering().pause(true);
    let truth = house.sandbox.world_snapshot();
    let (status, shown) = house.api(Method::GET, "/v2/metrics/agents/?groupIds=1,2,3", &token, None).await;
    assert_eq!(status, 200);
    assert_eq!(shown.as_array().expect("a bare array").len(), 30);
    for agent in shown.as_array().into_iter().flatten() {
        let true_one = &truth.agents[&agent["id"].as_i64().expect("an id")];
        assert_eq!(agent["currentStatus"]["agentStatus"], json!(true_one.status));
        assert_eq!(agent["currentStatus"].get("agentStatusId"), None);
        assert_eq!(agent.get("sessions").is_some(), true_one.session.is_some());
    }
    assert_eq!(house.api(Method::GET, "/v2/metrics/agents/", &token, None).await.0, 401);
    let wish = json!({"metricProperties": ["takenCount"], "statusProperties": ["agentStatus"]});
    let (_, one) = house.api(Method::POST, "/v2/metrics/agents/5", &token, Some(wish)).await;
    assert_eq!(one["metrics"]["audio"].as_object().expect("counters").keys().collect::<Vec<_>>(), ["takenCount"]);
    let (_, parts) = house.api(Method::GET, "/v2/metrics/agents/status?agentIds=1,2", &token, None).await;
    assert_eq!(parts[1].get("metrics"), None);
    let (_, mbu) = house.api(Method::GET, "/v2/profile/mbu", &token, None).await;
    assert_eq!(mbu["businessUnits"][0]["type"], "Business Unti");
    let (_, found) = house.api(Method::GET, "/v2/search/example.com", &token, None).await;
    assert_eq!(found["agentsFound"].as_array().expect("agents").len(), 30);
    house.sandbox.steering().fail_next(Upstream::Clarity, 1, StatusCode::BAD_GATEWAY);
    assert_eq!(house.api(Method::GET, "/v2/profile", &token, None).await.0, 502);
    assert_eq!(house.api(Method::GET, "/v2/profile", &token, None).await.0, 200);
}

#[tokio::test]
async fn a_supervisor_may_change_a_status_but_not_say_two_things_at_once() {
    let house = House::small().await;
    let token = house.token().await;
    let update = async |body: Value| house.api(Method::POST, "/v2/agentStatus/update/3", &token, Some(body)).await.0;
    assert_eq!(update(json!({})).await, 400);
    assert_eq!(update(json!({"agentStatusId": 1, "isSuspended": true})).await, 400);
    assert_eq!(update(json!({"agentStatusId": 1, "reasonCodeId": 1})).await, 400);
    assert_eq!(update(json!({"isSuspended": true})).await, 204);
    assert!(house.sandbox.world_snapshot().agents[&3].suspended);
}

#[tokio::test]
async fn subscriptions_need_a_live_connection_and_end_with_a_delete() {
    let house = House::small().await;
    let token = house.token().await;
    let nobody = json!({"connectionId": "88cfebc8-e9f5-47a5-bfea-01b949ff9247"});
    assert_eq!(house.api(Method::POST, "/v2/subscriptions/agents?agentIds=1", &token, Some(nobody)).await.0, 404);
    let base = house.sandbox.addresses().clarity_api.join("/webapi/signalr/").expect("a URL");
    let call = house.client.get(base.join("negotiate?clientProtocol=2.1").expect("a URL")).bearer_auth(&token);
    let answer: Value = call.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["ProtocolVersion"], "1.5");
    let body = json!({"connectionId": answer["ConnectionId"]});
    let (status, made) =
        house.api(Method::POST, "/v2/subscriptions/queues?queueIds=1,2", &token, Some(body.clone())).await;
    assert_eq!(status, 200);
    let path = format!("/v2/subscriptions/{}", made["id"].as_str().expect("an id"));
    assert_eq!(house.api(Method::POST, &path, &token, Some(body.clone())).await.0, 204);
    assert_eq!(house.api(Method::DELETE, &path, &token, Some(body.clone())).await.0, 204);
    assert_eq!(house.api(Method::POST, &path, &token, Some(body)).await.0, 404);
    let bare = answer["ConnectionToken"].as_str().expect("a token");
    let start =
        house.client.get(format!("{base}start?transport=webSockets&connectionToken={bare}")).bearer_auth(&token);
    assert_eq!(start.send().await.expect("an answer").status(), 400, "a token that was not encoded");
    house.sandbox.steering().refuse_signalr(true);
    let refused = house.client.get(base.join("negotiate").expect("a URL")).bearer_auth(&token).send().await;
    assert_eq!(refused.expect("an answer").status(), 503);
}

/// Takes webhooks, the first of them badly.
async fn receiver(life: &Lifecycle) -> (Url, mpsc::UnboundedReceiver<(String, Bytes)>) {
    type Taken = Arc<(std::sync::atomic::AtomicU32, mpsc::UnboundedSender<(String, Bytes)>)>;
    async fn take(State(taken): State<Taken>, headers: HeaderMap, body: Bytes) -> StatusCode {
        if taken.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        let signature = headers["x-hmac-sha256"].to_str().unwrap_or_default().to_owned();
        let _ = taken.1.send((signature, body));
        StatusCode::OK
    }
    let (sender, taken) = mpsc::unbounded_channel();
    let router = Router::new().route("/hook", post(take)).with_state(Arc::new((0.into(), sender)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address")).parse().expect("a URL");
    life.spawn(serve(listener, router, life.clone()));
    (url, taken)
}

#[tokio::test]
async fn a_webhook_is_signed_and_sent_again_until_it_is_taken_and_can_be_answered() {
    let house = House::small().await;
    let addresses = house.sandbox.addresses();
    let id = house.sandbox.steering().respond().expect("somebody is being served");
    let (url, mut taken) = receiver(&house.life).await;
    house.sandbox.send_webhooks_to(url);
    // Others who were served speak up as well.
    loop {
        let hook = tokio::time::timeout(PATIENCE, taken.recv()).await;
        let (signature, body) = hook.expect("in time").expect("a webhook");
        assert_eq!(signature, sign(&addresses.goodays_hmac, &body));
        if serde_json::from_slice::<Value>(&body).expect("JSON")["response"]["id"] == json!(id) {
            break;
        }
    }
    let reply = format!("{}/responses/{id}/reply", addresses.goodays_api);
    let call = |method: Method| {
        house.client.request(method, &reply).json(&json!({"content": "Thank you.", "remark_type": "Praise"}))
    };
    assert_eq!(call(Method::PUT).send().await.expect("an answer").status(), 401);
    assert_eq!(call(Method::PUT).header("authorization", "wrong").send().await.expect("an answer").status(), 403);
    let token = addresses.goodays_token.expose_secret();
    assert_eq!(call(Method::POST).header("authorization", token).send().await.expect("an answer").status(), 405);
    assert_eq!(call(Method::PUT).header("authorization", token).send().await.expect("an answer").status(), 200);
    assert_eq!(call(Method::PUT).header("authorization", token).send().await.expect("an answer").status(), 400);
    let bulk = house.client.get(format!("{}/responses/bulk", addresses.goodays_api)).header("authorization", token);
    let bulk: Value = bulk.send().await.expect("an answer").json().await.expect("JSON");
    let ours = bulk["results"].as_array().and_then(|all| all.iter().find(|response| response["id"] == json!(id)));
    assert_eq!(ours.expect("it is listed")["reply"]["content"], "Thank you.");
}

#[tokio::test]
async fn agent_connect_takes_requests_of_the_documented_shape_and_returns_them_with_answers() {
    let house = House::open(Options { agents: 10, queues: 2, speed: 2000.0, ..Options::default() }).await;
    let addresses = house.sandbox.addresses();
    let key = addresses.agent_connect_key.expose_secret();
    let send = async |body: Value| {
        let call = house
            .client
            .post(format!("{}v1/requests", addresses.agent_connect_api))
            .header("x-api-key", key)
            .json(&body);
        call.send().await.expect("an answer")
    };
    let request = |employee: &str| json!({"customer": {"name": "Jane", "email": "jane@example.com"}, "employee": {"email": employee}, "channel": "phone"});
    let mut unknown = request("paul@example.com");
    unknown["surprise"] = json!(1);
    assert_eq!(send(unknown).await.status(), 400);
    let mut taken = 0;
    for number in 0..60 {
        taken += u32::from(send(request(&format!("agent{number}@example.com"))).await.status() == 200);
    }
    assert!((45..60).contains(&taken), "{taken} of 60 requests were taken");
    let claims = json!({"iat": 1_700_000_000});
    let signer = jsonwebtoken::EncodingKey::from_secret(addresses.agent_connect_secret.expose_secret().as_bytes());
    let jwt = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &signer).expect("a token");
    let answered = async || -> Vec<Value> {
        let call = house.client.get(format!("{}v2/data?after=0", addresses.agent_connect_api));
        let records: Vec<Value> = call
            .header("x-api-key", key)
            .header("authorization", &jwt)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(records.len(), taken as usize);
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
    let records = tokio::time::timeout(PATIENCE, wait).await.expect("somebody answers");
    assert!(records[0]["answers"]["agent_star_rating"]["selected_options"]["1"]["integer_value"].is_u64());
    assert_eq!(
        house.client.get(format!("{}v2/data", addresses.agent_connect_api)).send().await.expect("an answer").status(),
        403
    );
}

#[tokio::test]
async fn kustomer_leads_from_a_conversation_to_customer_user_and_tags() {
    let house = House::small().await;
    let addresses = house.sandbox.addresses();
    let get = async |path: &str| -> Value {
        let call = house.client.get(format!("{}v1/{path}", addresses.kustomer_api));
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
        house.client.get(format!("{}v1/users/current", addresses.kustomer_api)).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn the_steering_wheel_also_turns_over_http() {
    let house = House::small().await;
    let control = house.sandbox.addresses().control.clone();
    let steer = async |deed: Value| house.client.post(control.clone()).json(&deed).send().await.expect("an answer");
    assert_eq!(steer(json!({"do": "pause", "on": true})).await.status(), 200);
    let answer: Value = steer(json!({"do": "pulse", "queue": 2, "waiting": 41})).await.json().await.expect("JSON");
    assert!(answer["at"].is_string());
    assert_eq!(house.sandbox.world_snapshot().waiting[&2], 41);
    assert_eq!(steer(json!({"do": "pulse", "queue": 99, "waiting": 41})).await.status(), 404);
    assert_eq!(steer(json!({"do": "fail_next", "upstream": "kustomer", "calls": 1, "status": 503})).await.status(), 200);
}

/// A SignalR client of few words: negotiates, connects and starts by long polling.
struct Polling<'a> {
    house: &'a House,
    token: String,
    connection_token: String,
    connection_id: String,
    cursor: String,
}

impl<'a> Polling<'a> {
    async fn start(house: &'a House) -> Self {
        let token = house.token().await;
        let mut polling =
            Self { house, token, connection_token: String::new(), connection_id: String::new(), cursor: String::new() };
        let (status, agreed) = polling.ask("negotiate", &[]).await;
        assert_eq!(status, 200);
        let agreed: Value = serde_json::from_str(&agreed).expect("JSON");
        polling.connection_token = agreed["ConnectionToken"].as_str().expect("a token").to_owned();
        polling.connection_id = agreed["ConnectionId"].as_str().expect("an id").to_owned();
        let greeting: Value = serde_json::from_str(&polling.ask("connect", &[]).await.1).expect("JSON");
        assert_eq!(greeting["S"], 1);
        polling.cursor = greeting["C"].as_str().expect("a cursor").to_owned();
        assert_eq!(polling.ask("start", &[]).await.1, r#"{"Response":"started"}"#);
        polling
    }

    async fn ask(&self, command: &str, more: &[(&str, &str)]) -> (StatusCode, String) {
        let mut at =
            self.house.sandbox.addresses().clarity_api.join(&format!("/webapi/signalr/{command}")).expect("a URL");
        let query =
            [("clientProtocol", "1.5"), ("transport", "longPolling"), ("connectionToken", &self.connection_token)];
        at.query_pairs_mut().extend_pairs(query.into_iter().chain(more.iter().copied()));
        let method = if matches!(command, "negotiate" | "start") { Method::GET } else { Method::POST };
        let answer = self.house.client.request(method, at).bearer_auth(&self.token).send().await.expect("an answer");
        (answer.status(), answer.text().await.unwrap_or_default())
    }

    async fn subscribe(&self) {
        let body = json!({"connectionId": self.connection_id, "metricProperties": ["queuedCount"]});
        let path = "/v2/subscriptions/queues?queueIds=1,2";
        assert_eq!(self.house.api(Method::POST, path, &self.token, Some(body)).await.0, 200);
    }

    /// Polls from a cursor on, and tells the next cursor and how often each queue is named, in order.
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
async fn a_held_poll_gets_blanks_and_ends_with_nothing_and_a_delay() {
    let timeouts = Timeouts {
        keep_alive: Duration::from_millis(50),
        connection: Duration::from_millis(400),
        poll_delay: Duration::from_millis(70),
        ..Timeouts::default()
    };
    let house = House::open(Options { agents: 5, queues: 2, timeouts, ..Options::default() }).await;
    let polling = Polling::start(&house).await;
    let (_, text) = polling.ask("poll", &[("messageId", "")]).await;
    assert!(text.starts_with("  "), "{text:?}");
    let frame: Value = serde_json::from_str(text.trim()).expect("JSON");
    assert_eq!((&frame["M"], &frame["L"]), (&json!([]), &json!(70)));
}

#[tokio::test]
async fn sums_groups_and_alerts_are_pushed_changed_and_ended() {
    let house = House::small().await;
    house.sandbox.steering().pause(true);
    let polling = Polling::start(&house).await;
    let body =
        || Some(json!({"connectionId": polling.connection_id, "metricProperties": ["answeredCount", "queuedCount"]}));
    let subscribe =
        async |path: &str| house.api(Method::POST, &format!("/v2/subscriptions/{path}"), &polling.token, body()).await;
    let mut made = Vec::new();
    for path in [
        "agents/aggregateBy?agentIds=1,2",
        "agents/groupBy?teamIds=1,2",
        "queues/aggregateBy?queueIds=1,2",
        "queues/groupBy?groupIds=1",
        "alerts",
    ] {
        let (status, answer) = subscribe(path).await;
        assert_eq!(status, 200, "{path}");
        made.push(format!("/v2/subscriptions/{}", answer["id"].as_str().expect("an id")));
    }
    assert_eq!(subscribe("queues/groupBy?queueIds=1").await.0, 401, "queues are not grouped by themselves");

    let steering = house.sandbox.steering();
    steering.pulse(1, 77).expect("a queue");
    steering.alert("The line is long.");
    let (mut cursor, mut said) = (polling.cursor.clone(), Vec::new());
    let has = |said: &[Value], name: &str, value: Value| said.iter().any(|item: &Value| item[name] == value);
    while !(has(&said, "type", json!("alert")) && has(&said, "groupType", json!("group"))) {
        let (_, text) = polling.ask("poll", &[("messageId", &cursor)]).await;
        let frame: Value = serde_json::from_str(text.trim()).expect("JSON");
        cursor = frame["C"].as_str().expect("a cursor").to_owned();
        for push in frame["M"].as_array().into_iter().flatten() {
            let held = &push["A"][0];
            said.extend(held.as_array().or(held["data"].as_array()).cloned().unwrap_or_default());
        }
    }
    assert!(has(&said, "entityIds", json!([1, 2])) && has(&said, "groupType", json!("team")), "{said:?}");
    let queues = said.iter().rfind(|item| item["type"] == "queue" && item.get("groupId").is_none()).expect("a sum");
    assert!(queues["metrics"]["audio"]["queuedCount"].as_u64() >= Some(77), "{queues}");

    for path in &made {
        assert_eq!(house.api(Method::POST, path, &polling.token, body()).await.0, 204);
        assert_eq!(house.api(Method::DELETE, path, &polling.token, body()).await.0, 204);
        assert_eq!(house.api(Method::POST, path, &polling.token, body()).await.0, 404);
    }
    assert_eq!(steering.subscribed(), 0);
}

#[tokio::test]
async fn queues_metrics_are_not_there_until_somebody_switches_them_on() {
    let house = House::small().await;
    let token = house.token().await;
    let ask = async || house.api(Method::POST, "/v2/metrics/queues?queueIds=1,2", &token, None).await;
    assert_eq!(ask().await.0, 404);
    house.sandbox.steering().answer_queue_metrics(true);
    let (status, answer) = ask().await;
    assert_eq!((status.as_u16(), answer[1]["type"].as_str(), answer[1]["id"].as_i64()), (200, Some("queue"), Some(2)));
    let sums = house.api(Method::POST, "/v2/metrics/agents/aggregateBy?agentIds=1,2", &token, None).await;
    assert_eq!((sums.0.as_u16(), &sums.1["entityIds"]), (200, &json!([1, 2])));
    let groups = house.api(Method::GET, "/v2/metrics/agents/groupBy?teamIds=1", &token, None).await;
    assert_eq!((groups.0.as_u16(), &groups.1[0]["groupType"]), (200, &json!("team")));
}

#[tokio::test]
async fn pushes_are_doubled_and_shuffled_on_request() {
    let house = House::small().await;
    let steering = house.sandbox.steering();
    steering.pause(true);
    let polling = Polling::start(&house).await;
    polling.subscribe().await;
    steering.double_pushes(true);
    assert!(steering.pulse(1, 41).is_some());
    // The first message is about both queues; each comes twice.
    let (mut frame, mut ids) = polling.poll(&polling.cursor, "").await;
    let groups = frame["G"].as_str().expect("a groups token").to_owned();
    while ids.len() < 4 {
        let more = polling.poll(frame["C"].as_str().expect("a cursor"), &groups).await;
        frame = more.0;
        ids.extend(more.1);
    }
    assert_eq!(ids, [1, 2, 1, 2]);
    steering.double_pushes(false);
    steering.shuffle_pushes(true);
    assert!(steering.pulse(1, 42).is_some() && steering.pulse(2, 43).is_some());
    let (_, ids) = polling.poll(frame["C"].as_str().expect("a cursor"), &groups).await;
    assert_eq!(ids, [2, 1]);
}

#[tokio::test]
async fn negotiations_are_redirected_and_refused_and_transports_closed_on_request() {
    let house = House::small().await;
    let steering = house.sandbox.steering();
    let polling = Polling::start(&house).await;
    steering.close_transports(&["webSockets", "longPolling"]);
    assert!(polling.ask("negotiate", &[]).await.1.contains(r#""TryWebSockets":false"#));
    assert_eq!(polling.ask("connect", &[]).await.0, 404);
    steering.close_transports(&[]);
    steering.redirect_signalr(Some("https://elsewhere.example.com/signalr".to_owned()));
    assert!(polling.ask("negotiate", &[]).await.1.contains("elsewhere.example.com"));
    steering.redirect_signalr(None);
    steering.refuse_negotiation(Some(StatusCode::FORBIDDEN));
    assert_eq!(polling.ask("negotiate", &[]).await.0, 403);
    steering.forget_signalr();
    assert_eq!(polling.ask("poll", &[("messageId", "")]).await.0, 400);
}

#[tokio::test]
async fn the_wheel_is_turned_over_http_too() {
    let house = House::small().await;
    let turn = async |deed: Value| {
        let at = house.sandbox.addresses().control.clone();
        house.client.post(at).json(&deed).send().await.expect("an answer").status()
    };
    for deed in [
        json!({"do": "double_pushes", "on": true}),
        json!({"do": "shuffle_pushes", "on": true}),
        json!({"do": "slow_signalr", "milliseconds": 1}),
        json!({"do": "redirect_signalr", "url": null}),
        json!({"do": "close_transports", "names": ["webSockets"]}),
        json!({"do": "deafen_signalr"}),
        json!({"do": "lose_subscriptions"}),
        json!({"do": "refuse_negotiation", "status": 403}),
    ] {
        assert_eq!(turn(deed.clone()).await, 200, "{deed}");
    }
    assert_eq!(turn(json!({"do": "refuse_negotiation", "status": 7})).await, 400);
}

#[tokio::test]
async fn what_is_written_onto_a_session_is_read_again_even_after_its_end() {
    let house = House::small().await;
    house.sandbox.steering().pause(true);
    let token = house.token().await;
    let sessions = house.sandbox.world_snapshot().sessions;
    let id = *sessions.keys().next().expect("somebody calls");
    let at = |what: &str| format!("/v2/sessions/{id}{what}");
    for (what, body) in [
        ("/setcallnotes", json!({"note": "Call back."})),
        ("/setdispositions", json!({"dispositionId": 4, "subDispositionId": 8})),
        ("/setextraitems", json!({"extraItemName": "Subject", "extraItemValue": "A label"})),
    ] {
        // As documented, a GET with a body (`apis.md` B27).
        let (status, _) = house.api(Method::GET, &at(what), &token, Some(body)).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{what}");
        let (status, said) = house.api(Method::GET, &at(what), &token, None).await;
        assert_eq!((status, said["message"].is_string()), (StatusCode::BAD_REQUEST, true), "{what} without a body");
    }
    let (status, read) =
        house.api(Method::GET, &at("?includeExtraItems=true&includeDispositions=true"), &token, None).await;
    assert_eq!((status, &read["callNote"]), (StatusCode::OK, &json!("Call back.")));
    assert_eq!(read["selectedCallDisposition"]["callDispositionId"], 4);
    assert_eq!(read["extraItems"]["items"][1]["value"], "A label");
    assert_eq!(read["callDispositions"]["count"], 3);
    let (status, _) = house.api(Method::GET, "/v2/sessions/1", &token, None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "B87");
}

#[tokio::test]
async fn each_call_of_a_batch_is_answered_as_if_it_came_alone() {
    let house = House::small().await;
    let token = house.token().await;
    let items = json!([
        {"method": "POST", "relativeUrl": "../v2/subscriptions/agents/?modalities=2&agentIds=5"},
        {"method": "GET", "relativeUrl": "../v2/profile"},
        {"method": "GET", "relativeUrl": "../v2/agentStatus/list/5"},
        {"method": "GET", "relativeUrl": "../v2/nowhere"},
    ]);
    let (status, answers) = house.api(Method::POST, "/v2/", &token, Some(items)).await;
    assert_eq!(status, StatusCode::OK);
    let codes: Vec<_> = answers.as_array().expect("answers").iter().map(|answer| &answer["code"]).collect();
    assert_eq!(codes[1..], [&json!(200), &json!(200), &json!(404)], "{answers}");
    assert_ne!(codes[0], &json!(200), "B10: without a connection there is no subscription");
    assert_eq!((&answers[1]["body"]["type"], &answers[1]["body"]["id"]), (&json!("agent"), &json!(1)));
}

#[tokio::test]
async fn recording_tells_of_the_call_in_hand_and_of_nothing_where_there_is_none() {
    let house = House::small().await;
    house.sandbox.steering().pause(true);
    let token = house.token().await;
    let agents = house.sandbox.world_snapshot().agents;
    let who = |status: &str| agents.iter().find(|(_, agent)| agent.status == status).map(|(id, _)| *id);
    let (talks, free) =
        (who("inCall").expect("somebody talks"), who("loggedOut").or(who("available")).expect("somebody"));
    for (deed, expected) in [("start", true), ("stop", false)] {
        let at = |agent: i64| format!("/v2/sessions/callcontrol/{deed}RecordingSessions/{agent}");
        let (status, told) = house.api(Method::POST, &at(talks), &token, None).await;
        assert_eq!((status, &told["items"][0]["isRecording"]), (StatusCode::OK, &json!(expected)));
        let (status, told) = house.api(Method::POST, &at(free), &token, None).await;
        assert_eq!((status, &told["items"]), (StatusCode::OK, &json!([])));
        let (status, _) = house.api(Method::POST, &at(999), &token, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
