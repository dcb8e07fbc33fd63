//! What every room may stand on: time, chance, secrets, the outgoing HTTP client, start and stop, logs, and what is counted.
//!
//! Nothing here knows a vendor, a page, or a word of ours.

pub mod allowance;
pub mod backoff;
pub mod clock;
pub mod coding;
pub mod cookies;
pub mod hmac;
pub mod http;
pub mod json;
pub mod key;
pub mod lifecycle;
pub mod link;
pub mod metrics;
pub mod private_file;
pub mod refusal;
pub mod resolve;
pub mod sealed;
pub mod secret;
pub mod sentence;
pub mod source_clock;
pub mod telemetry;
mod text;

pub use allowance::Allowance;
pub use backoff::Backoff;
pub use clock::Clock;
pub use cookies::Cookies;
pub use lifecycle::Lifecycle;
pub use metrics::Metrics;
pub use secret::Secret;
pub use sentence::sentence;
pub use source_clock::SourceClock;
