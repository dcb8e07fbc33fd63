//! Four dialects. A vendor module speaks the vendor's words and has never heard of ours; `lenient`
//! below them knows no vendor at all.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod kustomer;
pub mod lenient;
