//! Delivers survey requests to Agent Connect.

use super::error_rate::ErrorRate;
use super::{KINDS, RECOVERY, SHOWN, Surveys};
use crate::actions::outbox::{DeliveryOutcome, Destination};
use crate::domain::SourceState;
use crate::gold::Reporter;
use crate::store::{OutboxEntry, Store};
use crate::upstream::agent_connect::{Accepted, AgentConnect, Recovery, Request, SendError};
use base::Clock;
use base::metrics::Metrics;

pub(super) struct AgentConnectDestination {
    surveys: Surveys,
    upstream: AgentConnect,
    clock: Clock,
    metrics: Metrics,
    reporter: Reporter,
    error_rate: ErrorRate,
}

impl AgentConnectDestination {
    pub fn new(
        surveys: Surveys,
        upstream: AgentConnect,
        mut reporter: Reporter,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        reporter.transport(Some("REST"));
        reporter.set_state(SourceState::Live, None);
        Self { surveys, upstream, clock, metrics, reporter, error_rate: ErrorRate::default() }
    }

    fn record(&mut self, request: &str, sent: &Result<Accepted, SendError>) {
        let (result, cause) = match sent {
            Ok(_) => ("accepted", "none"),
            Err(SendError::Rejected { .. }) => ("rejected", "upstream"),
            Err(SendError::Invalid(_) | SendError::Misconfigured(_)) => ("rejected", "invalid"),
            Err(SendError::NoAnswer(_)) => ("unknown", "unanswered"),
            Err(SendError::ServerError { .. }) => ("unknown", "broken"),
            Err(SendError::UnusableReceipt { .. }) => ("unknown", "strange"),
            Err(SendError::Redirected { .. }) => ("failed", "redirected"),
            Err(SendError::Overloaded { .. }) => ("failed", "overloaded"),
            Err(SendError::NotSent(_)) => ("failed", "unreachable"),
            Err(SendError::KeyRefused) => ("failed", "key"),
        };
        self.metrics.survey_request(result, cause);
        let now = self.clock.now();
        self.error_rate.record(now, request, sent.is_err());
        self.metrics.survey_error_ratio(self.error_rate.ratio(now));
        self.reporter.count(result);
        match sent {
            Ok(_) | Err(SendError::Rejected { .. } | SendError::Invalid(_)) => {
                self.reporter.received(1);
                self.reporter.set_state(SourceState::Live, self.error_rate.alarm(now).as_deref());
            }
            Err(error) => self.reporter.set_state(SourceState::Down, Some(&error.to_string())),
        }
    }
}

impl Destination for AgentConnectDestination {
    const KINDS: &'static [&'static str] = &KINDS;
    const NAME: &'static str = "survey requests";
    const SHOWN: u32 = SHOWN;

    fn store(&self) -> &Store {
        &self.surveys.0.store
    }

    async fn requested(&self) {
        self.surveys.0.requested.notified().await;
    }

    async fn deliver(&mut self, entry: &OutboxEntry) -> DeliveryOutcome {
        let unreadable = || DeliveryOutcome::Rejected("The request in the outbox cannot be read.".to_owned());
        let sent = if entry.kind == RECOVERY {
            let Ok(recovery) = serde_json::from_value::<Recovery>(entry.body.clone()) else { return unreadable() };
            self.upstream.recover(&recovery).await
        } else {
            let Ok(request) = serde_json::from_value::<Request>(entry.body.clone()) else { return unreadable() };
            self.upstream.send(&request).await
        };
        self.record(&entry.id, &sent);
        match sent {
            Ok(accepted) => DeliveryOutcome::Accepted(Some(serde_json::json!({
                "request_id": accepted.request_id,
                "raw": accepted.raw,
            }))),
            Err(SendError::Rejected { reason, status }) => {
                DeliveryOutcome::Rejected(reason.unwrap_or_else(|| format!("Refused with status {status}.")))
            }
            Err(
                error @ (SendError::NoAnswer(_) | SendError::ServerError { .. } | SendError::UnusableReceipt { .. }),
            ) => DeliveryOutcome::Unknown(error.to_string()),
            Err(error @ SendError::Redirected { .. }) => {
                DeliveryOutcome::RetryLater { reason: error.to_string(), retry_after: None }
            }
            Err(error @ SendError::Overloaded { retry_after, .. }) => {
                DeliveryOutcome::RetryLater { reason: error.to_string(), retry_after }
            }
            Err(error @ SendError::NotSent(_)) => {
                DeliveryOutcome::RetryLater { reason: error.to_string(), retry_after: None }
            }
            Err(error @ SendError::KeyRefused) => DeliveryOutcome::NeedsRepair(error.to_string()),
            Err(error @ (SendError::Invalid(_) | SendError::Misconfigured(_))) => {
                DeliveryOutcome::Rejected(error.to_string())
            }
        }
    }

    async fn publish(&self, entry: &OutboxEntry) {
        self.surveys.publish(entry).await;
    }

    async fn round_ended(&mut self, is_outbox_usable: bool) {
        if !is_outbox_usable {
            self.reporter.set_state(SourceState::Stale, Some("The outbox cannot be used; survey requests wait."));
        } else if self.reporter.state() != SourceState::Down {
            let alarm = self.error_rate.alarm(self.clock.now());
            self.reporter.set_state(SourceState::Live, alarm.as_deref());
        }
        self.reporter.publish().await;
    }
}
