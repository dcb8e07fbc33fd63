//! Building blocks of a server: secrets, an outgoing HTTP client, retry backoff, rate limits, graceful shutdown, logs
//! and metrics.
//!
//! Nothing here knows contact centers or an upstream system, but the names in [`metrics`]. Tests can set the time.
//!
//! | to | use |
//! | --- | --- |
//! | know the time, and set it in tests | [`Clock`] |
//! | start background tasks and shut down gracefully | [`Lifecycle`] |
//! | write logs | [`logging`] |
//! | count, for Prometheus | [`Metrics`] |
//! | retry with exponential backoff and jitter | [`Backoff`] |
//! | slow down failing attempts, for each key | [`Attempts`] |
//! | count an IPv6 network as one client | [`network_of()`] |
//! | limit the rate of log lines and audit entries | [`RateLimit`] |
//! | call HTTP APIs, and read their answers | [`http`], [`error_response`], [`json`], [`CookieJar`] |
//! | compare clocks with another system | [`SourceClock`] |
//! | hold secrets, read them from files | [`secret`], [`private_file`] |
//! | make and hash random keys, encrypt at rest | [`key`], [`sealed`] |
//! | sign and verify webhooks | [`hmac`] |
//! | show an error to people | [`error_chain()`] |
//! | judge a URL that others sent | [`link`] |

pub mod attempts;
pub mod backoff;
pub mod clock;
pub mod content_encoding;
pub mod cookie_jar;
pub mod dns;
pub mod error_chain;
pub mod error_response;
pub mod hmac;
pub mod http;
pub mod http_date;
pub mod json;
pub mod key;
pub mod lifecycle;
pub mod link;
pub mod logging;
pub mod metrics;
pub mod network;
pub mod private_file;
pub mod rate_limit;
pub mod sealed;
pub mod secret;
mod sniff;
pub mod source_clock;

pub use attempts::Attempts;
pub use backoff::Backoff;
pub use clock::Clock;
pub use cookie_jar::CookieJar;
pub use error_chain::error_chain;
pub use lifecycle::Lifecycle;
pub use metrics::Metrics;
pub use network::network_of;
pub use rate_limit::RateLimit;
pub use secret::Secret;
pub use source_clock::SourceClock;
