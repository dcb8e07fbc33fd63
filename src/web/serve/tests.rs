use axum::extract::WebSocketUpgrade;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;
use crate::web::layers::{Settings, wrap};
use base::Clock;

const ORDINARY: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A running server, and how to stop it.
struct Server {
    address: SocketAddr,
    metrics: Metrics,
    life: Lifecycle,
}

impl Server {
    async fn open(limits: Limits, app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new(Clock::system());
        let life = Lifecycle::new();
        life.spawn(serve(listener, None, app, limits, metrics.clone(), life.clone()));
        Self { address, metrics, life }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Waits until so many connections have ended like this.
    async fn counted(&self, result: &str, times: u64) {
        let line = format!("callboard_connections_total{{result=\"{result}\"}} {times}");
        self.until(|text| text.lines().any(|found| found == line)).await;
    }

    async fn until(&self, holds: impl Fn(&str) -> bool) {
        soon(async {
            while !holds(&self.metrics.render()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn greeting() -> Router {
    Router::new().route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { format!("hello {peer}") }))
}

fn short() -> Limits {
    Limits { header: Duration::from_millis(50), ..Limits::default() }
}

async fn soon<T>(event: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), event).await.expect("it happens in time")
}

/// Everything until the other side closes. A reset is a close as well.
async fn to_the_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until this has come.
async fn through(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with(end) {
        assert_eq!(soon(stream.read(&mut byte)).await.unwrap(), 1, "the connection ended after {text}");
        text.push(char::from(byte[0]));
    }
    text
}

#[tokio::test]
async fn request_is_served_and_knows_the_client_address() {
    let server = Server::open(Limits::default(), greeting()).await;
    let mut client = server.client().await;
    client.write_all(LAST).await.unwrap();
    let answer = to_the_end(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with(&format!("hello {}", client.local_addr().unwrap())), "{answer}");
    server.counted("served", 1).await;
}

#[tokio::test]
async fn silent_client_is_disconnected() {
    let server = Server::open(Limits { first_byte: Duration::from_millis(50), ..Limits::default() }, greeting()).await;
    let mut client = server.client().await;
    assert_eq!(to_the_end(&mut client).await, "");
    server.counted("silent", 1).await;
}

#[tokio::test]
async fn incomplete_header_times_out() {
    let server = Server::open(short(), greeting()).await;
    let mut client = server.client().await;
    client.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    to_the_end(&mut client).await;
    server.counted("slow", 1).await;
}

#[tokio::test]
async fn dripping_header_does_not_extend_the_timeout() {
    let server = Server::open(short(), greeting()).await;
    let (mut reading, mut writing) = server.client().await.into_split();
    let dripping = async {
        let _ = writing.write_all(b"GET / HTTP/1.1\r\nX: ").await;
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            if writing.write_all(b"x").await.is_err() {
                return std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = dripping => {}
        _ = soon(reading.read_to_end(&mut answer)) => {}
    }
    server.counted("slow", 1).await;
}

#[tokio::test]
async fn oversized_header_is_refused() {
    let server = Server::open(Limits::default(), greeting()).await;
    let mut client = server.client().await;
    let _ = client.write_all(b"GET / HTTP/1.1\r\nX: ").await;
    let _ = client.write_all(&vec![b'x'; 2 * HEADER_BYTES]).await;
    to_the_end(&mut client).await;
    server.counted("broken", 1).await;
}

#[tokio::test]
async fn incomplete_body_times_out_with_503() {
    let takes = axum::routing::post(|body: String| async move { body });
    let settings = Settings { request_timeout: Duration::from_millis(50), ..Settings::default() };
    let server = Server::open(Limits::default(), wrap(Router::new().route("/", takes), &settings)).await;
    let mut client = server.client().await;
    client.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    assert!(to_the_end(&mut client).await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn idle_connection_after_a_response_counts_as_served() {
    let server = Server::open(short(), greeting()).await;
    let mut client = server.client().await;
    client.write_all(ORDINARY).await.unwrap();
    assert!(to_the_end(&mut client).await.starts_with("HTTP/1.1 200 OK"));
    server.counted("served", 1).await;
}

#[tokio::test]
async fn client_that_reads_no_response_is_disconnected() {
    let large = Router::new().route("/", get(|| async { vec![b'x'; 1 << 20] }));
    let server = Server::open(Limits { stalled: Duration::from_millis(80), ..Limits::default() }, large).await;
    let mut client = server.client().await;
    let requests = ORDINARY.repeat(64);
    client.write_all(&requests).await.unwrap();
    server.counted("stuck", 1).await;
    let mut reader = server.client().await;
    reader.write_all(&[ORDINARY.repeat(15), LAST.to_vec()].concat()).await.unwrap();
    assert_eq!(to_the_end(&mut reader).await.matches("HTTP/1.1 200 OK").count(), 16);
    server.counted("served", 1).await;
}

#[tokio::test]
async fn connection_limit_frees_a_permit_when_a_connection_ends() {
    let server = Server::open(Limits { connections: 1, ..Limits::default() }, greeting()).await;
    let mut first = server.client().await;
    first.write_all(ORDINARY).await.unwrap();
    through(&mut first, "hello").await;

    let mut second = server.client().await;
    assert_eq!(to_the_end(&mut second).await, "");
    server.counted("over_limit", 1).await;

    drop(first);
    server.until(|text| text.contains("callboard_open_connections 0")).await;
    let mut third = server.client().await;
    third.write_all(LAST).await.unwrap();
    assert!(to_the_end(&mut third).await.contains("hello"));
}

#[tokio::test]
async fn connections_of_one_address_are_limited() {
    let limits = Limits { per_address: 1, loopback_is_exempt: false, ..Limits::default() };
    let server = Server::open(limits, greeting()).await;
    let mut first = server.client().await;
    first.write_all(ORDINARY).await.unwrap();
    through(&mut first, "hello").await;
    let mut second = server.client().await;
    assert_eq!(to_the_end(&mut second).await, "");
    server.counted("over_address_limit", 1).await;
}

#[tokio::test]
async fn websocket_keeps_its_permit_after_the_upgrade() {
    let gone = Arc::new(Notify::new());
    let leave = Arc::clone(&gone);
    let app = Router::new().route(
        "/",
        get(move |upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(move |socket| async move {
                leave.notified().await;
                drop(socket);
            })
        }),
    );
    let server = Server::open(short(), app).await;
    let mut client = server.client().await;
    let upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(upgrade).await.unwrap();
    assert!(through(&mut client, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    // The HTTP connection has ended, the stream is open, and no timeout of the accept loop ends it.
    server.counted("served", 1).await;
    assert!(server.metrics.render().contains("callboard_open_connections 1"));
    // Shutdown leaves it open too: its handler ends it.
    assert!(server.life.shut_down(Duration::from_secs(30)).await);
    assert!(server.metrics.render().contains("callboard_open_connections 1"));
    gone.notify_one();
    to_the_end(&mut client).await;
    server.until(|text| text.contains("callboard_open_connections 0")).await;
}

#[tokio::test]
async fn shutdown_finishes_requests_and_accepts_no_connection() {
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, wait) = (Arc::clone(&asked), Arc::clone(&answer));
    let app = greeting().route(
        "/long",
        get(move || async move {
            told.notify_one();
            wait.notified().await;
            "finished"
        }),
    );
    let server = Server::open(Limits::default(), app).await;
    let mut idle = server.client().await;
    idle.write_all(ORDINARY).await.unwrap();
    through(&mut idle, "hello").await;
    let mut busy = server.client().await;
    busy.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    soon(asked.notified()).await;

    server.life.stop();
    // The idle one is closed although the other is still busy.
    to_the_end(&mut idle).await;
    answer.notify_one();
    assert!(to_the_end(&mut busy).await.ends_with("finished"));
    assert!(server.life.shut_down(Duration::from_secs(30)).await);
    assert!(TcpStream::connect(server.address).await.is_err());
}
