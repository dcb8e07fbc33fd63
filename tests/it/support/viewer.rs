//! A viewer of the live protocol, as README describes it. Patches are applied by a library that others made.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use url::Url;

use super::openapi::{check_frame, check_state};
use super::server::TIMEOUT;

pub struct Viewer<S = MaybeTlsStream<TcpStream>> {
    socket: WebSocketStream<S>,
    pub document: Value,
    pub epoch: String,
    pub version: u64,
    /// All received frames, for tests of what must not be in them.
    pub received: String,
    /// How many snapshots and patches it has been given.
    pub snapshots: usize,
    pub patches: usize,
}

/// What a viewer holds when it comes back.
#[derive(Debug, Clone, Default)]
pub struct Position {
    pub epoch: String,
    pub version: u64,
    pub document: Value,
}

/// Why there is no further frame.
#[derive(Debug)]
pub enum End {
    Closed(Option<CloseFrame>),
    Broken,
}

impl Viewer {
    pub async fn connect(base: &Url, scope: &str, held: Option<Position>) -> Self {
        Self::connect_with(base, scope, held, &[]).await
    }

    /// The same, with headers: a cookie as a rule, and the origin that a browser would send with it.
    pub async fn connect_with(
        base: &Url,
        scope: &str,
        held: Option<Position>,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let mut address = base.join("/api/v1/live").expect("an address");
        address.set_scheme("ws").expect("http becomes ws");
        address.query_pairs_mut().append_pair("scope", scope);
        if let Some(held) = &held {
            let version = held.version.to_string();
            address.query_pairs_mut().append_pair("epoch", &held.epoch).append_pair("version", &version);
        }
        let mut request = address.as_str().into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let connected = timeout(TIMEOUT, tokio_tungstenite::connect_async(request)).await.expect("an answer in time");
        Self::on(connected.expect("an open socket").0, held)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Viewer<S> {
    /// A viewer on a socket that is open already.
    pub fn on(socket: WebSocketStream<S>, held: Option<Position>) -> Self {
        let held = held.unwrap_or_default();
        Self {
            socket,
            document: held.document,
            epoch: held.epoch,
            version: held.version,
            received: String::new(),
            snapshots: 0,
            patches: 0,
        }
    }

    /// Takes one frame in and returns its type.
    pub async fn step(&mut self) -> Result<String, End> {
        loop {
            let message = timeout(TIMEOUT, self.socket.next()).await.expect("a frame or a beat in time");
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => return Err(End::Closed(frame)),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Err(End::Broken),
            };
            self.received.push_str(&text);
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            check_frame(&frame);
            let kind = frame["type"].as_str().expect("a type").to_owned();
            if kind == "reload" {
                return Ok(kind);
            }
            let version = frame["version"].as_u64().expect("a version");
            match kind.as_str() {
                "snapshot" => {
                    self.snapshots += 1;
                    self.epoch = frame["epoch"].as_str().expect("an epoch").to_owned();
                    self.document = frame["state"].clone();
                    self.version = version;
                }
                "patch" => {
                    self.patches += 1;
                    assert!(version > self.version, "versions rise: {version} after {}", self.version);
                    json_patch::merge(&mut self.document, &frame["patch"]);
                    self.version = version;
                }
                "beat" => assert_eq!(version, self.version, "the beat tells the version that the viewer holds"),
                other => panic!("a frame of an unknown type: {other}"),
            }
            return Ok(kind);
        }
    }

    /// Takes frames in until the document is as wanted.
    pub async fn until(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> bool) {
        let reached = async {
            while self.document.is_null() || !wanted(&self.document) {
                if let Err(end) = self.step().await {
                    panic!("the socket ended ({end:?}) before {what}");
                }
            }
        };
        let in_time = timeout(TIMEOUT, reached).await.is_ok();
        assert!(in_time, "never came: {what}; sources are {}", self.document["sources"]);
        check_state(&self.document);
    }

    /// As [`Viewer::until`], with the document of that moment: the next reading may undo it.
    pub async fn document_when(&mut self, what: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        self.until(what, wanted).await;
        self.document.clone()
    }

    /// Waits until the socket is closed, and says with which code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.step().await {
                Ok(_) => {}
                Err(End::Closed(Some(frame))) => return frame.code.into(),
                Err(end) => panic!("the socket ended without a word: {end:?}"),
            }
        }
    }

    /// What it would come back with.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), version: self.version, document: self.document.clone() }
    }

    /// Says something, which viewers need not.
    pub async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("the socket takes it");
    }
}
