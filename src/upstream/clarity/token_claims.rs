//! The claims of a token, and whether the site has signed it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;

use crate::upstream::tolerant;
use base::Secret;
use base::secret::ExposeSecret;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;

/// The allowed clock difference, in seconds.
const LEEWAY: i64 = 30;

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "tolerant::integer")]
    connect_agent_id: Option<i64>,
    #[serde(default, deserialize_with = "tolerant::numeric_date")]
    exp: Option<i64>,
}

/// What a token claims, unverified: it is true once Clarity has accepted the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenClaims {
    /// The agent's id (apis.md C5), sent as text or number (B5).
    pub agent: i64,
    /// When the token expires, if it says so.
    pub expires: Option<Timestamp>,
}

/// The claims of a token, if it can be decoded (apis.md B6). A token that names the agent twice is refused: invalid
/// JSON is not repaired here.
#[must_use]
pub fn token_claims(token: &Secret) -> Option<TokenClaims> {
    let payload = token.expose_secret().split('.').nth(1)?.trim_end_matches('=');
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let expires = claims.exp.and_then(|exp| Timestamp::from_second(exp).ok());
    Some(TokenClaims { agent: claims.connect_agent_id?, expires })
}

/// Whether a token has expired by its own claim. `now` is by Clarity's clock.
#[must_use]
pub fn is_token_expired(token: &Secret, now: Timestamp) -> bool {
    token_claims(token).and_then(|claims| claims.expires).is_some_and(|expires| expires <= now)
}

/// The agent id in a token, unverified.
#[must_use]
pub fn token_agent_id(token: &Secret) -> Option<i64> {
    token_claims(token).map(|claims| claims.agent)
}

/// A token that is refused. All reasons have one text, so that a forger learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// Verifies tokens with the key that the site shares. As RFC 8725 requires, there is one algorithm, and the token does
/// not choose the key.
pub struct TokenVerifier {
    key: DecodingKey,
    validation: Validation,
}

/// The required claims. A claim that appears twice is refused.
#[derive(Deserialize)]
struct Required {
    #[serde(default, deserialize_with = "tolerant::integer")]
    connect_agent_id: Option<i64>,
    #[serde(default, deserialize_with = "tolerant::numeric_date")]
    exp: Option<i64>,
    #[serde(default, deserialize_with = "tolerant::numeric_date")]
    nbf: Option<i64>,
}

impl TokenVerifier {
    /// Verifies tokens of this issuer for this audience.
    #[must_use]
    pub fn new(key: &Secret, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        // `verify` checks the times by our clock.
        validation.validate_exp = false;
        Self { key: DecodingKey::from_secret(key.expose_secret().as_bytes()), validation }
    }

    /// The agent id in a valid token.
    ///
    /// # Errors
    /// [`InvalidToken`], whatever the reason.
    pub fn verify(&self, token: &Secret, now: Timestamp) -> Result<i64, InvalidToken> {
        let token = token.expose_secret();
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(InvalidToken);
        }
        let claims =
            jsonwebtoken::decode::<Required>(token, &self.key, &self.validation).map_err(|_| InvalidToken)?.claims;
        let (Some(begin), Some(end)) = (claims.nbf, claims.exp) else { return Err(InvalidToken) };
        let now = now.as_second();
        let is_current = begin.saturating_sub(LEEWAY) <= now && now < end.saturating_add(LEEWAY);
        claims.connect_agent_id.filter(|agent| is_current && *agent > 0).ok_or(InvalidToken)
    }
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenVerifier")
    }
}

#[cfg(test)]
mod tests;
