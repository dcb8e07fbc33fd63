//! The methods against a server written from the upstream's document: its samples, with our own values.

mod addresses;
mod reads;
mod writes;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::upstream::clarity::{Clarity, Credential, SessionPropertiesKey, Settings, WriteVerb};
use base::{Clock, Secret};

/// The document's samples.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/clarity/", $name, ".json"))
    };
}
pub(super) use sample;

/// What arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Verb and address after the root.
    pub line: String,
    pub token: String,
    pub body: Option<Value>,
}

/// Gives the prepared answers one after the other; the last one repeats.
#[derive(Clone)]
pub(super) struct Mock {
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<Vec<(StatusCode, String)>>>,
    challenges: bool,
    root: String,
}

impl Mock {
    pub async fn answering<const N: usize>(answers: [(u16, &str); N]) -> Self {
        Self::start(answers, false).await
    }

    /// One whose 401 says where tokens are to be had.
    pub async fn challenging() -> Self {
        Self::start([(401, "")], true).await
    }

    async fn start<const N: usize>(answers: [(u16, &str); N], challenges: bool) -> Self {
        let answers =
            answers.map(|(status, body)| (StatusCode::from_u16(status).expect("a status"), body.to_owned())).to_vec();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = format!("http://{}/webapi/api", listener.local_addr().expect("an address"));
        let mock = Self { seen: Arc::default(), answers: Arc::new(Mutex::new(answers)), challenges, root };
        let app = Router::new().fallback(serve).with_state(mock.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        mock
    }

    pub fn clarity(&self) -> Clarity {
        self.with_verb(WriteVerb::Get)
    }

    pub fn with_verb(&self, write_verb: WriteVerb) -> Clarity {
        let settings = Settings {
            api_root: self.root.parse().expect("a URL"),
            client_id: String::new(),
            token_hosts: vec!["floor.example.com".into()],
            token_url: None,
            credential: Credential::Static(Secret::from("t")),
            signalr_path: "/webapi/signalr".into(),
            hub: "connect".into(),
            transports: Vec::new(),
            session_properties_key: SessionPropertiesKey::Both,
            write_verb,
            modalities: Vec::new(),
            agent_metrics: Vec::new(),
            queue_metrics: Vec::new(),
        };
        Clarity::new(settings, Clock::system()).expect("a client")
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn serve(State(mock): State<Mock>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.to_string();
    assert_eq!(headers["cache-control"], "no-store", "B27");
    assert_eq!(headers["accept"], "application/json", "B8");
    let seen = Seen {
        line: format!("{method} {}", path.strip_prefix("/webapi/api").unwrap_or(&path)),
        token: headers["authorization"].to_str().expect("text").to_owned(),
        body: serde_json::from_slice(&body).ok(),
    };
    mock.seen.lock().expect("no panic").push(seen);
    let mut answers = mock.answers.lock().expect("no panic");
    let (status, text) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    if mock.challenges {
        let challenge = "https://floor.example.com/webauth/token,grant_type=\"urn:connect.auth:windows\"";
        return (status, [("www-authenticate", challenge)]).into_response();
    }
    (status, text).into_response()
}
