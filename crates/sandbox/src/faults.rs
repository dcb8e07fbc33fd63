//! Fault injection for the REST calls of all four upstreams.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::Deserialize;

/// The server that a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// Clarity Connect's REST API, without SignalR and the token endpoint.
    Clarity,
    /// Clarity's token endpoint.
    SignIn,
    /// Goodays.
    Goodays,
    /// Agent Connect.
    AgentConnect,
    /// Kustomer.
    Kustomer,
}

/// The answer that replaces the right one, as a gateway or a broken server would give it.
#[derive(Debug, Clone, Deserialize)]
pub struct FaultResponse {
    /// The HTTP status; 0 never answers.
    pub status: u16,
    /// Additional headers, such as `Retry-After`.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(default)]
    pub body: String,
}

impl FaultResponse {
    /// A status with an empty body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    async fn respond(self) -> Response {
        let Ok(status) = StatusCode::from_u16(self.status) else { return std::future::pending().await };
        let mut answer = (status, self.body).into_response();
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value.parse()) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }
}

/// Faults by upstream: for the next calls, and until further notice. Counts what was injected.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    next: HashMap<Upstream, (u32, StatusCode)>,
    lasting: HashMap<Upstream, Vec<(String, FaultResponse)>>,
    injected: HashMap<Upstream, u64>,
}

impl Faults {
    /// Answers the next `calls` calls to an upstream with `status`; they have no effect.
    pub fn fail_next(&self, upstream: Upstream, calls: u32, status: StatusCode) {
        self.0.lock().next.insert(upstream, (calls, status));
    }

    /// Answers every call whose URL contains `path` with `fault`, until it is set to `None`. A `path` that ends in `$`
    /// must match the end of the URL.
    pub fn set_fault(&self, upstream: Upstream, path: &str, fault: Option<FaultResponse>) {
        let mut plan = self.0.lock();
        let lasting = plan.lasting.entry(upstream).or_default();
        lasting.retain(|(other, _)| other != path);
        lasting.extend(fault.map(|fault| (path.to_owned(), fault)));
    }

    /// Number of calls to an upstream that were answered with a fault.
    pub fn count(&self, upstream: Upstream) -> u64 {
        self.0.lock().injected.get(&upstream).copied().unwrap_or_default()
    }

    fn next(&self, upstream: Upstream, url: &str) -> Option<FaultResponse> {
        let mut plan = self.0.lock();
        let next = plan.next.get_mut(&upstream).filter(|(calls, _)| *calls > 0).map(|(calls, status)| {
            *calls -= 1;
            FaultResponse {
                body: "The sandbox was asked to fail.".to_owned(),
                ..FaultResponse::status(status.as_u16())
            }
        });
        let matches = |path: &str| match path.strip_suffix('$') {
            Some(end) => url.ends_with(end),
            None => url.contains(path),
        };
        let lasting =
            || plan.lasting.get(&upstream)?.iter().find(|(path, _)| matches(path)).map(|(_, fault)| fault.clone());
        let fault = next.or_else(lasting)?;
        *plan.injected.entry(upstream).or_default() += 1;
        Some(fault)
    }
}

/// The middleware that injects the faults of an upstream.
pub async fn inject(State((faults, upstream)): State<(Faults, Upstream)>, request: Request, next: Next) -> Response {
    match faults.next(upstream, &request.uri().to_string()) {
        Some(fault) => fault.respond().await,
        None => next.run(request).await,
    }
}
