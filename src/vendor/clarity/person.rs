//! Whose token it is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::lenient;
use crate::base::Secret;
use crate::base::secret::ExposeSecret;

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "lenient::integer")]
    connect_agent_id: Option<i64>,
}

/// The agent whom a token names (`apis.md` C5), as text or number (B5). Nobody here can verify that: it is true once
/// Clarity has taken the token.
#[must_use]
pub fn agent_named_by(token: &Secret) -> Option<i64> {
    let payload = token.expose_secret().split('.').nth(1)?.trim_end_matches('=');
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.connect_agent_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_an_agent_as_text_or_number_or_is_corrupt_and_names_nobody() {
        // `apis.md` B5, B6.
        let token = |payload: &str| Secret::from(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)));
        for (token, expected) in [
            (token(r#"{"connect_agent_id":"5","exp":1}"#), Some(5)),
            (token(r#"{"connect_agent_id":5}"#), Some(5)),
            (token(r#"{"connect_agent_id":"five"}"#), None),
            (token("{}"), None),
            (Secret::from("eyJ0.eyJ=broken.x".to_owned()), None),
            (Secret::from("opaque".to_owned()), None),
        ] {
            assert_eq!(agent_named_by(&token), expected);
        }
    }
}
