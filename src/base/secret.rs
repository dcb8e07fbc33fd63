//! Secrets that cannot be printed by accident.

pub use secrecy::ExposeSecret;

/// A text that is never shown by `Debug`, never serialised, and wiped when dropped.
///
/// Call [`ExposeSecret::expose_secret`] at the very place where it goes onto the wire, and nowhere else.
pub type Secret = secrecy::SecretString;
