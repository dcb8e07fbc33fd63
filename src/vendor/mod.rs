//! Four dialects. A vendor module speaks the vendor's words and has never heard of ours; `signalr`, `iwa` and `lenient`
//! below them know no vendor at all.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod iwa;
pub mod kustomer;
pub mod lenient;
pub mod signalr;
