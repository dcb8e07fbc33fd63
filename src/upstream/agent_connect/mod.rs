//! Agent Connect (Medallia): survey requests, and what became of them.

pub mod client;
pub mod data;
pub mod record;
pub mod request;
#[cfg(test)]
mod tests;

pub use client::{Accepted, AgentConnect, SendError};
pub use data::{DataError, DataReturn};
pub use record::Record;
pub use request::{Customer, Employee, InvalidRequest, Recovery, Request, looks_like_email};

/// For the fuzzers: whatever a record holds, reading it ends.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_record(bytes: &[u8]) {
    if let Ok(value) = base::json::read(bytes) {
        let _ = Record::read(&value);
    }
}
