//! What users are promised, one file per promise, in one binary.

mod microsoft_client;
mod third_party_signalr;
//! What Callboard promises its users, a file per promise.

mod page_life;
mod support;
