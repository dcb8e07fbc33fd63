//! Callboard: one live floor, joined from four systems that do not know each other.
//!
//! The rooms, from the ground up. Imports go down and never up; `tests/architecture.rs` holds the walls.

pub mod config;
pub mod domain;

pub mod store;
pub mod upstream;

pub mod gold;

pub mod feeds;
pub mod live;

pub mod actions;
pub mod web;

pub mod commands;

/// A change is read in one task and thrown away in another, in crowds: the system's allocator takes its slow path for
/// that. It stands here and not in `main`, so that the benchmarks measure what ships. Sanitizers watch the system's
/// own.
#[cfg(not(feature = "fuzzing"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every test run parses the fuzzers' seeds, so that targets and seeds stay valid.
#[cfg(test)]
mod fuzz_seeds {
    use std::path::Path;

    type Parser = fn(&[u8]);

    const PARSERS: [(&str, Parser); 6] = [
        ("agent_connect", crate::upstream::agent_connect::fuzz_record),
        ("challenge", |bytes| text(bytes, crate::upstream::clarity::fuzz_challenge)),
        ("goodays", crate::feeds::goodays::fuzz_event),
        ("kustomer", crate::upstream::kustomer::fuzz_event),
        ("realtime", |bytes| text(bytes, crate::feeds::clarity::fuzz_realtime)),
        ("signalr_frame", classic_signalr::fuzz),
    ];

    fn text(bytes: &[u8], parser: fn(&str)) {
        parser(std::str::from_utf8(bytes).expect("this parser takes text"));
    }

    #[test]
    fn every_fuzzer_has_seeds_and_a_parser() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        for (name, parser) in PARSERS {
            let seeds = fuzz.join("corpus").join(name).read_dir().expect("a folder of seeds");
            let seeds: Vec<_> = seeds.map(|seed| seed.expect("a seed").path()).collect();
            assert!(!seeds.is_empty(), "{name} has seeds");
            seeds.iter().for_each(|seed| parser(&std::fs::read(seed).expect("a seed")));
        }
        let targets = fuzz.join("fuzz_targets").read_dir().expect("the targets").count();
        assert_eq!(targets, PARSERS.len(), "each target is tried here");
    }
}
