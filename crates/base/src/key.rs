//! Keys that nobody guesses, and what is kept of them.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Secret;
use super::secret::ExposeSecret;

/// What is kept of a key. 256 bits that nobody guesses need no salt.
pub type KeyHash = [u8; 32];

/// A new key: 256 bits in 64 hexadecimal letters.
#[must_use]
pub fn generate() -> Secret {
    let text = Zeroizing::new(format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()));
    Secret::from(text.as_str())
}

/// What is kept of it.
#[must_use]
pub fn hash(key: &Secret) -> KeyHash {
    Sha256::digest(key.expose_secret().as_bytes()).into()
}
