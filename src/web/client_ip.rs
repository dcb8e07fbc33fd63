//! Who really asks, where a proxy in front of us asks for them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of whoever asks, as an extension of the request: the nearest one that no proxy of ours has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

/// The address of whoever sends a request with these extensions. `None`: no accept loop has been in between.
#[must_use]
pub fn address_of(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientIp>().map(|ClientIp(address)| *address)
}

/// The proxies whose word counts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// These networks are proxies of ours.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Puts the [`ClientIp`] into a request. There is none where the accept loop has not been, as in tests of a bare router.
    pub fn introduce(&self, request: &mut Request) {
        let Some(ConnectInfo(tcp)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else { return };
        let peer = ClientIp(self.peer(tcp.ip().to_canonical(), request.headers()));
        request.extensions_mut().insert(peer);
    }

    /// A stranger may claim to be anybody, so that only what our own proxies say counts, and of that only what they have
    /// seen themselves: the chain is read from its end to the first address that is none of ours.
    fn peer(&self, tcp: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(tcp) {
            return tcp;
        }
        let old = headers.contains_key(X_FORWARDED_FOR).then(|| self.nearest(tcp, &old_chain(headers)));
        let new = headers.contains_key(FORWARDED).then(|| self.nearest(tcp, &new_chain(headers)));
        match (old, new) {
            // A proxy writes one of the two and may pass the other on as the client wrote it. Nobody can tell which.
            (Some(old), Some(new)) if old != new => tcp,
            (Some(peer), _) | (None, Some(peer)) => peer,
            (None, None) => tcp,
        }
    }

    fn nearest(&self, tcp: IpAddr, chain: &[Option<IpAddr>]) -> IpAddr {
        let mut nearest = tcp;
        for hop in chain.iter().rev() {
            // Whoever is not named is behind the last one that is.
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

fn old_chain(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(address).collect()
}

/// `for=192.0.2.60;proto=http, for="[2001:db8::1]:4711"` (RFC 7239).
fn new_chain(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
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

    fn seen(trusted: &[&str], tcp: &str, headers: &[(&str, &str)]) -> String {
        let networks: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut request = Request::new(axum::body::Body::empty());
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(SocketAddr::new(tcp.parse().unwrap(), 5)));
        TrustedProxies::new(&networks).introduce(&mut request);
        request.extensions().get::<ClientIp>().unwrap().0.to_string()
    }

    const OURS: &[&str] = &["10.0.0.0/8", "127.0.0.1/32", "2001:db8:aaaa::/48"];

    #[test]
    fn a_stranger_cannot_say_who_they_are() {
        let claims = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(seen(OURS, "203.0.113.9", &claims), "203.0.113.9");
        assert_eq!(seen(&[], "127.0.0.1", &claims), "127.0.0.1");
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_of_ours_counts() {
        for (told, peer) in [
            ("198.51.100.7", "198.51.100.7"),
            // What the client wrote itself stands on the left.
            ("192.0.2.1, 198.51.100.7", "198.51.100.7"),
            ("192.0.2.1, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
            ("10.9.9.9", "10.9.9.9"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1,2001:db8:aaaa::5", "2001:db8::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            // Nobody knows what comes before what cannot be read.
            ("198.51.100.7, unknown", "127.0.0.1"),
            ("198.51.100.7, unknown, 10.1.2.3", "10.1.2.3"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(seen(OURS, "127.0.0.1", &[("x-forwarded-for", told)]), peer, "{told}");
        }
        let two_lines = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "10.1.2.3")];
        assert_eq!(seen(OURS, "::ffff:127.0.0.1", &two_lines), "198.51.100.7");
    }

    #[test]
    fn the_newer_header_means_the_same() {
        for (told, peer) in [
            ("for=198.51.100.7", "198.51.100.7"),
            ("For=\"198.51.100.7:80\";proto=https;by=10.1.2.3", "198.51.100.7"),
            ("for=192.0.2.1, proto=http;for=\"[2001:db8::1]:4711\", for=10.1.2.3", "2001:db8::1"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(seen(OURS, "10.0.0.1", &[("forwarded", told)]), peer, "{told}");
        }
    }

    #[test]
    fn two_headers_that_disagree_are_both_not_believed() {
        let both = |old, new| seen(OURS, "10.0.0.1", &[("x-forwarded-for", old), ("forwarded", new)]);
        assert_eq!(both("198.51.100.7", "for=198.51.100.7"), "198.51.100.7");
        assert_eq!(both("192.0.2.1", "for=198.51.100.7"), "10.0.0.1");
    }
}
