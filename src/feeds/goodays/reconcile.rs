//! Finds what webhooks have missed: after a restart, after a silence, and once a day for the last day, the list of
//! responses is read (apis.md P24, reliability.md W15).
//!
//! A response that is newer than the known one goes through the inbox like an event: it is stored once, and survives.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::watch;

use super::translate::{self, Times};
use crate::domain::ResponseRecord;
use crate::feeds::Intake;
use crate::gold::{Entity, Gold, Key};
use crate::store::StoreError;
use crate::upstream::goodays::{CallError, Cursor, Goodays, wire};
use base::{Backoff, Clock, Lifecycle};

/// The type of an event that was found and not sent. Such events are known by a header that we set, not by this name,
/// which any sender could use.
const RECONCILED: &str = "callboard.reconciled";

/// How far before the last event the list begins: events may be late, and clocks differ.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);

/// How often the last day is read again.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A list with more pages than this is taken for an endless loop.
const MAX_PAGES: usize = 2000;

/// The shortest and the longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15 * 60));

/// What is wrong with reconciling, for the status page. `None`: nothing.
pub(super) type Complaint = Option<&'static str>;

/// Reads lists of responses.
pub(super) struct Reconciler {
    pub intake: Intake,
    pub gold: Gold,
    pub upstream: Goodays,
    pub clock: Clock,
    pub zone: TimeZone,
    /// Since when events may have been missed.
    pub wanted: watch::Receiver<Option<Timestamp>>,
    pub complaint: watch::Sender<Complaint>,
}

/// Why a list could not be read.
#[derive(Debug, Error)]
enum Failure {
    #[error("{0}")]
    Upstream(#[from] CallError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Reconciler {
    pub async fn run(mut self, life: Lifecycle) {
        let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
        let mut daily = tokio::time::interval_at(tokio::time::Instant::now() + DAY, DAY);
        let mut missed: Option<Timestamp> = None;
        loop {
            let pause = if missed.is_some() { backoff.next_wait().max(PAUSE.0 / 5) } else { DAY };
            let since = tokio::select! {
                () = life.stopping() => return,
                Ok(()) = self.wanted.changed() => *self.wanted.borrow_and_update(),
                _ = daily.tick() => self.clock.now().checked_sub(SignedDuration::from_hours(24)).ok(),
                () = tokio::time::sleep(pause), if missed.is_some() => missed,
            };
            missed = [missed, since].into_iter().flatten().min();
            let Some(since) = missed else { continue };
            let result = tokio::select! {
                () = life.stopping() => return,
                result = self.reconcile(since) => result,
            };
            match result {
                Ok(complaint) => {
                    missed = None;
                    backoff.reset();
                    self.complaint.send_replace(complaint);
                }
                Err(error) => {
                    tracing::warn!(error = %error, "the list of Goodays responses cannot be read yet");
                    self.complaint.send_replace(Some(
                        "What its webhooks may have missed cannot be asked for yet; it is tried again.",
                    ));
                }
            }
        }
    }

    async fn reconcile(&self, since: Timestamp) -> Result<Complaint, Failure> {
        let (from, to) = (since.checked_sub(OVERLAP).unwrap_or(since), self.clock.now());
        let mut cursor: Option<Cursor> = None;
        for _ in 0..MAX_PAGES {
            let Some(page) = self.upstream.responses(from, to, cursor.as_ref()).await? else {
                return Ok(Some("This Goodays has no list of responses: what its webhooks miss stays unknown."));
            };
            for response in page.responses {
                store_if_new(&self.intake, &self.gold, &self.zone, response).await?;
            }
            if page.next.is_none() || page.next == cursor {
                return Ok(None);
            }
            cursor = page.next;
        }
        tracing::warn!(pages = MAX_PAGES, "the list of Goodays responses does not end");
        Ok(Some("The list of responses does not end: what webhooks miss may stay unknown."))
    }
}

/// Stores a response that was found, if it says more than is known.
pub(super) async fn store_if_new(
    intake: &Intake,
    gold: &Gold,
    zone: &TimeZone,
    mut raw: Value,
) -> Result<(), StoreError> {
    // One without an id goes to the inbox, too, where it is stored once, counted and shown as unreadable.
    if let Some(response) = wire::Response::read(&raw) {
        let reading = translate::response(response, None, Times { zone, received: None });
        gold.flush().await;
        if !is_news(gold, &reading) {
            return Ok(());
        }
    }
    if let Some(fields) = raw.as_object_mut() {
        // Not needed (apis.md B154).
        fields.remove("token");
    }
    let event = json!({"event_type": RECONCILED, "response": raw});
    intake.store_found(event.to_string().into_bytes()).await?;
    Ok(())
}

fn is_news(gold: &Gold, reading: &ResponseRecord) -> bool {
    let known = gold.copy().get(&Key::Response(reading.id.clone()));
    let Some(Entity::Response(known)) = known.as_deref() else { return true };
    let known = &known.record;
    let has_new_texts = reading.messages.keys().any(|id| !known.messages.contains_key(id));
    let stands = |reading: &ResponseRecord| {
        (reading.thread.clone(), reading.actions.clone(), reading.delegated_to.as_ref().map(|place| place.id.clone()))
    };
    has_new_texts || (reading.newest() >= known.newest() && stands(reading) != stands(known))
}
