//! What every room may stand on: time, chance, secrets, the outgoing HTTP client, start and stop, logs, and what is counted.
//!
//! Nothing here knows an upstream, a page, or a word of ours.

pub mod rate_limit;
pub mod backoff;
pub mod clock;
pub mod content_encoding;
pub mod cookie_jar;
pub mod hmac;
pub mod http;
pub mod json;
pub mod key;
pub mod lifecycle;
pub mod link;
pub mod metrics;
pub mod private_file;
pub mod error_response;
pub mod dns;
pub mod sealed;
pub mod secret;
pub mod error_chain;
pub mod source_clock;
pub mod logging;
mod sniff;

pub use rate_limit::RateLimit;
pub use backoff::Backoff;
pub use clock::Clock;
pub use cookie_jar::CookieJar;
pub use lifecycle::Lifecycle;
pub use metrics::Metrics;
pub use secret::Secret;
pub use error_chain::error_chain;
pub use source_clock::SourceClock;
