//! How often somebody may ask. Who asks too often is told when to come back; nobody else notices.

mod sign_in;
mod tries;

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
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

pub use sign_in::SignInLimit;
pub use tries::{Tries, Waits};

use super::client_ip::ClientIp;
use super::problem::Problem;
use super::serve::{ConnectionLimit, ConnectionHandle, network_of};

/// So many keys are told apart. Beyond that strangers may share an allowance, and memory does not grow.
const SLOTS: u64 = 1 << 16;

/// After so many questions those who have rested are forgotten.
const FORGET_EVERY: u32 = 4096;

/// How many requests for programs one address may send in a second, and how many at once after a rest: an office behind
/// one address loads its pages together.
const API: (u32, u32) = (20, 400);

/// The same for pages, sign-in and sign-out. After a restart an office may load all of its pages anew.
const PAGES: (u32, u32) = (20, 600);

/// The same for webhooks whose signature does not fit.
const FORGERIES: (u32, u32) = (50, 500);

/// How soon who has as many sockets as allowed may try again, in seconds.
const SOCKET_WAIT: u64 = 30;

/// The limits of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rates {
    api: Arc<Throttle>,
    pages: Arc<Throttle>,
    forgeries: Arc<Throttle>,
    sockets: ConnectionLimit,
}

impl Rates {
    /// One address may hold so many sockets.
    #[must_use]
    pub fn new(sockets_per_address: usize) -> Self {
        let throttle =
            |(second, burst)| Arc::new(Throttle::new(Quota::per_second(count(second)).allow_burst(count(burst))));
        let (api, pages, forgeries) = (throttle(API), throttle(PAGES), throttle(FORGERIES));
        Self { api, pages, forgeries, sockets: ConnectionLimit::new(sockets_per_address) }
    }
}

/// A middleware for the routes for programs: so many requests, so many sockets. Sockets that come back after a restart come
/// all at once, and are not counted as requests.
pub async fn programs(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let Some(address) = stranger(&request) else { return next.run(request).await };
    if request.uri().path() != "/api/v1/live" {
        return match rates.api.check(&network_of(address)) {
            Ok(()) => next.run(request).await,
            Err(wait) => Problem::too_many(seconds(wait)).into_response(),
        };
    }
    let Some(luggage) = request.extensions().get::<ConnectionHandle>().cloned() else { return next.run(request).await };
    let Some(seat) = rates.sockets.enter(address) else {
        let detail = "Your address holds as many open connections as one address may.";
        return Problem::too_many(SOCKET_WAIT).detail(detail).into_response();
    };
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // The connection is a socket now, and ends when that does.
        luggage.carry(seat);
    }
    response
}

/// A middleware for the routes for people: so many requests.
pub async fn people(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let checked = stranger(&request).map_or(Ok(()), |address| rates.pages.check(&network_of(address)));
    match checked {
        Ok(()) => next.run(request).await,
        Err(wait) => Problem::too_many(seconds(wait)).into_response(),
    }
}

/// A middleware for the routes for upstreams. What is signed is always taken: a sender that we throttle may give us up. Who
/// sends what is not gets no second look after a while.
pub async fn webhooks(State(rates): State<Rates>, request: Request, next: Next) -> Response {
    let stranger = stranger(&request);
    let response = next.run(request).await;
    match stranger {
        Some(address) if response.status() == StatusCode::UNAUTHORIZED => {
            match rates.forgeries.check(&network_of(address)) {
                Ok(()) => response,
                Err(wait) => Problem::too_many(seconds(wait)).into_response(),
            }
        }
        _ => response,
    }
}

/// The address that is limited. This very machine is not: a proxy that nobody has named is one address for everybody.
fn stranger(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientIp>().map(|ClientIp(address)| *address).filter(|address| !address.is_loopback())
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// An allowance for each key, in bounded memory.
struct Throttle<C: Clock = DefaultClock> {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// Nobody outside can know who shares a slot with whom.
    hasher: RandomState,
    asked: AtomicU32,
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
        Self { limiter, clock, hasher: RandomState::new(), asked: AtomicU32::new(0) }
    }

    fn check(&self, key: &impl Hash) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let slot = self.hasher.hash_one(key) % SLOTS;
        self.limiter.check_key(&slot).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

impl<C: Clock> std::fmt::Debug for Throttle<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("known", &self.limiter.len()).finish_non_exhaustive()
    }
}

/// None of ours is zero.
fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests;
