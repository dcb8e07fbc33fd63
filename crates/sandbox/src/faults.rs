//! Failures on request, for the REST calls of all four upstreams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::floor::lock;

/// One of the four systems, or the door of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// Clarity Connect, SignalR and sign-in excepted.
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

/// An answer that a gateway or a broken server gives in the place of the right one.
#[derive(Debug, Clone, Deserialize)]
pub struct WrongAnswer {
    /// The HTTP status; 0 keeps whoever asks waiting until they give up.
    pub status: u16,
    /// Further headers, such as `Retry-After`.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, whatever it is.
    #[serde(default)]
    pub body: String,
}

impl WrongAnswer {
    /// A status and nothing else.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    async fn give(self) -> Response {
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

/// How many of the next calls fail, and how; what is answered wrongly until further notice; and how many were.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    next: HashMap<Upstream, (u32, StatusCode)>,
    wrong: HashMap<Upstream, Vec<(String, WrongAnswer)>>,
    given: HashMap<Upstream, u64>,
}

impl Faults {
    /// The next `calls` calls to an upstream are answered with `status` and do nothing.
    pub fn fail_next(&self, upstream: Upstream, calls: u32, status: StatusCode) {
        lock(&self.0).next.insert(upstream, (calls, status));
    }

    /// From now on every call with `part` in its address is answered like this; without an answer, as it should be. A part
    /// that ends in `$` stands at the end of the address.
    pub fn answer_wrongly(&self, upstream: Upstream, part: &str, answer: Option<WrongAnswer>) {
        let mut plan = lock(&self.0);
        let wrong = plan.wrong.entry(upstream).or_default();
        wrong.retain(|(other, _)| other != part);
        wrong.extend(answer.map(|answer| (part.to_owned(), answer)));
    }

    /// How many calls to an upstream were answered wrongly.
    pub fn given(&self, upstream: Upstream) -> u64 {
        lock(&self.0).given.get(&upstream).copied().unwrap_or_default()
    }

    fn take(&self, upstream: Upstream, address: &str) -> Option<WrongAnswer> {
        let mut plan = lock(&self.0);
        let planned = plan.next.get_mut(&upstream).filter(|(calls, _)| *calls > 0).map(|(calls, status)| {
            *calls -= 1;
            WrongAnswer { body: "The sandbox was asked to fail.".to_owned(), ..WrongAnswer::status(status.as_u16()) }
        });
        let names = |part: &str| match part.strip_suffix('$') {
            Some(end) => address.ends_with(end),
            None => address.contains(part),
        };
        let lasting = || plan.wrong.get(&upstream)?.iter().find(|(part, _)| names(part)).map(|(_, it)| it.clone());
        let wrong = planned.or_else(lasting)?;
        *plan.given.entry(upstream).or_default() += 1;
        Some(wrong)
    }
}

/// The layer that lets planned failures happen.
pub async fn happen(State((faults, upstream)): State<(Faults, Upstream)>, request: Request, next: Next) -> Response {
    match faults.take(upstream, &request.uri().to_string()) {
        Some(answer) => answer.give().await,
        None => next.run(request).await,
    }
}
