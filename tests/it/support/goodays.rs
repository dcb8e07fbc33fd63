//! A mock of Goodays, written from its document alone: it accepts what the document allows, refuses the rest with a
//! reason, and logs requests. Its events have the document's structure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base::hmac::Tag;
use base::{Clock, Secret};
use callboard::config::{Config, Goodays};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::server::TestServer;

const TOKEN: &str = "1234abcd1234abcd1234abcd1234abcd";
const SECRET: &str = "a-secret-agreed-upon";

/// How the next action ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// It is done, and the answer says something else: this status.
    DoneBut(u16),
    /// It is not done, for this status.
    Refused(u16),
    /// It is done, and no answer comes.
    DoneInSilence,
}

/// The mock. Cheap to clone.
#[derive(Clone)]
pub struct Mock(Arc<Mutex<State_>>, Url);

#[derive(Default)]
struct State_ {
    responses: BTreeMap<String, Value>,
    next: VecDeque<Next>,
    /// Actions that were done, with their bodies.
    done: Vec<(String, Value)>,
    /// Everything that was asked.
    asked: Vec<String>,
    /// What broke the document's rules.
    wrong: Vec<String>,
    without_list: bool,
    /// Where the next page is said to be.
    lists_at: Option<String>,
}

impl Mock {
    /// Opens it on a port of its own.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}/v2", listener.local_addr().expect("an address"));
        let mock = Self(Arc::default(), root.parse().expect("an address"));
        let app = Router::new().fallback(respond).with_state(mock.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        mock
    }

    /// What a server needs to know of it.
    pub fn config(&self) -> Goodays {
        Goodays::new(self.1.clone(), Secret::from(TOKEN), vec![Secret::from(SECRET)])
    }

    /// A server beside it.
    pub async fn server(&self, change: impl FnOnce(&mut Config)) -> TestServer {
        self.server_at(Clock::system(), change).await
    }

    /// The same, by a clock of its own.
    pub async fn server_at(&self, clock: Clock, change: impl FnOnce(&mut Config)) -> TestServer {
        TestServer::standalone_at(clock, |config| {
            config.goodays = Some(self.config());
            change(config);
        })
        .await
    }

    /// A customer answers; Goodays stores it and sends no webhook.
    pub fn customer_answers(&self, id: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut response = response(id);
        change(&mut response);
        self.state().responses.insert(id.to_owned(), response.clone());
        json!({"event_type": "response", "response": response})
    }

    /// The customer writes again, in private.
    pub fn customer_writes(&self, id: &str, message: &str, content: &str) -> Value {
        let mut state = self.state();
        let response = state.responses.get_mut(id).expect("a response");
        let minute = 30 + response["attached_messages"].as_array().map_or(0, Vec::len);
        let note = text(message, &format!("2026-11-20T12:{minute}:39.810686+01:00"), "Message", content, true);
        response["attached_messages"].as_array_mut().expect("a list").insert(0, note.clone());
        response["state"] = json!("closed");
        // The document's own event repeats the first date (apis.md B140), and names another thread and id (B136,
        // B138).
        response["updated_date"] = response["created_date"].clone();
        response["thread"] = json!("12AB34");
        response["actions"] = json!({"message": "https://api.goodays.coapi/v2/responses/12AB34/message"});
        json!({"event_type": "message", "response": response, "message": note})
    }

    /// A local manager hands it over.
    pub fn manager_delegates(&self, id: &str) -> Value {
        let mut state = self.state();
        let response = state.responses.get_mut(id).expect("a response");
        response["updated_date"] = json!("2026-11-20T11:13:08.014586+01:00");
        response["delegated_to"] = json!({"id": "ap4M7B1w82", "partner_id": "CustomerService",
            "name": "Customer Service",
            "enabled": true, "detail_url": "https://api.goodays.cov2/places/ap4M7B1w82"});
        response["actions"].as_object_mut().expect("a map").remove("call");
        json!({"event_type": "delegated", "response": response})
    }

    /// A user of Goodays acts there.
    pub fn operator_acts(&self, id: &str, action: &str, body: &Value) {
        apply(&mut self.state(), id, action, body);
    }

    /// How the next action ends; what is not said ends well.
    pub fn next(&self, next: Next) {
        self.state().next.push_back(next);
    }

    /// Whether there is a list of responses.
    pub fn has_list(&self, has: bool) {
        self.state().without_list = !has;
    }

    /// Claims that the next pages are at this host.
    pub fn says_pages_are_at(&self, host: &str) {
        self.state().lists_at = Some(host.to_owned());
    }

