//! Encryption at rest: a secret sealed with AES-256-GCM under a key that only its holder has, such as a browser's
//! cookie.
//!
//! The cipher's key is derived from the holder's key with HMAC-SHA256, so that the stored hash of the holder's key says
//! nothing about it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::Secret;
use super::hmac::Tag;
use super::secret::ExposeSecret;

/// The purpose of the derived key (domain separation).
const PURPOSE: &[u8] = b"callboard: a secret sealed at rest, 1";

/// Encrypts a secret. `key` must be random (see [`key::generate`](super::key::generate)). `None`: the cipher failed.
#[must_use]
pub fn seal(key: &Secret, secret: &Secret) -> Option<Vec<u8>> {
    // Wiped even if the cipher fails half-way; with capacity for the tag, so that the buffer does not move.
    let secret = secret.expose_secret().as_bytes();
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + AES_256_GCM.tag_len()));
    text.extend_from_slice(secret);
    let nonce = cipher(key)?.seal_in_place_append_tag(Aad::empty(), &mut *text).ok()?;
    Some([nonce.as_ref(), text.as_slice()].concat())
}

/// Decrypts what was sealed under this key. `None`: another key, or the bytes were changed.
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
    fn sealed_secret_opens_only_with_its_key() {
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
