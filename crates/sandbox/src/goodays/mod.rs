//! Goodays: customers answer surveys, webhooks report it, and the API takes actions (apis.md A.2).

mod feedback;
mod payload;
mod response;
mod routes;
#[cfg(test)]
mod tests;
mod verbatims;
pub mod webhook;

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use url::Url;

use super::contact_center::Event;
use super::simulation::Simulation;
use base::{Lifecycle, Secret};
use feedback::Feedback;
pub use routes::router;
#[cfg(test)]
pub use webhook::sign as sign_for_tests;

/// The state that the routes, the simulation and the control API share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Goodays {
    feedback: Arc<Mutex<Feedback>>,
    token: Secret,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    target: watch::Sender<Option<Url>>,
}

impl Goodays {
    /// Starts the task that delivers webhooks, signed with `hmac_secret`.
    #[must_use]
    pub fn start(seed: u64, token: Secret, hmac_secret: Secret, client: reqwest::Client, life: &Lifecycle) -> Self {
        let (outbox, events) = mpsc::unbounded_channel();
        let (target, address) = watch::channel(None);
        let signed = ("x-hmac-sha256", hmac_secret);
        life.spawn(webhook::deliver(events, address, signed, client, life.clone()));
        Self { feedback: Arc::new(Mutex::new(Feedback::new(seed))), token, outbox, target }
    }

    /// Sets the target of the webhooks; undelivered ones are sent there too.
    pub fn send_to(&self, url: Url) {
        self.target.send_replace(Some(url));
    }

    /// Lets customers whose contact ended, or who got a reply, answer when it is due.
    pub fn follow(&self, simulation: &Simulation, events: &[Event]) {
        let (moment, timeline) = simulation.read(|center, timeline| (center.now(), timeline));
        let mut feedback = self.feedback.lock();
        for event in events {
            if let Event::Finished(session) = event {
                feedback.plan_response(session, moment);
            }
        }
        let webhooks = feedback.step(moment, |moment| timeline.time(moment));
        drop(feedback);
        webhooks.iter().for_each(|event| self.post(event));
    }

    /// Lets a customer with an open contact answer now. Returns the response's id; `None` without an open contact.
    pub fn respond_now(&self, simulation: &Simulation) -> Option<String> {
        let now = simulation.now();
        let session = simulation.read(|center, _| center.sessions().values().next().cloned())?;
        let (id, event) = self.feedback.lock().respond(&session, now);
        self.post(&event);
        Some(id)
    }

    fn post(&self, event: &Value) {
        // The receiver is gone only when the sandbox has stopped.
        let _ = self.outbox.send(event.to_string().into_bytes());
    }
}
