//! Clients for the four upstream systems. Each speaks the words of its system and knows nothing of `domain`; `tolerant`
//! below them knows no upstream system at all.

pub mod agent_connect;
pub mod clarity;
pub mod goodays;
pub mod kustomer;
pub mod tolerant;
