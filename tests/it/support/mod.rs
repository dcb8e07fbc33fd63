//! What the tests stand on.

pub mod browser;
pub mod clarity;
pub mod floor;
pub mod goodays;
pub mod house;
pub mod peer;
pub mod tls;
pub mod viewer;
pub mod windows;
