//! Cross-site request forgery and DNS rebinding: whether a request comes from header of our own pages.
//!
//! A browser adds its cookies to requests of another site's page too, and says in `Origin` and `Sec-Fetch-Site` which
//! page sent them. They are checked before any handler runs, and for sockets before the upgrade.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use url::Url;

use base::{RateLimit, http};

/// Logs a request that was refused for its origin or its host. The headers' values stay out of the log: the sender
/// chooses them.
pub(super) fn log_refused(address: Option<IpAddr>, reason: &'static str) {
    static LINES: RateLimit = RateLimit::new(60, Duration::from_secs(1));
    if let Some(left_out) = LINES.take() {
        tracing::info!(reason, address = address.map(tracing::field::display), left_out, "request refused");
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which `Origin` our own pages have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginRule {
    /// This header, as browsers write it.
    Exactly(String),
    /// `server.public_url` is not set: the host that the request was sent to.
    SameHost,
}

impl OriginRule {
    /// The rule for pages at this URL.
    #[must_use]
    pub fn new(public_url: Option<&Url>) -> Self {
        public_url.map_or(Self::SameHost, |url| {
            let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
            Self::Exactly(normalized(url.scheme(), host).unwrap_or_else(|| url.origin().ascii_serialization()))
        })
    }

    fn is_ours(&self, origin: &str, headers: &HeaderMap) -> bool {
        // A scheme and a host, and nothing behind them. Letter case, a trailing dot and the scheme's default port are
        // ignored.
        let Some((scheme, host)) = origin.split_once("://").filter(|(_, host)| !host.contains(['/', '?', '#', '@']))
        else {
            return false;
        };
        let Some(origin) = normalized(scheme, host) else { return false };
        match self {
            Self::Exactly(ours) => origin == *ours,
            Self::SameHost => match header(headers, &HOST) {
                Header::Once(host) if !host.is_empty() => normalized(scheme, host).as_ref() == Some(&origin),
                _ => false,
            },
        }
    }
}

/// An origin as browsers write it.
fn normalized(scheme: &str, host: &str) -> Option<String> {
    let mut url =
        Url::parse(&format!("{scheme}://{host}/")).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let name = url.host_str()?.trim_end_matches('.').to_owned();
    url.set_host(Some(&name)).ok()?;
    (url.path() == "/" && url.query().is_none() && url.username().is_empty())
        .then(|| url.origin().ascii_serialization())
}

/// Whether a socket may be opened. Without `Origin` the client is no browser, and a browser's cookies must not
/// authenticate it: it may connect without cookies, or with a token of its own, which the caller then checks.
#[must_use]
pub fn origin_allowed(headers: &HeaderMap, rule: &OriginRule) -> bool {
    match header(headers, &ORIGIN) {
        Header::Once(origin) => rule.is_ours(origin, headers),
        Header::Missing => !headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION),
        Header::Ambiguous => false,
    }
}

/// Whether a request that changes something may pass.
///
/// Our pages send no referrer, and for a form on such a page browsers send `Origin: null`. `Sec-Fetch-Site`, which no
/// script can set, distinguishes our own form from another site's sandboxed frame.
#[must_use]
pub fn change_allowed(headers: &HeaderMap, rule: &OriginRule) -> bool {
    let site = header(headers, &SEC_FETCH_SITE);
    match header(headers, &ORIGIN) {
        Header::Once("null") => matches!(site, Header::Once("same-origin")),
        Header::Once(origin) => rule.is_ours(origin, headers),
        // A client that sends cookies and neither header is no current browser: cookies must not authenticate it.
        Header::Missing => match site {
            Header::Once(site) => matches!(site, "same-origin" | "none"),
            Header::Missing => !headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION),
            Header::Ambiguous => false,
        },
        Header::Ambiguous => false,
    }
}

/// Whether `Host` is an IP address, `localhost`, or the host of the public URL. Any other name that resolves to this
/// server would let another site's page read our answers (DNS rebinding).
#[must_use]
pub fn host_allowed(headers: &HeaderMap, public_url: Option<&Url>) -> bool {
    let host = match header(headers, &HOST) {
        // Browsers always send it.
        Header::Missing => return true,
        Header::Once(host) => host,
        Header::Ambiguous => return false,
    };
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => {
            http::same_host(name, "localhost")
                || public_url.and_then(Url::host_str).is_some_and(|ours| http::same_host(ours, name))
        }
        Some(_) => true,
        None => false,
    }
}

