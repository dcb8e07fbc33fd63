//! A client for classic ASP.NET SignalR 2.x (not ASP.NET Core). It knows no vendor.
//!
//! [`Connection`] follows a hub for ever: it negotiates, opens the best transport, resumes after an interruption and
//! begins anew when it cannot. What happens is told as [`Event`]s. The rules are those of `signalr.md`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use url::Url;

use crate::base::{Cookies, Secret};

mod address;
mod bearer;
mod connection;
mod driver;
mod error;
mod frame;
mod liveness;
mod negotiate;
mod position;
mod sse;
mod transport;

pub use connection::Connection;
pub use error::Error;
pub use frame::Frame;

/// What a connection must know before it can begin.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address below which `negotiate`, `connect` and the others hang, such as `https://host/webapi/signalr`.
    pub base: Url,
    /// The hub to follow. Names compare without case.
    pub hub: String,
    /// The protocol version to offer; see [`PROTOCOL`].
    pub protocol: String,
    /// The transports to try, best first.
    pub transports: Vec<Transport>,
    /// The site's own query parameters, added to every address.
    pub query: Vec<(String, String)>,
    /// Hosts besides `base`'s own that a `RedirectUrl` may name.
    pub allowed_hosts: Vec<String>,
    /// The largest frame to accept, in bytes; see [`MAX_FRAME`].
    pub max_frame: usize,
    /// How often to ping, which keeps a web session alive; see [`PING_EVERY`].
    pub ping_every: Duration,
    /// The cookies that all requests show and set.
    pub cookies: Arc<Cookies>,
}

/// The protocol version to offer unless a site asks for another: what 2.1 to 2.3 servers speak.
pub const PROTOCOL: &str = "1.5";

/// The largest frame to accept unless configured otherwise.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// How often to ping unless a test is in a hurry: as Microsoft's client does.
pub const PING_EVERY: Duration = Duration::from_secs(300);

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
    pub fn named(name: &str) -> Option<Self> {
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
    fn bearer(&self) -> BoxFuture<'_, Result<Option<Secret>, CredentialError>>;

    /// The server answered 401 to this token; the next [`Credentials::bearer`] should be another one.
    fn refused(&self, token: &Secret);
}

/// Credentials for a site that wants none.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn bearer(&self) -> BoxFuture<'_, Result<Option<Secret>, CredentialError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn refused(&self, _token: &Secret) {}
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
    Opened {
        /// What subscription calls name. Not the connection token.
        connection_id: String,
        /// How frames travel now.
        transport: Transport,
    },
    /// The same connection, after an interruption. Messages may be lost all the same (`signalr.md` section 8).
    Resumed {
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
    Steady,
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
    let whole = sse::Decoder::new(MAX_FRAME).feed(bytes);
    let mut decoder = sse::Decoder::new(MAX_FRAME);
    let pieces: Result<Vec<_>, _> = bytes.chunks(3).map(|piece| decoder.feed(piece)).collect();
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces.concat());
        for event in whole {
            let _ = frame::Frame::parse(&event);
        }
    }
}
