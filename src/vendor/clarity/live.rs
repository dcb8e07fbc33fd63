//! What the SignalR client must know to follow Clarity.

use std::sync::Arc;

use super::Clarity;
use crate::vendor::signalr::{self, MAX_FRAME, PING_EVERY, PROTOCOL, Transport};

impl Clarity {
    /// The settings for [`signalr::Connection::new`]. Where the hub lives is not documented, hence all of it can be
    /// configured (`apis.md` B110).
    #[must_use]
    pub fn signalr_settings(&self) -> signalr::Settings {
        let settings = self.settings();
        let mut base = settings.api_root.clone();
        base.set_path(&settings.signalr_path);
        base.set_query(None);
        signalr::Settings {
            base,
            hub: settings.hub.clone(),
            protocol: PROTOCOL.to_owned(),
            transports: settings.transports.iter().filter_map(|name| Transport::named(name)).collect(),
            query: Vec::new(),
            allowed_hosts: settings.token_hosts.clone(),
            max_frame: MAX_FRAME,
            ping_every: PING_EVERY,
            cookies: Arc::clone(self.cookies()),
        }
    }

    /// The credentials for [`signalr::Connection::new`]: the very tokens that the REST calls use.
    #[must_use]
    pub fn signalr_credentials(&self) -> Arc<dyn signalr::Credentials> {
        Arc::clone(self.tokens()) as Arc<dyn signalr::Credentials>
    }

    /// Begins to follow Clarity's pushes.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn follow(&self) -> Result<signalr::Connection, reqwest::Error> {
        signalr::Connection::new(self.signalr_settings(), self.signalr_credentials())
    }
}
