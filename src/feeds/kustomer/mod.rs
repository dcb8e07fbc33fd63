//! Reads what Kustomer told the webhook, in the order in which it came, and tells of conversations that were closed.
//!
//! Each event is acted on once: it is marked only when what became of it is written down, and after a restart whatever is
//! not marked is read. The last change of each conversation that was heard is remembered, for the order of changes.

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

/// What the store calls the last change of a conversation that was heard.
const REVISION: &str = "kustomer.revision";

/// What is noted of a conversation of which one of several users was taken.
pub const SEVERAL_ASSIGNED: &str = "noted.severalAssigned";

/// How many events are read from the disk at once.
const PAGE: u32 = 256;

/// No conversation changes so often.
const LEAP: i64 = 1_000_000;

/// How often Kustomer is asked whether it answers us, so that pages can say so before somebody needs it.
const EVERY: Duration = Duration::from_secs(60);

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// When counts are told that were too young to be told at once.
const SOON: Duration = Duration::from_secs(1);

/// Follows the inbox.
pub struct KustomerFeed {
    intake: Intake,
    upstream: Option<Kustomer>,
    /// Whoever asks customers. `None`: nobody does.
    closings: Option<EndedInteractions>,
    reporter: Reporter,
    rules: Rules,
    silent_after: Duration,
    hears_webhooks: bool,
    /// When a webhook last came, or the process began to wait for one.
    heard: Timestamp,
    /// The place of the last event that was read in this life of the process.
    read: u64,
    tries: Tries,
    /// Whether the events of earlier lives are accounted for.
    has_begun: bool,
    backoff: Backoff,
    /// Why Kustomer cannot be asked. `None`: it can.
    trouble: Option<String>,
    /// What came and has no effect.
    unusable: UnusableEvents,
    /// Where clocks are that nobody says where they are.
    zone: TimeZone,
}

/// Why reading stops for a while.
enum Trouble {
    Store(StoreError),
    Upstream(CallError),
    /// What became of a conversation could not be written down.
    Desk,
}

