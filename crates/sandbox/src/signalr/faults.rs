//! The faults that the control API has injected into SignalR.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::StatusCode;

/// Injected faults; none by default.
#[derive(Debug, Default)]
pub struct SignalrFaults {
    /// Answer every request with 503.
    pub unavailable: bool,
    /// Send no keep-alives.
    pub suppress_keep_alives: bool,
    /// Send each message twice.
    pub duplicate: bool,
    /// Swap each two consecutive messages.
    pub reorder: bool,
    /// Delay the answer to each request.
    pub delay: Duration,
    /// Answer negotiate requests with a redirect to this URL.
    pub redirect: Option<String>,
    /// Answer negotiate requests with this status.
    pub negotiation: Option<StatusCode>,
    /// Refuse these transports.
    pub disabled_transports: HashSet<String>,
}
