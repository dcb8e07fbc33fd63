//! `reconnect`: a new transport for the same connection, for as long as the server may still know it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Driver, RECONNECT_DELAY};
use crate::transport::OpenTransport;
use crate::{Error, Event};

impl Driver {
    /// Tries until it works. `None`: the server has forgotten the connection, or must have by now.
    pub(super) async fn reconnect(&mut self, is_immediate: bool) -> Option<OpenTransport> {
        let mut wait = if is_immediate { Duration::from_millis(200) } else { RECONNECT_DELAY };
        loop {
            sleep(wait.mul_f64(0.5 + rand::random::<f64>())).await;
            // Checked after the wait as well as before it: the machine may have been suspended.
            if !self.can_reconnect() {
                return None;
            }
            let reason = match self.try_reconnect().await {
                Ok(transport) => {
                    let session = self.session.as_mut()?;
                    session.liveness.reconnected(Instant::now());
                    let (connection_id, transport_kind) = (session.negotiated.connection_id.clone(), session.transport);
                    self.emit(Event::Reconnected { connection_id, transport: transport_kind }).await;
                    return Some(transport);
                }
                Err(reason) => reason,
            };
            let is_forgotten = matches!(reason.status(), Some(400 | 401 | 403 | 404));
            wait = if is_forgotten { Duration::ZERO } else { RECONNECT_DELAY };
            self.emit(Event::Failed { reason, wait }).await;
            if is_forgotten {
                // Nothing is left there to abort.
                self.session = None;
            }
            if !self.can_reconnect() {
                return None;
            }
        }
    }

    async fn try_reconnect(&self) -> Result<OpenTransport, Error> {
        let Some(session) = &self.session else { return Err(Error::Closed) };
        let (limit, transport) = (session.negotiated.transport_connect, session.transport);
        let bearer = self.bearer_source(&session.negotiated);
        let open = |token| {
            let request = session.request(&self.settings, "reconnect", token, bearer.clone());
            let opening = timeout(limit, self.transports.open(transport, request));
            async move { opening.await.unwrap_or(Err(Error::TransportTimeout { transport })) }
        };
        bearer.send(open).await
    }

    fn can_reconnect(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.liveness.can_reconnect(Instant::now()))
    }
}
