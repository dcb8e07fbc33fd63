//! How frames travel. A further transport is one more file here and one more arm in [`Wire`].

use std::sync::Arc;
use std::time::Duration;

use reqwest::cookie::CookieStore;
use secrecy::SecretString;
use url::Url;

use super::bearer::Bearer;
use super::frame::Frame;
use super::position::Position;
use super::{Error, Transport};

mod long_polling;
mod server_sent_events;
mod web_sockets;

/// What a transport delivers.
pub enum Incoming {
    /// A frame, not yet understood.
    Frame(Vec<u8>),
    /// Bytes without a frame: a sign of life.
    Life,
    /// A keep-alive where none is promised: from now on silence means something.
    Beat,
}

/// An open transport.
pub enum Wire {
    /// See [`Transport::WebSockets`].
    WebSockets(Box<web_sockets::Socket>),
    /// See [`Transport::ServerSentEvents`].
    ServerSentEvents(server_sent_events::Stream),
    /// See [`Transport::LongPolling`].
    LongPolling(Box<long_polling::Polls>),
}

/// Opens transports.
#[derive(Clone)]
pub struct Opener {
    streaming: reqwest::Client,
    max_frame: usize,
    cookies: Arc<dyn CookieStore>,
}

/// What to open, and from where on.
pub struct Target {
    /// `connect` or `reconnect`.
    pub command: &'static str,
    /// Its address, without the position.
    pub address: Url,
    /// The address of further polls.
    pub poll: Url,
    /// Goes into the `Authorization` header.
    pub token: Option<Arc<SecretString>>,
    /// Where further polls take theirs from.
    pub bearer: Bearer,
    /// Where the stream stands; a new one stands nowhere.
    pub position: Position,
    /// How long to wait between polls.
    pub delay: Duration,
}

impl Opener {
    /// Opens transports that accept frames of up to `max_frame` bytes.
    pub fn new(streaming: reqwest::Client, max_frame: usize, cookies: Arc<dyn CookieStore>) -> Self {
        Self { streaming, max_frame, cookies }
    }

    /// Opens one. The caller limits how long that may take.
    pub async fn open(&self, transport: Transport, target: Target) -> Result<Wire, Error> {
        match transport {
            Transport::WebSockets => {
                let socket = web_sockets::open(target, self.max_frame, &*self.cookies).await?;
                Ok(Wire::WebSockets(Box::new(socket)))
            }
            Transport::ServerSentEvents => {
                let stream = server_sent_events::open(&self.streaming, target, self.max_frame).await?;
                Ok(Wire::ServerSentEvents(stream))
            }
            Transport::LongPolling => {
                let polls = long_polling::open(&self.streaming, target, self.max_frame).await?;
                Ok(Wire::LongPolling(Box::new(polls)))
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
            Self::LongPolling(polls) => polls.next().await,
        }
    }

    /// Takes note of a frame that this transport delivered. Only polls need to: each says what has arrived.
    pub fn heed(&mut self, frame: &Frame) {
        if let Self::LongPolling(polls) = self {
            polls.heed(frame);
        }
    }
}
