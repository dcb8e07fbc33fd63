//! The TCP connection below a request, with or without TLS in between: what a WebSocket reads of it and sets.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// The kernel's send buffer of a WebSocket, in bytes. Linux doubles it for its own bookkeeping.
const SEND_BUFFER: usize = 64 * 1024;

/// A WebSocket is writable while fewer bytes than this are unsent.
const UNSENT: u32 = 1024;

/// A handle to the connection that is also its stream. Cheap to clone; the connection closes with its last handle.
#[derive(Debug, Clone)]
pub(crate) struct Tcp(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: TcpStream,
    /// Whether the last write found the send buffer full.
    is_full: AtomicBool,
    /// How often a write succeeded after the buffer was full, which means that the client has read in between.
    drain_count: AtomicU64,
}

impl Tcp {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Shared { stream, is_full: AtomicBool::new(false), drain_count: AtomicU64::new(0) }))
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.0.stream
    }

    /// Limits what the kernel holds unsent, so that a slow reader gets the current state and no backlog. Pages keep the
    /// kernel's own sizes, which fill a long link: a response does not change once its first byte is sent.
    pub(crate) fn limit_unsent(&self) {
        let socket = SockRef::from(&self.0.stream);
        // If this fails, a slow reader is only later.
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
    }

    /// Resolves when the kernel has almost nothing left to send.
    pub(crate) async fn drained(&self) {
        // tokio remembers that a socket was writable until a write is refused: this asks the kernel.
        let writable = || {
            let mut fds = [PollFd::new(&self.0.stream, PollFlags::OUT)];
            match poll(&mut fds, Some(&Timespec::default())) {
                Ok(0) => {
                    self.0.is_full.store(true, Ordering::Relaxed);
                    Err(io::ErrorKind::WouldBlock.into())
                }
                // A broken connection reports its error at the next write.
                Ok(_) | Err(_) => {
                    self.note_writable();
                    Ok(())
                }
            }
        };
        let _ = self.0.stream.async_io(Interest::WRITABLE, writable).await;
    }

    /// Resolves when the send buffer has been full for this long: the client does not read its response. Like nginx's
    /// `send_timeout`, this is the time between two writes, not that of the whole response.
    pub(crate) async fn stalled(&self, limit: Duration) {
        let (mut drain_count, mut since) = (self.drain_count(), Instant::now());
        loop {
            sleep(limit / 8).await;
            let is_full = self.0.is_full.load(Ordering::Relaxed);
            if !is_full || self.drain_count() != drain_count {
                (drain_count, since) = (self.drain_count(), Instant::now());
            } else if since.elapsed() >= limit {
                return;
            }
        }
    }

    /// How often the client has drained a full send buffer, which it does only by reading.
    pub(crate) fn drain_count(&self) -> u64 {
        self.0.drain_count.load(Ordering::Relaxed)
    }

    fn note_writable(&self) {
        if self.0.is_full.swap(false, Ordering::Relaxed) {
            self.0.drain_count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match write(&self.0.stream) {
                Ok(bytes) => {
                    self.note_writable();
                    return Poll::Ready(Ok(bytes));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.0.is_full.store(true, Ordering::Relaxed);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for Tcp {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read_buf(buf) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream| stream.try_write(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match SockRef::from(&self.0.stream).shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
