//! Reads the inbox in the order in which events came, and tells what they say.
//!
//! The gold copy forgets everything at a restart: it is told again what is kept of each response, and then what has not
//! been understood yet. Whatever can't be read stays in the inbox, counted and visible; nothing behind it waits for it.

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

/// What is noted of a response that brought odd addresses along.
pub const UNEXPECTED_ACTION_URLS: &str = "noted.oddAddresses";

/// How many events are read from the disk at once.
const PAGE: u32 = 256;

/// How long after an event the inbox is read: whoever reads at once has a commit for each event, while the next one waits to
/// be acknowledged. No viewer notices this.
const GATHER: Duration = Duration::from_millis(50);

/// How long after a failure the inbox is read again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// When counts are told that were too young to be told at once.
const SOON: Duration = Duration::from_secs(1);

/// How often the clock is looked at while nothing comes.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(60);

/// What the feed hears besides webhooks, and when it worries.
#[derive(Debug)]
pub struct GoodaysInputs {
    /// The way to Goodays, for asking what webhooks have missed.
    pub upstream: Goodays,
    /// Goodays' clock, as its answers tell.
    pub clock: SourceClock,
    /// How long no webhook may come before somebody is told.
    pub silence_alarm: Duration,
    /// Responses that were looked up.
    pub found: mpsc::Receiver<Value>,
    /// Why nothing can be sent to Goodays; `None` while all is well.
    pub trouble: watch::Receiver<Option<Arc<str>>>,
}

/// Follows the inbox.
pub struct GoodaysFeed {
    intake: Intake,
    gold: Gold,
    reporter: Reporter,
    around: GoodaysInputs,
    /// When the last webhook came; before the first one, when we began to listen.
    webhook: Timestamp,
    /// Whether none has come for longer than it should take.
    silent: bool,
    /// The place of the last kept response that the gold copy has been told again. `None`: of all of them.
    remembered: Option<i64>,
    /// The place of the last event that has been looked at.
    looked_at: u64,
    /// What came and has no effect.
    unusable: UnusableEvents,
    /// How many customers who were erased have written anew, as far as that has been counted.
    came_back: u64,
    /// Where clocks are that nobody says where they are.
    zone: TimeZone,
}

impl GoodaysFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(intake: Intake, gold: Gold, reporter: Reporter, around: GoodaysInputs) -> Self {
        let webhook = Timestamp::MIN;
        let unusable = UnusableEvents::new(SourceName::Goodays, intake.metrics().clone());
        Self {
            intake,
            gold,
            reporter,
            around,
            webhook,
            silent: false,
            remembered: Some(0),
            looked_at: 0,
            unusable,
            came_back: 0,
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
        self.reporter.transport(Some("webhook"));
        let (want, mut complaint) = self.begin_to_reconcile(&life);
        let mut is_first = true;
        loop {
            let (last, was_silent) = (self.webhook, self.silent);
            let caught_up = self.catch_up().await;
            let behind = caught_up.is_err();
            if let Err(error) = caught_up {
                tracing::error!(error = %error, "the inbox cannot be read");
            } else if is_first {
                is_first = false;
                self.begin_to_listen(&want);
            }
            let silence = self.listen();
            if was_silent && !self.silent {
                self.reporter.resync("silence");
                want.send_replace(Some(last));
            }
            self.report(behind, *complaint.borrow_and_update());
            self.reporter.publish().await;
            let counted = self.reporter.has_unpublished();
            tokio::select! {
                () = life.stopping() => return,
                () = tokio::time::sleep(SOON), if counted => {}
                () = self.intake.arrived() => tokio::time::sleep(GATHER).await,
                () = self.intake.refused() => self.reporter.count("refusedSignatures"),
                // What has been acknowledged must not wait for the next event to be seen.
                () = tokio::time::sleep(TRY_AGAIN), if behind => {}
                () = tokio::time::sleep(silence) => {}
                Ok(()) = self.around.trouble.changed() => {}
                Ok(()) = complaint.changed() => {}
                Some(found) = self.around.found.recv() => self.take_in(found).await,
            }
        }
    }

    fn begin_to_reconcile(&self, life: &Lifecycle) -> (watch::Sender<Option<Timestamp>>, watch::Receiver<Complaint>) {
        let (want, wanted) = watch::channel(None);
        let (complain, complaint) = watch::channel(None);
        let reconciler = Reconciler {
            intake: self.intake.clone(),
            gold: self.gold.clone(),
            upstream: self.around.upstream.clone(),
            clock: self.reporter.clock().clone(),
            zone: self.zone.clone(),
            wanted,
            complaint: complain,
        };
        life.spawn(reconciler.run(life.clone()));
        (want, complaint)
    }

    /// The inbox has been read: what came while nobody was here is to be asked for.
    fn begin_to_listen(&mut self, want: &watch::Sender<Option<Timestamp>>) {
        let now = self.reporter.clock().now();
        if self.webhook == Timestamp::MIN {
            self.webhook = now;
        }
        self.reporter.resync("start");
        let day_ago = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        want.send_replace(Some(if self.webhook < now { self.webhook } else { day_ago }));
    }

