//! Four dialects. An upstream module speaks the upstream's words and has never heard of ours; `tolerant`
//! below them knows no upstream at all.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod kustomer;
pub mod tolerant;
