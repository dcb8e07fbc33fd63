//! Identities and tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, RngExt};

/// A token that contains each of `+`, `/` and `=`, so that a client which does not encode it completely is found out.
pub fn awkward(chance: &mut impl Rng) -> String {
    loop {
        let token = plain(chance);
        if ['+', '/', '='].iter().all(|sign| token.contains(*sign)) {
            return token;
        }
    }
}

/// A token as base64 happens to write it.
pub fn plain(chance: &mut impl Rng) -> String {
    STANDARD
        .encode(chance.random::<[u8; 32]>().as_slice().iter().copied().chain([chance.random(), 7]).collect::<Vec<u8>>())
}

/// A connection id.
pub fn guid(chance: &mut impl Rng) -> String {
    let text = format!("{:032x}", chance.random::<u128>());
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// Whether a raw query carries this parameter without having encoded it completely.
pub fn is_bare(query: &str, name: &str) -> bool {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.is_some_and(|value| value.contains(['+', '/', '=', '|', ',']))
}