impl KustomerFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(
        intake: Intake,
        upstream: Option<Kustomer>,
        closings: Option<EndedInteractions>,
        config: &config::Kustomer,
        reporter: Reporter,
    ) -> Self {
        let heard = reporter.clock().now();
        Self {
            unusable: UnusableEvents::new(SourceName::Kustomer, intake.metrics().clone()),
            intake,
            upstream,
            closings,
            reporter,
            rules: Rules::new(config),
            silent_after: config.silent_after,
            hears_webhooks: config.webhook_secret.is_some(),
            heard,
            read: 0,
            tries: Tries::default(),
            has_begun: false,
            backoff: Backoff::new(Duration::from_secs(2), LONGEST_PAUSE),
            trouble: None,
            zone: TimeZone::UTC,
        }
    }

    /// In which zone times are that name none; UTC otherwise.
    #[must_use]
    pub fn with_time_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some(if self.hears_webhooks { "webhook" } else { "REST" }));
        let mut checks = tokio::time::interval(EVERY);
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
                Err(trouble) => {
                    self.trouble = Some(trouble.sentence());
                    Some(trouble.wait().max(self.backoff.next_wait()).max(SOON))
                }
            };
            self.judge();
            self.reporter.publish().await;
            let counted = self.reporter.has_unpublished();
            tokio::select! {
                () = life.stopping() => return,
                () = tokio::time::sleep(pause.unwrap_or(SOON)), if counted || pause.is_some() => {}
                () = self.intake.kustomer_arrived(), if pause.is_none() => {}
                () = self.intake.kustomer_refused() => self.reporter.count("refusedSignatures"),
                _ = checks.tick() => self.check().await,
            }
        }
    }

    async fn check(&mut self) {
        let Some(upstream) = &self.upstream else { return };
        self.trouble = match upstream.check().await {
            Ok(()) => {
                self.reporter.received(0);
                None
            }
            Err(error) => Some(error.to_string()),
        };
    }

    fn judge(&mut self) {
        if let Some(trouble) = &self.trouble {
            self.reporter.set_state(SourceState::Down, Some(trouble));
            return;
        }
        if !self.hears_webhooks {
            return self.reporter.set_state(SourceState::Polling, None);
        }
        let now = self.reporter.clock().now();
        let silent = SignedDuration::try_from(self.silent_after).unwrap_or(SignedDuration::MAX);
        if now.duration_since(self.heard) > silent {
            let why =
                "No webhook has come for long. Kustomer gives one up that failed: look whether it is still enabled.";
            return self.reporter.set_state(SourceState::Stale, Some(why));
        }
        let unreadable = self.unusable.complaint(now);
        self.reporter.set_state(SourceState::Live, unreadable.as_deref());
    }

    async fn catch_up(&mut self) -> Result<(), Trouble> {
        let store = self.intake.store().clone();
        if !self.has_begun {
            store.inbox().retry_unusable(SourceName::Kustomer).await?;
            let last = store.inbox().last_arrival(SourceName::Kustomer).await?;
            self.unusable.begin(&store, &mut self.reporter).await?;
            if let Some(last) = last {
                self.reporter.received_at(last, 0);
                self.heard = last;
            }
            self.has_begun = true;
        }
        loop {
            let page = store.inbox().pending_after(SourceName::Kustomer, self.read, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for arrival in page {
                let (unusable, revision) = match Event::parse(&arrival.body) {
                    Ok(event) => (None, self.hear(arrival.seq, &event, arrival.received_at).await?),
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
                self.heard = self.heard.max(arrival.received_at);
                // Together, they are one commit. An event that is heard again is not older than itself.
                tokio::try_join!(
                    store.feed_state().set(REVISION, Vec::from_iter(revision)),
                    store.inbox().mark_processed(arrival.seq, unusable)
                )?;
                self.read = arrival.seq;
            }
        }
    }

    /// Whether it is this record that cannot be had, and not Kustomer.
    async fn is_the_records(&self, error: &CallError) -> bool {
        let Some(upstream) = &self.upstream else { return false };
        !matches!(error, CallError::KeyRefused { .. }) && upstream.check().await.is_ok()
    }

    /// Acts on an event. Returns what is to be remembered of its conversation, if that is not older than what is known
    /// (apis.md B214).
    async fn hear(
        &mut self,
        seq: u64,
        event: &Event,
        received: Timestamp,
    ) -> Result<Option<(String, Option<String>)>, Trouble> {
        let conversation = &event.conversation;
        let newest = self.intake.store().feed_state().get(REVISION, &conversation.id).await?;
        let newest: Option<i64> = newest.and_then(|rev| rev.parse().ok());
        let outdated = conversation.rev.zip(newest).is_some_and(|(rev, newest)| is_outdated(rev, newest));
        let verdict = if outdated { Verdict::Ignored("outdatedEvents") } else { self.rules.judge(event) };
        match verdict {
            Verdict::Closed => {
                if let Some(closings) = self.closings.clone() {
                    let mut helped = match self.rules.read(event, self.upstream.as_ref()).await {
                        Ok(helped) => helped,
                        Err(error) if self.tries.was_last(seq) && self.is_the_records(&error).await => {
                            tracing::warn!(seq, error = %error, "a conversation that cannot be looked up is left");
                            self.rules.unreadable(event)
                        }
                        Err(error) => return Err(Trouble::Upstream(error)),
                    };
                    // It may have waited at Kustomer's, and then here.
                    let created = event.created.and_then(|created| created.at(&self.zone));
                    helped.ended =
                        Some(created.map_or(received, |created| self.reporter.to_ours(created).min(received)));
                    self.trouble = None;
                    if let Some(note) = &helped.note
                        && self
                            .intake
                            .store()
                            .feed_state()
                            .insert_once(SEVERAL_ASSIGNED, &conversation.id, note)
                            .await?
                    {
                        self.reporter.count("severalAssigned");
                    }
                    if closings.submit(helped).await == SurveyDecision::Retry {
                        return Err(Trouble::Desk);
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

/// Whether a revision is older than the newest that was heard. One that is absurdly far behind tells of the other that it
/// was none.
fn is_outdated(rev: i64, newest: i64) -> bool {
    rev < newest && newest.saturating_sub(rev) < LEAP
}

/// How often the event that is next has been tried.
#[derive(Debug, Default)]
struct Tries {
    seq: u64,
    count: u32,
}

impl Tries {
    /// The pauses between so many take about a minute: everybody behind it waits.
    const MOST: u32 = 6;

    /// Counts a try that failed. Whether there are to be no more.
    fn was_last(&mut self, seq: u64) -> bool {
        if self.seq != seq {
            *self = Self { seq, count: 0 };
        }
        self.count += 1;
        self.count >= Self::MOST
    }
}

impl Trouble {
    fn sentence(&self) -> String {
        match self {
            Self::Store(error) => {
                tracing::error!(error = %error, "the inbox cannot be read");
                "The inbox cannot be read; closed conversations wait.".to_owned()
            }
            Self::Upstream(error) => format!("{error} Closed conversations wait."),
            Self::Desk => "Survey requests cannot be written down; closed conversations wait.".to_owned(),
        }
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Upstream(CallError::Overloaded { retry_after: Some(wait), .. }) => (*wait).min(LONGEST_PAUSE),
            _ => Duration::ZERO,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_tries_of_its_own() {
        let mut tries = Tries::default();
        let first = (0..Tries::MOST).map(|_| tries.was_last(7));
        assert_eq!(first.filter(|was_last| *was_last).count(), 1);
        assert!(!tries.was_last(8));
    }

    #[test]
    fn absurd_revision_makes_no_other_outdated() {
        assert!(is_outdated(4, 5));
        for (rev, newest) in [(5, 5), (6, 5), (5, 9_000_000_000_000_000), (-5, i64::MAX)] {
            assert!(!is_outdated(rev, newest), "{rev} after {newest}");
        }
    }
}
