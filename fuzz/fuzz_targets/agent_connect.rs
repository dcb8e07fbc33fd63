//! Records of Agent Connect's Data Return.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| callboard::upstream::agent_connect::fuzz_record(bytes));
