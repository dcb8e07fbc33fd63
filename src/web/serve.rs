//! The accept loop: connection limits, timeouts, TLS and graceful shutdown. `axum::serve` has no header timeout, so
//! that a client that sends nothing, or sends it slowly, would hold its connection forever.

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
use admission::{Admission, Permit};
use base::{Lifecycle, Metrics};
use permitted_stream::PermittedStream;

mod admission;
mod connection_limit;
mod permitted_stream;
mod tcp;

pub(crate) use connection_limit::ConnectionLimit;
pub(crate) use permitted_stream::ConnectionHandle;
pub(crate) use tcp::Tcp;

/// The read buffer of a connection; a longer request header is refused.
const HEADER_BYTES: usize = 64 * 1024;

/// The first byte of every TLS connection (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Limits of connections and their timeouts.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections, sockets included.
    pub connections: usize,
    /// Open connections of one address; of an IPv6 address its /64 network counts, whose owner chooses the rest.
    pub per_address: usize,
    /// Whether loopback is exempt from the limit per address: a local reverse proxy is one address for all clients.
    pub loopback_is_exempt: bool,
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte to the end of the TLS handshake.
    pub handshake: Duration,
    /// From a request's beginning to the end of its headers, and between two requests.
    pub header: Duration,
    /// How long a client may read nothing of a response. WebSockets have a timeout of their own.
    pub stalled: Duration,
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
            stalled: Duration::from_secs(45),
        }
    }
}

/// Serves the routes until shutdown, which accepts no new connection and lets each open one finish its request. An open
/// WebSocket ends when its handler ends it. The client's address is in the request's [`ConnectInfo`].
///
/// When the process is out of file descriptors, axum's listener waits a second and tries again.
pub async fn serve(
    mut listener: TcpListener,
    tls: Option<Tls>,
    app: Router,
    limits: Limits,
    metrics: Metrics,
    life: Lifecycle,
) {
    let admission = Admission::new(limits, metrics);
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = life.stopping() => return,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        match admission.admit(peer.ip()) {
            Ok(permit) => {
                let connection =
                    Connection { peer, app: app.clone(), admission: Arc::clone(&admission), life: life.clone() };
                life.spawn_isolated(connection.run(stream, tls.clone(), permit));
            }
            // Dropping the stream closes it: a flood costs us no more than that.
            Err(reason) => admission.metrics.connection(reason),
        }
    }
}

/// An accepted connection, up to its end or its upgrade to a WebSocket. Errors and results of its methods are labels of
/// `callboard_connections_total`.
struct Connection {
    peer: SocketAddr,
    app: Router,
    admission: Arc<Admission>,
    life: Lifecycle,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Tls>, permit: Permit) {
        let result = match self.first_byte(&stream).await {
            Err(result) => result,
            Ok(byte) => {
                // Patches are small and must not wait for one another. If this fails, they are only later.
                let _ = stream.set_nodelay(true);
                let tcp = Tcp::new(stream);
                match tls {
                    None => self.serve_http(PermittedStream::new(tcp.clone(), tcp, permit)).await,
                    Some(_) if byte != TLS_HANDSHAKE => refuse_plain_http(tcp).await,
                    Some(tls) => match self.tls_handshake(tcp.clone(), &tls).await {
                        Ok(stream) => self.serve_http(PermittedStream::new(stream, tcp, permit)).await,
                        Err(result) => result,
                    },
                }
            }
        };
        self.admission.metrics.connection(result);
    }

    /// Peeks at the first byte.
    async fn first_byte(&self, stream: &TcpStream) -> Result<u8, &'static str> {
        let mut byte = [0];
        let first = tokio::select! {
            () = self.life.stopping() => return Err("stopped"),
            first = timeout(self.admission.limits.first_byte, stream.peek(&mut byte)) => first,
        };
        match first {
            Ok(Ok(1..)) => Ok(byte[0]),
            Ok(Ok(0)) | Err(_) => Err("silent"),
            Ok(Err(_)) => Err("broken"),
        }
    }

    /// A handshake costs the server more than the client, hence its own timeout.
    async fn tls_handshake(&self, tcp: Tcp, tls: &Tls) -> Result<TlsStream<Tcp>, &'static str> {
        tokio::select! {
            () = self.life.stopping() => Err("stopped"),
            accepted = timeout(self.admission.limits.handshake, tls.accept(tcp)) => match accepted {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(_)) => Err("no_tls"),
                Err(_) => Err("slow"),
            },
        }
    }

    async fn serve_http<S>(&self, stream: PermittedStream<S>) -> &'static str
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (has_request, handle) = (AtomicBool::new(false), stream.handle());
        let tcp = handle.tcp();
        let service = hyper::service::service_fn(|mut request: hyper::Request<Incoming>| {
            has_request.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(self.peer));
            request.extensions_mut().insert(handle.clone());
            let mut app = self.app.clone();
            async move { app.call(request).await.map_err(|never: Infallible| never) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.admission.limits.header)
                .max_buf_size(HEADER_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let mut stalled = pin!(tcp.stalled(self.admission.limits.stalled));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stalled.as_mut() => return "stuck",
            () = self.life.stopping() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = stalled => return "stuck",
                }
            }
        };
        match ended {
            Ok(()) => "served",
            // The header timeout also ends a connection that is idle after a response.
            Err(error) if error.is_timeout() && has_request.load(Ordering::Relaxed) => "served",
            Err(error) if error.is_timeout() => "slow",
            Err(_) => "broken",
        }
    }
}

/// Answers a client that sends plain HTTP to a TLS port.
async fn refuse_plain_http(mut tcp: Tcp) -> &'static str {
    let sentence = "This address speaks HTTPS only: begin it with https://.\n";
    let length = sentence.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{sentence}"
    );
    // So few bytes fit into any send buffer: this does not wait.
    let _ = tcp.write_all(answer.as_bytes()).await;
    // Closing with unread bytes would reset the connection, and the client would lose the answer.
    let _ = tcp.stream().try_read(&mut [0; 4096]);
    "no_tls"
}

#[cfg(test)]
mod tests;
