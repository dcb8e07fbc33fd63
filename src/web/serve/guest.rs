//! The stream of whoever was let in.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::door::Place;
use super::headcount::Seat;
use super::wire::Wire;

/// A stream that holds its place for as long as it lives, whoever holds the stream by then: after an upgrade that is no
/// longer the HTTP connection but the socket.
pub(super) struct Guest<S> {
    stream: S,
    luggage: ConnectionHandle,
    _place: Place,
}

impl<S> Guest<S> {
    /// `wire` is what the stream runs over, or the stream itself.
    pub(super) fn new(stream: S, wire: Wire, place: Place) -> Self {
        Self { stream, luggage: ConnectionHandle { wire, seat: Arc::default() }, _place: place }
    }

    pub(super) fn luggage(&self) -> ConnectionHandle {
        self.luggage.clone()
    }
}

/// What a connection holds for as long as it lives, as an extension of its requests: a middleware that lets a socket
/// through does not see it end.
#[derive(Debug, Clone)]
pub struct ConnectionHandle {
    wire: Wire,
    seat: Arc<OnceLock<Seat>>,
}

impl ConnectionHandle {
    /// Carries a seat to the end. A connection becomes a socket once only.
    pub(crate) fn carry(&self, seat: Seat) {
        let _ = self.seat.set(seat);
    }

    /// The TCP connection. It stays open while this handle is held.
    pub(crate) fn wire(&self) -> Wire {
        self.wire.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guest<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guest<S> {
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
