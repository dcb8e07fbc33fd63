use axum::Router;
use axum::body::Body;
use axum::extract::WebSocketUpgrade;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use futures_util::StreamExt;
use governor::clock::FakeRelativeClock;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tower::ServiceExt;

use super::*;
use crate::web::client_ip::TrustedProxies;
use crate::web::layers::{Settings, wrap};
use crate::web::serve::{Limits, serve};
use base::{Lifecycle, Metrics};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn throttle_has_bounded_memory_and_drops_idle_keys() {
    let clock = FakeRelativeClock::default();
    let throttle = Throttle::by_clock(Quota::per_hour(count(10)), clock.clone());
    for key in 0..2 * SLOTS {
        let _ = throttle.check(&key);
    }
    assert!(throttle.limiter.len() as u64 <= SLOTS);
    clock.advance(Duration::from_secs(7200));
    for _ in 0..PRUNE_EVERY {
        let _ = throttle.check(&"one");
    }
    assert_eq!(throttle.limiter.len(), 1);
}

fn app(rates: &Rates) -> Router {
    let api = Router::new()
        .route("/api/v1/state", get(|| async { "state" }))
        .route_layer(from_fn_with_state(rates.clone(), limit_api));
    let webhooks =
        Router::new().route("/webhooks/x", post(take)).route_layer(from_fn_with_state(rates.clone(), limit_webhooks));
    let pages = Router::new()
        .route("/supervisor", get(|| async {}))
        .route_layer(from_fn_with_state(rates.clone(), limit_pages));
    api.merge(webhooks).merge(pages)
}

async fn take(body: String) -> StatusCode {
    if body == "signed" { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
}

async fn ask(app: &Router, client: &str, path: &str, body: &'static str) -> Response {
    let method = if path.starts_with("/webhooks") { "POST" } else { "GET" };
    let mut request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
    request.extensions_mut().insert(ClientIp(address(client)));
    app.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn api_and_pages_limit_each_address_except_loopback() {
    let app = app(&Rates::new(1));
    for (path, burst) in [("/api/v1/state", API.1), ("/supervisor", PAGES.1)] {
        let mut refused = None;
        for _ in 0..burst * 4 {
            let answer = ask(&app, "192.0.2.1", path, "").await;
            if answer.status() == 429 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("429 after the burst");
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        assert_eq!(ask(&app, "192.0.2.2", path, "").await.status(), 200);
        for _ in 0..burst * 4 {
            assert_eq!(ask(&app, "127.0.0.1", path, "").await.status(), 200, "an unconfigured local proxy");
        }
    }
}

#[tokio::test]
async fn unsigned_webhooks_are_limited_and_signed_ones_never() {
    let app = app(&Rates::new(1));
    let mut seen = Vec::new();
    for _ in 0..UNSIGNED.1 * 4 {
        seen.push(ask(&app, "192.0.2.1", "/webhooks/x", "forged").await.status().as_u16());
        if seen.last() == Some(&429) {
            break;
        }
    }
    assert_eq!((seen.first(), seen.last()), (Some(&401), Some(&429)));
    assert!(seen.len() > UNSIGNED.1 as usize);
    for _ in 0..UNSIGNED.1 * 2 {
        assert_eq!(ask(&app, "192.0.2.1", "/webhooks/x", "signed").await.status(), 204);
    }
}

#[tokio::test]
async fn sockets_of_one_forwarded_address_are_limited() {
    let live = get(|upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
    });
    let routes = Router::new().route("/api/v1/live", live).route_layer(from_fn_with_state(Rates::new(1), limit_api));
    let settings = Settings { proxies: TrustedProxies::new(&["127.0.0.1/32".parse().unwrap()]), ..Settings::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (life, metrics) = (Lifecycle::new(), Metrics::new(base::Clock::system()));
    life.spawn(serve(listener, None, wrap(routes, &settings), Limits::default(), metrics, life.clone()));
    let connect = async |client: &str| {
        let mut request = format!("ws://localhost:{port}/api/v1/live").into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    };
    let mut first = connect("192.0.2.1").await.expect("a permit");
    assert_eq!(connect("192.0.2.1").await.err(), Some(429));
    let _other = connect("192.0.2.2").await.expect("a permit of its own");
    first.close(None).await.unwrap();
    while first.next().await.is_some() {}
    let again = async { while connect("192.0.2.1").await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("the permit is free again");
}
