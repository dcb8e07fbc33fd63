//! A client for classic ASP.NET SignalR 2.x (not ASP.NET Core). It knows no vendor.
//!
//! [`Connection`] follows a hub for ever: it negotiates, opens the best transport, resumes after an interruption and
//! begins anew when it cannot. What happens is told as [`Event`]s. The rules are those of `signalr.md`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::cookie::{CookieStore, Jar};
use serde_json::value::RawValue;
use url::Url;

mod address;
mod bearer;
mod connection;
mod driver;
mod error;
mod frame;
mod http;
mod liveness;
mod negotiate;
mod position;
mod sse;
mod transport;

pub use connection::Connection;
pub use error::Error;
pub use frame::Frame;
pub use secrecy::SecretString;

/// Repairs JSON that `serde_json` refuses, such as half of a surrogate pair. `None`: there is nothing to repair, or it is
/// no JSON at all.
pub type RepairJson = fn(&[u8]) -> Option<String>;

/// What to connect to, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The URL of the endpoint, below which `negotiate`, `connect` and the other commands are: `https://host/signalr`.
    pub url: Url,
    /// The hub whose calls to receive. Names compare without case.
    pub hub: String,
    /// The protocol version to offer: [`DEFAULT_CLIENT_PROTOCOL`].
    pub client_protocol: String,
    /// The transports to try, in this order: [`Transport::ALL`].
    pub transports: Vec<Transport>,
    /// Query parameters to add to every address.
    pub query: Vec<(String, String)>,
    /// Hosts besides that of the URL to which `negotiate` may redirect.
    pub redirect_hosts: Vec<String>,
    /// The largest frame to accept, in bytes: [`DEFAULT_MAX_FRAME_BYTES`].
    pub max_frame_bytes: usize,
    /// How often to send `ping`, which keeps a web session alive: [`DEFAULT_PING_INTERVAL`].
    pub ping_interval: Duration,
    /// Where cookies are kept. A load balancer may need them to find the server that knows the connection.
    pub cookies: Arc<dyn CookieStore>,
    /// Applied to a frame, or to one message in it, that cannot be read: nothing.
    pub repair_json: Option<RepairJson>,
}

impl Settings {
    /// This hub at this endpoint; the rest as the fields say.
    #[must_use]
    pub fn new(url: Url, hub: impl Into<String>) -> Self {
        Self {
            url,
            hub: hub.into(),
            client_protocol: DEFAULT_CLIENT_PROTOCOL.to_owned(),
            transports: Transport::ALL.to_vec(),
            query: Vec::new(),
            redirect_hosts: Vec::new(),
            max_frame_bytes: DEFAULT_MAX_FRAME_BYTES,
            ping_interval: DEFAULT_PING_INTERVAL,
            cookies: Arc::new(Jar::default()),
            repair_json: None,
        }
    }
}

impl fmt::Debug for Settings {
    /// Without the query, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.url.host_str())
            .field("hub", &self.hub)
            .field("transports", &self.transports)
            .finish_non_exhaustive()
    }
}

/// The protocol version that is offered by default: what SignalR 2.1 to 2.3 speaks.
pub const DEFAULT_CLIENT_PROTOCOL: &str = "1.5";

/// The largest frame that is accepted by default, in bytes.
pub const DEFAULT_MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// How often `ping` is sent by default, as by Microsoft's client.
pub const DEFAULT_PING_INTERVAL: Duration = Duration::from_secs(300);

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A socket.
    WebSockets,
    /// An HTTP answer that never ends.
    ServerSentEvents,
    /// One request after the other, each answered when there is news.
    LongPolling,
}

impl Transport {
    /// All that this client speaks, in the order in which they fall back (`signalr.md` section 4).
    pub const ALL: [Self; 3] = [Self::WebSockets, Self::ServerSentEvents, Self::LongPolling];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebSockets => "webSockets",
            Self::ServerSentEvents => "serverSentEvents",
            Self::LongPolling => "longPolling",
        }
    }

    /// The transport of that name, if this client speaks it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why there is no bearer token.
pub type CredentialError = Box<dyn std::error::Error + Send + Sync>;

/// Where bearer tokens come from.
pub trait Credentials: Send + Sync {
    /// A token that is good now. `None`: the site wants none.
    fn bearer_token(&self) -> BoxFuture<'_, Result<Option<SecretString>, CredentialError>>;

    /// The server answered 401 to this token; the next [`Credentials::bearer_token`] should be another one.
    fn rejected(&self, token: &SecretString);
}

/// Credentials for a site that wants none.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn bearer_token(&self) -> BoxFuture<'_, Result<Option<SecretString>, CredentialError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn rejected(&self, _token: &SecretString) {}
}

/// A call that the server makes on a client's hub.
pub struct HubCall {
    /// The hub.
    pub hub: String,
    /// The method.
    pub method: String,
    /// The arguments, as they came.
    pub args: Vec<Box<RawValue>>,
}

impl fmt::Debug for HubCall {
    /// Arguments are other people's data and stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}(#{})", self.hub, self.method, self.args.len())
    }
}

/// What happens on a connection.
#[derive(Debug)]
pub enum Event {
    /// A new connection after a fresh negotiation: whatever was subscribed before is gone.
    Connected {
        /// What subscription calls name. Not the connection token.
        connection_id: String,
        /// How frames travel now.
        transport: Transport,
    },
    /// The same connection, after an interruption. Messages may be lost all the same (`signalr.md` section 8).
    Reconnected {
        /// The same as before.
        connection_id: String,
        /// How frames travel now.
        transport: Transport,
    },
    /// The server called.
    Call(HubCall),
    /// Nothing was heard for two thirds of the keep-alive time.
    Slow,
    /// Something was heard again after [`Event::Slow`], on the same transport.
    Recovered,
    /// The transport is gone; resuming has begun.
    Lost {
        /// Why.
        reason: Error,
    },
    /// A frame, or one message in it, was skipped because it makes no sense.
    Malformed {
        /// Where it stopped making sense.
        reason: Error,
    },
    /// An attempt to open or resume failed. Another one follows.
    Failed {
        /// Why.
        reason: Error,
        /// After how long the next attempt begins.
        wait: Duration,
    },
}

/// The fuzzers' door: whatever a server sends is read as a frame, and as events with frames in them.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let _ = frame::Frame::parse(bytes);
    // Wherever the network splits a stream, the events are the same.
    let whole = sse::Decoder::new(DEFAULT_MAX_FRAME_BYTES).feed(bytes);
    let mut decoder = sse::Decoder::new(DEFAULT_MAX_FRAME_BYTES);
    let pieces: Result<Vec<_>, _> = bytes.chunks(3).map(|piece| decoder.feed(piece)).collect();
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces.concat());
        for event in whole {
            let _ = frame::Frame::parse(&event);
        }
    }
}
