//! Failures on request, for the REST calls of all four vendors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::floor::lock;

/// One of the four systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Clarity Connect, SignalR and sign-in excepted.
    Clarity,
    /// Goodays.
    Goodays,
    /// Agent Connect.
    AgentConnect,
    /// Kustomer.
    Kustomer,
}

/// How many of the next calls fail, and how.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<HashMap<Vendor, (u32, StatusCode)>>>);

impl Faults {
    /// The next `calls` calls to a vendor are answered with `status` and do nothing.
    pub fn fail_next(&self, vendor: Vendor, calls: u32, status: StatusCode) {
        lock(&self.0).insert(vendor, (calls, status));
    }

    fn take(&self, vendor: Vendor) -> Option<StatusCode> {
        let mut planned = lock(&self.0);
        let (calls, status) = planned.get_mut(&vendor).filter(|(calls, _)| *calls > 0)?;
        *calls -= 1;
        Some(*status)
    }
}

/// The layer that lets planned failures happen.
pub async fn happen(State((faults, vendor)): State<(Faults, Vendor)>, request: Request, next: Next) -> Response {
    match faults.take(vendor) {
        Some(status) => (status, "The sandbox was asked to fail.").into_response(),
        None => next.run(request).await,
    }
}
