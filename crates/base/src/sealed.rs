//! Secrets at rest that only the holder of a key can read: sealed under what a browser holds and this server does not keep.
//!
//! AES-256-GCM of aws-lc-rs, which encrypts connections already. The cipher's key is derived from the holder's with
//! HMAC-SHA256, so that the hash by which the holder's key is found says nothing about it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::Secret;
use super::hmac::Tag;
use super::secret::ExposeSecret;

/// What the derived key is good for, and nothing else.
const PURPOSE: &[u8] = b"callboard: a secret sealed at rest, 1";

/// Seals a secret. `key` must be one that nobody guesses (see [`key::generate`](super::key::generate)).
///
/// `None`: the cipher gave up.
#[must_use]
pub fn seal(key: &Secret, secret: &Secret) -> Option<Vec<u8>> {
    // Wiped also where the cipher gives up half-way; with room for the tag, so that nothing is left where it was before.
    let secret = secret.expose_secret().as_bytes();
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + AES_256_GCM.tag_len()));
    text.extend_from_slice(secret);
    let nonce = cipher(key)?.seal_in_place_append_tag(Aad::empty(), &mut *text).ok()?;
    Some([nonce.as_ref(), text.as_slice()].concat())
}

/// Opens what was sealed under this key. `None`: it was not, or has been changed since.
#[must_use]
pub fn open(key: &Secret, sealed: &[u8]) -> Option<Secret> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let opened = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut text).ok()?;
    std::str::from_utf8(opened).ok().map(Secret::from)
}

fn cipher(key: &Secret) -> Option<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, Tag::sign(key, PURPOSE).bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    #[test]
    fn sealed_secret_opens_with_its_key_alone() {
        let (key, other, secret) = (key::generate(), key::generate(), Secret::from("a token".to_owned()));
        let sealed = seal(&key, &secret).expect("sealed");
        assert_eq!(open(&key, &sealed).expect("opened").expose_secret(), "a token");
        assert!(open(&other, &sealed).is_none());
        assert!(!sealed.windows(5).any(|part| part == b"token"));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(open(&key, &changed).is_none(), "{place}");
        }
        for short in [&sealed[..5], &sealed[..12], &[]] {
            assert!(open(&key, short).is_none());
        }
        assert_ne!(seal(&key, &secret), Some(sealed), "never twice the same");
    }
}
