//! Events of Kustomer's webhook.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| callboard::upstream::kustomer::fuzz_event(bytes));
