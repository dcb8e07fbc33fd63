//! Carries requests from the outbox to Agent Connect, one at a time and in order.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::error_rate::ErrorRate;
use super::{KIND, SHOWN, Surveys};
use crate::base::metrics::Metrics;
use crate::base::{Backoff, Clock, Lifecycle};
use crate::domain::SourceState;
use crate::gold::Reporter;
use crate::store::{Intent, Outcome, StoreError};
use crate::vendor::agent_connect::{Accepted, AgentConnect, Request, SendError};

/// How long the courier sleeps when nothing is due: requests that wait for their next try come due without a knock.
const ROUND: Duration = Duration::from_secs(5);

/// The pauses after a try that surely did not arrive, each give or take a fifth so that many do not come at once.
const PAUSES: [SignedDuration; 4] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
];

pub(super) struct Courier {
    desk: Surveys,
    vendor: AgentConnect,
    clock: Clock,
    metrics: Metrics,
    reporter: Reporter,
    error_rate: ErrorRate,
    /// Whether the outbox may hold a claim that we do not know of.
    doubtful: bool,
}

impl Courier {
    pub fn new(desk: Surveys, vendor: AgentConnect, reporter: Reporter, clock: Clock, metrics: Metrics) -> Self {
        Self { desk, vendor, clock, metrics, reporter, error_rate: ErrorRate::default(), doubtful: false }
    }

    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some("REST"));
        self.reporter.set(SourceState::Live, None);
        if let Err(error) = self.show_earlier().await {
            tracing::error!(error = %error, "earlier survey requests cannot be read");
        }
        loop {
            match self.carry_all(&life).await {
                Ok(()) if self.reporter.state() == SourceState::Stale => self.reporter.set(SourceState::Live, None),
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(error = %error, "the outbox cannot be used; survey requests wait");
                    self.reporter.set(SourceState::Stale, Some("The outbox cannot be used; survey requests wait."));
                    self.doubtful = true;
                }
            }
            self.reporter.tell().await;
            tokio::select! {
                () = life.stopping() => return,
                () = self.desk.0.asked.notified() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn show_earlier(&self) -> Result<(), StoreError> {
        for intent in self.desk.0.store.intents(KIND, SHOWN).await?.iter().rev() {
            self.desk.tell(intent).await;
        }
        Ok(())
    }

    async fn carry_all(&mut self, life: &Lifecycle) -> Result<(), StoreError> {
        if self.doubtful {
            // A claim may have been written though it was not confirmed. Nothing is on its way while we are here.
            self.desk.0.store.recall(KIND).await?;
            self.doubtful = false;
        }
        while !life.is_stopping() {
            // One at a time: what is claimed and not sent when the process ends would be unknown for no reason.
            let Some(intent) = self.desk.0.store.claim_due(KIND, self.clock.now(), 1).await?.pop() else {
                return Ok(());
            };
            self.desk.tell(&intent).await;
            let outcome = self.carry(&intent).await;
            let settled = self.settle(&intent, outcome).await;
            self.desk.tell(&settled).await;
            self.reporter.tell().await;
        }
        Ok(())
    }

    /// Notes how it ended, however long the store cannot take it: forgotten, the request would look unsent, and somebody
    /// would send it again.
    async fn settle(&self, intent: &Intent, outcome: Outcome) -> Intent {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            match self.desk.0.store.settle(&intent.id, outcome.clone()).await {
                Ok(settled) => return settled,
                Err(error) => tracing::error!(error = %error, "how a survey request ended cannot be written down yet"),
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    async fn carry(&mut self, intent: &Intent) -> Outcome {
        let Ok(request) = serde_json::from_value::<Request>(intent.body.clone()) else {
            return Outcome::rejected("The request in the outbox cannot be read.");
        };
        let sent = self.vendor.send(&request).await;
        self.note(&sent);
        match sent {
            Ok(accepted) => Outcome::accepted(Some(serde_json::json!({
                "request_id": accepted.request_id,
                "raw": accepted.raw,
            }))),
            Err(SendError::Rejected { reason, status }) => {
                Outcome::rejected(reason.unwrap_or_else(|| format!("Refused with status {status}.")))
            }
            Err(error @ SendError::Unanswered(_)) => Outcome::unknown(error.to_string()),
            Err(error @ SendError::Overloaded { retry_after }) => {
                Outcome::failed(error.to_string(), self.next_try(intent, retry_after))
            }
            Err(error @ SendError::NotSent(_)) => Outcome::failed(error.to_string(), self.next_try(intent, None)),
            Err(error @ SendError::KeyRefused) => Outcome::failed(error.to_string(), None),
            Err(error @ (SendError::Invalid(_) | SendError::Misconfigured(_))) => Outcome::rejected(error.to_string()),
        }
    }

    fn note(&mut self, sent: &Result<Accepted, SendError>) {
        let (result, cause) = match sent {
            Ok(_) => ("accepted", "none"),
            Err(SendError::Rejected { .. }) => ("rejected", "vendor"),
            Err(SendError::Invalid(_) | SendError::Misconfigured(_)) => ("rejected", "invalid"),
            Err(SendError::Unanswered(_)) => ("unknown", "unanswered"),
            Err(SendError::Overloaded { .. }) => ("failed", "overloaded"),
            Err(SendError::NotSent(_)) => ("failed", "unreachable"),
            Err(SendError::KeyRefused) => ("failed", "key"),
        };
        self.metrics.survey_request(result, cause);
        self.metrics.survey_error_ratio(self.error_rate.ended(self.clock.now(), sent.is_err()));
        self.reporter.count(result);
        match sent {
            Ok(_) | Err(SendError::Rejected { .. } | SendError::Invalid(_)) => {
                self.reporter.heard(1);
                self.reporter.set(SourceState::Live, None);
            }
            Err(error) => self.reporter.set(SourceState::Down, Some(&error.to_string())),
        }
    }

    fn next_try(&self, intent: &Intent, retry_after: Option<Duration>) -> Option<Timestamp> {
        let tries = usize::try_from(intent.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        // After the last pause it waits for a person.
        let pause = PAUSES.get(tries)?;
        let jittered = pause.as_secs_f64() * (0.8 + 0.4 * rand::random::<f64>());
        let pause = SignedDuration::from_secs_f64(jittered);
        let asked = retry_after.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or_default();
        self.clock.now().checked_add(pause.max(asked)).ok()
    }
}
