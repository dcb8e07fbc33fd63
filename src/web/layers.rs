//! The layers around every route: request id and span, time and body limits, panics, security headers, origin and host
//! checks, error pages, compression.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, map_request, map_response};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;
use url::Url;

use super::api_error::ApiError;
use super::client_ip::{ClientIp, TrustedProxies, address_of};
use super::error_pages::{ProblemPage, plain_page, present};
pub use super::origin::{OriginRule, origin_allowed};
use super::origin::{change_allowed, host_allowed, log_refused};
use base::RateLimit;

/// The `Content-Security-Policy`: our own scripts, styles, images, sockets and forms, and nothing else.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'";

/// The response header with the request's id, which is in the log too.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many lines of the log may tell of 5xx answers.
static ERROR_LINES: RateLimit = RateLimit::new(100, Duration::from_millis(500));

/// What differs from site to site.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL that users open (`server.public_url`).
    pub public_url: Option<Url>,
    /// How long a handler may take, reading the request's body included. It does not limit an open socket.
    pub request_timeout: Duration,
    /// How many bytes a request's body may have, unless its route has a [`DefaultBodyLimit`] of its own.
    pub body_limit: usize,
    /// The origins of other sites whose pages may post a user's token to `/login/token` (`access.token_origins`).
    pub token_origins: Vec<String>,
    /// Which proxies' forwarding headers are believed.
    pub proxies: TrustedProxies,
    /// How many sockets one address may hold.
    pub sockets_per_address: usize,
    /// Renders a problem for browsers.
    pub problem_page: ProblemPage,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            request_timeout: Duration::from_secs(30),
            body_limit: 64 * 1024,
            token_origins: Vec::new(),
            proxies: TrustedProxies::default(),
            sockets_per_address: 512,
            problem_page: plain_page,
        }
    }
}

/// Puts the layers around the routes. Routes that are added afterwards are outside of them.
pub fn wrap(router: Router, settings: &Settings) -> Router {
    let rule = OriginRule::new(settings.public_url.as_ref());
    let token_origins: Arc<[String]> = settings.token_origins.as_slice().into();
    let problem_page = settings.problem_page;
    let public_url = settings.public_url.clone();
    let proxies = settings.proxies.clone();
    let security = security_headers(settings.public_url.as_ref());
    // From the inside out: a layer sees the responses of the layers above it in this list.
    router
        .layer(DefaultBodyLimit::max(settings.body_limit))
        .layer(map_request(|mut request: Request| {
            normalize_content_type(request.headers_mut());
            std::future::ready(request)
        }))
        // Not 408, which invites a client to send the same change again.
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout))
        .layer(from_fn(move |request: Request, next: Next| {
            let allowed = !needs_own_origin(&request)
                || change_allowed(request.headers(), &rule)
                || is_token_post(&request, &token_origins);
            async move {
                if allowed {
                    return next.run(request).await;
                }
                log_refused(address_of(request.extensions()), "foreign-origin");
                ApiError::foreign_origin().into_response()
            }
        }))
        .layer(from_fn(move |request: Request, next: Next| {
            let allowed = is_machine_route(&request) || host_allowed(request.headers(), public_url.as_ref());
            async move {
                if allowed {
                    return next.run(request).await;
                }
                log_refused(address_of(request.extensions()), "wrong-host");
                ApiError::misdirected().into_response()
            }
        }))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn(move |request: Request, next: Next| present(problem_page, request, next)))
        .layer(CompressionLayer::new())
        .layer(map_response(move |response: Response| std::future::ready(secured(response, &security))))
        .layer(from_fn(trace_request))
        .layer(map_request(move |mut request: Request| {
            proxies.insert_client_ip(&mut request);
            std::future::ready(request)
        }))
}

/// Lowercases `Content-Type` and drops its parameters, which mean nothing here: axum compares it byte by byte, and
/// RFC 9110 allows any case and blanks (8.3.1, 5.6.6).
fn normalize_content_type(headers: &mut HeaderMap) {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return };
    let plain = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Ok(plain) = HeaderValue::try_from(plain) {
        headers.insert(CONTENT_TYPE, plain);
    }
}

/// Requests that change something must come from our own pages, except webhooks, which are signed and come from no
/// browser.
fn needs_own_origin(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    !is_read && !request.uri().path().starts_with("/webhooks/")
}

/// A listed site's page may post a user's own token, which only signs that user in, in that browser.
fn is_token_post(request: &Request, token_origins: &[String]) -> bool {
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    request.uri().path() == "/login/token" && origin.is_some_and(|origin| token_origins.iter().any(|it| it == origin))
}

