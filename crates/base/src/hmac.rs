//! HMAC-SHA256 signatures of webhooks: over the raw bytes, compared in constant time, with two secrets during a
//! rotation.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use super::secret::{ExposeSecret, Secret};

/// The secrets that a sender may sign with: one, or two during a rotation.
#[derive(Debug, Clone)]
pub struct Keyring(Vec<Secret>);

/// Why a signature is refused. The sender gets the same message for all of them; metrics tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("The signature is missing or wrong.")]
pub enum SignatureError {
    /// No signature.
    Missing,
    /// More than one signature.
    Duplicate,
    /// Not 64 hexadecimal digits.
    Malformed,
    /// Not made with one of the secrets from this body.
    Wrong,
    /// There is no secret to verify with.
    NoSecret,
}

impl SignatureError {
    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Duplicate => "doubled",
            Self::Malformed => "malformed",
            Self::Wrong => "wrong",
            Self::NoSecret => "no_secret",
        }
    }
}

impl Keyring {
    /// Empty secrets are dropped: everyone could sign with them.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect())
    }

    /// Whether there is no secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a body, given all values of the signature header, and returns the index of the secret that signed it.
    /// Every secret is tried even after a match, so that the time taken says nothing.
    ///
    /// # Errors
    /// See [`SignatureError`].
    pub fn verify<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>, body: &[u8]) -> Result<usize, SignatureError> {
        if self.is_empty() {
            return Err(SignatureError::NoSecret);
        }
        let mut values = values.into_iter();
        let value = values.next().ok_or(SignatureError::Missing)?;
        if values.next().is_some() {
            return Err(SignatureError::Duplicate);
        }
        if value.trim_ascii().is_empty() {
            return Err(SignatureError::Missing);
        }
        let tag = Tag::parse(value).ok_or(SignatureError::Malformed)?;
        let matching = self.0.iter().enumerate().fold(None, |found, (index, secret)| {
            let matches = tag.verifies(secret, body);
            found.or(matches.then_some(index))
        });
        matching.ok_or(SignatureError::Wrong)
    }
}

/// An HMAC-SHA256 tag (signature). Displayed as lowercase hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Tag([u8; 32]);

impl Tag {
    /// Signs a body.
    #[must_use]
    pub fn sign(secret: &Secret, body: &[u8]) -> Self {
        Self(mac(secret, body).finalize().into_bytes().into())
    }

    /// Parses 64 hexadecimal digits of either case, with or without the prefix `sha256=`.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = value.trim_ascii();
        let digits = value.strip_prefix(b"sha256=").unwrap_or(value);
        let mut tag = [0; 32];
        if digits.len() != 2 * tag.len() {
            return None;
        }
        for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(tag))
    }

    /// The 32 bytes of the tag.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the tag was made with this secret from this body, compared in constant time.
    #[must_use]
    pub fn verifies(&self, secret: &Secret, body: &[u8]) -> bool {
        mac(secret, body).verify_slice(&self.0).is_ok()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn mac(secret: &Secret, body: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length")
        .chain_update(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(secrets: &[&str]) -> Keyring {
        Keyring::new(secrets.iter().map(|secret| Secret::from(*secret)))
    }

    fn signed(secret: &str, body: &[u8]) -> String {
        Tag::sign(&secret.into(), body).to_string()
    }

    #[test]
    fn while_a_secret_is_changed_both_are_good_and_we_learn_which() {
        let ring = ring(&["new", "old"]);
        let verify = |value: String| ring.verify([value.as_bytes()], b"body");
        assert_eq!(verify(signed("new", b"body")), Ok(0));
        assert_eq!(verify(signed("old", b"body")), Ok(1));
        assert_eq!(verify(signed("other", b"body")), Err(SignatureError::Wrong));
    }

    #[test]
    fn either_case_and_a_prefix_are_read() {
        let value = signed("key", b"body");
        for value in [value.to_uppercase(), format!("sha256={value}"), format!(" {value} ")] {
            assert_eq!(ring(&["key"]).verify([value.as_bytes()], b"body"), Ok(0), "{value}");
        }
    }

    #[test]
    fn missing_doubled_empty_and_short_are_refused_and_read_alike() {
        let good = signed("key", b"body");
        let good = good.as_bytes();
        let cases: [(&[&[u8]], SignatureError); 7] = [
            (&[], SignatureError::Missing),
            (&[b""], SignatureError::Missing),
            (&[good, good], SignatureError::Duplicate),
            (&[&good[..62]], SignatureError::Malformed),
            (&[b"zz"], SignatureError::Malformed),
            (&[&[b'g'; 64]], SignatureError::Malformed),
            (&[&[b'0'; 64]], SignatureError::Wrong),
        ];
        for (values, error) in cases {
            assert_eq!(ring(&["key"]).verify(values.iter().copied(), b"body"), Err(error));
            assert_eq!(error.to_string(), SignatureError::Wrong.to_string());
        }
    }

    #[test]
    fn empty_secret_is_refused() {
        let forged = signed("", b"body");
        assert_eq!(ring(&[""]).verify([forged.as_bytes()], b"body"), Err(SignatureError::NoSecret));
    }
}
