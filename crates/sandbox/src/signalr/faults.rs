//! What the steering wheel has told the server to do wrong, until it is told otherwise.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::StatusCode;

/// The server's whims. Without any it behaves.
#[derive(Debug, Default)]
pub struct Whims {
    /// Answer 503 to everything.
    pub refusing: bool,
    /// Write no keep-alives.
    pub mute: bool,
    /// Push each message twice.
    pub doubling: bool,
    /// Push each two messages in the wrong order.
    pub shuffling: bool,
    /// Answer each command only after this time.
    pub delay: Duration,
    /// Send whoever negotiates to another address.
    pub redirect: Option<String>,
    /// Answer this to whoever negotiates.
    pub negotiation: Option<StatusCode>,
    /// Transports that do not come up.
    pub closed: HashSet<String>,
}
