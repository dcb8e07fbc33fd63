//! Reading the 401 challenge, which is no legal one (`apis.md` C1, B1). Pure.

use url::Url;

use super::TokenError;
use crate::base::http::is_loopback;

/// The token endpoint that one of the challenge's header values names, if it may be trusted.
///
/// # Errors
/// [`TokenError::Untrusted`] when a value names an address and none is allowed. `None` when no value names one.
pub fn endpoint<'a>(
    challenges: impl IntoIterator<Item = &'a str>,
    allowed: &[&str],
) -> Result<Option<Url>, TokenError> {
    let mut untrusted = None;
    for address in challenges.into_iter().filter_map(address) {
        let host = address.host_str().unwrap_or("(no host)").to_owned();
        let is_safe = address.scheme() == "https" || (address.scheme() == "http" && is_loopback(&address));
        if is_safe && allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host)) {
            return Ok(Some(address));
        }
        untrusted = Some(TokenError::Untrusted { host });
    }
    untrusted.map_or(Ok(None), Err)
}

/// Text before the first comma; or what follows `authorization_uri=`.
fn address(challenge: &str) -> Option<Url> {
    const BLANK: &[char] = &[' ', '"', '\'', '\t'];
    let marked = challenge.find("authorization_uri=").map(|at| &challenge[at + "authorization_uri=".len()..]);
    let text = marked.unwrap_or(challenge);
    text.split(',').next()?.trim_matches(BLANK).parse().ok().filter(Url::has_host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALLOWED: &[&str] = &["floor.example.com", "127.0.0.1"];

    fn found(challenges: &[&str]) -> Result<Option<String>, TokenError> {
        endpoint(challenges.iter().copied(), ALLOWED).map(|found| found.map(|url| url.to_string()))
    }

    #[test]
    fn every_known_spelling_names_the_same_address() {
        let expected = Some("https://floor.example.com/webauth/token".to_owned());
        for challenge in [
            r#"https://floor.example.com/webauth/token,grant_type="urn:connect.auth:windows""#,
            r#" "https://floor.example.com/webauth/token" , grant_type="urn:connect.auth:windows""#,
            r#"Bearer authorization_uri="https://floor.example.com/webauth/token", realm="x""#,
            "Bearer authorization_uri=https://FLOOR.example.com/webauth/token",
        ] {
            assert_eq!(found(&[challenge]).ok(), Some(expected.clone()), "{challenge}");
        }
        assert_eq!(found(&["Negotiate", "NTLM", "https://floor.example.com/webauth/token,x"]).ok(), Some(expected));
    }

    #[test]
    fn strangers_and_plain_http_are_refused_by_name() {
        for challenge in ["https://evil.example.net/token,x", "http://floor.example.com/webauth/token,x"] {
            assert!(matches!(found(&[challenge]), Err(TokenError::Untrusted { .. })), "{challenge}");
        }
        assert!(matches!(found(&["http://127.0.0.1:8080/webauth/token,x"]), Ok(Some(_))));
    }

    #[test]
    fn a_challenge_without_an_address_is_none() {
        assert!(matches!(found(&["Negotiate", "Bearer realm=x"]), Ok(None)));
    }

    proptest! {
        #[test]
        fn hostile_challenges_never_panic_and_never_lead_away(
            challenge in r#"((https?|ftp)://)?(floor\.example\.com|evil\.example\.net|[a-z@:\[\]/]{0,12})?[ -~\t\u{80}-\u{ff}]{0,60}"#,
            marked: bool,
        ) {
            let challenge = if marked { format!("Bearer authorization_uri=\"{challenge}\"") } else { challenge };
            if let Ok(Some(found)) = endpoint([challenge.as_str()], ALLOWED) {
                let host = found.host_str().unwrap_or_default();
                prop_assert!(ALLOWED.contains(&host), "{found}");
                prop_assert!(found.scheme() == "https" || is_loopback(&found), "{found}");
            }
        }

        #[test]
        fn any_text_at_all_is_read_without_a_panic(challenge: String) {
            let _ = endpoint([challenge.as_str()], ALLOWED);
        }
    }
}
