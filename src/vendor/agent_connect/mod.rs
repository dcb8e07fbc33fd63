//! Agent Connect (Medallia): survey requests.

pub mod client;
pub mod request;
#[cfg(test)]
mod tests;

pub use client::{Accepted, AgentConnect, SendError};
pub use request::{Customer, Employee, Invalid, Recovery, Request};
