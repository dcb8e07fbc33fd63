//! What is known about the connection that exists on the server now.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::bearer_source::BearerSource;
use crate::liveness::Liveness;
use crate::negotiate::Negotiated;
use crate::position::Position;
use crate::transport::ConnectRequest;
use crate::{Settings, Transport, endpoint};

/// What is known about the connection that exists on the server now.
pub struct Session {
    /// The answer to `negotiate`.
    pub negotiated: Negotiated,
    /// The transport in use.
    pub transport: Transport,
    /// Where to resume.
    pub position: Position,
    /// When the last data arrived from the server.
    pub liveness: Liveness,
}

impl Session {
    /// The request that opens the transport: `connect`, or `reconnect` from the position.
    pub fn request(
        &self,
        settings: &Settings,
        command: &'static str,
        token: Option<Arc<SecretString>>,
        bearer: BearerSource,
    ) -> ConnectRequest {
        ConnectRequest {
            command,
            url: self.url(settings, command),
            poll_url: self.url(settings, "poll"),
            token,
            bearer,
            position: self.position.clone(),
            poll_delay: self.negotiated.poll_delay,
        }
    }

    /// The URL of a command of this connection.
    pub fn url(&self, settings: &Settings, command: &str) -> Url {
        let data = endpoint::connection_data(&settings.hub);
        let parameters = [
            ("clientProtocol", self.negotiated.protocol.as_str()),
            ("transport", self.transport.as_str()),
            ("connectionData", &data),
            ("connectionToken", self.negotiated.connection_token.expose_secret()),
        ];
        endpoint::command(&self.negotiated.url, command, &parameters, &self.negotiated.query)
    }
}
