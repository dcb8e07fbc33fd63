//! Processes Kustomer events from the inbox in the order in which they came, and reports closed conversations.
//!
//! Each event is acted on once: it is marked as processed when the decision about it is stored; after a restart events
//! without the mark are read again. The newest revision of each conversation is stored, because events come out of
//! order.

mod closed_conversation;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Intake;
use super::unusable_events::UnusableEvents;
use crate::config;
use crate::domain::{SourceName, SourceState};
use crate::gold::{EndedInteractions, Reporter, SurveyDecision};
use crate::store::{StoreError, UnusableReason};
use crate::upstream::kustomer::{CallError, Event, Kustomer, WireError};
use base::{Backoff, Lifecycle};

use closed_conversation::{Rules, Verdict};

/// The key of a conversation's newest revision in the store.
const REVISION: &str = "kustomer.revision";

/// The counter of conversations with several assigned users.
pub const SEVERAL_ASSIGNED: &str = "noted.severalAssigned";

/// Events read from the store at once.
const PAGE: u32 = 256;

/// A revision that is higher by this much is no revision: no conversation changes so often.
const MAX_REVISION_STEP: i64 = 1_000_000;

/// How often the API key is checked, so that the status page shows a problem before a conversation is closed.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// The longest pause after a failure.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The delay after which pending counts are reported.
const REPORT_DELAY: Duration = Duration::from_secs(1);

/// Processes Kustomer events.
pub struct KustomerFeed {
    intake: Intake,
    upstream: Option<Kustomer>,
    /// Decides on survey requests. `None`: there are none.
    ended_interactions: Option<EndedInteractions>,
    reporter: Reporter,
    rules: Rules,
    silent_after: Duration,
    has_webhooks: bool,
    /// When the last webhook came; before the first one, when the feed began.
    last_webhook: Timestamp,
    /// The sequence number of the last processed event.
    processed: u64,
    attempts: Attempts,
    /// Whether events from before the restart are counted.
    has_begun: bool,
    backoff: Backoff,
    /// Why Kustomer cannot be asked. `None`: it can.
    problem: Option<String>,
    unusable: UnusableEvents,
    /// The time zone of times that name none.
    zone: TimeZone,
}

/// Why processing stops for a while.
enum Stop {
    Store(StoreError),
    Upstream(CallError),
    /// The decision about a conversation could not be stored.
    Decision,
}

