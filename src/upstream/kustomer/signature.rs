//! Checks that a webhook comes from Kustomer: an HMAC-SHA256 of the raw body, keyed with the webhook's token
//! (apis.md P30).

use base::Secret;
use base::hmac::{Keyring, SignatureError};

/// The header that carries the signature.
pub const HEADER: &str = "x-kustomer-webhook-signature";

/// What webhooks are checked against. Kustomer always signs, so unsigned webhooks are refused.
#[derive(Debug, Clone)]
pub struct Signatures(Keyring);

impl Signatures {
    /// The tokens of the webhook: one, or two while it is being set up anew.
    #[must_use]
    pub fn new(tokens: impl IntoIterator<Item = Secret>) -> Self {
        Self(Keyring::new(tokens))
    }

    /// Which token signed, given all values of [`HEADER`] and the raw body.
    ///
    /// # Errors
    /// See [`SignatureError`]. The sender gets the same answer for all of them.
    pub fn verify<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>, body: &[u8]) -> Result<usize, SignatureError> {
        self.0.verify(values, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::hmac::Tag;

    #[test]
    fn unsigned_body_is_refused() {
        let body = br#"{"name":"kustomer.conversation.update"}"#;
        let good = Tag::sign(&"token".into(), body).to_string();
        let signatures = Signatures::new([Secret::from("token")]);
        assert_eq!(signatures.verify([good.as_bytes()], body), Ok(0));
        assert_eq!(signatures.verify([good.as_bytes()], b"{}"), Err(SignatureError::Wrong));
        assert_eq!(signatures.verify([], body), Err(SignatureError::Missing));
        assert_eq!(Signatures::new([]).verify([good.as_bytes()], body), Err(SignatureError::NoSecret));
    }
}
