//! Names become addresses, and stay so for a while when whoever knows names does not answer.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

/// How long after it was last confirmed an address may stand in for one that cannot be had. No longer: a host that has
/// moved must be found.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How long whoever knows names may think: less than a connection may take, or memory would come too late.
const LIMIT: Duration = Duration::from_secs(3);

type Answer = io::Result<Vec<SocketAddr>>;
type LookUp = Box<dyn Fn(String) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Asks the system for every new connection, and remembers. Cheap to clone.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    look_up: LookUp,
    known: Mutex<HashMap<String, (Vec<SocketAddr>, Instant)>>,
}

impl Resolver {
    /// The machine's own way to resolve names.
    #[must_use]
    pub fn system() -> Self {
        Self::asking(Box::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        }))
    }

    fn asking(look_up: LookUp) -> Self {
        Self(Arc::new(Inner { look_up, known: Mutex::default() }))
    }

    async fn addresses(&self, name: String) -> Answer {
        let answer = tokio::time::timeout(LIMIT, (self.0.look_up)(name.clone())).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        known.retain(|_, (_, confirmed)| now < *confirmed + REMEMBERED);
        match answer {
            Ok(addresses) => {
                known.insert(name, (addresses.clone(), now));
                Ok(addresses)
            }
            Err(error) => known.get(&name).map(|(addresses, _)| addresses.clone()).ok_or(error),
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

    /// A resolver whose answers come from the returned place; `None`: it fails.
    fn resolver() -> (Resolver, Arc<Mutex<Option<SocketAddr>>>) {
        let place: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let asked = Arc::clone(&place);
        let resolver = Resolver::asking(Box::new(move |_| {
            let answer = asked.lock().expect("no panic").map(|address| vec![address]);
            Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
        }));
        (resolver, place)
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_stands_in_for_a_minute_and_a_new_one_is_taken_at_once() {
        let (resolver, place) = resolver();
        let ask =
            async || resolver.addresses("floor.example.com".to_owned()).await.ok().map(|found| found[0].to_string());
        assert_eq!(ask().await, None);
        *place.lock().expect("no panic") = Some(([10, 0, 0, 1], 0).into());
        assert_eq!(ask().await.as_deref(), Some("10.0.0.1:0"));
        *place.lock().expect("no panic") = Some(([10, 0, 0, 2], 0).into());
        assert_eq!(ask().await.as_deref(), Some("10.0.0.2:0"), "the host has moved");

        *place.lock().expect("no panic") = None;
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(ask().await.as_deref(), Some("10.0.0.2:0"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(ask().await, None, "what stands in confirms nothing");
        assert!(resolver.addresses("other.example.com".to_owned()).await.is_err());
    }
}