impl KustomerFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(
        intake: Intake,
        upstream: Option<Kustomer>,
        ended_interactions: Option<EndedInteractions>,
        config: &config::Kustomer,
        reporter: Reporter,
    ) -> Self {
        let last_webhook = reporter.clock().now();
        Self {
            unusable: UnusableEvents::new(SourceName::Kustomer, intake.metrics().clone()),
            intake,
            upstream,
            ended_interactions,
            reporter,
            rules: Rules::new(config),
            silent_after: config.silent_after,
            has_webhooks: config.webhook_secret.is_some(),
            last_webhook,
            processed: 0,
            attempts: Attempts::default(),
            has_begun: false,
            backoff: Backoff::new(Duration::from_secs(2), MAX_PAUSE),
            problem: None,
            zone: TimeZone::UTC,
        }
    }

    /// The time zone of times that name none; UTC by default.
    #[must_use]
    pub fn with_time_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// Runs until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some(if self.has_webhooks { "webhook" } else { "REST" }));
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let caught_up = tokio::select! {
                () = life.stopping() => return,
                caught_up = self.catch_up() => caught_up,
            };
            let pause = match caught_up {
                Ok(()) => {
                    self.backoff.reset();
                    None
                }
                Err(stop) => {
                    self.problem = Some(stop.sentence());
                    Some(stop.wait().max(self.backoff.next_wait()).max(REPORT_DELAY))
                }
            };
            self.report_state();
            self.reporter.publish().await;
            let counted = self.reporter.has_unpublished();
            tokio::select! {
                () = life.stopping() => return,
                () = tokio::time::sleep(pause.unwrap_or(REPORT_DELAY)), if counted || pause.is_some() => {}
                () = self.intake.kustomer_arrived(), if pause.is_none() => {}
                () = self.intake.kustomer_refused() => self.reporter.count("refusedSignatures"),
                _ = checks.tick() => self.check().await,
            }
        }
    }

    async fn check(&mut self) {
        let Some(upstream) = &self.upstream else { return };
        self.problem = match upstream.check().await {
            Ok(()) => {
                self.reporter.received(0);
                None
            }
            Err(error) => Some(error.to_string()),
        };
    }

    fn report_state(&mut self) {
        if let Some(problem) = &self.problem {
            self.reporter.set_state(SourceState::Down, Some(problem));
            return;
        }
        if !self.has_webhooks {
            return self.reporter.set_state(SourceState::Polling, None);
        }
        let now = self.reporter.clock().now();
        let silent = SignedDuration::try_from(self.silent_after).unwrap_or(SignedDuration::MAX);
        if now.duration_since(self.last_webhook) > silent {
            let why =
                "No webhook has come for long. Kustomer gives one up that failed: look whether it is still enabled.";
            return self.reporter.set_state(SourceState::Stale, Some(why));
        }
        let unreadable = self.unusable.message(now);
        self.reporter.set_state(SourceState::Live, unreadable.as_deref());
    }

    async fn catch_up(&mut self) -> Result<(), Stop> {
        let store = self.intake.store().clone();
        if !self.has_begun {
            store.inbox().retry_unusable(SourceName::Kustomer).await?;
            let last = store.inbox().last_arrival(SourceName::Kustomer).await?;
            self.unusable.begin(&store, &mut self.reporter).await?;
            if let Some(last) = last {
                self.reporter.received_at(last, 0);
                self.last_webhook = last;
            }
            self.has_begun = true;
        }
        loop {
            let page = store.inbox().pending_after(SourceName::Kustomer, self.processed, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for arrival in page {
                let (unusable, revision) = match Event::parse(&arrival.body) {
                    Ok(event) => (None, self.process(arrival.seq, &event, arrival.received_at).await?),
                    Err(WireError::UnknownType(name)) => {
                        self.reporter.count("events");
                        (Some(UnusableReason::UnknownType(name)), None)
                    }
                    Err(error) => (Some(UnusableReason::Unreadable(error.to_string())), None),
                };
                if let Some(unusable) = &unusable {
                    self.unusable.note(&arrival, unusable, &mut self.reporter);
                }
                self.reporter.received_at(arrival.received_at, 1);
                self.last_webhook = self.last_webhook.max(arrival.received_at);
                // One commit. An event that is processed again is not outdated by itself.
                tokio::try_join!(
                    store.feed_state().set(REVISION, Vec::from_iter(revision)),
                    store.inbox().mark_processed(arrival.seq, unusable)
                )?;
                self.processed = arrival.seq;
            }
        }
    }

    /// Whether this record cannot be read, though Kustomer answers.
    async fn is_record_unreadable(&self, error: &CallError) -> bool {
        let Some(upstream) = &self.upstream else { return false };
        !matches!(error, CallError::KeyRefused { .. }) && upstream.check().await.is_ok()
    }

    /// Acts on an event. Returns the revision to store for its conversation, unless a newer one is known (apis.md
    /// B214).
    async fn process(
        &mut self,
        seq: u64,
        event: &Event,
        received: Timestamp,
    ) -> Result<Option<(String, Option<String>)>, Stop> {
        let conversation = &event.conversation;
        let newest = self.intake.store().feed_state().get(REVISION, &conversation.id).await?;
        let newest: Option<i64> = newest.and_then(|rev| rev.parse().ok());
        let outdated = conversation.rev.zip(newest).is_some_and(|(rev, newest)| is_outdated(rev, newest));
        let verdict = if outdated { Verdict::Ignored("outdatedEvents") } else { self.rules.judge(event) };
        match verdict {
            Verdict::Closed => {
                if let Some(ended_interactions) = self.ended_interactions.clone() {
                    let mut ended = match self.rules.read(event, self.upstream.as_ref()).await {
                        Ok(ended) => ended,
                        Err(error) if self.attempts.was_last(seq) && self.is_record_unreadable(&error).await => {
                            tracing::warn!(seq, error = %error, "a conversation that cannot be looked up is skipped");
                            self.rules.unreadable(event)
                        }
                        Err(error) => return Err(Stop::Upstream(error)),
                    };
                    // The event may have been delivered late, and may have waited in the inbox.
                    let created = event.created.and_then(|created| created.at(&self.zone));
                    ended.ended =
                        Some(created.map_or(received, |created| self.reporter.to_ours(created).min(received)));
                    self.problem = None;
                    if let Some(note) = &ended.note
                        && self
                            .intake
                            .store()
                            .feed_state()
                            .insert_once(SEVERAL_ASSIGNED, &conversation.id, note)
                            .await?
                    {
                        self.reporter.count("severalAssigned");
                    }
                    if ended_interactions.submit(ended).await == SurveyDecision::Retry {
                        return Err(Stop::Decision);
                    }
                }
                self.reporter.count("closedConversations");
            }
            Verdict::Ignored(why) => self.reporter.count(why),
        }
        self.reporter.count("events");
        let rev = conversation.rev.filter(|_| !outdated);
        Ok(rev.map(|rev| (conversation.id.clone(), Some(rev.to_string()))))
    }
}

/// Whether a revision is older than the newest known one. If it is absurdly far behind, the newest one was wrong.
fn is_outdated(rev: i64, newest: i64) -> bool {
    rev < newest && newest.saturating_sub(rev) < MAX_REVISION_STEP
}

/// Counts attempts to process the next event.
#[derive(Debug, Default)]
struct Attempts {
    seq: u64,
    count: u32,
}

impl Attempts {
    /// This many attempts take about a minute, for which all later events wait.
    const MAX: u32 = 6;

    /// Counts a failed attempt. Returns whether it was the last one.
    fn was_last(&mut self, seq: u64) -> bool {
        if self.seq != seq {
            *self = Self { seq, count: 0 };
        }
        self.count += 1;
        self.count >= Self::MAX
    }
}

impl Stop {
    fn sentence(&self) -> String {
        match self {
            Self::Store(error) => {
                tracing::error!(error = %error, "the inbox of Kustomer events cannot be read");
                "The inbox cannot be read; closed conversations wait.".to_owned()
            }
            Self::Upstream(error) => format!("{error} Closed conversations wait."),
            Self::Decision => "Survey requests cannot be stored; closed conversations wait.".to_owned(),
        }
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Upstream(CallError::Overloaded { retry_after: Some(wait), .. }) => (*wait).min(MAX_PAUSE),
            _ => Duration::ZERO,
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_own_attempts() {
        let mut attempts = Attempts::default();
        let first = (0..Attempts::MAX).map(|_| attempts.was_last(7));
        assert_eq!(first.filter(|was_last| *was_last).count(), 1);
        assert!(!attempts.was_last(8));
    }

    #[test]
    fn absurd_revision_makes_no_other_outdated() {
        assert!(is_outdated(4, 5));
        for (rev, newest) in [(5, 5), (6, 5), (5, 9_000_000_000_000_000), (-5, i64::MAX)] {
            assert!(!is_outdated(rev, newest), "{rev} after {newest}");
        }
    }
}
