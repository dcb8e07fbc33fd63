//! Random keys (bearer tokens, cookie values) and the hashes by which they are stored.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Secret;
use super::secret::ExposeSecret;

/// The SHA-256 hash of a key. Keys of 256 random bits need no salt.
pub type KeyHash = [u8; 32];

/// A new random key: 256 bits in 64 hexadecimal digits.
#[must_use]
pub fn generate() -> Secret {
    let text = Zeroizing::new(format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()));
    Secret::from(text.as_str())
}

/// The hash by which a key is stored.
#[must_use]
pub fn hash(key: &Secret) -> KeyHash {
    Sha256::digest(key.expose_secret().as_bytes()).into()
}
