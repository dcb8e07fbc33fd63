//! Rate limits for each client address. A client over its limit gets 429 with `Retry-After`.

mod sign_in;

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::network_of;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

pub use sign_in::SignInLimit;

use super::api_error::ApiError;
use super::client_ip::ClientIp;
use super::serve::{ConnectionHandle, ConnectionLimit};

/// How many hash slots the addresses are spread over. Beyond that addresses share a slot, so that memory is bounded.
const SLOTS: u64 = 1 << 16;

/// After how many checks the slots at rest are dropped.
const PRUNE_EVERY: u32 = 4096;

/// API requests of one address: per second, and burst. The agents of an office behind one address load their pages
/// together.
const API: (u32, u32) = (20, 400);

/// The same for pages, sign-in and sign-out. After a restart an office may load all of its pages again.
const PAGES: (u32, u32) = (20, 600);

/// The same for webhooks with a wrong signature.
const UNSIGNED: (u32, u32) = (50, 500);

/// `Retry-After` for an address at its limit of sockets, in seconds.
const RETRY_SOCKET: u64 = 30;

/// The limits of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rates {
    api: Arc<Throttle>,
    pages: Arc<Throttle>,
    unsigned: Arc<Throttle>,
    sockets: ConnectionLimit,
}

impl Rates {
    /// The limits, with this many sockets for each address.
    #[must_use]
    pub fn new(sockets_per_address: usize) -> Self {
        let throttle =
            |(second, burst)| Arc::new(Throttle::new(Quota::per_second(count(second)).allow_burst(count(burst))));
        let (api, pages, unsigned) = (throttle(API), throttle(PAGES), throttle(UNSIGNED));
        Self { api, pages, unsigned, sockets: ConnectionLimit::new(sockets_per_address) }
    }
}

/// A middleware for the API: limits requests, and open sockets. Sockets are not counted as requests, because after a
/// restart all of them reconnect at once.
pub async fn limit_api(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let Some(address) = limited_address(&request) else { return next.run(request).await };
    if request.uri().path() != "/api/v1/live" {
        return match rates.api.check(&network_of(address)) {
            Ok(()) => next.run(request).await,
            Err(wait) => ApiError::too_many_requests(seconds(wait)).into_response(),
        };
    }
    let Some(handle) = request.extensions().get::<ConnectionHandle>().cloned() else { return next.run(request).await };
    let Some(permit) = rates.sockets.acquire(address) else {
        let detail = "Your address holds as many open connections as one address may.";
        return ApiError::too_many_requests(RETRY_SOCKET).detail(detail).into_response();
    };
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // From now on the connection is the socket, and ends with it.
        handle.hold(permit);
    }
    response
}

/// A middleware for the pages: limits requests.
pub async fn limit_pages(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let checked = limited_address(&request).map_or(Ok(()), |address| rates.pages.check(&network_of(address)));
    match checked {
        Ok(()) => next.run(request).await,
        Err(wait) => ApiError::too_many_requests(seconds(wait)).into_response(),
    }
}

/// A middleware for webhooks: limits those with a wrong signature. Signed ones are always taken, because a sender that
/// is throttled may disable its webhook.
pub async fn limit_webhooks(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let address = limited_address(&request);
    let response = next.run(request).await;
    match address {
        Some(address) if response.status() == StatusCode::UNAUTHORIZED => {
            match rates.unsigned.check(&network_of(address)) {
                Ok(()) => response,
                Err(wait) => ApiError::too_many_requests(seconds(wait)).into_response(),
            }
        }
        _ => response,
    }
}

/// The client's address, unless it is loopback: a local reverse proxy that is not configured is one address for all
/// clients.
fn limited_address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientIp>().map(|ClientIp(address)| *address).filter(|address| !address.is_loopback())
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A rate limit for each key, in bounded memory.
struct Throttle<C: Clock = DefaultClock> {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// Random, so that no client can choose an address that shares another client's slot.
    hasher: RandomState,
    checks: AtomicU32,
}

impl Throttle {
    fn new(quota: Quota) -> Self {
        Self::by_clock(quota, DefaultClock::default())
    }
}

impl<C: Clock> Throttle<C> {
    fn by_clock(quota: Quota, clock: C) -> Self
    where
        C: Clone,
    {
        let limiter = RateLimiter::dashmap_with_clock(quota, clock.clone());
        Self { limiter, clock, hasher: RandomState::new(), checks: AtomicU32::new(0) }
    }

    fn check(&self, key: &impl Hash) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let slot = self.hasher.hash_one(key) % SLOTS;
        self.limiter.check_key(&slot).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

impl<C: Clock> std::fmt::Debug for Throttle<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("slots", &self.limiter.len()).finish_non_exhaustive()
    }
}

/// No limit of ours is zero.
fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests;
