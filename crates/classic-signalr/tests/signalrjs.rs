//! The client against a server that others have written: npm `signalrjs`.
//!
//! Needs Node.js, and `npm ci --prefix tests/peers/signalrjs`.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use classic_signalr::{Anonymous, Connection, Event, Settings, Transport};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A running server. Dropping it kills it.
struct Server {
    child: Child,
    stdin: ChildStdin,
    port: u16,
}

impl Server {
    /// Starts it on this port, or on a free one if it is 0.
    async fn start(port: u16) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/signalrjs");
        assert!(folder.join("node_modules").exists(), "run `npm ci` in {}", folder.display());
        let mut child = Command::new("node")
            .args(["server.js", &port.to_string()])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js is installed");
        let stdin = child.stdin.take().expect("a pipe");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = tokio::time::timeout(TIMEOUT, lines.next_line()).await.expect("the server starts in time");
        let line: serde_json::Value = serde_json::from_str(&line.expect("a pipe").expect("a line")).expect("JSON");
        let port = line["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
        // Otherwise a full pipe would block the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, stdin, port }
    }

    fn connect(&self, transports: &[Transport]) -> Connection {
        let url = format!("http://127.0.0.1:{}/signalr", self.port).parse().expect("a URL");
        let mut settings = Settings::new(url, "chat");
        settings.transports = transports.to_vec();
        Connection::start(settings, Arc::new(Anonymous)).expect("a connection")
    }

    /// Calls `chat.onMessage` with one argument.
    async fn call(&mut self, arg: u32) {
        self.stdin.write_all(format!("[{arg}]\n").as_bytes()).await.expect("the server reads");
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("the server was alive");
    }
}

/// The next event that `wanted` accepts.
async fn wait_for<T>(connection: &mut Connection, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(connection.next().await) {
                return found;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, found).await.unwrap_or_else(|_| panic!("{what} never came"))
}

fn connected(event: Event) -> Option<Transport> {
    match event {
        Event::Connected { transport, .. } => Some(transport),
        _ => None,
    }
}

/// The argument of a call.
fn called(event: Event) -> Option<String> {
    let Event::Call(call) = event else { return None };
    assert_eq!((call.hub.as_str(), call.method.as_str()), ("chat", "onMessage"));
    let [arg] = &call.args[..] else { panic!("one argument in {call:?}") };
    Some(arg.get().to_owned())
}

/// Kills the server, starts it again on the same port, and waits for the client.
async fn restart(server: Server, connection: &mut Connection) -> Server {
    let port = server.port;
    server.kill().await;
    wait_for(connection, "the loss", |event| matches!(event, Event::Lost { .. }).then_some(())).await;
    let server = Server::start(port).await;
    let is_back = |event| matches!(event, Event::Connected { .. } | Event::Reconnected { .. }).then_some(());
    wait_for(connection, "the connection after the restart", is_back).await;
    server
}

/// Calls until a call arrives: between two polls this server drops calls.
async fn call_until_received(server: &mut Server, connection: &mut Connection, arg: u32) -> String {
    let received = async {
        loop {
            server.call(arg).await;
            let event = tokio::time::timeout(Duration::from_millis(200), connection.next()).await;
            if let Some(arg) = event.ok().and_then(called) {
                return arg;
            }
        }
    };
    tokio::time::timeout(TIMEOUT, received).await.expect("a call arrives")
}

#[tokio::test]
async fn server_sent_events_reconnect_after_server_restart() {
    let mut server = Server::start(0).await;
    let mut connection = server.connect(&Transport::ALL);
    let transport = wait_for(&mut connection, "the connection", connected).await;
    assert_eq!(transport, Transport::ServerSentEvents, "the server offers no WebSockets");
    server.call(1).await;
    assert_eq!(wait_for(&mut connection, "the first call", called).await, "1");

    let mut server = restart(server, &mut connection).await;
    server.call(2).await;
    assert_eq!(wait_for(&mut connection, "the second call", called).await, "2");
    connection.close().await;
}

#[tokio::test]
async fn long_polling_reconnects_after_server_restart() {
    let mut server = Server::start(0).await;
    let mut connection = server.connect(&[Transport::LongPolling]);
    assert_eq!(wait_for(&mut connection, "the connection", connected).await, Transport::LongPolling);
    assert_eq!(call_until_received(&mut server, &mut connection, 1).await, "1");

    let mut server = restart(server, &mut connection).await;
    assert_eq!(call_until_received(&mut server, &mut connection, 2).await, "2");
    connection.close().await;
}
