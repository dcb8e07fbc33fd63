//! What is known about the connection that exists now.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::bearer::Bearer;
use crate::liveness::Liveness;
use crate::negotiate::Agreement;
use crate::position::Position;
use crate::transport::Target;
use crate::{Settings, Transport, address};

/// What is known about the connection that exists now.
pub struct Current {
    /// What was agreed with the server.
    pub agreed: Agreement,
    /// How frames travel.
    pub transport: Transport,
    /// Where the stream stands.
    pub position: Position,
    /// Its clocks.
    pub liveness: Liveness,
}

impl Current {
    /// What to open for this connection, from where it stands.
    pub fn target(
        &self,
        settings: &Settings,
        command: &'static str,
        token: Option<Arc<SecretString>>,
        bearer: Bearer,
    ) -> Target {
        Target {
            command,
            address: self.address(settings, command),
            poll: self.address(settings, "poll"),
            token,
            bearer,
            position: self.position.clone(),
            delay: self.agreed.poll_delay,
        }
    }

    /// The address of a command of this connection.
    pub fn address(&self, settings: &Settings, command: &str) -> Url {
        let data = address::connection_data(&settings.hub);
        let parameters = [
            ("clientProtocol", self.agreed.protocol.as_str()),
            ("transport", self.transport.as_str()),
            ("connectionData", &data),
            ("connectionToken", self.agreed.token.expose_secret()),
        ];
        address::command(&self.agreed.base, command, &parameters, &self.agreed.query)
    }
}
