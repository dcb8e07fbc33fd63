//! What every room may stand on: time, chance, secrets, the outgoing HTTP client, start and stop, and logs.
//!
//! Nothing here knows a vendor, a page, or a word of ours.

pub mod backoff;
pub mod clock;
pub mod hmac;
pub mod http;
pub mod lifecycle;
pub mod refusal;
pub mod secret;
pub mod telemetry;

pub use backoff::Backoff;
pub use clock::Clock;
pub use lifecycle::Lifecycle;
pub use secret::Secret;
