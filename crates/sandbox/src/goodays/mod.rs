//! Goodays: customers answer surveys, webhooks tell about it, and actions come back (`apis.md` A.2).

mod desk;
mod payload;
mod routes;
#[cfg(test)]
mod tests;
mod verbatims;
pub mod webhook;

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use url::Url;

use super::floor::{Floor, lock};
use super::world::Happening;
use base::{Lifecycle, Secret};
use desk::Desk;
pub use routes::router;
#[cfg(test)]
pub use webhook::sign as sign_for_tests;

/// The handle that routes, the ticker and the steering wheel share.
#[derive(Debug, Clone)]
pub struct Goodays {
    desk: Arc<Mutex<Desk>>,
    token: Secret,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    target: watch::Sender<Option<Url>>,
}

impl Goodays {
    /// Opens the desk and starts the task that delivers webhooks, signed with `hmac_secret`.
    #[must_use]
    pub fn start(seed: u64, token: Secret, hmac_secret: Secret, client: reqwest::Client, life: &Lifecycle) -> Self {
        let (outbox, events) = mpsc::unbounded_channel();
        let (target, address) = watch::channel(None);
        let signed = ("x-hmac-sha256", hmac_secret);
        life.spawn(webhook::deliver(events, address, signed, client, life.clone()));
        Self { desk: Arc::new(Mutex::new(Desk::new(seed))), token, outbox, target }
    }

    /// Sends webhooks to this address from now on, those that wait included.
    pub fn send_to(&self, url: Url) {
        self.target.send_replace(Some(url));
    }

    /// Lets customers who were served, or written to, answer when their time has come.
    pub fn follow(&self, floor: &Floor, happenings: &[Happening]) {
        let (moment, doors) = floor.read(|world, doors| (world.now(), doors));
        let mut desk = lock(&self.desk);
        for happening in happenings {
            if let Happening::Finished(session) = happening {
                desk.consider(session, moment);
            }
        }
        let events = desk.step(moment, |moment| doors.time(moment));
        drop(desk);
        events.iter().for_each(|event| self.post(event));
    }

    /// Has somebody answer now who is being served.
    pub fn respond_now(&self, floor: &Floor) -> Option<String> {
        let now = floor.now();
        let session = floor.read(|world, _| world.sessions().values().next().cloned())?;
        let (id, event) = lock(&self.desk).respond(&session, now);
        self.post(&event);
        Some(id)
    }

    fn post(&self, event: &Value) {
        // Only a sandbox that has stopped has no one to take it.
        let _ = self.outbox.send(event.to_string().into_bytes());
    }
}
