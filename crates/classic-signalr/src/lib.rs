//! A client for classic ASP.NET SignalR 2.x over `webSockets`, `serverSentEvents` and `longPolling`.
//!
//! **Classic** SignalR is the one of .NET Framework (`Microsoft.AspNet.SignalR`). ASP.NET Core SignalR is another
//! protocol, which this crate recognizes and refuses ([`Error::AspNetCore`]).
//!
//! A [`Connection`] receives the calls that a server makes on the clients of one hub. It negotiates, opens the first
//! transport that works, notices silence, reconnects with the position where it was, and connects anew when the server
//! has forgotten it. It never gives up. Everything that happens is an [`Event`].
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use classic_signalr::{Anonymous, Connection, Event, Settings};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::new("https://example.com/signalr".parse()?, "chat");
//! let mut connection = Connection::start(settings, Arc::new(Anonymous))?;
//! loop {
//!     match connection.next().await {
//!         Event::Connected { connection_id, .. } => println!("connected as {connection_id}: subscribe now"),
//!         Event::Reconnected { .. } => println!("connected again: messages may be lost"),
//!         Event::Call(call) => println!("{}.{} with {} arguments", call.hub, call.method, call.args.len()),
//!         event => println!("{event:?}"),
//!     }
//! }
//! # }
//! ```
//!
//! # What a receiver must expect
//!
//! SignalR loses messages without saying so: the server keeps the last 1,000 messages of a signal, and a groups token
//! that it cannot decrypt counts as "no groups". Read the state that you follow from its source after each
//! [`Event::Connected`] **and** each [`Event::Reconnected`].
//!
//! # What it does not do
//!
//! It does not invoke methods of the hub (`send`), does not use `foreverFrame`, and follows one hub for each
//! connection. WebSockets go past any proxy.
//!
//! # The protocol
//!
//! Microsoft has not specified it. Its documents are [Understanding and handling connection lifetime
//! events](https://learn.microsoft.com/aspnet/signalr/overview/guide-to-the-api/handling-connection-lifetime-events)
//! and [Introduction to
//! security](https://learn.microsoft.com/aspnet/signalr/overview/security/introduction-to-security); the rest is the
//! source of [SignalR/SignalR](https://github.com/SignalR/SignalR), by which this client is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::cookie::{CookieStore, Jar};
use serde_json::value::RawValue;
use url::Url;

mod bearer_source;
mod connection;
mod driver;
mod endpoint;
mod error;
mod event_stream;
mod frame;
mod http;
mod liveness;
mod negotiate;
mod position;
mod transport;

pub use connection::Connection;
pub use error::Error;
pub use frame::Frame;
pub use secrecy::SecretString;

/// Repairs JSON that `serde_json` refuses, such as half of a surrogate pair. `None`: there is nothing to repair, or it
/// is no JSON at all.
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
    /// A WebSocket.
    WebSockets,
    /// Server-sent events: an HTTP answer that never ends.
    ServerSentEvents,
    /// One HTTP request after the other, each answered when there is something to send.
    LongPolling,
}

impl Transport {
    /// All transports of this client, in the order in which Microsoft's clients fall back.
    pub const ALL: [Self; 3] = [Self::WebSockets, Self::ServerSentEvents, Self::LongPolling];

    /// The name in the protocol, such as `webSockets`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebSockets => "webSockets",
            Self::ServerSentEvents => "serverSentEvents",
            Self::LongPolling => "longPolling",
        }
    }

    /// The transport of that name, without regard to case. `None`: this client does not have it.
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
///
/// Each request has the token in its `Authorization` header. The server binds a connection to the user of the token, so
/// every token must be for the same user.
pub trait Credentials: Send + Sync {
    /// A token that is valid now. `None`: send no token.
    fn bearer_token(&self) -> BoxFuture<'_, Result<Option<SecretString>, CredentialError>>;

    /// The server answered 401 to this token. The next [`Credentials::bearer_token`] should return another one.
    fn rejected(&self, token: &SecretString);
}

/// Credentials for a server that wants no bearer token.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn bearer_token(&self) -> BoxFuture<'_, Result<Option<SecretString>, CredentialError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn rejected(&self, _token: &SecretString) {}
}

/// A call of the server to the clients of a hub.
pub struct HubCall {
    /// The hub.
    pub hub: String,
    /// The method.
    pub method: String,
    /// The arguments, as JSON.
    pub args: Vec<Box<RawValue>>,
}

impl fmt::Debug for HubCall {
    /// Without the arguments, which may be personal data and do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}(#{})", self.hub, self.method, self.args.len())
    }
}

/// What happens on a connection.
#[derive(Debug)]
pub enum Event {
    /// A new connection. Subscriptions and groups of an earlier one are gone.
    Connected {
        /// The connection's id for the application. It is not the connection token.
        connection_id: String,
        /// The transport in use.
        transport: Transport,
    },
    /// The same connection over a new transport. Messages may be lost all the same.
    Reconnected {
        /// The same id as before.
        connection_id: String,
        /// The transport in use.
        transport: Transport,
    },
    /// The server called a method.
    Call(HubCall),
    /// Nothing has come for two thirds of the keep-alive timeout.
    Slow,
    /// Something has come after [`Event::Slow`], over the same transport.
    Recovered,
    /// The transport is lost. An attempt to reconnect or to connect follows.
    Lost {
        /// Why.
        reason: Error,
    },
    /// A frame or one message in it could not be read and was skipped.
    Malformed {
        /// Why.
        reason: Error,
    },
    /// An attempt to connect or to reconnect failed. Another one follows.
    Failed {
        /// Why.
        reason: Error,
        /// How long until the next attempt.
        wait: Duration,
    },
}

/// Entry point of the fuzzer: parses bytes as a frame, and as an event stream with frames in it.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    let _ = frame::Frame::parse(bytes);
    // Where a stream is split does not matter.
    let whole = event_stream::Decoder::new(DEFAULT_MAX_FRAME_BYTES).feed(bytes);
    let mut decoder = event_stream::Decoder::new(DEFAULT_MAX_FRAME_BYTES);
    let pieces: Result<Vec<_>, _> = bytes.chunks(3).map(|piece| decoder.feed(piece)).collect();
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces.concat());
        for event in whole {
            let _ = frame::Frame::parse(&event);
        }
    }
}