    /// The actions that were done, with their bodies.
    pub fn done(&self) -> Vec<(String, Value)> {
        self.state().done.clone()
    }

    /// What was asked, as method and path, among those that contain this.
    pub fn asked(&self, what: &str) -> Vec<String> {
        self.state().asked.iter().filter(|asked| asked.contains(what)).cloned().collect()
    }

    /// What broke the document's rules.
    pub fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State_> {
        self.0.lock().expect("no panic")
    }
}

/// Sends an event, signed, as Goodays would.
pub async fn send(server: &TestServer, event: &Value) {
    let body = event.to_string();
    let signature = Tag::sign(&Secret::from(SECRET), body.as_bytes()).to_string();
    let request = server.http.post(server.at("/webhooks/goodays")).header("X-HMAC-SHA256", signature).body(body);
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
}

fn response(id: &str) -> Value {
    json!({
        "id": id, "token": TOKEN, "created_date": "2026-11-20T10:20:39.810686+01:00",
        "updated_date": "2026-11-20T10:21:15.952136+01:00", "source": "email",
        "survey": {"id": "12AB34", "slug": "survey1", "label": "survey 1", "enabled": true,
            "detail_url": "https://api.goodays.co/v2/surveys/12AB34"},
        "answers": [{"id": "12AB34", "value": 5, "question": {"id": "12AB34",
            "title": "**Recommanderiez-vous** ce magasin /PLACE/ à votre entourage ?", "type": "nps",
                "enabled": true}}],
        "message": text("mxo1B0eGdj", "2026-11-20T10:20:39.810686+01:00", "Problem", "Nobody called me back.", true),
        "reply": null,
        "user": {"email": "chester@example.com", "first_name": "Chester", "last_name": "COPPERPOT",
            "opt_in": {"newsletter": false, "email": false, "sms": false}},
        "context": {"email": "chester@example.com", "phone": "", "crm_id": "", "cz_tag": "survey1",
            "extra": {"transaction_date": "2026-11-19", "transaction_time": "17:47:00"}, "last_name": "COPPERPOT",
                "first_name": "Chester"},
        "place": {"id": "12AB34", "partner_id": "1234", "name": "place name", "enabled": true,
            "detail_url": "https://api.goodays.co/v2/places/12AB34"},
        "delegated_to": null, "attached_messages": [], "state": "open", "thread": "z4RjEyMP4r",
        "actions": {
            "reply": format!("https://api.goodays.co/api/v2/responses/{id}/reply"),
            "spam": format!("https://api.goodays.co/api/v2/responses/{id}/spam"),
            "close": format!("https://api.goodays.co/api/v2/responses/{id}/close"),
            "call": format!("https://api.goodays.co/api/v2/responses/{id}/call")
        },
        "alert_triggered": false
    })
}

fn text(id: &str, created: &str, kind: &str, content: &str, by_customer: bool) -> Value {
    let sender = match by_customer {
        true => json!({"email": "chester@example.com", "first_name": "Chester", "last_name": "Copperpot"}),
        false => json!({"email": "jennifer@example.com", "first_name": "Jennifer", "last_name": "Parker"}),
    };
    json!({"id": id, "created_date": created, "type": kind, "content": content, "attachment": null, "sender": sender})
}

async fn respond(State(mock): State<Mock>, method: Method, at: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = at.path().strip_prefix("/v2/").unwrap_or("?").to_owned();
    mock.state().asked.push(format!("{method} {path}?{}", at.query().unwrap_or_default()));
    // The token stands there by itself: no "Bearer" (apis.md G30).
    if headers.get("authorization").is_none_or(|token| token != TOKEN) {
        mock.state().wrong.push(format!("{path}: the token"));
        return refusal(403, "Invalid authentication credentials");
    }
    match (method.as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
        ("GET", ["users"]) => users(at.query().unwrap_or_default()),
        ("GET", ["responses", "bulk"]) => mock.list(at.query().unwrap_or_default()),
        ("PUT", ["responses", id, action]) => {
            let silent = mock.state().next.front() == Some(&Next::DoneInSilence);
            let answer = mock.act(id, action, &headers, &body);
            if silent {
                std::future::pending::<()>().await;
            }
            answer
        }
        _ => {
            mock.state().wrong.push(format!("{method} {path}"));
            refusal(405, "Method not allowed")
        }
    }
}

fn users(query: &str) -> Response {
    let known = query == "email=jennifer%40example.com" || query == "page_size=1";
    let results = if known { json!([{"id": "1a2b3c4", "email": "jennifer@example.com"}]) } else { json!([]) };
    Json(json!({"next": null, "previous": null, "results": results})).into_response()
}

