//! Processes Goodays events from the inbox in the order in which they came.
//!
//! The gold copy is empty after a restart: first it gets all stored responses, then the events that are not processed
//! yet. An event that cannot be read stays in the inbox, counted and visible; no other event waits for it.

mod reconcile;
mod translate;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::domain::{Fact, SourceName, SourceState};
use crate::gold::{Gold, Reporter};
use crate::store::{InboxEvent, ProcessedEvent, Store, StoreError, UnusableReason, WROTE_AFTER_ERASURE};
use crate::upstream::goodays::{Event, Goodays, WireError};
use base::{Lifecycle, SourceClock};

use super::Intake;
use super::intake::is_reconciled;
use super::unusable_events::UnusableEvents;
use reconcile::{Complaint, Reconciler};
use translate::Times;

/// The counter of responses with unexpected action URLs.
pub const UNEXPECTED_ACTION_URLS: &str = "noted.oddAddresses";

/// Events read from the store at once.
const PAGE: u32 = 256;

/// The delay between an event and its processing: without it each event would be a commit of its own, and the next
/// event would wait for that to be acknowledged.
const BATCH_DELAY: Duration = Duration::from_millis(50);

/// The pause after the inbox could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The delay after which pending counts are reported.
const REPORT_DELAY: Duration = Duration::from_secs(1);

/// How often silence is checked while no event comes.
const SILENCE_CHECK: Duration = Duration::from_secs(60);

/// What the feed needs beside the inbox.
#[derive(Debug)]
pub struct GoodaysInputs {
    /// The client, to read what webhooks have missed.
    pub upstream: Goodays,
    /// Goodays' clock, measured by its answers.
    pub clock: SourceClock,
    /// How long no webhook may come before the source is stale.
    pub silence_alarm: Duration,
    /// Responses that were looked up.
    pub found: mpsc::Receiver<Value>,
    /// Why actions cannot be sent to Goodays. `None`: they can.
    pub trouble: watch::Receiver<Option<Arc<str>>>,
}

/// Processes Goodays events.
pub struct GoodaysFeed {
    intake: Intake,
    gold: Gold,
    reporter: Reporter,
    inputs: GoodaysInputs,
    /// When the last webhook came; before the first one, when the feed began.
    last_webhook: Timestamp,
    /// Whether no webhook has come for longer than the alarm allows.
    is_silent: bool,
    /// The place of the last stored response that gold has. `None`: it has all of them.
    restored: Option<i64>,
    /// The sequence number of the last event that was processed or found unusable.
    processed: u64,
    unusable: UnusableEvents,
    /// Number of erased customers who have written again, as far as it was reported.
    wrote_after_erasure: u64,
    /// The time zone of times that name none.
    zone: TimeZone,
}

impl GoodaysFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(intake: Intake, gold: Gold, reporter: Reporter, inputs: GoodaysInputs) -> Self {
        let unusable = UnusableEvents::new(SourceName::Goodays, intake.metrics().clone());
        Self {
            intake,
            gold,
            reporter,
            inputs,
            last_webhook: Timestamp::MIN,
            is_silent: false,
            restored: Some(0),
            processed: 0,
            unusable,
            wrote_after_erasure: 0,
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
        self.reporter.transport(Some("webhook"));
        let (want, mut complaint) = self.start_reconciler(&life);
        let mut is_first = true;
        loop {
            let (last, was_silent) = (self.last_webhook, self.is_silent);
            let caught_up = self.catch_up().await;
            let behind = caught_up.is_err();
            if let Err(error) = caught_up {
                tracing::error!(error = %error, "the inbox of Goodays events cannot be read");
            } else if is_first {
                is_first = false;
                self.request_missed(&want);
            }
            let silence = self.check_silence();
            if was_silent && !self.is_silent {
                self.reporter.resync("silence");
                want.send_replace(Some(last));
            }
            self.report(behind, *complaint.borrow_and_update());
            self.reporter.publish().await;
            let counted = self.reporter.has_unpublished();
            tokio::select! {
                () = life.stopping() => return,
                () = tokio::time::sleep(REPORT_DELAY), if counted => {}
                () = self.intake.arrived() => tokio::time::sleep(BATCH_DELAY).await,
                () = self.intake.refused() => self.reporter.count("refusedSignatures"),
                // Acknowledged events must not wait for the next one.
                () = tokio::time::sleep(RETRY_AFTER), if behind => {}
                () = tokio::time::sleep(silence) => {}
                Ok(()) = self.inputs.trouble.changed() => {}
                Ok(()) = complaint.changed() => {}
                Some(found) = self.inputs.found.recv() => self.store_found(found).await,
            }
        }
    }

