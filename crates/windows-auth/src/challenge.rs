//! The `WWW-Authenticate` headers of a 401: several, or one with commas. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

/// An authentication scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// SPNEGO with Kerberos or NTLM inside.
    Negotiate,
    /// NTLM alone.
    Ntlm,
}

impl Scheme {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }
}

/// The preferred scheme if it is offered, otherwise the other one. `None`: neither is.
pub fn scheme(headers: &HeaderMap, preferred: Scheme) -> Option<Scheme> {
    let other = if preferred == Scheme::Negotiate { Scheme::Ntlm } else { Scheme::Negotiate };
    [preferred, other].into_iter().find(|scheme| parameter(headers, *scheme).is_some())
}

/// The token that comes with a scheme. `None`: the scheme is only offered, or its token is not Base64.
pub fn token(headers: &HeaderMap, scheme: Scheme) -> Option<Vec<u8>> {
    let text = parameter(headers, scheme).filter(|text| !text.is_empty())?;
    STANDARD.decode(text).ok().filter(|token| !token.is_empty())
}

/// What follows the scheme's name. May be empty.
fn parameter(headers: &HeaderMap, scheme: Scheme) -> Option<&str> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
    // A challenge that is not UTF-8 is skipped, the others count.
    let parts = values.flat_map(|value| value.split(|byte| *byte == b','));
    parts.filter_map(|part| std::str::from_utf8(part).ok()).find_map(|part| {
        let part = part.trim();
        let (name, rest) = part.split_once([' ', '\t']).unwrap_or((part, ""));
        name.eq_ignore_ascii_case(scheme.name()).then(|| rest.trim())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        headers
    }

    #[test]
    fn challenges_in_one_or_several_headers_are_equal() {
        for offer in [
            &["Negotiate", "NTLM"][..],
            &["Negotiate, NTLM"],
            &["Basic realm=\"a\", negotiate , ntlm"],
            &[", ,nEGOTIATE,,\tnTLM ,"],
            &["", "Basic realm=\"\u{e9}\"", "Negotiate\t", "NTLM"],
        ] {
            assert_eq!(scheme(&headers(offer), Scheme::Ntlm), Some(Scheme::Ntlm), "{offer:?}");
            assert_eq!(scheme(&headers(offer), Scheme::Negotiate), Some(Scheme::Negotiate), "{offer:?}");
        }
        assert_eq!(scheme(&headers(&["NTLM"]), Scheme::Negotiate), Some(Scheme::Ntlm));
        assert_eq!(scheme(&headers(&["Negotiate"]), Scheme::Ntlm), Some(Scheme::Negotiate));
        assert_eq!(scheme(&headers(&["Basic realm=\"NTLM\"", "NegotiateX"]), Scheme::Ntlm), None);
    }

    #[test]
    fn token_belongs_to_its_own_scheme() {
        let offer = headers(&["Negotiate", "NTLM TlRMTVNTUAA="]);
        assert_eq!(token(&offer, Scheme::Ntlm).as_deref(), Some(&b"NTLMSSP\0"[..]));
        assert_eq!(token(&offer, Scheme::Negotiate), None);
        assert_eq!(token(&headers(&["NTLM not base64"]), Scheme::Ntlm), None);
    }

    proptest! {
        #[test]
        fn any_header_does_not_panic(text in "[ -~]{0,200}") {
            let offer = headers(&[&text]);
            if token(&offer, Scheme::Ntlm).is_some() {
                prop_assert!(scheme(&offer, Scheme::Ntlm).is_some());
            }
        }
    }
}
