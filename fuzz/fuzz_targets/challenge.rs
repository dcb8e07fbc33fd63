//! Clarity's 401 challenge, which is no legal one.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| callboard::upstream::clarity::fuzz_challenge(text));
