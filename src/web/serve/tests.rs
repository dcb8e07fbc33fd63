use axum::extract::WebSocketUpgrade;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;
use base::Clock;
use crate::web::layers::{Settings, wrap};

const ORDINARY: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A running server, and how to stop it.
struct House {
    address: SocketAddr,
    metrics: Metrics,
    life: Lifecycle,
}

impl House {
    async fn open(limits: Limits, app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new(Clock::system());
        let life = Lifecycle::new();
        life.spawn(serve(listener, None, app, limits, metrics.clone(), life.clone()));
        Self { address, metrics, life }
    }

    async fn visitor(&self) -> TcpStream {
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
async fn an_ordinary_request_is_served_and_knows_its_peer() {
    let house = House::open(Limits::default(), greeting()).await;
    let mut visitor = house.visitor().await;
    visitor.write_all(LAST).await.unwrap();
    let answer = to_the_end(&mut visitor).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with(&format!("hello {}", visitor.local_addr().unwrap())), "{answer}");
    house.counted("served", 1).await;
}

#[tokio::test]
async fn who_says_nothing_is_shown_out() {
    let house = House::open(Limits { first_byte: Duration::from_millis(50), ..Limits::default() }, greeting()).await;
    let mut visitor = house.visitor().await;
    assert_eq!(to_the_end(&mut visitor).await, "");
    house.counted("silent", 1).await;
}

#[tokio::test]
async fn half_a_header_is_not_waited_for() {
    let house = House::open(short(), greeting()).await;
    let mut visitor = house.visitor().await;
    visitor.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    to_the_end(&mut visitor).await;
    house.counted("slow", 1).await;
}

#[tokio::test]
async fn a_header_that_drips_gets_no_more_time_for_each_byte() {
    let house = House::open(short(), greeting()).await;
    let (mut reading, mut writing) = house.visitor().await.into_split();
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
    house.counted("slow", 1).await;
}

#[tokio::test]
async fn a_header_without_end_is_refused() {
    let house = House::open(Limits::default(), greeting()).await;
    let mut visitor = house.visitor().await;
    let _ = visitor.write_all(b"GET / HTTP/1.1\r\nX: ").await;
    let _ = visitor.write_all(&vec![b'x'; 2 * HEADER_BYTES]).await;
    to_the_end(&mut visitor).await;
    house.counted("broken", 1).await;
}

#[tokio::test]
async fn a_body_that_never_comes_whole_is_given_up() {
    let takes = axum::routing::post(|body: String| async move { body });
    let settings = Settings { request_timeout: Duration::from_millis(50), ..Settings::default() };
    let house = House::open(Limits::default(), wrap(Router::new().route("/", takes), &settings)).await;
    let mut visitor = house.visitor().await;
    visitor.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    assert!(to_the_end(&mut visitor).await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn a_connection_that_rests_after_an_answer_was_served() {
    let house = House::open(short(), greeting()).await;
    let mut visitor = house.visitor().await;
    visitor.write_all(ORDINARY).await.unwrap();
    assert!(to_the_end(&mut visitor).await.starts_with("HTTP/1.1 200 OK"));
    house.counted("served", 1).await;
}

/// Its requests are many and it reads no answer.
#[tokio::test]
async fn peer_that_reads_no_answer_is_given_up_and_one_that_reads_is_served() {
    let large = Router::new().route("/", get(|| async { vec![b'x'; 1 << 20] }));
    let house = House::open(Limits { stuck: Duration::from_millis(80), ..Limits::default() }, large).await;
    let mut visitor = house.visitor().await;
    let requests = ORDINARY.repeat(64);
    visitor.write_all(&requests).await.unwrap();
    house.counted("stuck", 1).await;
    let mut reader = house.visitor().await;
    reader.write_all(&[ORDINARY.repeat(15), LAST.to_vec()].concat()).await.unwrap();
    assert_eq!(to_the_end(&mut reader).await.matches("HTTP/1.1 200 OK").count(), 16);
    house.counted("served", 1).await;
}

#[tokio::test]
async fn no_more_are_let_in_than_there_are_places_and_a_place_comes_free_again() {
    let house = House::open(Limits { connections: 1, ..Limits::default() }, greeting()).await;
    let mut first = house.visitor().await;
    first.write_all(ORDINARY).await.unwrap();
    through(&mut first, "hello").await;

    let mut second = house.visitor().await;
    assert_eq!(to_the_end(&mut second).await, "");
    house.counted("over_limit", 1).await;

    drop(first);
    house.until(|text| text.contains("callboard_open_connections 0")).await;
    let mut third = house.visitor().await;
    third.write_all(LAST).await.unwrap();
    assert!(to_the_end(&mut third).await.contains("hello"));
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let limits = Limits { per_address: 1, loopback_is_exempt: false, ..Limits::default() };
    let house = House::open(limits, greeting()).await;
    let mut first = house.visitor().await;
    first.write_all(ORDINARY).await.unwrap();
    through(&mut first, "hello").await;
    let mut second = house.visitor().await;
    assert_eq!(to_the_end(&mut second).await, "");
    house.counted("over_address_limit", 1).await;
}

#[tokio::test]
async fn a_socket_keeps_its_place_after_the_upgrade() {
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
    let house = House::open(short(), app).await;
    let mut visitor = house.visitor().await;
    let upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    visitor.write_all(upgrade).await.unwrap();
    assert!(through(&mut visitor, "\r\n\r\n").await.starts_with("HTTP/1.1 101"));
    // The HTTP connection is over, the stream is not, and no time limit of ours ends it.
    house.counted("served", 1).await;
    assert!(house.metrics.render().contains("callboard_open_connections 1"));
    // A stop does not tear it down either: that is the socket's own affair.
    assert!(house.life.shut_down(Duration::from_secs(30)).await);
    assert!(house.metrics.render().contains("callboard_open_connections 1"));
    gone.notify_one();
    to_the_end(&mut visitor).await;
    house.until(|text| text.contains("callboard_open_connections 0")).await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_hand_and_lets_nobody_in() {
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
    let house = House::open(Limits::default(), app).await;
    let mut resting = house.visitor().await;
    resting.write_all(ORDINARY).await.unwrap();
    through(&mut resting, "hello").await;
    let mut busy = house.visitor().await;
    busy.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    soon(asked.notified()).await;

    house.life.stop();
    // The one that rests is closed although the other is still busy.
    to_the_end(&mut resting).await;
    answer.notify_one();
    assert!(to_the_end(&mut busy).await.ends_with("finished"));
    assert!(house.life.shut_down(Duration::from_secs(30)).await);
    assert!(TcpStream::connect(house.address).await.is_err());
}

#[test]
fn an_ipv6_neighbourhood_counts_as_one_and_a_mapped_address_as_what_it_is() {
    let network = |text: &str| network_of(text.parse().unwrap());
    assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::2"));
    assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert!(network("::ffff:127.0.0.1").is_loopback());
    assert!(network("::1").is_loopback());
}
