//! What is known about the connection that exists now.

use url::Url;

use crate::base::secret::ExposeSecret;
use crate::vendor::signalr::frame::Frame;
use crate::vendor::signalr::liveness::Liveness;
use crate::vendor::signalr::negotiate::Agreement;
use crate::vendor::signalr::{Settings, Transport, address};

/// What is known about the connection that exists now.
pub struct Current {
    /// What was agreed with the server.
    pub agreed: Agreement,
    /// How frames travel.
    pub transport: Transport,
    /// Where the stream stands.
    pub cursor: Option<String>,
    /// What the server pushes for, sealed by itself.
    pub groups: Option<String>,
    /// Its clocks.
    pub liveness: Liveness,
}

impl Current {
    /// Keeps what a frame says about the stream.
    pub fn remember(&mut self, frame: &Frame) {
        if let Some(cursor) = &frame.cursor {
            self.cursor = Some(cursor.clone());
        }
        if let Some(groups) = &frame.groups {
            self.groups = Some(groups.clone());
        }
    }

    /// The address of a command of this connection.
    pub fn address(&self, settings: &Settings, command: &str) -> Url {
        let data = address::connection_data(&settings.hub);
        let mut parameters = vec![
            ("clientProtocol", settings.protocol.as_str()),
            ("transport", self.transport.as_str()),
            ("connectionData", &data),
            ("connectionToken", self.agreed.token.expose_secret()),
        ];
        if command == "reconnect" {
            parameters.extend(self.cursor.as_deref().map(|cursor| ("messageId", cursor)));
            parameters.extend(self.groups.as_deref().map(|groups| ("groupsToken", groups)));
        }
        address::command(&self.agreed.base, command, &parameters, &self.agreed.query)
    }
}
