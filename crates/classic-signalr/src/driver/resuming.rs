//! Resuming: the same connection over a new transport, while the server may remember it (`signalr.md` section 7).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Driver, RESUME_PAUSE};
use crate::transport::Wire;
use crate::{Error, Event};

impl Driver {
    /// Opens the same connection again, as long as the server may remember it.
    pub(super) async fn resume(&mut self, hurry: bool) -> Option<Wire> {
        let mut wait = if hurry { Duration::from_millis(200) } else { RESUME_PAUSE };
        loop {
            sleep(wait.mul_f64(0.5 + rand::random::<f64>())).await;
            // After the wait as well as before it: the machine may have slept longer than it meant to.
            if !self.can_resume() {
                return None;
            }
            let reason = match self.reopen().await {
                Ok(wire) => {
                    let current = self.current.as_mut()?;
                    current.liveness.opened(Instant::now());
                    let (connection_id, transport) = (current.agreed.id.clone(), current.transport);
                    self.tell(Event::Reconnected { connection_id, transport }).await;
                    return Some(wire);
                }
                Err(reason) => reason,
            };
            let forgotten = matches!(reason.status(), Some(400 | 401 | 403 | 404));
            wait = if forgotten { Duration::ZERO } else { RESUME_PAUSE };
            self.tell(Event::Failed { reason, wait }).await;
            if forgotten {
                // There is nothing left there that could be aborted.
                self.current = None;
            }
            if !self.can_resume() {
                return None;
            }
        }
    }

    async fn reopen(&self) -> Result<Wire, Error> {
        let Some(current) = &self.current else { return Err(Error::Closed) };
        let (limit, transport) = (current.agreed.connect, current.transport);
        let bearer = self.bearer_of(&current.agreed);
        let open = |token| {
            let target = current.target(&self.settings, "reconnect", token, bearer.clone());
            let opening = timeout(limit, self.opener.open(transport, target));
            async move { opening.await.unwrap_or(Err(Error::TransportTimeout { transport })) }
        };
        bearer.show(open).await
    }

    fn can_resume(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.liveness.can_resume(Instant::now()))
    }
}