    /// Notes whether webhooks have stopped, and says when to look again.
    fn listen(&mut self) -> Duration {
        let silence = self.reporter.clock().now().duration_since(self.webhook);
        let silence = Duration::try_from(silence).unwrap_or_default();
        self.silent = self.webhook != Timestamp::MIN && silence >= self.around.silence_alarm;
        let left = self.around.silence_alarm.saturating_sub(silence);
        if self.silent || left.is_zero() { LOOK_AT_THE_CLOCK } else { left.min(LOOK_AT_THE_CLOCK) }
    }

    fn report(&mut self, behind: bool, complaint: Complaint) {
        let trouble = self.around.trouble.borrow_and_update().clone();
        if behind {
            let why = "The inbox cannot be read; what customers say is stored but not shown.";
            self.reporter.set_state(SourceState::Stale, Some(why));
        } else if self.silent {
            let why = format!(
                "No webhook has come for more than {:#}: check the address and the secret that Goodays has been given.",
                SignedDuration::try_from(self.around.silence_alarm).unwrap_or_default()
            );
            self.reporter.set_state(SourceState::Stale, Some(&why));
        } else if let Some(trouble) = trouble {
            self.reporter.set_state(SourceState::Live, Some(&format!("Answers cannot be sent. {trouble}")));
        } else {
            let unreadable = self.unusable.complaint(self.reporter.clock().now());
            self.reporter.set_state(SourceState::Live, unreadable.as_deref().or(complaint));
        }
    }

    async fn take_in(&mut self, found: Value) {
        if let Err(error) = reconcile::take_in(&self.intake, &self.gold, &self.zone, found).await {
            tracing::error!(error = %error, "a response that was looked up could not be stored");
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let store = self.intake.store().clone();
        self.remember(&store).await?;
        loop {
            let page = store.inbox().pending_after(SourceName::Goodays, self.looked_at, PAGE).await?;
            let Some(last) = page.last().map(|arrival| arrival.seq) else { return Ok(()) };
            let is_all = page.len() < PAGE as usize;
            self.understand(&store, page).await?;
            self.looked_at = last;
            if is_all {
                // Whoever has come meanwhile has rung, and is gathered with those who come next.
                return Ok(());
            }
        }
    }

    /// Tells again what is kept from earlier lives of the process.
    async fn remember(&mut self, store: &Store) -> Result<(), StoreError> {
        while let Some(place) = self.remembered {
            let page = store.feedback().after(place, PAGE).await?;
            if place == 0 {
                if let Some(last) = store.inbox().last_arrival(SourceName::Goodays).await? {
                    self.reporter.received_at(last, 0);
                    self.webhook = last;
                }
                store.inbox().retry_unusable(SourceName::Goodays).await?;
                self.unusable.begin(store, &mut self.reporter).await?;
            }
            self.remembered = page.last_key_value().map(|(place, _)| *place);
            self.gold.apply(Fact::StoredResponses(page.into_values().collect())).await;
        }
        Ok(())
    }

    /// Events are told once it is on the disk what they say.
    async fn understand(&mut self, store: &Store, page: Vec<InboxEvent>) -> Result<(), StoreError> {
        let last = page.iter().map(|arrival| arrival.received_at).max();
        let (all, mut events, mut found, mut dropped) = (page.len() as u64, 0, 0, 0);
        let mut understood = Vec::with_capacity(page.len());
        for arrival in page {
            let says = if is_reconciled(&arrival) {
                found += 1;
                let response = Event::response_in(&arrival.body).ok_or(WireError::NoResponse);
                response.map(|response| (response, None))
            } else {
                self.webhook = self.webhook.max(arrival.received_at);
                Event::parse(&arrival.body).map(|event| (event.response, event.message))
            };
            if let Ok((response, _)) = &says
                && let Some(what) = self.around.upstream.unexpected_action_url(response)
                && store.feed_state().insert_once(UNEXPECTED_ACTION_URLS, &response.id, what).await?
            {
                tracing::warn!(seq = arrival.seq, what, "it is not called, as no address of an event is");
                self.reporter.count("oddActionAddresses");
            }
            dropped += says.as_ref().map_or(0, |(response, _)| response.dropped);
            let times = Times { zone: &self.zone, received: Some(arrival.received_at) };
            let says = says.map(|(response, message)| {
                let reading = translate::response(response, message, times);
                translate::by_our_clock(reading, &self.around.clock, arrival.received_at)
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
        // Together: each fact by itself would be a version of the floor.
        self.gold.apply(Fact::StoredResponses(std::mem::take(&mut kept.records))).await;
        drop(kept);
        if let Some(last) = last {
            self.reporter.received_at(last, all);
        }
        let came_back = store.feed_state().count(WROTE_AFTER_ERASURE).await?;
        self.reporter.count_many("erasedWroteAgain", came_back.saturating_sub(self.came_back));
        self.came_back = came_back;
        self.reporter.count_many("droppedEntries", dropped);
        self.reporter.count_many("events", events);
        self.reporter.count_many("reconciled", found);
        Ok(())
    }
}

/// The fuzzers' door: whatever is sent is read and translated.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_event(body: &[u8]) {
    if let Ok(event) = Event::parse(body) {
        let times = Times { zone: &TimeZone::UTC, received: None };
        let reading = translate::response(event.response, event.message, times);
        let _ = (reading.nps(), reading.revision());
    }
}