/// Upstream systems and operators' tools call these, by any host name that they know. They show nothing of the floor.
fn is_machine_route(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/webhooks/") || matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// The panic's message may hold a customer's words, so it is neither logged nor sent.
fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("handler panicked, answered with 500");
    ApiError::internal().into_response()
}

/// Gives the request an id and a span. Query and headers are not logged: they may hold tokens. A request id that the
/// client sends is ignored.
async fn trace_request(request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let peer = request.extensions().get::<ClientIp>().map(|ClientIp(address)| tracing::field::display(*address));
    let span = tracing::info_span!("request", %id, peer, method = %request.method(), path = request.uri().path());
    let began = Instant::now();
    async move {
        let mut response = next.run(request).await;
        let milliseconds = began.elapsed().as_millis();
        let status = response.status().as_u16();
        if response.status().is_server_error() {
            // Limited: an unauthenticated client can cause some of these at will.
            if let Some(left_out) = ERROR_LINES.take() {
                tracing::warn!(status, milliseconds, left_out, "request answered");
            }
        } else {
            tracing::debug!(status, milliseconds, "request answered");
        }
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
    .instrument(span)
    .await
}

fn security_headers(public_url: Option<&Url>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(CACHE_CONTROL, "no-store");
    if public_url.is_some_and(|url| url.scheme() == "https") {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    headers
}

/// A handler may set `Cache-Control` itself; the other headers are always ours.
fn secured(mut response: Response, security: &HeaderMap) -> Response {
    for (name, value) in security {
        if name != CACHE_CONTROL || !response.headers().contains_key(CACHE_CONTROL) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::body::{Body, Bytes};
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
    use axum::routing::{get, post};
    use tower::ServiceExt;

    use super::*;

    fn app(settings: &Settings) -> Router {
        let takes = || post(|body: Bytes| async move { body.len().to_string() });
        let routes = Router::new()
            .route("/", get(|| async { "fine" }))
            .route("/long", get(|| async { Json("long ".repeat(500)) }))
            .route("/style", get(|| async { ([(CACHE_CONTROL, "public, max-age=60")], "x") }))
            .route("/panic", get(async || -> &'static str { panic!("planted") }))
            .route("/never", get(std::future::pending::<&'static str>))
            .route("/change", takes())
            .route("/webhooks/x", takes().layer(DefaultBodyLimit::max(2 * 64 * 1024)));
        wrap(routes, settings)
    }

    async fn ask(settings: &Settings, request: axum::http::request::Builder, body: Body) -> Response {
        app(settings).oneshot(request.body(body).expect("a request")).await.expect("an answer")
    }

    fn at(path: &str) -> axum::http::request::Builder {
        Request::builder().uri(path)
    }

    fn public(url: &str) -> Settings {
        Settings { public_url: Some(url.parse().expect("a URL")), ..Settings::default() }
    }

    #[tokio::test]
    async fn unknown_host_name_is_misdirected() {
        let public =
            Settings { public_url: Some("https://board.example.com".parse().expect("a URL")), ..Settings::default() };
        for (host, settings, path, expected) in [
            ("127.0.0.1:8080", &Settings::default(), "/", 200),
            ("[::1]:8080", &Settings::default(), "/", 200),
            ("LocalHost:1", &Settings::default(), "/", 200),
            ("rebound.evil.example:8080", &Settings::default(), "/", 421),
            ("localhost.evil.example", &Settings::default(), "/", 421),
            ("not a host", &Settings::default(), "/", 421),
            ("board.example.com", &Settings::default(), "/", 421),
            ("Board.Example.com", &public, "/", 200),
            ("board.example.com.evil.example", &public, "/", 421),
            ("rebound.evil.example", &public, "/healthz", 200),
        ] {
            let routes = Router::new().route("/", get(|| async { "" })).route("/healthz", get(|| async { "" }));
            let request = Request::builder().uri(path).header("host", host).body(Body::empty()).expect("a request");
            let answer = wrap(routes, settings).oneshot(request).await.expect("an answer");
            assert_eq!(answer.status().as_u16(), expected, "{host} {path}");
        }
    }

    #[tokio::test]
    async fn content_type_is_read_in_any_case_and_with_blanks() {
        let routes = Router::new().route("/json", post(|Json(text): Json<String>| async move { text })).route(
            "/form",
            post(|axum::Form(fields): axum::Form<Vec<(String, String)>>| async move { fields[0].1.clone() }),
        );
        let app = wrap(routes, &Settings::default());
        for (path, kind, body, expected) in [
            ("/json", "application/json ; charset=utf-8", "\"x\"", 200),
            ("/json", "APPLICATION/JSON\t;CharSet=\"UTF-8\"", "\"x\"", 200),
            ("/json", " application/json;", "\"x\"", 200),
            ("/form", "Application/x-www-form-urlencoded", "a=x", 200),
            ("/form", "application/X-WWW-Form-URLencoded ; charset=UTF-8", "a=x", 200),
            ("/json", "text/plain", "\"x\"", 415),
            ("/form", "multipart/form-data; boundary=AbC", "a=x", 415),
        ] {
            let request = at(path).method("POST").header(CONTENT_TYPE, kind).header("host", "127.0.0.1");
            let request = request.body(Body::from(body)).expect("a request");
            let answer = app.clone().oneshot(request).await.expect("an answer");
            assert_eq!(answer.status().as_u16(), expected, "{path} {kind}");
        }
    }

    #[tokio::test]
    async fn everything_carries_the_security_headers() {
        for path in ["/", "/nowhere", "/panic", "/style"] {
            let response = ask(&Settings::default(), at(path), Body::empty()).await;
            let headers = response.headers();
            assert_eq!(
                headers[CONTENT_SECURITY_POLICY],
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                 form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
            );
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[REFERRER_POLICY], "no-referrer");
            assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
            assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
            let kept = if path == "/style" { "public, max-age=60" } else { "no-store" };
            assert_eq!(headers[CACHE_CONTROL], kept, "{path}");
        }
        let response = ask(&public("https://board.example.com"), at("/"), Body::empty()).await;
        assert_eq!(response.headers()[STRICT_TRANSPORT_SECURITY], "max-age=31536000");
    }

    #[tokio::test]
    async fn request_id_is_not_the_callers() {
        let first = ask(&Settings::default(), at("/").header(REQUEST_ID, "mine"), Body::empty()).await;
        let second = ask(&Settings::default(), at("/"), Body::empty()).await;
        assert_eq!(first.headers()[REQUEST_ID].len(), 16);
        assert_ne!(first.headers()[REQUEST_ID], second.headers()[REQUEST_ID]);
    }

    #[tokio::test]
    async fn panic_costs_one_request() {
        let response = ask(&Settings::default(), at("/panic"), Body::empty()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.expect("a body");
        assert!(!String::from_utf8_lossy(&body).contains("planted"));
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_handler_times_out() {
        let response = ask(&Settings::default(), at("/never"), Body::empty()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn long_responses_are_compressed_if_accepted() {
        let response = ask(&Settings::default(), at("/long").header(ACCEPT_ENCODING, "gzip"), Body::empty()).await;
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let response = ask(&Settings::default(), at("/long"), Body::empty()).await;
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn body_limit_can_be_set_per_route() {
        for (path, bytes, status) in [
            ("/change", 64 * 1024, 200),
            ("/change", 64 * 1024 + 1, 413),
            ("/webhooks/x", 128 * 1024, 200),
            ("/webhooks/x", 128 * 1024 + 1, 413),
        ] {
            // A stream does not know its length.
            let chunks = vec![Ok::<_, std::convert::Infallible>(vec![b'x'; bytes])];
            let body = Body::from_stream(futures_util::stream::iter(chunks));
            let response = ask(&Settings::default(), at(path).method("POST"), body).await;
            assert_eq!(response.status().as_u16(), status, "{path} with {bytes} bytes");
        }
    }

    #[tokio::test]
    async fn foreign_origin_changes_nothing_and_is_no_webhook() {
        let settings = public("https://board.example.com");
        for (method, path, origin, status) in [
            ("POST", "/change", Some("https://board.example.com"), 200),
            ("POST", "/change", None, 200),
            ("POST", "/change", Some("https://evil.net"), 403),
            ("DELETE", "/change", Some("null"), 403),
            ("POST", "/webhooks/x", Some("https://evil.net"), 200),
            ("POST", "/webhooksx", Some("https://evil.net"), 403),
            ("GET", "/", Some("https://evil.net"), 200),
        ] {
            let mut request = at(path).method(method);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let response = ask(&settings, request, Body::empty()).await;
            assert_eq!(response.status().as_u16(), status, "{method} {path} from {origin:?}");
        }
    }
}
