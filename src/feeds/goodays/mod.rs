//! Reads the inbox in the order in which events came, and tells what they say.
//!
//! The gold copy forgets everything at a restart, so the inbox is read from its beginning then. Whatever can't be read
//! stays in the inbox, counted and visible; nothing behind it waits for it.

mod reconcile;
mod translate;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::base::Lifecycle;
use crate::domain::{Fact, SourceName, SourceState};
use crate::gold::{Gold, Reporter};
use crate::store::{Store, StoreError, Stored};
use crate::vendor::goodays::{Event, Goodays, Kind};

use super::Intake;
use reconcile::{Complaint, RECONCILED, Reconciler};

/// Up to which place events have been understood before, in an earlier life of the process or in this one.
const CURSOR: &str = "goodays.understood";

/// How many events are read from the disk at once.
const PAGE: u32 = 256;

/// How long after a failure the inbox is read again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// When counts are told that were too young to be told at once.
const SOON: Duration = Duration::from_secs(1);

/// How often the clock is looked at while nothing comes.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(60);

/// What the feed hears besides webhooks, and when it worries.
#[derive(Debug)]
pub struct Surroundings {
    /// The way to Goodays, for asking what webhooks have missed.
    pub vendor: Goodays,
    /// How long no webhook may come before somebody is told.
    pub silence_alarm: Duration,
    /// Responses that were looked up.
    pub found: mpsc::UnboundedReceiver<Value>,
    /// Why nothing can be sent to Goodays; `None` while all is well.
    pub trouble: watch::Receiver<Option<Arc<str>>>,
}

/// Follows the inbox.
pub struct GoodaysFeed {
    intake: Intake,
    gold: Gold,
    reporter: Reporter,
    around: Surroundings,
    /// When the last webhook came; before the first one, when we began to listen.
    webhook: Timestamp,
    /// Whether none has come for longer than it should take.
    silent: bool,
    /// The place of the last event that the gold copy knows.
    told: u64,
    /// The place of the last event that was ever understood.
    understood: u64,
}

impl GoodaysFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(intake: Intake, gold: Gold, reporter: Reporter, around: Surroundings) -> Self {
        let webhook = Timestamp::MIN;
        Self { intake, gold, reporter, around, webhook, silent: false, told: 0, understood: 0 }
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
            self.reporter.tell().await;
            let counted = self.reporter.has_news();
            tokio::select! {
                () = life.stopping() => return,
                () = tokio::time::sleep(SOON), if counted => {}
                () = self.intake.arrived() => {}
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
            vendor: self.around.vendor.clone(),
            clock: self.reporter.clock().clone(),
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
            self.reporter.set(SourceState::Stale, Some(why));
        } else if self.silent {
            let why = format!(
                "No webhook has come for more than {:#}: check the address and the secret that Goodays has been given.",
                SignedDuration::try_from(self.around.silence_alarm).unwrap_or_default()
            );
            self.reporter.set(SourceState::Stale, Some(&why));
        } else if let Some(trouble) = trouble {
            self.reporter.set(SourceState::Live, Some(&format!("Answers cannot be sent. {trouble}")));
        } else {
            self.reporter.set(SourceState::Live, complaint);
        }
    }

    async fn take_in(&mut self, found: Value) {
        if let Err(error) = reconcile::take_in(&self.intake, &self.gold, found).await {
            tracing::error!(error = %error, "a response that was looked up could not be stored");
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let store = self.intake.store().clone();
        if self.told == 0 {
            self.understood = store.cursor(CURSOR).await?.and_then(|place| place.parse().ok()).unwrap_or(0);
        }
        loop {
            let page = store.arrivals_after(SourceName::Goodays, self.told, PAGE).await?;
            let Some(last) = page.last().map(|arrival| arrival.seq) else { return Ok(()) };
            for arrival in &page {
                self.understand(&store, arrival).await?;
                self.told = arrival.seq;
            }
            if last > self.understood {
                self.understood = last;
                store.set_cursor(CURSOR, &last.to_string()).await?;
            }
        }
    }

    async fn understand(&mut self, store: &Store, arrival: &Stored) -> Result<(), StoreError> {
        self.reporter.heard_at(arrival.received_at, 1);
        let event = Event::parse(&arrival.body);
        if !event.as_ref().is_ok_and(|event| event.event_type == RECONCILED) {
            self.webhook = self.webhook.max(arrival.received_at);
        }
        let unreadable = match event {
            Ok(event) => {
                let is_found = event.event_type == RECONCILED;
                self.reporter.count(if is_found { "reconciled" } else { "events" });
                if !is_found && let Kind::Other(event_type) = &event.kind {
                    tracing::warn!(event_type = %event_type.escape_debug(), seq = arrival.seq, "an event of an unknown type: kept, and read as far as it goes");
                    self.reporter.count("unknownEvents");
                }
                self.gold.tell(Fact::Response(Box::new(translate::response(event)))).await;
                None
            }
            Err(error) => {
                tracing::warn!(error = %error, seq = arrival.seq, "an event that cannot be read: kept as it came");
                self.reporter.count("unreadableEvents");
                Some(error.to_string())
            }
        };
        if arrival.seq > self.understood {
            store.mark_processed(arrival.seq, unreadable).await?;
        }
        Ok(())
    }
}

/// The fuzzers' door: whatever is sent is read and translated.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub fn fuzz_event(body: &[u8]) {
    if let Ok(event) = Event::parse(body) {
        let reading = translate::response(event);
        let _ = (reading.nps(), reading.stand());
    }
}
