//! The client's IP address, also behind trusted reverse proxies.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, as a request extension: the nearest address that is not a trusted proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

/// The client's address. `None` where no accept loop has set it, as in tests of a bare router.
#[must_use]
pub fn address_of(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientIp>().map(|ClientIp(address)| *address)
}

/// The client's address, as an extractor: see [`address_of`].
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(address_of(&parts.extensions)))
    }
}

/// The networks of trusted proxies (`server.trusted_proxies`). Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Trusts the proxies in these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Inserts the [`ClientIp`] into a request that the accept loop has taken.
    pub fn insert_client_ip(&self, request: &mut Request) {
        let Some(ConnectInfo(tcp)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else { return };
        let client = ClientIp(self.client_ip(tcp.ip().to_canonical(), request.headers()));
        request.extensions_mut().insert(client);
    }

    /// A client may send any forwarding header, so only trusted proxies are believed, and only what they saw
    /// themselves: the chain is read from its end to the first address that is not trusted.
    fn client_ip(&self, tcp: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(tcp) {
            return tcp;
        }
        let x_forwarded_for =
            headers.contains_key(X_FORWARDED_FOR).then(|| self.nearest_untrusted(tcp, &x_forwarded_for(headers)));
        let forwarded = headers.contains_key(FORWARDED).then(|| self.nearest_untrusted(tcp, &forwarded(headers)));
        match (x_forwarded_for, forwarded) {
            // A proxy writes one of the two headers and may pass the other on as the client sent it: which is which is
            // unknown.
            (Some(one), Some(other)) if one != other => tcp,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => tcp,
        }
    }

    fn nearest_untrusted(&self, tcp: IpAddr, chain: &[Option<IpAddr>]) -> IpAddr {
        let mut nearest = tcp;
        for hop in chain.iter().rev() {
            // An unreadable hop hides what is before it.
            let Some(address) = hop else { break };
            nearest = *address;
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(address).collect()
}

/// `for=192.0.2.60;proto=http, for="[2001:db8::1]:4711"` (RFC 7239).
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED).iter().map(|line| line.to_str().unwrap_or_default());
    lines
        .flat_map(|line| line.split(','))
        .map(|element| {
            let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
            let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
            address(node.trim().trim_matches('"'))
        })
        .collect()
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_ip(trusted: &[&str], tcp: &str, headers: &[(&str, &str)]) -> String {
        let networks: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut request = Request::new(axum::body::Body::empty());
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(SocketAddr::new(tcp.parse().unwrap(), 5)));
        TrustedProxies::new(&networks).insert_client_ip(&mut request);
        request.extensions().get::<ClientIp>().unwrap().0.to_string()
    }

    const TRUSTED: &[&str] = &["10.0.0.0/8", "127.0.0.1/32", "2001:db8:aaaa::/48"];

    #[test]
    fn forwarding_headers_of_untrusted_clients_are_ignored() {
        let claims = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(client_ip(TRUSTED, "203.0.113.9", &claims), "203.0.113.9");
        assert_eq!(client_ip(&[], "127.0.0.1", &claims), "127.0.0.1");
    }

    #[test]
    fn x_forwarded_for_yields_the_nearest_untrusted_address() {
        for (told, client) in [
            ("198.51.100.7", "198.51.100.7"),
            // What the client sent itself is on the left.
            ("192.0.2.1, 198.51.100.7", "198.51.100.7"),
            ("192.0.2.1, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
            ("10.9.9.9", "10.9.9.9"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1,2001:db8:aaaa::5", "2001:db8::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            // What comes before an unreadable hop is unknown.
            ("198.51.100.7, unknown", "127.0.0.1"),
            ("198.51.100.7, unknown, 10.1.2.3", "10.1.2.3"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(client_ip(TRUSTED, "127.0.0.1", &[("x-forwarded-for", told)]), client, "{told}");
        }
        let two_lines = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "10.1.2.3")];
        assert_eq!(client_ip(TRUSTED, "::ffff:127.0.0.1", &two_lines), "198.51.100.7");
    }

    #[test]
    fn forwarded_yields_the_nearest_untrusted_address() {
        for (told, client) in [
            ("for=198.51.100.7", "198.51.100.7"),
            ("For=\"198.51.100.7:80\";proto=https;by=10.1.2.3", "198.51.100.7"),
            ("for=192.0.2.1, proto=http;for=\"[2001:db8::1]:4711\", for=10.1.2.3", "2001:db8::1"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(client_ip(TRUSTED, "10.0.0.1", &[("forwarded", told)]), client, "{told}");
        }
    }

    #[test]
    fn contradicting_proxy_headers_are_ignored() {
        let both = |one, other| client_ip(TRUSTED, "10.0.0.1", &[("x-forwarded-for", one), ("forwarded", other)]);
        assert_eq!(both("198.51.100.7", "for=198.51.100.7"), "198.51.100.7");
        assert_eq!(both("192.0.2.1", "for=198.51.100.7"), "10.0.0.1");
    }
}
