//! One task per upstream: it keeps the client alive, moves cursors, reports health, and translates.
//!
//! This is the only room where upstreams' words become ours. What an upstream calls a field is known here and below, never above.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod intake;
pub mod kustomer;
pub mod session_history;
mod unusable_events;

pub use intake::{Intake, IntakeError};