enum Header<'a> {
    Missing,
    Once(&'a str),
    /// Sent twice, or not ASCII.
    Ambiguous,
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Header<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Header::Missing,
        (Some(Ok(value)), None) => Header::Once(value),
        _ => Header::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://callboard.example.com";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header value"));
        }
        headers
    }

    fn configured() -> OriginRule {
        OriginRule::new(Some(&"https://callboard.example.com:443/board/".parse().expect("a URL")))
    }

    #[test]
    fn only_the_public_urls_origin_is_allowed() {
        assert_eq!(configured(), OriginRule::Exactly(OURS.to_owned()));
        for (origin, allowed) in [
            ("https://callboard.example.com", true),
            ("http://callboard.example.com", false),
            ("https://callboard.example.com:8443", false),
            ("https://callboard.example.com.evil.net", false),
            ("https://evilcallboard.example.com", false),
            ("https://callboard.example.com@evil.net", false),
            ("https://callboard.example.com/", false),
            ("https://CALLBOARD.example.com", true),
            ("https://callboard.example.com:443", true),
            ("https://callboard.example.com.", true),
            ("https://callboard.example.com?", false),
            ("https://callboard.example.com:443/", false),
            ("https://someone\u{40}callboard.example.com", false),
            ("https://example.com", false),
            ("https://evil.net", false),
            ("null", false),
            ("", false),
        ] {
            let headers = headers(&[("origin", origin), ("host", "evil.net"), ("cookie", "cb=1")]);
            assert_eq!(origin_allowed(&headers, &configured()), allowed, "socket, {origin}");
            assert_eq!(change_allowed(&headers, &configured()), allowed, "change, {origin}");
        }
    }

    #[test]
    fn origin_must_match_the_host_without_a_public_url() {
        for (origin, host, allowed) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("https://board.lan", "board.lan", true),
            ("https://board.lan", "Board.LAN:443", true),
            ("http://board.lan", "board.lan.:80", true),
            ("https://board.lan:443", "board.lan", true),
            ("https://board.lan", "board.lan:80", false),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("http://127.0.0.1", "127.0.0.1:8080", false),
            ("http://evil.net", "127.0.0.1:8080", false),
            ("http://board.lan.evil.net", "board.lan", false),
            ("ftp://board.lan", "board.lan", false),
            ("null", "board.lan", false),
            ("http://", "", false),
        ] {
            let headers = headers(&[("origin", origin), ("host", host)]);
            assert_eq!(origin_allowed(&headers, &OriginRule::SameHost), allowed, "{origin} at {host}");
            assert_eq!(change_allowed(&headers, &OriginRule::SameHost), allowed, "{origin} at {host}");
        }
        assert!(!origin_allowed(&headers(&[("origin", "http://board.lan")]), &OriginRule::SameHost));
    }

    #[test]
    fn socket_without_origin_is_refused_with_cookies_alone() {
        let rule = configured();
        assert!(origin_allowed(&headers(&[]), &rule));
        assert!(!origin_allowed(&headers(&[("cookie", "cb=1")]), &rule));
        assert!(origin_allowed(&headers(&[("cookie", "cb=1"), ("authorization", "Bearer x")]), &rule));
        assert!(!origin_allowed(&headers(&[("origin", OURS), ("origin", "https://evil.net")]), &rule));
        assert!(!origin_allowed(&headers(&[("origin", "null"), ("sec-fetch-site", "same-origin")]), &rule));
    }

    #[test]
    fn change_without_origin_depends_on_sec_fetch_site() {
        for (pairs, allowed) in [
            (&[][..], true),
            (&[("cookie", "cb=1")], false),
            (&[("cookie", "cb=1"), ("sec-fetch-site", "same-origin")], true),
            (&[("cookie", "cb=1"), ("authorization", "Bearer x")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "null")], false),
            (&[("origin", "null"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], true),
            (&[("origin", OURS), ("origin", OURS)], false),
        ] {
            assert_eq!(change_allowed(&headers(pairs), &configured()), allowed, "{pairs:?}");
        }
    }
}
