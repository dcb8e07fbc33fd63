//! What users are promised, one file per promise, in one binary.

mod third_party_signalr;
