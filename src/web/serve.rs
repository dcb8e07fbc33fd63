//! The accept loop. Our own, because `axum::serve` sets no timer, so that who connects and says nothing, or says it very
//! slowly, would be kept for ever.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::tls::Tls;
use base::{Lifecycle, Metrics};
use door::{Door, Place};
use guest::Guest;

mod door;
mod guest;
mod headcount;
mod wire;

pub(crate) use guest::ConnectionHandle;
pub(crate) use headcount::{ConnectionLimit, network_of};
pub(crate) use wire::Wire;

/// How much of a request is held in memory before its handler reads on; a longer header is refused.
const HEADER_BYTES: usize = 64 * 1024;

/// With this byte, and no other, a client of TLS begins (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

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
    /// From the first byte to an encrypted connection, where there is one.
    pub handshake: Duration,
    /// From a request's beginning to the end of its headers; also how long a connection may rest between two requests.
    pub header: Duration,
    /// How long a peer may read nothing of an answer. Sockets have a rule of their own.
    pub stuck: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            per_address: 512,
            loopback_is_exempt: true,
            first_byte: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(5),
            stuck: Duration::from_secs(45),
        }
    }
}

/// Serves the routes until a stop is asked for; then nobody new is let in and each connection ends with the request that it
/// is at. An open socket ends when its own handler ends it. The peer's address is in the request's [`ConnectInfo`]. With
/// `tls` every connection is encrypted.
///
/// When the process runs out of file descriptors, axum's listener waits a second and tries again.
pub async fn serve(
    mut listener: TcpListener,
    tls: Option<Tls>,
    app: Router,
    limits: Limits,
    metrics: Metrics,
    life: Lifecycle,
) {
    let door = Door::new(limits, metrics);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = life.stopping() => return,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        match door.admit(peer.ip()) {
            Ok(place) => {
                let visit = Visit { peer, app: app.clone(), door: Arc::clone(&door), life: life.clone() };
                life.spawn_isolated(visit.begin(stream, tls.clone(), place));
            }
            // Dropping the stream closes it: whoever floods us gets no work out of us.
            Err(reason) => door.metrics.connection(reason),
        }
    }
}

/// One connection from its first byte to its end, or to the moment it becomes a socket.
struct Visit {
    peer: SocketAddr,
    app: Router,
    door: Arc<Door>,
    life: Lifecycle,
}

impl Visit {
    async fn begin(self, stream: TcpStream, tls: Option<Tls>, place: Place) {
        let result = match self.first_byte(&stream).await {
            Err(result) => result,
            Ok(byte) => {
                // Patches are small and must not wait for one another. Where this cannot be had, they are merely later.
                let _ = stream.set_nodelay(true);
                let wire = Wire::new(stream);
                match tls {
                    None => self.talk(Guest::new(wire.clone(), wire, place)).await,
                    Some(_) if byte != TLS_HANDSHAKE => turn_away(wire).await,
                    Some(tls) => match self.agree(wire.clone(), &tls).await {
                        Ok(stream) => self.talk(Guest::new(stream, wire, place)).await,
                        Err(result) => result,
                    },
                }
            }
        };
        self.door.metrics.connection(result);
    }

    /// The first byte, left where it is.
    async fn first_byte(&self, stream: &TcpStream) -> Result<u8, &'static str> {
        let mut byte = [0];
        let first = tokio::select! {
            () = self.life.stopping() => return Err("stopped"),
            first = timeout(self.door.limits.first_byte, stream.peek(&mut byte)) => first,
        };
        match first {
            Ok(Ok(1..)) => Ok(byte[0]),
            Ok(Ok(0)) | Err(_) => Err("silent"),
            Ok(Err(_)) => Err("broken"),
        }
    }

    /// A handshake costs us more than it costs whoever asks for it, and has a limit of its own.
    async fn agree(&self, wire: Wire, tls: &Tls) -> Result<TlsStream<Wire>, &'static str> {
        tokio::select! {
            () = self.life.stopping() => Err("stopped"),
            agreed = timeout(self.door.limits.handshake, tls.accept(wire)) => match agreed {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(_)) => Err("no_tls"),
                Err(_) => Err("slow"),
            },
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, guest: Guest<S>) -> &'static str {
        let (asked, luggage) = (AtomicBool::new(false), guest.luggage());
        let wire = luggage.wire();
        let service = hyper::service::service_fn(|mut request: hyper::Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(self.peer));
            request.extensions_mut().insert(luggage.clone());
            let mut app = self.app.clone();
            async move { app.call(request).await.map_err(|never: Infallible| never) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.door.limits.header)
                .max_buf_size(HEADER_BYTES)
                .serve_connection(TokioIo::new(guest), service)
                .with_upgrades()
        );
        let mut stuck = pin!(wire.stuck(self.door.limits.stuck));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stuck.as_mut() => return "stuck",
            () = self.life.stopping() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = stuck => return "stuck",
                }
            }
        };
        match ended {
            Ok(()) => "served",
            // After an answer, the same time limit ends a connection that merely rests.
            Err(error) if error.is_timeout() && asked.load(Ordering::Relaxed) => "served",
            Err(error) if error.is_timeout() => "slow",
            Err(_) => "broken",
        }
    }
}

/// Somebody typed `http://` where only `https://` is spoken, and is told so.
async fn turn_away(mut wire: Wire) -> &'static str {
    let sentence = "This address speaks HTTPS only: begin it with https://.\n";
    let length = sentence.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{sentence}"
    );
    // So few bytes fit into any socket's buffer: this does not wait.
    let _ = wire.write_all(answer.as_bytes()).await;
    // What they said is taken in, or closing would take the answer away again.
    let _ = wire.stream().try_read(&mut [0; 4096]);
    "no_tls"
}

#[cfg(test)]
mod tests;
