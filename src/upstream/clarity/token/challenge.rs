//! Reads the token endpoint from a 401 challenge, which is not a valid one (apis.md C1, B1).

use url::Url;

use super::TokenError;
use base::http::{is_loopback, same_host};

/// The token endpoint that one of the challenge's header values names, if its host is allowed.
///
/// # Errors
/// [`TokenError::Untrusted`] when a value names an address and none is allowed. `None` when no value names one.
pub fn endpoint<'a>(
    challenges: impl IntoIterator<Item = &'a str>,
    allowed: &[&str],
) -> Result<Option<Url>, TokenError> {
    let mut untrusted = None;
    for address in challenges.into_iter().flat_map(addresses) {
        let host = address.host_str().unwrap_or("(no host)").to_owned();
        let is_safe = address.scheme() == "https" || (address.scheme() == "http" && is_loopback(&address));
        if is_safe && allowed.iter().any(|allowed| same_host(allowed, &host)) {
            return Ok(Some(address));
        }
        untrusted = Some(TokenError::Untrusted { host });
    }
    untrusted.map_or(Ok(None), Err)
}

/// What stands alone between commas, with or without a scheme before it; or what follows `authorization_uri=`. One
/// field may hold several challenges, and elements that are empty.
fn addresses(challenge: &str) -> impl Iterator<Item = Url> {
    const BLANK: &[char] = &[' ', '"', '\'', '\t'];
    const MARK: &str = "authorization_uri";
    challenge.split(',').filter_map(|part| {
        let part = part.trim_matches(BLANK);
        // A scheme's name may stand before its first parameter.
        let last = part.rsplit([' ', '\t']).next().unwrap_or(part).trim_matches(BLANK);
        let marked =
            part.to_ascii_lowercase().find(MARK).and_then(|at| part[at + MARK.len()..].trim_start().strip_prefix('='));
        marked.unwrap_or(last).trim_matches(BLANK).parse().ok().filter(Url::has_host)
    })
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
    fn known_spellings_name_the_same_address() {
        let expected = Some("https://floor.example.com/webauth/token".to_owned());
        for challenge in [
            r#"https://floor.example.com/webauth/token,grant_type="urn:connect.auth:windows""#,
            r#" "https://floor.example.com/webauth/token" , grant_type="urn:connect.auth:windows""#,
            r#"Bearer authorization_uri="https://floor.example.com/webauth/token", realm="x""#,
            "Bearer authorization_uri=https://FLOOR.example.com/webauth/token",
            "bEARER AUTHORIZATION_URI = \"https://floor.example.com/webauth/token\"",
            "Bearer realm=\"x\", authorization_uri=\"https://floor.example.com/webauth/token\"",
            "Negotiate, NTLM, https://floor.example.com/webauth/token,grant_type=x",
            ", ,\thttps://floor.example.com:443/webauth/token , ,",
            "Bearer https://floor.example.com/webauth/token",
        ] {
            assert_eq!(found(&[challenge]).ok(), Some(expected.clone()), "{challenge}");
        }
        assert_eq!(found(&["Negotiate", "NTLM", "https://floor.example.com/webauth/token,x"]).ok(), Some(expected));
    }

    #[test]
    fn trailing_dot_does_not_change_the_host() {
        let found = endpoint(["https://floor.example.com./webauth/token"], ALLOWED).expect("trusted");
        assert_eq!(found.expect("an address").path(), "/webauth/token");
        assert!(matches!(endpoint(["https://floor.example.com/t"], &["Floor.example.com."]), Ok(Some(_))));
    }

    #[test]
    fn unlisted_host_and_plain_http_are_refused() {
        for challenge in ["https://evil.example.net/token,x", "http://floor.example.com/webauth/token,x"] {
            assert!(matches!(found(&[challenge]), Err(TokenError::Untrusted { .. })), "{challenge}");
        }
        assert!(matches!(found(&["http://127.0.0.1:8080/webauth/token,x"]), Ok(Some(_))));
    }

    #[test]
    fn challenge_without_address_is_none() {
        assert!(matches!(found(&["Negotiate", "Bearer realm=x"]), Ok(None)));
    }

    proptest! {
        #[test]
        fn hostile_challenge_leads_to_no_other_host(
            challenge in concat!(
                r"((https?|ftp)://)?(floor\.example\.com|evil\.example\.net|[a-z@:\[\]/]{0,12})?",
                r"[ -~\t\u{80}-\u{ff}]{0,60}"
            ),
            marked: bool,
        ) {
            let challenge = if marked { format!("Bearer authorization_uri=\"{challenge}\"") } else { challenge };
            if let Ok(Some(found)) = endpoint([challenge.as_str()], ALLOWED) {
                let host = found.host_str().unwrap_or_default().trim_end_matches('.');
                prop_assert!(ALLOWED.contains(&host), "{found}");
                prop_assert!(found.scheme() == "https" || is_loopback(&found), "{found}");
            }
        }

        #[test]
        fn any_text_is_read_without_panic(challenge: String) {
            let _ = endpoint([challenge.as_str()], ALLOWED);
        }
    }
}
