//! A cookie jar for some hosts and one identity (RFC 6265). Load balancers use cookies to keep a client on one node of
//! a farm (session affinity).
//!
//! A cookie can authenticate: each identity has its own jar. Values are secrets and are never logged.

use std::fmt;

use parking_lot::RwLock;
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{COOKIE, HeaderValue, SET_COOKIE};
use reqwest::{RequestBuilder, Response};
use url::Url;

/// In bytes. Servers refuse longer `Cookie` headers: a jar that exceeds this is emptied.
const MAX_HEADER: usize = 8 * 1024;

/// A cookie jar for some hosts. The default accepts cookies from no host.
#[derive(Default)]
pub struct CookieJar {
    hosts: Vec<String>,
    jar: RwLock<Jar>,
}

impl CookieJar {
    /// An empty jar that accepts cookies from these hosts and sends them to no others. Domain, path, expiry and
    /// `Secure` apply as usual.
    #[must_use]
    pub fn for_hosts<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        Self { hosts: hosts.into_iter().map(normalized).collect(), jar: RwLock::default() }
    }

    /// An empty jar for the same hosts and another identity.
    #[must_use]
    pub fn for_other_identity(&self) -> Self {
        Self { hosts: self.hosts.clone(), jar: RwLock::default() }
    }

    /// Sends a request with its cookies, and stores those of the answer.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        let (client, request) = request.build_split();
        let mut request = request?;
        let address = request.url().clone();
        if let Some(header) = self.cookies(&address) {
            request.headers_mut().insert(COOKIE, header);
        }
        let answer = client.execute(request).await?;
        self.set_cookies(&mut answer.headers().get_all(SET_COOKIE).iter(), &address);
        Ok(answer)
    }

    fn accepts(&self, address: &Url) -> bool {
        address.host_str().is_some_and(|host| self.hosts.contains(&normalized(host)))
    }
}

impl CookieStore for CookieJar {
    fn set_cookies(&self, values: &mut dyn Iterator<Item = &HeaderValue>, address: &Url) {
        let mut values = values.peekable();
        if values.peek().is_none() || !self.accepts(address) {
            return;
        }
        let mut jar = self.jar.write();
        jar.set_cookies(&mut values, address);
        if jar.cookies(address).is_some_and(|header| header.len() > MAX_HEADER) {
            *jar = Jar::default();
        }
    }

    /// The `Cookie` header of a request to this address. It is marked as sensitive.
    fn cookies(&self, address: &Url) -> Option<HeaderValue> {
        let mut header = self.accepts(address).then(|| self.jar.read().cookies(address)).flatten()?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Host names compare without case and without the root's dot.
fn normalized(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn address(text: &str) -> Url {
        text.parse().expect("an address")
    }

    /// The `Cookie` header to the second address after the first one has set these.
    fn sent(from: &str, set: &[&str], to: &str) -> String {
        let cookies =
            CookieJar::for_hosts(["Floor.example.com.", "auth.floor.example.com", "token.example.net", "127.0.0.1"]);
        let mut headers = HeaderMap::new();
        for value in set {
            headers.append(SET_COOKIE, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
        }
        cookies.set_cookies(&mut headers.get_all(SET_COOKIE).iter(), &address(from));
        assert!(!format!("{cookies:?}").contains("secret"), "values are not logged");
        cookies.cookies(&address(to)).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
    }

    #[test]
    fn cookies_are_sent_where_they_belong() {
        const API: &str = "https://floor.example.com/webapi/api/info";
        const HUB: &str = "https://floor.example.com/webapi/signalr/connect?x=1";
        for (what, from, set, to, expected) in [
            ("of the whole host", API, &["node=secret; Path=/"][..], HUB, "node=secret"),
            ("attributes in any case", API, &["node=secret;PATH=/;secure;httponly"], HUB, "node=secret"),
            ("below the path of the answer alone", API, &["node=secret"], HUB, ""),
            ("below another path", API, &["node=secret; Path=/webapi/sign"], HUB, ""),
            ("below this path", API, &["node=secret; Path=/webapi/signalr"], HUB, "node=secret"),
            ("the last of a name", API, &["node=a; Path=/", "node=secret; Path=/"], HUB, "node=secret"),
            ("removed", API, &["node=secret; Path=/", "node=; Path=/; Max-Age=0"], HUB, ""),
            ("expired", API, &["node=secret; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT"], HUB, ""),
            ("not yet expired", API, &["node=secret; Path=/; Max-Age=60"], HUB, "node=secret"),
            (
                "Max-Age goes before Expires",
                API,
                &["n=1; Path=/; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT"],
                HUB,
                "n=1",
            ),
            ("no cookie at all", API, &["", "=", ";;", "node"], HUB, ""),
            ("a good one beside a bad one", API, &["\u{e9}\u{20ac}", "node=secret; Path=/"], HUB, "node=secret"),
            (
                "to the same host by another name",
                API,
                &["node=secret; Path=/"],
                "https://FLOOR.example.com/",
                "node=secret",
            ),
            ("to this host alone", API, &["node=secret; Path=/"], "https://auth.floor.example.com/", ""),
            (
                "to hosts below",
                API,
                &["n=1; Path=/; Domain=.floor.example.com"],
                "https://auth.floor.example.com/",
                "n=1",
            ),
            (
                "of a foreign domain",
                API,
                &["node=secret; Path=/; Domain=example.net"],
                "https://token.example.net/",
                "",
            ),
            (
                "to a host that is not Clarity's",
                API,
                &["n=1; Path=/; Domain=example.com"],
                "https://other.example.com/",
                "",
            ),
            (
                "from a host that is not Clarity's",
                "https://other.example.com/",
                &["n=1; Path=/; Domain=example.com"],
                HUB,
                "",
            ),
            ("over plain HTTP", API, &["node=secret; Path=/; Secure"], "http://floor.example.com/", ""),
            (
                "of this machine",
                "http://127.0.0.1:1/a",
                &["node=secret; Path=/"],
                "http://127.0.0.1:1/b",
                "node=secret",
            ),
        ] {
            assert_eq!(sent(from, set, to), expected, "{what}");
        }
        let both = sent(API, &["node=a; Path=/", "shop=b; Path=/webapi"], HUB);
        assert!(matches!(both.as_str(), "node=a; shop=b" | "shop=b; node=a"), "{both}");
    }

    #[test]
    fn jars_are_bounded_and_separate() {
        let cookies = CookieJar::for_hosts(["floor.example.com"]);
        let at = address("https://floor.example.com/");
        for number in 0..100 {
            let value: HeaderValue = format!("n{number}={}", "x".repeat(500)).parse().expect("a header");
            cookies.set_cookies(&mut [&value].into_iter(), &at);
            assert!(cookies.cookies(&at).is_none_or(|header| header.len() <= MAX_HEADER));
        }
        assert!(cookies.cookies(&at).is_some_and(|header| header.is_sensitive()), "it is not logged");
        assert_eq!(cookies.for_other_identity().cookies(&at), None);
        assert_eq!(CookieJar::default().cookies(&at), None);
    }
}
