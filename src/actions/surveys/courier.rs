//! Carries requests from the outbox to Agent Connect, one at a time and in order.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::breaker::Breaker;
use super::error_rate::ErrorRate;
use super::{KINDS, RECOVERY, SHOWN, Surveys};
use crate::base::metrics::Metrics;
use crate::base::{Backoff, Clock, Lifecycle};
use crate::domain::SourceState;
use crate::gold::Reporter;
use crate::store::{Intent, Outcome, StoreError};
use crate::vendor::agent_connect::{Accepted, AgentConnect, Recovery, Request, SendError};

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
    breaker: Breaker,
    /// Whether the outbox may hold a claim that we do not know of.
    doubtful: bool,
}

impl Courier {
    pub fn new(desk: Surveys, vendor: AgentConnect, reporter: Reporter, clock: Clock, metrics: Metrics) -> Self {
        let (error_rate, breaker) = (ErrorRate::default(), Breaker::default());
        Self { desk, vendor, clock, metrics, reporter, error_rate, breaker, doubtful: false }
    }

    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some("REST"));
        self.reporter.set(SourceState::Live, None);
        if let Err(error) = self.show_earlier().await {
            tracing::error!(error = %error, "earlier survey requests cannot be read");
        }
        loop {
            match self.carry_all(&life).await {
                Ok(()) if self.reporter.state() != SourceState::Down => {
                    let alarm = self.error_rate.alarm(self.clock.now());
                    self.reporter.set(SourceState::Live, alarm.as_deref());
                }
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
        for kind in KINDS {
            for intent in self.desk.0.store.intents(kind, SHOWN).await?.iter().rev() {
                self.desk.tell(intent).await;
            }
        }
        Ok(())
    }

    async fn carry_all(&mut self, life: &Lifecycle) -> Result<(), StoreError> {
        if self.doubtful {
            // A claim may have been written though it was not confirmed. Nothing is on its way while we are here.
            for kind in KINDS {
                self.desk.0.store.recall(kind).await?;
            }
            self.doubtful = false;
        }
        while !life.is_stopping() && self.breaker.may(self.clock.now()) {
            let Some(intent) = self.next().await? else { return Ok(()) };
            self.desk.tell(&intent).await;
            let outcome = self.carry(&intent).await;
            let settled = self.settle(&intent, outcome).await;
            self.desk.tell(&settled).await;
            self.reporter.tell().await;
        }
        Ok(())
    }

    /// One at a time: what is claimed and not sent when the process ends would be unknown for no reason.
    async fn next(&self) -> Result<Option<Intent>, StoreError> {
        for kind in KINDS {
            if let Some(intent) = self.desk.0.store.claim_due(kind, self.clock.now(), 1).await?.pop() {
                return Ok(Some(intent));
            }
        }
        Ok(None)
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
        let unreadable = || Outcome::rejected("The request in the outbox cannot be read.");
        let sent = if intent.kind == RECOVERY {
            let Ok(recovery) = serde_json::from_value::<Recovery>(intent.body.clone()) else { return unreadable() };
            self.vendor.recover(&recovery).await
        } else {
            let Ok(request) = serde_json::from_value::<Request>(intent.body.clone()) else { return unreadable() };
            self.vendor.send(&request).await
        };
        self.note(&intent.id, &sent);
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

    fn note(&mut self, request: &str, sent: &Result<Accepted, SendError>) {
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
        let now = self.clock.now();
        self.error_rate.ended(now, request, sent.is_err());
        self.metrics.survey_error_ratio(self.error_rate.share(now));
        self.reporter.count(result);
        self.breaker.ended(now, matches!(sent, Ok(_) | Err(SendError::Rejected { .. } | SendError::Invalid(_))));
        match sent {
            Ok(_) | Err(SendError::Rejected { .. } | SendError::Invalid(_)) => {
                self.reporter.heard(1);
                self.reporter.set(SourceState::Live, self.error_rate.alarm(now).as_deref());
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
