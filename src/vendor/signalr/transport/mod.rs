//! How frames travel. A further transport is one more file here and one more arm in [`Wire`].

use std::sync::Arc;

use url::Url;

use super::{Error, Transport};
use crate::base::Secret;

mod server_sent_events;
mod web_sockets;

/// What a transport delivers.
pub enum Incoming {
    /// A frame, not yet understood.
    Frame(Vec<u8>),
    /// Bytes without a frame: a sign of life.
    Life,
}

/// An open transport.
pub enum Wire {
    /// See [`Transport::WebSockets`].
    WebSockets(Box<web_sockets::Socket>),
    /// See [`Transport::ServerSentEvents`].
    ServerSentEvents(server_sent_events::Stream),
}

/// Opens transports.
#[derive(Clone)]
pub struct Opener {
    streaming: reqwest::Client,
    max_frame: usize,
}

/// What to open: the command for messages, the complete address, and the token to show.
pub struct Target {
    /// `connect` or `reconnect`.
    pub command: &'static str,
    /// The complete address.
    pub address: Url,
    /// Goes into the `Authorization` header.
    pub bearer: Option<Arc<Secret>>,
}

impl Opener {
    /// Opens transports that accept frames of up to `max_frame` bytes.
    pub fn new(streaming: reqwest::Client, max_frame: usize) -> Self {
        Self { streaming, max_frame }
    }

    /// Opens one. The caller limits how long that may take.
    pub async fn open(&self, transport: Transport, target: Target) -> Result<Wire, Error> {
        match transport {
            Transport::WebSockets => {
                web_sockets::open(target, self.max_frame).await.map(|socket| Wire::WebSockets(Box::new(socket)))
            }
            Transport::ServerSentEvents => {
                server_sent_events::open(&self.streaming, target, self.max_frame).await.map(Wire::ServerSentEvents)
            }
        }
    }
}

impl Wire {
    /// What came next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        match self {
            Self::WebSockets(socket) => socket.next().await,
            Self::ServerSentEvents(stream) => stream.next().await,
        }
    }
}
