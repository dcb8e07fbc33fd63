//! What Goodays sends: read, then translated.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| callboard::feeds::goodays::fuzz_event(body));
