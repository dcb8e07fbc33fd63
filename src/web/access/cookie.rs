//! How browsers carry their key: in a cookie that no script reads, no stranger's form sends, and no neighbour can plant.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use base::Secret;
use base::secret::ExposeSecret;

/// A key has so many letters; nothing else is looked at.
const KEY_LETTERS: usize = 64;

/// What cookies are called here, and whether they travel over TLS alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    is_secure: bool,
}

impl Cookies {
    /// For pages that are reached over TLS, or on this very machine without.
    #[must_use]
    pub fn new(is_secure: bool) -> Self {
        Self { is_secure }
    }

    /// Whether they travel over TLS alone.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The name of the cookie for people. A browser takes a name with this prefix from nobody but the host itself, over TLS,
    /// for the whole of it (RFC 6265bis, section 4.1.3.2).
    #[must_use]
    pub fn person(&self) -> &'static str {
        if self.is_secure { "__Host-cb" } else { "cb" }
    }

    /// The name of the cookie for displays.
    #[must_use]
    pub fn display(&self) -> &'static str {
        if self.is_secure { "__Host-cbw" } else { "cbw" }
    }

    /// The name of the cookie of a display that shows a code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.is_secure { "__Host-cbp" } else { "cbp" }
    }

    /// The key in a cookie of this name. One that is there twice is none: one of the two was planted.
    #[must_use]
    pub fn read(&self, headers: &HeaderMap, name: &str) -> Option<Secret> {
        let pairs =
            headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let mut found = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
        let (_, value) = found.next()?;
        let is_key = value.len() == KEY_LETTERS && value.bytes().all(|letter| letter.is_ascii_hexdigit());
        (is_key && found.next().is_none()).then(|| Secret::from(value.to_owned()))
    }

    /// Gives a browser its key: until it is closed, or for so many seconds.
    #[must_use]
    pub fn give(&self, name: &str, key: &Secret, seconds: Option<u64>) -> Option<HeaderValue> {
        let life = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let mut header =
            HeaderValue::try_from(format!("{name}={}; {}{life}", key.expose_secret(), self.attributes())).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Takes it away again.
    #[must_use]
    pub fn take(&self, name: &str) -> Option<HeaderValue> {
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
    fn a_key_is_read_where_there_is_exactly_one() {
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
    fn cookies_are_out_of_reach() {
        let key = Secret::from("k".to_owned());
        let given = |secure: bool| Cookies::new(secure).give("n", &key, Some(60)).expect("a header");
        assert_eq!(given(true).to_str().ok(), Some("n=k; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"));
        assert_eq!(given(false).to_str().ok(), Some("n=k; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"));
        assert!(given(true).is_sensitive());
        assert!(!format!("{:?}", given(true)).contains('k'));
    }
}
