//! Secrets in memory: never printed by accident, wiped when dropped.

pub use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text: never shown by `Debug`, never serialized, wiped from memory when dropped.
///
/// Call [`ExposeSecret::expose_secret`] only where the secret is sent or hashed.
pub type Secret = secrecy::SecretString;

/// For `#[serde(deserialize_with)]`: a secret in the body of a request. Wipes the intermediate text as well, which the
/// type's own `Deserialize` does not.
///
/// # Errors
/// When there is no text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    Ok(Secret::from(text.as_str()))
}
