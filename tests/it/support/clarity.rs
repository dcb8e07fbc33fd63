//! A mock of Clarity with scripted answers and a log of requests. It does not push.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base::{Clock, Secret};
use callboard::config::{Auth, Clarity};
use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::server::TestServer;

const ROOT: &str = "/webapi/api/v2/";

/// The mock. Without a scripted answer it responds 404.
#[derive(Clone, Default)]
pub struct Mock(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: HashMap<String, (u16, Value)>,
    asked: Vec<(String, Value)>,
    /// What its answers say the time is, beside the real time.
    ahead: Option<SignedDuration>,
}

impl Mock {
    /// One that knows agent 41 of team 3, and queues 11 and 12.
    pub fn new() -> Self {
        let mock = Self::default();
        let structure = json!({
            "agents": [{"type": "Agent", "id": 41, "name": "Rob T.", "teamId": 3}],
            "queues": [{"type": "Queue", "id": 11, "name": "Orders", "teamIds": [3]},
                {"type": "Queue", "id": 12, "name": "Returns", "teamIds": [3]}],
            "teams": [{"type": "Team", "id": 3, "name": "North", "businessUnitId": 1, "groupIds": [8, 9]}],
            "groups": [{"type": "Group", "id": 8, "name": "Retail <b>", "teamIds": [3]}],
            "businessUnits": [{"type": "Business Unti", "id": 1, "name": "Shop", "teamIds": [3]}]
        });
        mock.answer("GET profile/mbu", 200, structure);
        let agent = json!({"type": "agent", "id": 41, "name": "Rob T.", "currentStatus": {"agentStatus": "available"},
            "metrics": {"audio": {"AnsweredCount": 7}, "agnostic": {"availableTime": 61000}}});
        mock.answer("POST metrics/agents/", 200, json!([agent]));
        mock
    }

    /// What is answered to a method and path from now on.
    pub fn answer(&self, to: &str, status: u16, body: Value) {
        self.0.lock().expect("no panic").answers.insert(to.to_owned(), (status, body));
    }

    /// Its web server's clock is so far ahead, from now on.
    pub fn set_clock(&self, ahead: SignedDuration) {
        self.0.lock().expect("no panic").ahead = Some(ahead);
    }

    /// The bodies with which a method and path were asked.
    pub fn asked(&self, what: &str) -> Vec<Value> {
        let script = self.0.lock().expect("no panic");
        script.asked.iter().filter(|(asked, _)| asked == what).map(|(_, body)| body.clone()).collect()
    }

    /// A server that asks this Clarity, with what is configured about it changed as wanted.
    pub async fn server(&self, change: impl FnOnce(&mut Clarity)) -> TestServer {
        let clarity = self.config(change).await;
        TestServer::standalone(|config| config.clarity = Some(clarity)).await
    }

    /// Opens it, and says what a server needs to know of it.
    pub async fn config(&self, change: impl FnOnce(&mut Clarity)) -> Clarity {
        let root = self.open().await;
        let mut clarity = Clarity::new(root.parse().expect("an address"), "", Auth::Static);
        clarity.token = Some(Secret::from("unused"));
        change(&mut clarity);
        clarity
    }

    /// Opens it at an address.
    pub async fn open(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
        let app = axum::Router::new().fallback(respond).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        root
    }
}

async fn respond(State(mock): State<Mock>, method: Method, at: Uri, body: Bytes) -> Response {
    let path = at.path().strip_prefix(ROOT).unwrap_or("?");
    let what = format!("{method} {path}");
    let mut script = mock.0.lock().expect("no panic");
    script.asked.push((what.clone(), serde_json::from_slice(&body).unwrap_or_default()));
    let mut response = match script.answers.get(&what) {
        Some((status, body)) => (StatusCode::from_u16(*status).expect("a status"), Json(body.clone())).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    if let Some(ahead) = script.ahead {
        response.headers_mut().insert(header::DATE, date(ahead));
    }
    response
}

/// The `Date` of a server whose clock is so far ahead.
pub fn date(ahead: SignedDuration) -> HeaderValue {
    let now = Clock::system().now().checked_add(ahead).expect("a time");
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).expect("a date");
    HeaderValue::from_str(&date).expect("a header")
}
