//! What Clarity pushes: found by its shape, then translated.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| callboard::feeds::clarity::fuzz_realtime(text));
