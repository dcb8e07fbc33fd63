//! Whether a request was sent by one of our own pages.
//!
//! A browser adds its cookies to requests that a stranger's page makes; it also says whose page that was. The answer
//! decides before any handler runs, and for sockets before the upgrade.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use url::Url;

use base::{RateLimit, http};

/// One line of the log for a request that was refused because of where it comes from, or of the name that it was sent to.
/// What its headers say is the sender's to choose, and stays out.
pub(super) fn log_refused(address: Option<IpAddr>, reason: &'static str) {
    static LINES: RateLimit = RateLimit::new(60, Duration::from_secs(1));
    if let Some(left_out) = LINES.take() {
        tracing::info!(reason, address = address.map(tracing::field::display), left_out, "request refused");
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the `Origin` of our own pages is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginRule {
    /// This, byte for byte, as browsers write it.
    Exactly(String),
    /// No public address is configured: the host that the request itself was sent to.
    SameHost,
}

impl OriginRule {
    /// The rule for a server whose pages are at this address.
    #[must_use]
    pub fn new(public_url: Option<&Url>) -> Self {
        public_url.map_or(Self::SameHost, |url| {
            let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
            Self::Exactly(normal(url.scheme(), host).unwrap_or_else(|| url.origin().ascii_serialization()))
        })
    }

    fn is_ours(&self, origin: &str, headers: &HeaderMap) -> bool {
        // A scheme and a host, and nothing behind them. Letter case, the root's dot and the scheme's own port say nothing.
        let Some((scheme, host)) = origin.split_once("://").filter(|(_, host)| !host.contains(['/', '?', '#', '@']))
        else {
            return false;
        };
        let Some(origin) = normal(scheme, host) else { return false };
        match self {
            Self::Exactly(ours) => origin == *ours,
            Self::SameHost => match one(headers, &HOST) {
                Said::Once(host) if !host.is_empty() => normal(scheme, host).as_ref() == Some(&origin),
                _ => false,
            },
        }
    }
}

/// An origin as browsers write it.
fn normal(scheme: &str, host: &str) -> Option<String> {
    let mut url =
        Url::parse(&format!("{scheme}://{host}/")).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let name = url.host_str()?.trim_end_matches('.').to_owned();
    url.set_host(Some(&name)).ok()?;
    (url.path() == "/" && url.query().is_none() && url.username().is_empty())
        .then(|| url.origin().ascii_serialization())
}

/// Whether a socket may be opened. A missing `Origin` means that no browser asks: such a caller must not live on a
/// browser's cookies, so it is let in only without any or with a token of its own, which the caller then checks.
#[must_use]
pub fn origin_allowed(headers: &HeaderMap, rule: &OriginRule) -> bool {
    match one(headers, &ORIGIN) {
        Said::Once(origin) => rule.is_ours(origin, headers),
        Said::Never => !headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION),
        Said::Unclear => false,
    }
}

/// Whether a request that changes something may pass.
///
/// Our pages send no referrer, and for a form on such a page browsers write `Origin: null`; there `Sec-Fetch-Site`, which
/// no script can set, tells our own form from a stranger's sandboxed frame.
#[must_use]
pub fn change_allowed(headers: &HeaderMap, rule: &OriginRule) -> bool {
    let site = one(headers, &SEC_FETCH_SITE);
    match one(headers, &ORIGIN) {
        Said::Once("null") => matches!(site, Said::Once("same-origin")),
        Said::Once(origin) => rule.is_ours(origin, headers),
        // Whoever sends a cookie and says neither is no browser of this decade, and must not live on one's cookies.
        Said::Never => match site {
            Said::Once(site) => matches!(site, "same-origin" | "none"),
            Said::Never => !headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION),
            Said::Unclear => false,
        },
        Said::Unclear => false,
    }
}

/// Whether a request names us as we are called: by a number, as this very machine, or by the public address. A stranger's
/// name that leads here is how a stranger's page reads what only we may show (DNS rebinding).
#[must_use]
pub fn host_allowed(headers: &HeaderMap, public_url: Option<&Url>) -> bool {
    let host = match one(headers, &HOST) {
        // No browser leaves it out.
        Said::Never => return true,
        Said::Once(host) => host,
        Said::Unclear => return false,
    };
    let Ok(named) = Url::parse(&format!("http://{host}/")) else { return false };
    match named.host() {
        Some(url::Host::Domain(name)) => {
            http::same_host(name, "localhost")
                || public_url.and_then(Url::host_str).is_some_and(|ours| http::same_host(ours, name))
        }
        Some(_) => true,
        None => false,
    }
}

enum Said<'a> {
    Never,
    Once(&'a str),
    Unclear,
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Said<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Said::Never,
        (Some(Ok(value)), None) => Said::Once(value),
        _ => Said::Unclear,
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
    fn only_the_public_addresss_origin_is_ours() {
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
    fn without_a_public_address_the_host_decides() {
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
    fn a_socket_without_an_origin_must_not_live_on_cookies() {
        let rule = configured();
        assert!(origin_allowed(&headers(&[]), &rule));
        assert!(!origin_allowed(&headers(&[("cookie", "cb=1")]), &rule));
        assert!(origin_allowed(&headers(&[("cookie", "cb=1"), ("authorization", "Bearer x")]), &rule));
        assert!(!origin_allowed(&headers(&[("origin", OURS), ("origin", "https://evil.net")]), &rule));
        assert!(!origin_allowed(&headers(&[("origin", "null"), ("sec-fetch-site", "same-origin")]), &rule));
    }

    #[test]
    fn a_change_without_an_origin_asks_where_the_browser_was() {
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