    fn start_reconciler(&self, life: &Lifecycle) -> (watch::Sender<Option<Timestamp>>, watch::Receiver<Complaint>) {
        let (want, wanted) = watch::channel(None);
        let (complain, complaint) = watch::channel(None);
        let reconciler = Reconciler {
            intake: self.intake.clone(),
            gold: self.gold.clone(),
            upstream: self.inputs.upstream.clone(),
            clock: self.reporter.clock().clone(),
            zone: self.zone.clone(),
            wanted,
            complaint: complain,
        };
        life.spawn(reconciler.run(life.clone()));
        (want, complaint)
    }

    /// The inbox is processed: Goodays is asked for what its webhooks missed while the process was down.
    fn request_missed(&mut self, want: &watch::Sender<Option<Timestamp>>) {
        let now = self.reporter.clock().now();
        if self.last_webhook == Timestamp::MIN {
            self.last_webhook = now;
        }
        self.reporter.resync("start");
        let day_ago = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        want.send_replace(Some(if self.last_webhook < now { self.last_webhook } else { day_ago }));
    }

    /// Notes whether webhooks have stopped. Returns when to check again.
    fn check_silence(&mut self) -> Duration {
        let silence = self.reporter.clock().now().duration_since(self.last_webhook);
        let silence = Duration::try_from(silence).unwrap_or_default();
        self.is_silent = self.last_webhook != Timestamp::MIN && silence >= self.inputs.silence_alarm;
        let left = self.inputs.silence_alarm.saturating_sub(silence);
        if self.is_silent || left.is_zero() { SILENCE_CHECK } else { left.min(SILENCE_CHECK) }
    }

    fn report(&mut self, behind: bool, complaint: Complaint) {
        let trouble = self.inputs.trouble.borrow_and_update().clone();
        if behind {
            let why = "The inbox cannot be read; what customers say is stored but not shown.";
            self.reporter.set_state(SourceState::Stale, Some(why));
        } else if self.is_silent {
            let why = format!(
                "No webhook has come for more than {:#}: check the address and the secret that Goodays has been given.",
                SignedDuration::try_from(self.inputs.silence_alarm).unwrap_or_default()
            );
            self.reporter.set_state(SourceState::Stale, Some(&why));
        } else if let Some(trouble) = trouble {
            self.reporter.set_state(SourceState::Live, Some(&format!("Answers cannot be sent. {trouble}")));
        } else {
            let unreadable = self.unusable.message(self.reporter.clock().now());
            self.reporter.set_state(SourceState::Live, unreadable.as_deref().or(complaint));
        }
    }

