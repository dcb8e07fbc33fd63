//! The accept loop. Our own, because `axum::serve` sets no timer, so that who connects and says nothing, or says it very
//! slowly, would be kept for ever.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower::Service;

use crate::base::metrics::Present;
use crate::base::{Lifecycle, Metrics};

/// How much of a request is held in memory before its handler reads on; a longer header is refused.
const HEADER_BYTES: usize = 64 * 1024;

/// How many may come, and how long they may take to say what they want.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections held at once, sockets included.
    pub connections: usize,
    /// Connections held at once by one address. An IPv6 address counts by its first 64 bits: the rest is its owner's to choose.
    pub per_address: usize,
    /// Whether this very machine is exempt from the limit per address: a proxy in front of us is one address for everybody.
    pub loopback_is_exempt: bool,
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From a request's beginning to the end of its headers; also how long a connection may rest between two requests.
    pub header: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            per_address: 512,
            loopback_is_exempt: true,
            first_byte: Duration::from_secs(5),
            header: Duration::from_secs(5),
        }
    }
}

/// Serves the routes until a stop is asked for; then nobody new is let in and each connection ends with the request that it
/// is at. An open socket ends when its own handler ends it. The peer's address is in the request's [`ConnectInfo`].
///
/// When the process runs out of file descriptors, axum's listener waits a second and tries again.
pub async fn serve(mut listener: TcpListener, app: Router, limits: Limits, metrics: Metrics, life: Lifecycle) {
    let door = Door::new(limits, metrics);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = life.stopping() => return,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        match door.admit(peer.ip()) {
            Ok(place) => {
                let visit = visit(stream, peer, place, app.clone(), Arc::clone(&door), life.clone());
                life.spawn_guest(visit);
            }
            // Dropping the stream closes it: whoever floods us gets no work out of us.
            Err(reason) => door.metrics.connection(reason),
        }
    }
}

/// One connection from its first byte to its end, or to the moment it becomes a socket.
async fn visit(stream: TcpStream, peer: SocketAddr, place: Place, app: Router, door: Arc<Door>, life: Lifecycle) {
    let mut byte = [0];
    let first = tokio::select! {
        () = life.stopping() => return door.metrics.connection("stopped"),
        first = timeout(door.limits.first_byte, stream.peek(&mut byte)) => first,
    };
    match first {
        Ok(Ok(1..)) => {}
        Ok(Ok(0)) | Err(_) => return door.metrics.connection("silent"),
        Ok(Err(_)) => return door.metrics.connection("broken"),
    }
    // Patches are small and must not wait for one another. Where this cannot be had, they are merely later.
    let _ = stream.set_nodelay(true);

    let asked = AtomicBool::new(false);
    let service = hyper::service::service_fn(|mut request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut app = app.clone();
        async move { app.call(request).await.map_err(|never: Infallible| never) }
    });
    let guest = TokioIo::new(Guest { stream, _place: place });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(door.limits.header)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(guest, service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = life.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    door.metrics.connection(match ended {
        Ok(()) => "served",
        // After an answer, the same time limit ends a connection that merely rests.
        Err(error) if error.is_timeout() && asked.load(Ordering::Relaxed) => "served",
        Err(error) if error.is_timeout() => "slow",
        Err(_) => "broken",
    });
}

/// Who is in, and how many may still come.
struct Door {
    limits: Limits,
    metrics: Metrics,
    places: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

impl Door {
    fn new(limits: Limits, metrics: Metrics) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { limits, metrics, places, addresses: Mutex::default() })
    }

    fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| "over_limit")?;
        let network = network_of(address);
        let exempt = self.limits.loopback_is_exempt && network.is_loopback();
        let counted = if exempt {
            None
        } else {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let held = addresses.entry(network).or_default();
            if *held >= self.limits.per_address {
                return Err("over_address_limit");
            }
            *held += 1;
            Some(network)
        };
        Ok(Place { door: Arc::clone(self), counted, _permit: permit, _open: self.metrics.connection_open() })
    }
}

/// An address as far as its owner cannot choose it.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        other => other,
    }
}

/// One connection's place among those allowed. It is free again once this is dropped.
struct Place {
    door: Arc<Door>,
    counted: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
    _open: Present,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(network) = self.counted else { return };
        let mut addresses = self.door.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = addresses.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                addresses.remove(&network);
            }
        }
    }
}

/// A stream that holds its place for as long as it lives, whoever holds the stream by then: after an upgrade that is no
/// longer the HTTP connection but the socket.
struct Guest {
    stream: TcpStream,
    _place: Place,
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
