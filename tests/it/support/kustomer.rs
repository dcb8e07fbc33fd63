//! A mock of Kustomer, written from its documents alone: records as JSON:API or flat, and signed webhooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use base::hmac::Tag;
use callboard::config::{Kustomer as Config, Sending};
use reqwest::Response;
use serde_json::{Value, json};

use super::server::TestServer;

const TOKEN: &str = "webhook-token";

/// A running one.
#[derive(Clone)]
pub struct Kustomer {
    pub root: String,
    desk: Arc<Mutex<Desk>>,
}

#[derive(Default)]
pub struct Desk {
    /// Answers by path, with their status. Everything else is a 404.
    pub answers: BTreeMap<String, (u16, Value)>,
    /// What was asked for, look-ups of the placeholder tag aside.
    pub calls: Vec<String>,
    /// Answers this to everything instead.
    pub closed: Option<u16>,
}

impl Kustomer {
    /// One with a customer c9, users u1 to u3, and the tags t1 and t2.
    pub async fn start() -> Self {
        let desk = Arc::new(Mutex::new(Desk::default()));
        let answer = |State(desk): State<Arc<Mutex<Desk>>>, uri: Uri| async move {
            let mut desk = desk.lock().expect("no panic");
            let path = uri.path().to_owned();
            if !path.ends_with("aaaaaaaaaaaaaaaaaaaaaaaa") {
                desk.calls.push(path.clone());
            }
            let (status, body) = desk.answers.get(&path).cloned().unwrap_or((404, json!({ "errors": [] })));
            let status = desk.closed.unwrap_or(status);
            (StatusCode::from_u16(status).expect("a status"), body.to_string())
        };
        let app = Router::new().fallback(answer).with_state(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let kustomer = Self { root, desk };
        let emails = json!([{"email": "not an address"}, {"email": "a@customers.example"},
            {"type": "home", "email": "jane@customers.example", "verified": true}]);
        kustomer.answer(
            "/v1/customers/c9",
            json!({"data": {"id": "c9", "attributes": {"name": "Jane", "emails": emails}}}),
        );
        for user in ["u1", "u2", "u3"] {
            let attributes = json!({"displayName": user, "email": format!("{user}@example.com")});
            kustomer.answer(&format!("/v1/users/{user}"), json!({"data": {"id": user, "attributes": attributes}}));
        }
        let tag = |id: &str, name: &str| json!({"id": id, "attributes": {"name": name}});
        kustomer.answer("/v1/tags/t1,t2", json!({"data": [tag("t1", "exchange"), tag("t2", "backorder")]}));
        kustomer
    }

    /// What it says at a path.
    pub fn answer(&self, path: &str, body: Value) {
        self.desk().answers.insert(path.to_owned(), (200, body));
    }

    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().expect("no panic")
    }

    /// The section that leads here.
    pub fn config(&self, send: Sending) -> Config {
        Config {
            api_root: self.root.parse().expect("an address"),
            api_key: Some("the-key".into()),
            webhook_secret: Some(TOKEN.into()),
            org_domain: "example".into(),
            send,
            ..Config::default()
        }
    }
}

/// A closing as JSON:API, changed as wanted.
pub fn closing(event: &str, conversation: &str, rev: i64, change: impl FnOnce(&mut Value)) -> Value {
    let mut event = json!({
        "id": event, "name": "kustomer.conversation.update",
        "data": {
            "type": "conversation", "id": conversation,
            "attributes": { "status": "done", "channels": ["email", "voice"], "tags": ["t1", "t2"], "rev": rev,
                "assignedUsers": ["u1", "u2"], "spam": false, "custom": {} },
            "relationships": { "customer": { "data": { "type": "customer", "id": "c9" } },
                "modifiedBy": { "data": { "type": "user", "id": "u3" } } }
        },
        "changes": { "attributes": { "status": { "op": "replace", "before": "open", "after": "done" } } },
    });
    change(&mut event);
    event
}

/// The signature of a body.
pub fn sign(body: &[u8]) -> String {
    Tag::sign(&TOKEN.into(), body).to_string()
}

/// Posts a signed event.
pub async fn post(server: &TestServer, event: &Value) -> Response {
    let body = event.to_string();
    let signature = sign(body.as_bytes());
    let call = server.http.post(server.at("/webhooks/kustomer")).header("X-Kustomer-Webhook-Signature", signature);
    call.header("Content-Type", "application/json").body(body).send().await.expect("an answer")
}
