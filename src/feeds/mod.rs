//! One task per upstream: it keeps the client alive, moves cursors, reports health, and translates.
//!
//! This is the only room where vendors' words become ours. What a vendor calls a field is known here and below, never above.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod intake;
pub mod kustomer;
mod unusable;

pub use intake::{Intake, Refusal};
