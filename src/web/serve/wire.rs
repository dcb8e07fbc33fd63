//! The TCP connection below a request, with or without TLS in between: what a WebSocket must know of it and may set.

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

/// The kernel's send buffer of a WebSocket. Linux doubles it for its own bookkeeping.
const SEND_BUFFER: usize = 64 * 1024;

/// A WebSocket is writable when fewer bytes than this have not been sent yet.
const UNSENT: u32 = 1024;

/// A handle to the connection that is also its stream. Cheap to clone; the connection closes with its last handle.
#[derive(Debug, Clone)]
pub(crate) struct Wire(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: TcpStream,
    /// Whether the kernel refused the last write because there was no room.
    is_full: AtomicBool,
    /// How often it took bytes again after it had no room: the peer has read in between.
    room_made: AtomicU64,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Shared { stream, is_full: AtomicBool::new(false), room_made: AtomicU64::new(0) }))
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.0.stream
    }

    /// Keeps what the kernel holds unsent small from now on, so that a slow reader gets what is, not what was. Pages do not
    /// have this: a whole answer is known when its first byte goes out, and only the kernel's own sizes fill a long link.
    pub(crate) fn bound_unsent(&self) {
        let socket = SockRef::from(&self.0.stream);
        // Where it cannot be had, a slow reader is later, and nothing else.
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
    }

    /// Resolves when the kernel has next to nothing left to send.
    pub(crate) async fn drained(&self) {
        // tokio remembers that a socket was writable until a write is refused: this asks the kernel.
        let writable = || {
            let mut fds = [PollFd::new(&self.0.stream, PollFlags::OUT)];
            match poll(&mut fds, Some(&Timespec::default())) {
                Ok(0) => {
                    self.0.is_full.store(true, Ordering::Relaxed);
                    Err(io::ErrorKind::WouldBlock.into())
                }
                // A connection that is broken takes no more either, and says so to the next write.
                Ok(_) | Err(_) => {
                    self.note_room();
                    Ok(())
                }
            }
        };
        let _ = self.0.stream.async_io(Interest::WRITABLE, writable).await;
    }

    /// Resolves when the peer has made no room for so long where there was none: it does not read what it asked for. As
    /// elsewhere (nginx calls it `send_timeout`), the time is that between two writes and not that of the answer.
    pub(crate) async fn stuck(&self, limit: Duration) {
        let (mut room_made, mut since) = (self.room_made(), Instant::now());
        loop {
            sleep(limit / 8).await;
            let is_full = self.0.is_full.load(Ordering::Relaxed);
            if !is_full || self.room_made() != room_made {
                (room_made, since) = (self.room_made(), Instant::now());
            } else if since.elapsed() >= limit {
                return;
            }
        }
    }

    /// How often the peer has made room where there was none, which it does only by reading.
    pub(crate) fn room_made(&self) -> u64 {
        self.0.room_made.load(Ordering::Relaxed)
    }

    fn note_room(&self) {
        if self.0.is_full.swap(false, Ordering::Relaxed) {
            self.0.room_made.fetch_add(1, Ordering::Relaxed);
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
                    self.note_room();
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

impl AsyncRead for Wire {
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

impl AsyncWrite for Wire {
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
