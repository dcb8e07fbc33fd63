//! Frames and event streams of a SignalR server.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| classic_signalr::fuzz(bytes));
