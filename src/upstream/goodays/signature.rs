//! Checks that a webhook comes from Goodays: an HMAC-SHA256 of the raw body, in hexadecimal (apis.md G20, B132).
//!
//! It covers neither time nor id, so a replay looks like the first delivery; the store makes replays harmless.

use base::Secret;
use base::hmac::{Keyring, SignatureError};

/// The header that carries the signature.
pub const HEADER: &str = "x-hmac-sha256";

/// What webhooks are checked against.
#[derive(Debug, Clone)]
pub struct Signatures {
    secrets: Keyring,
    allow_unsigned: bool,
}

/// Why a webhook was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The secret at this place of the list signed it.
    Signed(usize),
    /// There is no secret, and the configuration allows that.
    Unsigned,
}

impl Signatures {
    /// With secrets, every webhook must be signed. `allow_unsigned` matters only where there are none (apis.md B133).
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = Secret>, allow_unsigned: bool) -> Self {
        Self { secrets: Keyring::new(secrets), allow_unsigned }
    }

    /// Checks all values of [`HEADER`] against the raw body.
    ///
    /// # Errors
    /// See [`SignatureError`]. The sender gets the same answer for all of them.
    pub fn verify<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
        body: &[u8],
    ) -> Result<Verified, SignatureError> {
        if self.secrets.is_empty() && self.allow_unsigned {
            return Ok(Verified::Unsigned);
        }
        self.secrets.verify(values, body).map(Verified::Signed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The upstream's own example, with the line ends and the key that their page lost in print (apis.md 0.1).
    const BODY: &[u8] = b"{\r\n    \"event_type\": \"response\"\r\n}";
    const SIGNATURE: &[u8] = b"bcf95bdaa6dae4e97a44eb8d65273d3c5459f9a258b68c26f10d6cc69b359b51";

    fn signatures(secrets: &[&str], allow_unsigned: bool) -> Signatures {
        Signatures::new(secrets.iter().map(|secret| Secret::from(*secret)), allow_unsigned)
    }

    #[test]
    fn documented_example_is_accepted() {
        assert_eq!(BODY.len(), 34);
        assert_eq!(signatures(&["Critizr"], false).verify([SIGNATURE], BODY), Ok(Verified::Signed(0)));
        assert_eq!(signatures(&["next", "Critizr"], false).verify([SIGNATURE], BODY), Ok(Verified::Signed(1)));
    }

    #[test]
    fn changed_bit_is_refused() {
        let signatures = signatures(&["Critizr"], true);
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(signatures.verify([SIGNATURE], &body), Err(SignatureError::Wrong), "bit {bit}");
        }
        for place in 0..SIGNATURE.len() {
            let mut signature = SIGNATURE.to_vec();
            signature[place] = if signature[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(signatures.verify([signature.as_slice()], BODY), Err(SignatureError::Wrong), "digit {place}");
        }
    }

    #[test]
    fn changed_line_ends_are_refused() {
        let body = b"{\n    \"event_type\": \"response\"\n}";
        assert!(signatures(&["Critizr"], false).verify([SIGNATURE], body).is_err());
    }

    #[test]
    fn unsigned_webhook_needs_permission_and_no_secret() {
        assert_eq!(signatures(&[], true).verify([], BODY), Ok(Verified::Unsigned));
        assert_eq!(signatures(&[], false).verify([SIGNATURE], BODY), Err(SignatureError::NoSecret));
        assert_eq!(signatures(&["Critizr"], true).verify([], BODY), Err(SignatureError::Missing));
    }
}
