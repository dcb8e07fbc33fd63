//! The lifetime of a token (apis.md B4 to B6).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

use crate::upstream::tolerant;
use base::json;

/// The claims that matter here. Only Clarity can verify them.
#[derive(Debug, Default, Deserialize, PartialEq)]
pub struct Claims {
    /// When it expires, in seconds since 1970.
    #[serde(default, deserialize_with = "tolerant::numeric_date")]
    pub exp: Option<i64>,
    /// When it begins.
    #[serde(default, deserialize_with = "tolerant::numeric_date")]
    pub nbf: Option<i64>,
}

/// Decodes a token's claims without verifying anything. Corrupt tokens decode to nothing and are usable all the same.
pub fn claims(token: &str) -> Claims {
    let payload = token.split('.').nth(1).map(|payload| payload.trim_end_matches('='));
    let bytes = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    bytes.and_then(|bytes| json::read(&bytes).ok()).unwrap_or_default()
}

/// How long from its receipt: the shorter of what the token and the answer say. `server_now` is the server's own idea
/// of the time; if the token is already expired by it, the clocks disagree and its length counts instead.
pub fn lifetime(claims: &Claims, expires_in: Option<u64>, server_now: Timestamp) -> Option<Duration> {
    let left = claims.exp.map(|exp| exp.saturating_sub(server_now.as_second()));
    let whole = claims.exp.zip(claims.nbf).map(|(exp, nbf)| exp.saturating_sub(nbf));
    let claimed = left.filter(|left| *left > 0).or(whole).and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = [claimed, expires_in].into_iter().flatten().filter(|seconds| *seconds > 0).min();
    seconds.map(|seconds| Duration::from_secs(seconds.min(31_536_000)))
}

/// How long before its end a token is renewed: a tenth of its life, at most a minute.
pub fn margin(lifetime: Duration) -> Duration {
    (lifetime / 10).min(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn shorter_token_lifetime_counts() {
        let claims = claims(&token(r#"{"connect_agent_id":"5","exp":1000300,"nbf":1000000}"#));
        let seconds = |expires_in, now| lifetime(&claims, expires_in, at(now)).map(|life| life.as_secs());
        assert_eq!(seconds(Some(35_999), 1_000_000), Some(300));
        assert_eq!(seconds(Some(60), 1_000_000), Some(60));
        assert_eq!(seconds(None, 1_000_100), Some(200));
    }

    #[test]
    fn fast_clock_does_not_expire_a_token() {
        let claims = Claims { exp: Some(1_000_300), nbf: Some(1_000_000) };
        assert_eq!(lifetime(&claims, None, at(1_007_200)).map(|life| life.as_secs()), Some(300));
        assert_eq!(lifetime(&Claims { exp: Some(5), nbf: None }, None, at(9)), None);
    }

    #[test]
    fn dates_may_have_fractions_and_one_bad_date_costs_no_other() {
        for (payload, expected) in [
            (r#"{"exp":1000300.0,"nbf":1000000.5}"#, (Some(1_000_300), Some(1_000_000))),
            (r#"{"exp":1.0003e6,"nbf":"1000000"}"#, (Some(1_000_300), None)),
            (r#"{"exp":{},"nbf":1000000,"name":"\ud83d"}"#, (None, Some(1_000_000))),
            (r#"{"exp":1e400,"nbf":-0.0}"#, (None, Some(0))),
        ] {
            let Claims { exp, nbf } = claims(&token(payload));
            assert_eq!((exp, nbf), expected, "{payload}");
        }
    }

    #[test]
    fn corrupt_tokens_live_as_long_as_the_answer_says() {
        for corrupt in ["", "x", "a.b.c", "a.=.c", "not a token at all", &token("[]"), &token("{\"exp\":\"soon\"}")] {
            assert_eq!(lifetime(&claims(corrupt), Some(600), at(0)).map(|life| life.as_secs()), Some(600), "{corrupt}");
        }
    }
}
