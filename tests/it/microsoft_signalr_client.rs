//! Microsoft's own SignalR client accepts the sandbox for a real server: what it follows, ours may follow.
//!
//! Needs `npm ci --prefix tests/peers/ms-signalr-client`.

use std::process::Stdio;
use std::time::Duration;

use base::{Clock, Lifecycle};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Long enough for a busy machine to start Node.
const TIMEOUT: Duration = Duration::from_secs(60);

struct Client {
    _process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(origin: &str, transport: &str, token: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/ms-signalr-client/client.js");
        let mut process = Command::new("node")
            .args([script, origin, transport, token])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node is installed");
        let output = process.stdout.take().expect("the output is piped");
        Self { _process: process, lines: BufReader::new(output).lines() }
    }

    /// Reads on until the client says something of this kind.
    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> Option<T>) -> T {
        let read = async {
            let mut heard = Vec::new();
            while let Some(line) = self.lines.next_line().await.expect("the output can be read") {
                let line: Value = serde_json::from_str(&line).expect("one JSON object a line");
                if let Some(found) = wanted(&line) {
                    return found;
                }
                heard.push(line);
            }
            panic!("the client has ended without {what} (did `npm ci` run?); it said {heard:?}");
        };
        tokio::time::timeout(TIMEOUT, read).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
    }

    /// Waits for the push that says how many wait in a queue.
    async fn until_waiting(&mut self, queue: i64, waiting: u64) {
        let says =
            |item: &Value| item["id"] == json!(queue) && item["metrics"]["audio"]["queuedCount"] == json!(waiting);
        let pushed =
            |line: &Value| line["push"][0].as_array().is_some_and(|items| items.iter().any(says)).then_some(());
        self.until(&format!("{waiting} waiting in queue {queue}"), pushed).await;
    }
}

async fn follows_and_comes_back(transport: &str) {
    let life = Lifecycle::new();
    let options = Options { agents: 30, queues: 4, ..Options::default() };
    let sandbox = Sandbox::start(options, Clock::system(), life.clone()).await.expect("free ports");
    let control = sandbox.control();
    control.pause(true);
    let token = control.token_for(1).expect("a token");
    let api = &sandbox.addresses().clarity_api;
    let mut client = Client::start(&api.origin().ascii_serialization(), transport, &token);
    let connection = client
        .until("a connection", |line| {
            assert_eq!(line.get("failed"), None);
            let id = line["connected"].as_str()?;
            assert_eq!(line["transport"], json!(transport));
            Some(id.to_owned())
        })
        .await;

    let subscribed = base::http::client()
        .expect("a client")
        .post(format!("{api}/v2/subscriptions/queues?queueIds=1,2"))
        .bearer_auth(&token)
        .json(&json!({"connectionId": connection, "metricProperties": ["queuedCount"]}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(subscribed.status(), 200);
    assert!(control.set_waiting(1, 41).is_some());
    client.until_waiting(1, 41).await;

    // Between two polls there is nothing to cut.
    let connected = async {
        while control.connected_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, connected).await.expect("the client listens");
    control.disconnect_signalr();
    // What is pushed while nobody listens waits in the ring.
    assert!(control.set_waiting(2, 42).is_some());
    client.until("a reconnection", |line| (line["state"] == "reconnecting").then_some(())).await;
    client.until_waiting(2, 42).await;
    assert!(control.set_waiting(1, 43).is_some());
    client.until_waiting(1, 43).await;
    life.kill();
}

#[tokio::test]
async fn client_reconnects_over_web_sockets() {
    follows_and_comes_back("webSockets").await;
}

#[tokio::test]
async fn client_reconnects_over_server_sent_events() {
    follows_and_comes_back("serverSentEvents").await;
}

#[tokio::test]
async fn client_reconnects_over_long_polling() {
    follows_and_comes_back("longPolling").await;
}
