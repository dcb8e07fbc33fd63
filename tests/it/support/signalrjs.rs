//! The classic SignalR server made by others (npm `signalrjs`), beside just enough of Clarity's REST side.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base::Secret;
use callboard::config::{Auth, Clarity};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::server::{TIMEOUT, TestServer};

/// A running peer. Dropping it kills it.
pub struct SignalrJsServer {
    child: Child,
    stdin: ChildStdin,
    pub port: u16,
}

impl SignalrJsServer {
    /// Starts it; port 0 lets the system choose.
    pub async fn start(port: u16) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = root.join("crates/classic-signalr/tests/peers/signalrjs/node_modules");
        assert!(modules.exists(), "run `make prepare` first: {} is missing", modules.display());
        let mut child = Command::new("node")
            .arg("server.js")
            .arg(port.to_string())
            .current_dir(root.join("tests/peers/signalrjs"))
            .env("NODE_PATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed");
        let stdin = child.stdin.take().expect("a pipe");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = tokio::time::timeout(TIMEOUT, lines.next_line()).await.expect("the peer starts");
        let first: serde_json::Value =
            serde_json::from_str(&first.expect("a pipe").expect("a line")).expect("JSON with the port");
        let port = first["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        // The log of requests must be read, or the pipe fills and the peer stands still.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, stdin, port }
    }

    /// A server that follows this one, once it is live. It reads as seldom as it may, so that pushes are what tells.
    pub async fn server(&self) -> TestServer {
        let root = format!("http://127.0.0.1:{}/webapi/api", self.port).parse().expect("an address");
        let mut clarity = Clarity::new(root, "0224C392-3845-4AC0-B1A0-D63706181BA7".to_owned(), Auth::Negotiate);
        clarity.username = "svc-callboard".to_owned();
        clarity.password = Some(Secret::from("unused"));
        clarity.poll_interval = Duration::from_secs(600);
        let server = TestServer::standalone(|config| config.clarity = Some(clarity)).await;
        let is_live = |state: &serde_json::Value| {
            state["sources"]["clarity"]["state"] == "live" && state["queues"]["11"]["agentsAvailable"] == 1
        };
        server.until("all", "a live floor", is_live).await;
        server
    }

    /// Pushes the arguments of `connect.onData`.
    pub async fn push(&mut self, args: &str) {
        self.stdin.write_all(format!("{args}\n").as_bytes()).await.expect("the peer listens");
    }

    /// From now on this is who and what there is: an object with `agents` and `queues`.
    pub async fn set_floor(&mut self, floor: &str) {
        self.push(floor).await;
    }

    /// SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the peer was alive");
    }
}
