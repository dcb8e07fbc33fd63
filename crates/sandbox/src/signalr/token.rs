//! Connection ids and tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, RngExt};

/// A token that contains `+`, `/` and `=`, so that a client that does not percent-encode it completely is refused.
pub fn with_reserved_characters(rng: &mut impl Rng) -> String {
    loop {
        let token = plain(rng);
        if ['+', '/', '='].iter().all(|sign| token.contains(*sign)) {
            return token;
        }
    }
}

/// A random token in base64.
pub fn plain(rng: &mut impl Rng) -> String {
    STANDARD.encode(rng.random::<[u8; 32]>().as_slice().iter().copied().chain([rng.random(), 7]).collect::<Vec<u8>>())
}

/// A connection id.
pub fn guid(rng: &mut impl Rng) -> String {
    let text = format!("{:032x}", rng.random::<u128>());
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// Whether the value of this parameter is not percent-encoded completely in a raw query.
pub fn is_unencoded(query: &str, name: &str) -> bool {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.is_some_and(|value| value.contains(['+', '/', '=', '|', ',']))
}
