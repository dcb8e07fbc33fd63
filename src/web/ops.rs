//! Routes for operators: health, readiness and metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api_error::ApiError;
use super::openapi::Problem;
use base::{Metrics, metrics};

/// What readiness depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The store is open and takes new events.
    pub store: bool,
    /// Why it does not, as a sentence for the operator.
    pub store_trouble: Option<String>,
    /// The gold copy is loaded.
    pub gold: bool,
    /// The server is shutting down.
    pub stopping: bool,
    /// The state of each source. An outage of an upstream does not make us unready: a restart would not help.
    pub sources: BTreeMap<&'static str, &'static str>,
}

impl Readiness {
    /// Whether a load balancer may send viewers here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.store && self.gold && !self.stopping
    }
}

/// Who may read the metrics and the details of readiness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Loopback connections without a forwarding header.
    #[default]
    LocalOnly,
    /// Every client (`server.open_metrics`).
    Anyone,
}

/// The state of these routes.
#[derive(Clone)]
pub struct Ops {
    /// Reads the current readiness.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// The metrics.
    pub metrics: Metrics,
    /// Who may read them.
    pub metrics_access: MetricsAccess,
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ops").field("metrics_access", &self.metrics_access).finish_non_exhaustive()
    }
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn routes() -> OpenApiRouter<Ops> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(scrape))
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It does.", body = str)))]
async fn healthz() -> &'static str {
    "ok"
}

/// What readiness depends on. Clients that may not read the metrics get `ready` only.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
struct Report {
    /// Whether viewers may be sent here.
    ready: bool,
    /// `open` or `down`.
    #[schema(required = false, pattern = "^(open|down)$")]
    store: &'static str,
    /// Why the store takes no new events.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// `loaded` or `loading`.
    #[schema(required = false, pattern = "^(loaded|loading)$")]
    gold: &'static str,
    /// Whether the server is stopping.
    #[schema(required = false)]
    stopping: bool,
    /// The state of each system.
    #[schema(required = false, value_type = BTreeMap<String, String>)]
    sources: BTreeMap<&'static str, &'static str>,
}

/// Whether viewers may be sent here. An upstream's outage is reported, and does not change it.
// A load balancer may be anywhere and needs the status only; the details are for clients that may read the metrics.
#[utoipa::path(get, path = "/readyz", responses((status = 200, description = "They may.", body = Report),
    (status = 503, description = "Not yet, or no longer.", body = Report)))]
async fn readyz(State(ops): State<Ops>, extensions: Extensions, headers: HeaderMap) -> Response {
    let readiness = (ops.readiness)();
    let ready = readiness.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !ops.allows(&extensions, &headers) {
        return (status, Json(serde_json::json!({ "ready": ready }))).into_response();
    }
    let report = Report {
        ready,
        store: if readiness.store { "open" } else { "down" },
        reason: readiness.store_trouble,
        gold: if readiness.gold { "loaded" } else { "loading" },
        stopping: readiness.stopping,
        sources: readiness.sources,
    };
    (status, Json(report)).into_response()
}

/// Metrics for Prometheus. By default only for callers on the same machine.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, description = "OpenMetrics text.", body = str, content_type = "application/openmetrics-text"),
    (status = 404, description = "Not for this caller.", body = Problem, content_type = "application/problem+json")))]
async fn scrape(State(ops): State<Ops>, extensions: Extensions, headers: HeaderMap) -> Response {
    if !ops.allows(&extensions, &headers) {
        // 404 and not 403: a client that may not read the metrics need not learn that they exist.
        return ApiError::not_found().into_response();
    }
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], ops.metrics.render()).into_response()
}

impl Ops {
    fn allows(&self, extensions: &Extensions, headers: &HeaderMap) -> bool {
        self.metrics_access == MetricsAccess::Anyone || is_local(extensions, headers)
    }
}

fn is_local(extensions: &Extensions, headers: &HeaderMap) -> bool {
    let is_forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    !is_forwarded && peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use base::Clock;

    fn ops(readiness: Readiness, metrics_access: MetricsAccess) -> Ops {
        let metrics = Metrics::new(Clock::system());
        Ops { readiness: Arc::new(move || readiness.clone()), metrics, metrics_access }
    }

    async fn ask(ops: Ops, request: Request) -> (StatusCode, HeaderMap, String) {
        let response = axum::Router::from(routes()).with_state(ops).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (head.status, head.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn at(path: &str) -> Request {
        Request::builder().uri(path).body(Body::empty()).unwrap()
    }

    fn ready() -> Readiness {
        Readiness { store: true, gold: true, sources: [("clarity", "live")].into(), ..Readiness::default() }
    }

    #[tokio::test]
    async fn healthz_is_ok_while_nothing_is_ready() {
        let (status, _, text) = ask(ops(Readiness::default(), MetricsAccess::default()), at("/healthz")).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, "ok"));
    }

    #[tokio::test]
    async fn readyz_depends_on_store_gold_and_shutdown_only() {
        let upstream_down = Readiness { sources: [("clarity", "down")].into(), ..ready() };
        for (readiness, expected) in [
            (ready(), 200),
            (upstream_down, 200),
            (Readiness { store: false, ..ready() }, 503),
            (Readiness { gold: false, ..ready() }, 503),
            (Readiness { stopping: true, ..ready() }, 503),
        ] {
            let (status, _, text) = ask(ops(readiness.clone(), MetricsAccess::Anyone), at("/readyz")).await;
            assert_eq!(status.as_u16(), expected, "{readiness:?}");
            let (status, _, short) = ask(ops(readiness.clone(), MetricsAccess::LocalOnly), at("/readyz")).await;
            assert_eq!((status.as_u16(), short), (expected, format!("{{\"ready\":{}}}", expected == 200)));
            let body: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(body["ready"], expected == 200);
            assert_eq!(body["sources"], json!(readiness.sources));
        }
    }

    #[tokio::test]
    async fn metrics_are_for_loopback_unless_opened() {
        let from = |peer: &str, forwarded: bool| {
            let mut request = at("/metrics");
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
            if forwarded {
                request.headers_mut().insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
            }
            request
        };
        for (request, metrics_access, expected) in [
            (from("127.0.0.1:5", false), MetricsAccess::LocalOnly, 200),
            (from("[::1]:5", false), MetricsAccess::LocalOnly, 200),
            (from("127.0.0.1:5", true), MetricsAccess::LocalOnly, 404),
            (from("192.0.2.7:5", false), MetricsAccess::LocalOnly, 404),
            (at("/metrics"), MetricsAccess::LocalOnly, 404),
            (from("192.0.2.7:5", false), MetricsAccess::Anyone, 200),
        ] {
            let (status, headers, text) = ask(ops(ready(), metrics_access), request).await;
            assert_eq!(status.as_u16(), expected);
            if expected == 200 {
                assert_eq!(headers[CONTENT_TYPE], metrics::CONTENT_TYPE);
                assert!(text.contains("callboard_build_info"), "{text}");
            }
        }
    }
}
