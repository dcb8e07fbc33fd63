//! A connection whose reader takes no more bytes than it is allowed.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// The stream.
pub struct ThrottledStream {
    stream: TcpStream,
    allowance: ReadBudget,
}

/// How much may be read. Cheap to clone.
#[derive(Clone, Default)]
pub struct ReadBudget(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: usize,
    /// Whether there was nothing to read although it was allowed.
    is_idle: bool,
    /// Whether what it says is lost, so that it answers no ping.
    mute: bool,
    reader: Option<Waker>,
    giver: Option<Waker>,
}

impl ThrottledStream {
    /// Connects with the smallest receive buffer that the kernel gives, or its usual one.
    pub async fn connect(to: SocketAddr, small: bool) -> (Self, ReadBudget) {
        let socket = TcpSocket::new_v4().expect("a socket");
        if small {
            socket.set_recv_buffer_size(1).expect("the kernel takes its least");
        }
        let stream = socket.connect(to).await.expect("a connection");
        let allowance = ReadBudget::default();
        (Self { stream, allowance: allowance.clone() }, allowance)
    }

    pub fn port(&self) -> u16 {
        self.stream.local_addr().expect("an address").port()
    }
}

impl ReadBudget {
    /// So many bytes more.
    pub fn allow(&self, bytes: usize) {
        let mut state = self.0.lock().expect("no panic");
        state.bytes = state.bytes.saturating_add(bytes);
        state.is_idle = false;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// Nothing more for now.
    pub fn stop(&self) {
        self.0.lock().expect("no panic").bytes = 0;
    }

    /// From now on nothing that is written arrives.
    pub fn mute(&self) {
        self.0.lock().expect("no panic").mute = true;
    }

    /// Resolves when all that was allowed has been read, or there is nothing to read.
    pub async fn spent(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.0.lock().expect("no panic");
            if state.bytes == 0 || state.is_idle {
                state.bytes = 0;
                return Poll::Ready(());
            }
            state.giver = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl AsyncRead for ThrottledStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let allowance = self.allowance.clone();
        let mut state = allowance.0.lock().expect("no panic");
        if state.bytes == 0 {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut part = vec![0; state.bytes.min(buf.remaining())];
        let mut part = ReadBuf::new(&mut part);
        match Pin::new(&mut self.stream).poll_read(cx, &mut part) {
            Poll::Ready(result) => {
                buf.put_slice(part.filled());
                state.bytes -= part.filled().len();
                if state.bytes == 0
                    && let Some(giver) = state.giver.take()
                {
                    giver.wake();
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                state.is_idle = true;
                if let Some(giver) = state.giver.take() {
                    giver.wake();
                }
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for ThrottledStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.allowance.0.lock().expect("no panic").mute {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
