//! Whose token it is, and whether the site made it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;

use base::Secret;
use base::secret::ExposeSecret;
use crate::upstream::tolerant;

/// No token of Clarity's is longer; whatever is, is not looked at.
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;

/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 30;

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "tolerant::integer")]
    connect_agent_id: Option<i64>,
    #[serde(default, deserialize_with = "tolerant::numeric_date")]
    exp: Option<i64>,
}

/// What a token says of itself. Nobody here can verify that: it is true once Clarity has taken the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenClaims {
    /// The agent (`apis.md` C5), as text or number (B5).
    pub agent: i64,
    /// When the token expires, if it says so.
    pub expires: Option<Timestamp>,
}

/// What a token says of itself, if it can be decoded (`apis.md` B6). Whose it is must not stand in it twice, so that nothing is
/// repaired here.
#[must_use]
pub fn token_claims(token: &Secret) -> Option<TokenClaims> {
    let payload = token.expose_secret().split('.').nth(1)?.trim_end_matches('=');
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let expires = claims.exp.and_then(|exp| Timestamp::from_second(exp).ok());
    Some(TokenClaims { agent: claims.connect_agent_id?, expires })
}

/// Whether a token says of itself that it has ended, by Clarity's time.
#[must_use]
pub fn is_token_expired(token: &Secret, now: Timestamp) -> bool {
    token_claims(token).and_then(|named| named.expires).is_some_and(|expires| expires <= now)
}

/// The agent whom a token names.
#[must_use]
pub fn token_agent_id(token: &Secret) -> Option<i64> {
    token_claims(token).map(|named| named.agent)
}

/// A token that is not let in. One text for all of them: who forges learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// Verifies tokens with the key that the site shares, as RFC 8725 says: one algorithm, and nothing in the token says with
/// which key.
pub struct TokenVerifier {
    key: DecodingKey,
    rules: Validation,
}

/// What must be in a token. A claim that is there twice is refused.
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
    /// Checks tokens of this issuer for this audience.
    #[must_use]
    pub fn new(key: &Secret, issuer: &str, audience: &str) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        // By our clock, below.
        rules.validate_exp = false;
        Self { key: DecodingKey::from_secret(key.expose_secret().as_bytes()), rules }
    }

    /// The agent whose token it is.
    ///
    /// # Errors
    /// [`InvalidToken`], whatever is wrong.
    pub fn verify(&self, token: &Secret, now: Timestamp) -> Result<i64, InvalidToken> {
        let token = token.expose_secret();
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(InvalidToken);
        }
        let claims = jsonwebtoken::decode::<Required>(token, &self.key, &self.rules).map_err(|_| InvalidToken)?.claims;
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
