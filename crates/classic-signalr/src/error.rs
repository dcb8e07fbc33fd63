//! Errors.

use thiserror::Error;

use super::{CredentialError, Transport};

/// Why connecting failed, or why a transport was lost.
///
/// No message contains a token, a URL with its query, or the content of a frame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The credentials gave no bearer token.
    #[error("there is no bearer token for the SignalR server")]
    Credentials(#[source] CredentialError),
    /// The server answered with a status that is no success.
    #[error("{host} answered {} to SignalR's {command}", describe(*status))]
    HttpStatus {
        /// The command, such as `negotiate`.
        command: &'static str,
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server could not be reached, or its answer broke off.
    #[error("{host} could not be reached for SignalR's {command}")]
    Unreachable {
        /// The command, such as `negotiate`.
        command: &'static str,
        /// The server.
        host: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not one of classic SignalR.
    #[error("{host} answered SignalR's {command} with something else: does the URL lead to a SignalR endpoint?")]
    NotSignalR {
        /// The command, such as `negotiate`.
        command: &'static str,
        /// The server.
        host: String,
    },
    /// The server speaks ASP.NET Core SignalR.
    #[error("{host} speaks ASP.NET Core SignalR, which is another protocol: the URL leads to the wrong server")]
    AspNetCore {
        /// The server.
        host: String,
    },
    /// The server speaks a protocol version that this client does not.
    #[error("{host} speaks version {version:?} of classic SignalR's protocol, and this client only 1.2 to 2.1")]
    UnsupportedVersion {
        /// The server.
        host: String,
        /// The first characters of its version.
        version: String,
    },
    /// The server answered `negotiate` with an error.
    #[error("{host} refused to negotiate: {text}")]
    Negotiation {
        /// The server.
        host: String,
        /// The first characters of its error.
        text: String,
    },
    /// `negotiate` redirects to a host that is not allowed, or to a URL that is not encrypted.
    #[error("the SignalR server redirected to {host}, which is not an allowed host or not a secure address")]
    RedirectNotAllowed {
        /// The host.
        host: String,
    },
    /// `negotiate` redirected more than five times.
    #[error("the SignalR server redirected too many times")]
    TooManyRedirects,
    /// The server offers none of the transports in the settings.
    #[error("the server offers none of the configured SignalR transports")]
    NoTransport,
    /// The transport did not open in time, or opened and brought no init message.
    #[error("nothing came over {transport} in time")]
    TransportTimeout {
        /// The transport.
        transport: Transport,
    },
    /// Nothing came for the keep-alive timeout.
    #[error("nothing was heard from the server for {seconds} seconds")]
    KeepAliveTimeout {
        /// For how long.
        seconds: u64,
    },
    /// The server closed the transport.
    #[error("the server closed the connection")]
    Closed,
    /// The transport broke.
    #[error("the connection broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server goes away or restarts, and asked for a reconnect.
    #[error("the server asked for a reconnect")]
    ServerReconnect,
    /// The server ended the connection with an error.
    #[error("the server ended the connection with an error")]
    ServerError,
    /// A frame or another answer is larger than allowed.
    #[error("a frame is larger than {limit} bytes")]
    FrameTooLarge {
        /// The limit.
        limit: usize,
    },
    /// A frame is not one JSON object.
    #[error("a frame is invalid from line {line}, column {column} on")]
    MalformedFrame {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A message in a frame is not a hub call.
    #[error("a message in a frame is no call")]
    NotAHubCall,
}

impl Error {
    /// The HTTP status, if that is the reason.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::HttpStatus { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same attempt will fail again until the settings or the server change. The next attempt comes
    /// after 30 seconds.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::AspNetCore { .. }
                | Self::UnsupportedVersion { .. }
                | Self::RedirectNotAllowed { .. }
                | Self::TooManyRedirects
                | Self::NoTransport
        )
    }
}

/// A status for people.
fn describe(status: u16) -> String {
    match status {
        300..=399 => format!("{status}, a redirect, which is not followed: check the address"),
        _ => status.to_string(),
    }
}
