//! Reads the inbox in the order in which events came, and tells what they say.
//!
//! The gold copy forgets everything at a restart: it is told again what is kept of each response, and then what has not
//! been understood yet. Whatever can't be read stays in the inbox, counted and visible; nothing behind it waits for it.

mod translate;

use std::time::Duration;

use crate::base::Lifecycle;
use crate::domain::{Fact, SourceName, SourceState};
use crate::gold::{Gold, Reporter};
use crate::store::{Store, StoreError, Stored, Understood};
use crate::vendor::goodays::{Event, Kind};

use super::Intake;

/// How many events are read from the disk at once.
const PAGE: u32 = 256;

/// How long after a failure the inbox is read again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// When counts are told that were too young to be told at once.
const SOON: Duration = Duration::from_secs(1);

/// Follows the inbox.
pub struct GoodaysFeed {
    intake: Intake,
    gold: Gold,
    reporter: Reporter,
    /// The place of the last kept response that the gold copy has been told again. `None`: of all of them.
    remembered: Option<i64>,
    /// The place of the last event that has been looked at.
    looked_at: u64,
}

impl GoodaysFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(intake: Intake, gold: Gold, reporter: Reporter) -> Self {
        Self { intake, gold, reporter, remembered: Some(0), looked_at: 0 }
    }

    /// Follows until the process stops.
    pub async fn run(mut self, life: Lifecycle) {
        self.reporter.transport(Some("webhook"));
        self.reporter.set(SourceState::Live, None);
        loop {
            let caught_up = self.catch_up().await;
            let behind = caught_up.is_err();
            if let Err(error) = caught_up {
                tracing::error!(error = %error, "the inbox cannot be read");
                self.reporter.set(
                    SourceState::Stale,
                    Some("The inbox cannot be read; what customers say is stored but not shown."),
                );
            } else {
                self.reporter.set(SourceState::Live, None);
            }
            self.reporter.tell().await;
            let counted = self.reporter.has_news();
            tokio::select! {
                () = life.stopping() => return,
                () = tokio::time::sleep(SOON), if counted => {}
                () = self.intake.arrived() => {}
                () = self.intake.refused() => self.reporter.count("refusedSignatures"),
                // What has been acknowledged must not wait for the next event to be seen.
                () = tokio::time::sleep(TRY_AGAIN), if behind => {}
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let store = self.intake.store().clone();
        self.remember(&store).await?;
        loop {
            let page = store.waiting_after(SourceName::Goodays, self.looked_at, PAGE).await?;
            let Some(last) = page.last().map(|arrival| arrival.seq) else { return Ok(()) };
            self.understand(&store, page).await?;
            self.looked_at = last;
        }
    }

    /// Tells again what is kept from earlier lives of the process.
    async fn remember(&mut self, store: &Store) -> Result<(), StoreError> {
        while let Some(place) = self.remembered {
            let page = store.feedback_after(place, PAGE).await?;
            if place == 0 {
                if let Some(last) = store.last_arrival(SourceName::Goodays).await? {
                    self.reporter.heard_at(last, 0);
                }
                self.reporter.count_many("unreadableEvents", store.inbox_counts().await?.with_error);
            }
            self.remembered = page.last_key_value().map(|(place, _)| *place);
            for reading in page.into_values() {
                self.gold.tell(Fact::Response(Box::new(reading))).await;
            }
        }
        Ok(())
    }

    /// Events are told once it is on the disk what they say.
    async fn understand(&mut self, store: &Store, page: Vec<Stored>) -> Result<(), StoreError> {
        let last = page.iter().map(|arrival| arrival.received_at).max();
        let (mut events, mut unknown, mut unreadable) = (0, 0, 0);
        let mut understood = Vec::with_capacity(page.len());
        for Stored { seq, body, .. } in page {
            let says = match Event::parse(&body) {
                Ok(event) => {
                    events += 1;
                    if let Kind::Other(event_type) = &event.kind {
                        tracing::warn!(event_type = %event_type.escape_debug(), seq, "an event of an unknown type: kept, and read as far as it goes");
                        unknown += 1;
                    }
                    Ok(translate::response(event))
                }
                Err(error) => {
                    tracing::warn!(error = %error, seq, "an event that cannot be read: kept as it came");
                    unreadable += 1;
                    Err(error.to_string())
                }
            };
            understood.push(Understood { seq, says });
        }
        let mut kept = store.understand(understood).await?;
        for reading in std::mem::take(&mut kept.readings) {
            self.gold.tell(Fact::Response(Box::new(reading))).await;
        }
        drop(kept);
        if let Some(last) = last {
            self.reporter.heard_at(last, events + unreadable);
        }
        self.reporter.count_many("events", events);
        self.reporter.count_many("unknownEvents", unknown);
        self.reporter.count_many("unreadableEvents", unreadable);
        Ok(())
    }
}
