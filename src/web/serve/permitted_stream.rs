//! A connection's stream with its permit.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admission::Permit;
use super::connection_limit::AddressPermit;
use super::tcp::Tcp;

/// A stream that holds its permit until it is dropped: by the HTTP connection, or after an upgrade by the WebSocket.
pub(super) struct PermittedStream<S> {
    stream: S,
    handle: ConnectionHandle,
    _permit: Permit,
}

impl<S> PermittedStream<S> {
    /// `tcp` is the connection below the stream, or the stream itself.
    pub(super) fn new(stream: S, tcp: Tcp, permit: Permit) -> Self {
        Self { stream, handle: ConnectionHandle { tcp, socket_permit: Arc::default() }, _permit: permit }
    }

    pub(super) fn handle(&self) -> ConnectionHandle {
        self.handle.clone()
    }
}

/// A connection, as an extension of its requests: a middleware that passes an upgrade on does not see the WebSocket
/// end.
#[derive(Debug, Clone)]
pub struct ConnectionHandle {
    tcp: Tcp,
    socket_permit: Arc<OnceLock<AddressPermit>>,
}

impl ConnectionHandle {
    /// Holds the permit of a WebSocket until the connection ends. A connection is upgraded at most once.
    pub(crate) fn hold(&self, permit: AddressPermit) {
        let _ = self.socket_permit.set(permit);
    }

    /// The TCP connection. It stays open while this handle is held.
    pub(crate) fn tcp(&self) -> Tcp {
        self.tcp.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PermittedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PermittedStream<S> {
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
