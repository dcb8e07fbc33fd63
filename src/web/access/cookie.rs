//! The cookies with a session's key: no script reads them, no other site's form sends them, no sibling domain can set
//! them.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use base::Secret;
use base::secret::ExposeSecret;

/// How many hexadecimal digits a key has.
const KEY_DIGITS: usize = 64;

/// The names and attributes of our cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    is_secure: bool,
}

impl Cookies {
    /// Secure cookies for pages that are reached over TLS, plain ones for `http://`.
    #[must_use]
    pub fn new(is_secure: bool) -> Self {
        Self { is_secure }
    }

    /// Whether browsers send them over TLS only.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The cookie of a sign-in. A browser accepts a name with the prefix `__Host-` from the host itself only, over TLS
    /// and for all of its paths (RFC 6265bis, section 4.1.3.2).
    #[must_use]
    pub fn person(&self) -> &'static str {
        if self.is_secure { "__Host-cb" } else { "cb" }
    }

    /// The cookie of a display.
    #[must_use]
    pub fn display(&self) -> &'static str {
        if self.is_secure { "__Host-cbw" } else { "cbw" }
    }

    /// The cookie of a display that shows a pairing code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.is_secure { "__Host-cbp" } else { "cbp" }
    }

    /// The key in a cookie of this name. `None` if the cookie is sent twice: one of the two was planted.
    #[must_use]
    pub fn read(&self, headers: &HeaderMap, name: &str) -> Option<Secret> {
        let pairs =
            headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
        let (_, value) = found.next()?;
        let is_key = value.len() == KEY_DIGITS && value.bytes().all(|letter| letter.is_ascii_hexdigit());
        (is_key && found.next().is_none()).then(|| Secret::from(value.to_owned()))
    }

    /// `Set-Cookie` with a key, until the browser is closed or for this many seconds.
    #[must_use]
    pub fn set(&self, name: &str, key: &Secret, seconds: Option<u64>) -> Option<HeaderValue> {
        let max_age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let mut header =
            HeaderValue::try_from(format!("{name}={}; {}{max_age}", key.expose_secret(), self.attributes())).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// `Set-Cookie` that deletes the cookie.
    #[must_use]
    pub fn delete(&self, name: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("{name}=; {}; Max-Age=0", self.attributes())).ok()
    }

    fn attributes(&self) -> &'static str {
        if self.is_secure { "Path=/; HttpOnly; SameSite=Lax; Secure" } else { "Path=/; HttpOnly; SameSite=Lax" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn key_is_read_from_exactly_one_cookie() {
        let (cookies, key) = (Cookies::new(true), "0123456789abcdef".repeat(4));
        let other = "f".repeat(64);
        for (lines, expected) in [
            (vec![format!("__Host-cb={key}")], true),
            (vec![format!("a=b; __Host-cb={key}; c=d")], true),
            (vec!["a=b".to_owned(), format!("__Host-cb={key}")], true),
            (vec![format!("cb={key}")], false),
            (vec![format!("__Host-cb={key}; __Host-cb={other}")], false),
            (vec![format!("__Host-cb={key}"), format!("__Host-cb={key}")], false),
            (vec![format!("__Host-cb={key}0")], false),
            (vec![format!("__Host-cb={}", "z".repeat(64))], false),
            (vec!["__Host-cb=".to_owned()], false),
            (vec![], false),
        ] {
            let found = cookies.read(&headers(&lines), cookies.person());
            assert_eq!(found.is_some_and(|found| found.expose_secret() == key), expected, "{lines:?}");
        }
    }

    #[test]
    fn cookies_are_http_only_and_sensitive() {
        let key = Secret::from("k".to_owned());
        let given = |secure: bool| Cookies::new(secure).set("n", &key, Some(60)).expect("a header");
        assert_eq!(given(true).to_str().ok(), Some("n=k; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"));
        assert_eq!(given(false).to_str().ok(), Some("n=k; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"));
        assert!(given(true).is_sensitive());
        assert!(!format!("{:?}", given(true)).contains('k'));
    }
}
