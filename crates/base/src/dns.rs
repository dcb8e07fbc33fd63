//! DNS resolver of the HTTP client: when a lookup fails, it uses the last addresses of the host for a while.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

/// How long addresses are used after the last successful lookup. Not longer: a host that has moved must be found.
const MAX_STALE: Duration = Duration::from_secs(60);

/// Shorter than the client's connect timeout, so that the last addresses can still be tried.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

type Answer = io::Result<Vec<SocketAddr>>;
type Lookup = Box<dyn Fn(String) -> BoxFuture<'static, Answer> + Send + Sync>;

/// A DNS resolver that looks up the host for every new connection, and caches the addresses for failures. Cheap to
/// clone.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    lookup: Lookup,
    cached: Mutex<HashMap<String, (Vec<SocketAddr>, Instant)>>,
}

impl Resolver {
    /// Looks up names as the operating system does.
    #[must_use]
    pub fn system() -> Self {
        Self::with_lookup(Box::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        }))
    }

    fn with_lookup(lookup: Lookup) -> Self {
        Self(Arc::new(Inner { lookup, cached: Mutex::default() }))
    }

    async fn addresses(&self, name: String) -> Answer {
        let answer = tokio::time::timeout(LOOKUP_TIMEOUT, (self.0.lookup)(name.clone())).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut cached = self.0.cached.lock();
        let now = Instant::now();
        cached.retain(|_, (_, confirmed)| now < *confirmed + MAX_STALE);
        match answer {
            Ok(addresses) => {
                cached.insert(name, (addresses.clone(), now));
                Ok(addresses)
            }
            Err(error) => cached.get(&name).map(|(addresses, _)| addresses.clone()).ok_or(error),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str().to_owned()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resolver whose lookups return the shared address; `None`: they fail.
    fn resolver() -> (Resolver, Arc<Mutex<Option<SocketAddr>>>) {
        let place: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let asked = Arc::clone(&place);
        let resolver = Resolver::with_lookup(Box::new(move |_| {
            let answer = asked.lock().map(|address| vec![address]);
            Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
        }));
        (resolver, place)
    }

    #[tokio::test(start_paused = true)]
    async fn failed_lookup_uses_the_last_address_for_a_minute() {
        let (resolver, place) = resolver();
        let ask =
            async || resolver.addresses("floor.example.com".to_owned()).await.ok().map(|found| found[0].to_string());
        assert_eq!(ask().await, None);
        *place.lock() = Some(([10, 0, 0, 1], 0).into());
        assert_eq!(ask().await.as_deref(), Some("10.0.0.1:0"));
        *place.lock() = Some(([10, 0, 0, 2], 0).into());
        assert_eq!(ask().await.as_deref(), Some("10.0.0.2:0"), "the host has moved");

        *place.lock() = None;
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(ask().await.as_deref(), Some("10.0.0.2:0"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(ask().await, None, "a stale address does not renew itself");
        assert!(resolver.addresses("other.example.com".to_owned()).await.is_err());
    }
}
