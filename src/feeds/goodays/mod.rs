//! Reads the inbox in the order in which events came, and tells what they say.
//!
//! The gold copy forgets everything at a restart, so the inbox is read from its beginning then. Whatever can't be read
//! stays in the inbox, counted and visible; nothing behind it waits for it.

mod translate;

use std::time::Duration;

use crate::base::Lifecycle;
use crate::domain::{Fact, SourceName, SourceState};
use crate::gold::{Gold, Reporter};
use crate::store::{Store, StoreError, Stored};
use crate::vendor::goodays::{Event, Kind};

use super::Intake;

/// Up to which place events have been understood before, in an earlier life of the process or in this one.
const CURSOR: &str = "goodays.understood";

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
    /// The place of the last event that the gold copy knows.
    told: u64,
    /// The place of the last event that was ever understood.
    understood: u64,
}

impl GoodaysFeed {
    /// A feed that has read nothing.
    #[must_use]
    pub fn new(intake: Intake, gold: Gold, reporter: Reporter) -> Self {
        Self { intake, gold, reporter, told: 0, understood: 0 }
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
        let unreadable = match Event::parse(&arrival.body) {
            Ok(event) => {
                self.reporter.count("events");
                if let Kind::Other(event_type) = &event.kind {
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
