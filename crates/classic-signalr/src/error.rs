//! Why a connection could not be opened, or was lost.

use thiserror::Error;

use super::{CredentialError, Transport};

/// What went wrong. No message contains an address with its query, a token, or what a frame said.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no bearer token to show.
    #[error("there is no bearer token to show to the SignalR server")]
    Credentials(#[source] CredentialError),
    /// The server answered, and the answer was no.
    #[error("{host} answered {} to SignalR's {command}", described(*status))]
    HttpStatus {
        /// Which command.
        command: &'static str,
        /// Who.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server could not be reached, or the conversation broke off.
    #[error("{host} could not be reached for SignalR's {command}")]
    Unreachable {
        /// Which command.
        command: &'static str,
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not one of classic SignalR.
    #[error("{host} answered SignalR's {command} with something else: does the URL lead to a SignalR endpoint?")]
    NotSignalR {
        /// Which command.
        command: &'static str,
        /// Who.
        host: String,
    },
    /// The server speaks the newer, incompatible protocol.
    #[error("{host} speaks ASP.NET Core SignalR, which is another protocol: the URL leads to the wrong server")]
    AspNetCore {
        /// Who.
        host: String,
    },
    /// The server speaks a version that we do not.
    #[error("{host} speaks version {version:?} of classic SignalR's protocol, and this client only 1.2 to 2.1")]
    UnsupportedVersion {
        /// Who.
        host: String,
        /// What it answered, clipped.
        version: String,
    },
    /// The server said in its own words that it will not.
    #[error("{host} refused to negotiate: {text}")]
    Negotiation {
        /// Who.
        host: String,
        /// The server's words, clipped.
        text: String,
    },
    /// The server sent us somewhere we do not go.
    #[error("the SignalR server redirected to {host}, which is not an allowed host or not a secure address")]
    RedirectNotAllowed {
        /// Where.
        host: String,
    },
    /// The server sent us round in circles.
    #[error("the SignalR server redirected too many times")]
    TooManyRedirects,
    /// None of the wanted transports is offered.
    #[error("the server offers none of the configured SignalR transports")]
    NoTransport,
    /// The transport opened and nothing came.
    #[error("nothing came over {transport} in time")]
    TransportTimeout {
        /// Which transport.
        transport: Transport,
    },
    /// Nothing was heard for longer than the keep-alive time.
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
    /// The server goes away or restarts and asked us to come back.
    #[error("the server asked for a reconnect")]
    ServerReconnect,
    /// The server ended the connection with an error of its own.
    #[error("the server ended the connection with an error")]
    ServerError,
    /// A frame is larger than we accept.
    #[error("a frame is larger than {limit} bytes")]
    FrameTooLarge {
        /// How many bytes are accepted.
        limit: usize,
    },
    /// A frame is not one JSON object.
    #[error("a frame makes no sense from line {line}, column {column} on")]
    MalformedFrame {
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// A message in a frame is no call.
    #[error("a message in a frame is no call")]
    NotAHubCall,
}

impl Error {
    /// The HTTP status with which the server refused, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::HttpStatus { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether only a person can mend this, so that hurrying makes no sense.
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

/// A status for people. Redirects are never followed: an answer does not get to choose where a bearer token goes.
fn described(status: u16) -> String {
    match status {
        300..=399 => format!("{status}, a redirect, which is not followed: check the address"),
        _ => status.to_string(),
    }
}
