//! What a 401 offers: `WWW-Authenticate` in several headers, or in one with commas. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

/// How messages are marked on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// SPNEGO: Kerberos or NTLM inside.
    Negotiate,
    /// Bare NTLM.
    Ntlm,
}

impl Scheme {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }
}

/// The better of the schemes that are offered: the preferred one, else the other. `None` when neither is.
pub fn scheme(headers: &HeaderMap, preferred: Scheme) -> Option<Scheme> {
    let other = if preferred == Scheme::Negotiate { Scheme::Ntlm } else { Scheme::Negotiate };
    [preferred, other].into_iter().find(|scheme| parameter(headers, *scheme).is_some())
}

/// The message that comes with a scheme. `None` when there is none: the scheme is only offered, or what follows it is
/// no Base64.
pub fn message(headers: &HeaderMap, scheme: Scheme) -> Option<Vec<u8>> {
    let text = parameter(headers, scheme).filter(|text| !text.is_empty())?;
    STANDARD.decode(text).ok().filter(|message| !message.is_empty())
}

/// What follows the scheme's name, which may be nothing.
fn parameter(headers: &HeaderMap, scheme: Scheme) -> Option<&str> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
    // A letter that is no ASCII costs the challenge in which it stands.
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
    fn several_headers_and_one_with_commas_are_the_same() {
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
    fn a_message_is_found_behind_its_own_scheme() {
        let offer = headers(&["Negotiate", "NTLM TlRMTVNTUAA="]);
        assert_eq!(message(&offer, Scheme::Ntlm).as_deref(), Some(&b"NTLMSSP\0"[..]));
        assert_eq!(message(&offer, Scheme::Negotiate), None);
        assert_eq!(message(&headers(&["NTLM not base64"]), Scheme::Ntlm), None);
    }

    proptest! {
        #[test]
        fn hostile_headers_are_read_without_a_panic(text in "[ -~]{0,200}") {
            let offer = headers(&[&text]);
            if message(&offer, Scheme::Ntlm).is_some() {
                prop_assert!(scheme(&offer, Scheme::Ntlm).is_some());
            }
        }
    }
}