impl Mock {
    /// Two on a page (apis.md P23), those that were created in the time asked for.
    fn list(&self, query: &str) -> Response {
        let state = self.state();
        if state.without_list {
            return refusal(404, "Not found");
        }
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let instant = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let (Some(from), Some(to)) = (instant(&query["start_date"]), instant(&query["end_date"])) else {
            return refusal(400, "start_date and end_date are needed");
        };
        let skip: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().expect("our own cursor"));
        let is_in = |response: &&Value| {
            let created = response["created_date"].as_str().and_then(instant).expect("a date");
            (from..=to).contains(&created)
        };
        let found: Vec<Value> = state.responses.values().filter(is_in).cloned().collect();
        let next = (found.len() > skip + 2).then(|| {
            let host = state.lists_at.as_deref().unwrap_or("https://api.goodays.co");
            format!("{host}/v2/responses/bulk?start_date={from}&end_date={to}&cursor={}", skip + 2)
        });
        let page: Vec<Value> = found.into_iter().skip(skip).take(2).collect();
        Json(json!({"next": next, "previous": null, "results": page})).into_response()
    }

    fn act(&self, id: &str, action: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut state = self.state();
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(why) = breach(action, headers, &sent) {
            state.wrong.push(format!("{action}: {why} in {sent}"));
            return refusal(400, &why);
        }
        match state.next.pop_front() {
            Some(Next::Refused(status)) => return refusal(status, "Not this time."),
            Some(Next::DoneBut(status)) => {
                apply(&mut state, id, action, &sent);
                return refusal(status, "Something broke.");
            }
            Some(Next::DoneInSilence) | None => {}
        }
        let Some(response) = state.responses.get(id) else { return refusal(404, "Not found") };
        if response["actions"].get(action).is_none() {
            return refusal(400, "This response has been processed already.");
        }
        apply(&mut state, id, action, &sent);
        // What success looks like is nowhere said.
        StatusCode::NO_CONTENT.into_response()
    }
}

/// What the document does not allow.
fn breach(action: &str, headers: &HeaderMap, body: &Value) -> Option<String> {
    let fields: &[&str] = match action {
        "reply" | "message" => &["content", "user", "remark_type"],
        "call" => &["user", "rating", "note"],
        "close" => &["user", "remark_type"],
        "spam" => &["user"],
        _ => return Some("there is no such action".to_owned()),
    };
    if headers.get("content-type").is_none_or(|kind| kind != "application/json") {
        return Some("the content type".to_owned());
    }
    let body = body.as_object().map_or_else(|| Err("no JSON object".to_owned()), Ok);
    let body = match body {
        Ok(body) => body,
        Err(why) => return Some(why),
    };
    if let Some(unknown) = body.keys().find(|name| !fields.contains(&name.as_str())) {
        return Some(format!("the field {unknown}"));
    }
    let remark_types = ["Praise", "Question", "Idea", "Problem", "Message"];
    let is_text = |name: &str| body.get(name).is_none_or(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    let is_fine = ["content", "user", "note"].iter().all(|name| is_text(name))
        && (!fields.contains(&"content") || body.contains_key("content"))
        && body.get("rating").is_none_or(|rating| rating.as_u64().is_some_and(|rating| rating <= 5))
        && body.get("remark_type").is_none_or(|kind| kind.as_str().is_some_and(|kind| remark_types.contains(&kind)));
    (!is_fine).then(|| "a value".to_owned())
}

fn apply(state: &mut State_, id: &str, action: &str, body: &Value) {
    state.done.push((format!("{id}/{action}"), body.clone()));
    let (count, Some(response)) = (state.done.len(), state.responses.get_mut(id)) else { return };
    response["state"] = json!("closed");
    if let Some(content) = body["content"].as_str() {
        let at = format!("2026-11-20T12:{:02}:39.810686+01:00", 20 + count);
        let note = text(&format!("answer{count}"), &at, "Message", content, false);
        response["attached_messages"].as_array_mut().expect("a list").insert(0, note.clone());
        if response["reply"].is_null() {
            // The same text with another type (apis.md B141).
            response["reply"] = note;
            response["reply"]["type"] = json!("text");
        }
    }
    if action != "message" {
        response["actions"] = json!({});
    }
}

fn refusal(status: u16, message: &str) -> Response {
    (StatusCode::from_u16(status).expect("a status"), Json(json!({"message": message}))).into_response()
}
