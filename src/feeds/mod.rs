//! One task for each upstream system, the intake of webhooks, and the store of sessions. A task keeps the client
//! connected, moves cursors, reports the state of the source, and translates into `domain::Fact`. An upstream field's
//! name is known here and below, never above.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod intake;
pub mod kustomer;
pub mod session_history;
mod unusable_events;

pub use intake::{Intake, IntakeError};
