//! Signed events without effect: they cannot be read, or are of an unknown type. They are acknowledged like all others,
//! because a sender that gets errors disables its webhook; so the status page must show them.

use jiff::{SignedDuration, Timestamp};

use crate::domain::SourceName;
use crate::gold::Reporter;
use crate::store::{InboxEvent, Store, StoreError, UnusableReason};
use base::Metrics;

/// How long the status page shows an unreadable event.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Counts the unusable events of one source.
#[derive(Debug)]
pub(super) struct UnusableEvents {
    source: SourceName,
    metrics: Metrics,
    unreadable: u64,
    /// When the newest unreadable event came.
    newest: Option<Timestamp>,
}

impl UnusableEvents {
    pub fn new(source: SourceName, metrics: Metrics) -> Self {
        Self { source, metrics, unreadable: 0, newest: None }
    }

    /// Counts the events from before the restart.
    pub async fn begin(&mut self, store: &Store, reporter: &mut Reporter) -> Result<(), StoreError> {
        let left = store.inbox().unreadable(self.source).await?;
        (self.unreadable, self.newest) = (left.count, left.newest);
        reporter.count_many("unreadableEvents", left.count);
        let types = store.inbox().unknown_types().await?;
        let unknown = types.iter().filter(|of| of.source == self.source.as_str()).map(|of| of.count).sum();
        reporter.count_many("unknownEvents", unknown);
        Ok(())
    }

    /// Notes an unusable event.
    pub fn note(&mut self, arrival: &InboxEvent, unusable: &UnusableReason, reporter: &mut Reporter) {
        let (source, seq) = (self.source, arrival.seq);
        match unusable {
            UnusableReason::Unreadable(reason) => {
                tracing::warn!(%source, %reason, seq, "an event cannot be read; it is kept as it came");
                self.metrics.webhook_unreadable(source.as_str());
                reporter.count("unreadableEvents");
                self.unreadable += 1;
                self.newest = self.newest.max(Some(arrival.received_at));
            }
            UnusableReason::UnknownType(_) => {
                // The name of the type is the sender's text and may be anything: only the status page shows it.
                tracing::warn!(%source, seq, "an event is of an unknown type; it is kept as it came");
                self.metrics.webhook_unknown_type(source.as_str());
                reporter.count("unknownEvents");
            }
        }
    }

    /// The message for the status page.
    pub fn message(&self, now: Timestamp) -> Option<String> {
        let newest = self.newest.filter(|newest| now.duration_since(*newest) < SHOWN_FOR)?;
        let what = match self.unreadable {
            1 => "1 event could not be read and was kept as it came: it".to_owned(),
            count => format!("{count} events could not be read and were kept as they came: the newest"),
        };
        Some(format!("{what} is of {}. See the status page.", newest.strftime("%Y-%m-%d %H:%M UTC")))
    }
}