    async fn store_found(&mut self, found: Value) {
        if let Err(error) = reconcile::store_if_new(&self.intake, &self.gold, &self.zone, found).await {
            tracing::error!(error = %error, "a response that was looked up could not be stored");
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let store = self.intake.store().clone();
        self.restore(&store).await?;
        loop {
            let page = store.inbox().pending_after(SourceName::Goodays, self.processed, PAGE).await?;
            let Some(last) = page.last().map(|arrival| arrival.seq) else { return Ok(()) };
            let is_all = page.len() < PAGE as usize;
            self.process(&store, page).await?;
            self.processed = last;
            if is_all {
                // Later events have woken this task, and are processed with the ones after them.
                return Ok(());
            }
        }
    }

    /// Tells gold all stored responses, after a restart.
    async fn restore(&mut self, store: &Store) -> Result<(), StoreError> {
        while let Some(place) = self.restored {
            let page = store.feedback().after(place, PAGE).await?;
            if place == 0 {
                if let Some(last) = store.inbox().last_arrival(SourceName::Goodays).await? {
                    self.reporter.received_at(last, 0);
                    self.last_webhook = last;
                }
                store.inbox().retry_unusable(SourceName::Goodays).await?;
                self.unusable.begin(store, &mut self.reporter).await?;
            }
            self.restored = page.last_key_value().map(|(place, _)| *place);
            self.gold.apply(Fact::StoredResponses(page.into_values().collect())).await;
        }
        Ok(())
    }

    /// Processes events: gold gets what they say once it is stored.
    async fn process(&mut self, store: &Store, page: Vec<InboxEvent>) -> Result<(), StoreError> {
        let last = page.iter().map(|arrival| arrival.received_at).max();
        let (all, mut events, mut found, mut dropped) = (page.len() as u64, 0, 0, 0);
        let mut understood = Vec::with_capacity(page.len());
        for arrival in page {
            let says = if is_reconciled(&arrival) {
                found += 1;
                let response = Event::response_in(&arrival.body).ok_or(WireError::NoResponse);
                response.map(|response| (response, None))
            } else {
                self.last_webhook = self.last_webhook.max(arrival.received_at);
                Event::parse(&arrival.body).map(|event| (event.response, event.message))
            };
            if let Ok((response, _)) = &says
                && let Some(what) = self.inputs.upstream.unexpected_action_url(response)
                && store.feed_state().insert_once(UNEXPECTED_ACTION_URLS, &response.id, what).await?
            {
                tracing::warn!(
                    seq = arrival.seq,
                    what,
                    "a response has an unexpected action URL; URLs from events are never called"
                );
                self.reporter.count("oddActionAddresses");
            }
            dropped += says.as_ref().map_or(0, |(response, _)| response.dropped);
            let times = Times { zone: &self.zone, received: Some(arrival.received_at) };
            let says = says.map(|(response, message)| {
                let reading = translate::response(response, message, times);
                translate::by_our_clock(reading, &self.inputs.clock, arrival.received_at)
            });
            let says = says.map_err(|error| match error {
                WireError::UnknownType(name) => UnusableReason::UnknownType(name),
                error => UnusableReason::Unreadable(error.to_string()),
            });
            if let Err(unusable) = &says {
                self.unusable.note(&arrival, unusable, &mut self.reporter);
            }
            events += u64::from(!is_reconciled(&arrival) && !matches!(says, Err(UnusableReason::Unreadable(_))));
            understood.push(ProcessedEvent { seq: arrival.seq, result: says });
        }
        let mut kept = store.feedback().process(understood).await?;
        // Together: each fact by itself would be a version of gold.
        self.gold.apply(Fact::StoredResponses(std::mem::take(&mut kept.records))).await;
        drop(kept);
        if let Some(last) = last {
            self.reporter.received_at(last, all);
        }
        let came_back = store.feed_state().count(WROTE_AFTER_ERASURE).await?;
        self.reporter.count_many("erasedWroteAgain", came_back.saturating_sub(self.wrote_after_erasure));
        self.wrote_after_erasure = came_back;
        self.reporter.count_many("droppedEntries", dropped);
        self.reporter.count_many("events", events);
        self.reporter.count_many("reconciled", found);
        Ok(())
    }
}

/// For the fuzzer: reads and translates whatever is sent.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_event(body: &[u8]) {
    if let Ok(event) = Event::parse(body) {
        let times = Times { zone: &TimeZone::UTC, received: None };
        let reading = translate::response(event.response, event.message, times);
        let _ = (reading.nps(), reading.revision());
    }
}
