//! The transports. A further one is one more file here and one more arm in [`OpenTransport`].

use std::sync::Arc;
use std::time::Duration;

use reqwest::cookie::CookieStore;
use secrecy::SecretString;
use url::Url;

use super::bearer_source::BearerSource;
use super::frame::Frame;
use super::position::Position;
use super::{Error, Transport};

mod long_polling;
mod server_sent_events;
mod web_sockets;

/// What a transport delivers.
pub enum Incoming {
    /// A frame, not yet parsed.
    Frame(Vec<u8>),
    /// Bytes that are no frame. The server is alive.
    Activity,
    /// A keep-alive on a transport where not every server writes them. From now on silence means something.
    KeepAlive,
}

/// An open transport.
pub enum OpenTransport {
    /// See [`Transport::WebSockets`].
    WebSockets(Box<web_sockets::Socket>),
    /// See [`Transport::ServerSentEvents`].
    ServerSentEvents(server_sent_events::Stream),
    /// See [`Transport::LongPolling`].
    LongPolling(Box<long_polling::Polls>),
}

/// Opens transports.
#[derive(Clone)]
pub struct TransportFactory {
    client: reqwest::Client,
    max_frame_bytes: usize,
    cookies: Arc<dyn CookieStore>,
}

/// What to open, and from which position.
pub struct ConnectRequest {
    /// `connect` or `reconnect`.
    pub command: &'static str,
    /// Its URL, without the position.
    pub url: Url,
    /// The URL of further polls.
    pub poll_url: Url,
    /// The bearer token of this request.
    pub token: Option<Arc<SecretString>>,
    /// Where further polls get theirs.
    pub bearer: BearerSource,
    /// Where to resume. Empty for `connect`.
    pub position: Position,
    /// How long to wait between polls.
    pub poll_delay: Duration,
}

impl TransportFactory {
    /// Opens transports for frames of up to `max_frame_bytes`.
    pub fn new(client: reqwest::Client, max_frame_bytes: usize, cookies: Arc<dyn CookieStore>) -> Self {
        Self { client, max_frame_bytes, cookies }
    }

    /// Opens a transport. The caller limits how long that may take.
    pub async fn open(&self, transport: Transport, request: ConnectRequest) -> Result<OpenTransport, Error> {
        match transport {
            Transport::WebSockets => {
                let socket = web_sockets::open(request, self.max_frame_bytes, &*self.cookies).await?;
                Ok(OpenTransport::WebSockets(Box::new(socket)))
            }
            Transport::ServerSentEvents => {
                let stream = server_sent_events::open(&self.client, request, self.max_frame_bytes).await?;
                Ok(OpenTransport::ServerSentEvents(stream))
            }
            Transport::LongPolling => {
                let polls = long_polling::open(&self.client, request, self.max_frame_bytes).await?;
                Ok(OpenTransport::LongPolling(Box::new(polls)))
            }
        }
    }
}

impl OpenTransport {
    /// What comes next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        match self {
            Self::WebSockets(socket) => socket.next().await,
            Self::ServerSentEvents(stream) => stream.next().await,
            Self::LongPolling(polls) => polls.next().await,
        }
    }

    /// Tells the transport which frame it has delivered. Only long polling uses this: each poll names the position.
    pub fn acknowledge(&mut self, frame: &Frame) {
        if let Self::LongPolling(polls) = self {
            polls.acknowledge(frame);
        }
    }
}
