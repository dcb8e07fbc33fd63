//! Knows the way to Agent Connect.

use super::error_rate::ErrorRate;
use super::{KINDS, RECOVERY, SHOWN, Surveys};
use crate::actions::courier::{Carried, Carrier};
use crate::base::Clock;
use crate::base::metrics::Metrics;
use crate::domain::SourceState;
use crate::gold::Reporter;
use crate::store::{Intent, Store};
use crate::vendor::agent_connect::{Accepted, AgentConnect, Recovery, Request, SendError};

pub(super) struct SurveyCarrier {
    desk: Surveys,
    vendor: AgentConnect,
    clock: Clock,
    metrics: Metrics,
    reporter: Reporter,
    error_rate: ErrorRate,
}

impl SurveyCarrier {
    pub fn new(desk: Surveys, vendor: AgentConnect, mut reporter: Reporter, clock: Clock, metrics: Metrics) -> Self {
        reporter.transport(Some("REST"));
        reporter.set(SourceState::Live, None);
        Self { desk, vendor, clock, metrics, reporter, error_rate: ErrorRate::default() }
    }

    fn note(&mut self, request: &str, sent: &Result<Accepted, SendError>) {
        let (result, cause) = match sent {
            Ok(_) => ("accepted", "none"),
            Err(SendError::Rejected { .. }) => ("rejected", "vendor"),
            Err(SendError::Invalid(_) | SendError::Misconfigured(_)) => ("rejected", "invalid"),
            Err(SendError::Unanswered(_)) => ("unknown", "unanswered"),
            Err(SendError::Broken { .. }) => ("unknown", "broken"),
            Err(SendError::Strange { .. }) => ("unknown", "strange"),
            Err(SendError::Redirected { .. }) => ("failed", "redirected"),
            Err(SendError::Overloaded { .. }) => ("failed", "overloaded"),
            Err(SendError::NotSent(_)) => ("failed", "unreachable"),
            Err(SendError::KeyRefused) => ("failed", "key"),
        };
        self.metrics.survey_request(result, cause);
        let now = self.clock.now();
        self.error_rate.ended(now, request, sent.is_err());
        self.metrics.survey_error_ratio(self.error_rate.share(now));
        self.reporter.count(result);
        match sent {
            Ok(_) | Err(SendError::Rejected { .. } | SendError::Invalid(_)) => {
                self.reporter.heard(1);
                self.reporter.set(SourceState::Live, self.error_rate.alarm(now).as_deref());
            }
            Err(error) => self.reporter.set(SourceState::Down, Some(&error.to_string())),
        }
    }
}

impl Carrier for SurveyCarrier {
    const KINDS: &'static [&'static str] = &KINDS;
    const WHAT: &'static str = "survey requests";
    const SHOWN: u32 = SHOWN;

    fn store(&self) -> &Store {
        &self.desk.0.store
    }

    async fn knocked(&self) {
        self.desk.0.asked.notified().await;
    }

    async fn carry(&mut self, intent: &Intent) -> Carried {
        let unreadable = || Carried::Rejected("The request in the outbox cannot be read.".to_owned());
        let sent = if intent.kind == RECOVERY {
            let Ok(recovery) = serde_json::from_value::<Recovery>(intent.body.clone()) else { return unreadable() };
            self.vendor.recover(&recovery).await
        } else {
            let Ok(request) = serde_json::from_value::<Request>(intent.body.clone()) else { return unreadable() };
            self.vendor.send(&request).await
        };
        self.note(&intent.id, &sent);
        match sent {
            Ok(accepted) => Carried::Accepted(Some(serde_json::json!({
                "request_id": accepted.request_id,
                "raw": accepted.raw,
            }))),
            Err(SendError::Rejected { reason, status }) => {
                Carried::Rejected(reason.unwrap_or_else(|| format!("Refused with status {status}.")))
            }
            Err(error @ (SendError::Unanswered(_) | SendError::Broken { .. } | SendError::Strange { .. })) => {
                Carried::Unknown(error.to_string())
            }
            Err(error @ SendError::Redirected { .. }) => {
                Carried::NotNow { reason: error.to_string(), retry_after: None }
            }
            Err(error @ SendError::Overloaded { retry_after, .. }) => {
                Carried::NotNow { reason: error.to_string(), retry_after }
            }
            Err(error @ SendError::NotSent(_)) => Carried::NotNow { reason: error.to_string(), retry_after: None },
            Err(error @ SendError::KeyRefused) => Carried::NotUntilMended(error.to_string()),
            Err(error @ (SendError::Invalid(_) | SendError::Misconfigured(_))) => Carried::Rejected(error.to_string()),
        }
    }

    async fn show(&self, intent: &Intent) {
        self.desk.tell(intent).await;
    }

    async fn rest(&mut self, well: bool) {
        if !well {
            self.reporter.set(SourceState::Stale, Some("The outbox cannot be used; survey requests wait."));
        } else if self.reporter.state() != SourceState::Down {
            let alarm = self.error_rate.alarm(self.clock.now());
            self.reporter.set(SourceState::Live, alarm.as_deref());
        }
        self.reporter.tell().await;
    }
}
