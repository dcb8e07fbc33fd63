//! Secrets that cannot be printed by accident.

pub use secrecy::ExposeSecret;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A text that is never shown by `Debug`, never serialised, and wiped when dropped.
///
/// Call [`ExposeSecret::expose_secret`] at the very place where it goes onto the wire, and nowhere else.
pub type Secret = secrecy::SecretString;

/// For `#[serde(deserialize_with)]`: a secret in the body of a request. The text on the way to it is wiped as well, which the
/// type's own reading leaves to the allocator.
///
/// # Errors
/// When there is no text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    Ok(Secret::from(text.as_str()))
}
