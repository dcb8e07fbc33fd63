//! Events that a sender signed and that have no effect: they cannot be read, or are of a type that we do not know. They are
//! acknowledged like any other, because a sender that gets errors switches its webhook off, so a person must be told.

use jiff::{SignedDuration, Timestamp};

use crate::domain::SourceName;
use crate::gold::Reporter;
use crate::store::{InboxEvent, Store, StoreError, UnusableReason};
use base::Metrics;

/// For how long the status says that something could not be read.
const SAID_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Counts them, and says so.
#[derive(Debug)]
pub(super) struct UnusableEvents {
    source: SourceName,
    metrics: Metrics,
    unreadable: u64,
    /// When the newest of those came that could not be read.
    newest: Option<Timestamp>,
}

impl UnusableEvents {
    pub fn new(source: SourceName, metrics: Metrics) -> Self {
        Self { source, metrics, unreadable: 0, newest: None }
    }

    /// Counts what earlier lives of the process have left.
    pub async fn begin(&mut self, store: &Store, reporter: &mut Reporter) -> Result<(), StoreError> {
        let left = store.inbox().unreadable(self.source).await?;
        (self.unreadable, self.newest) = (left.count, left.newest);
        reporter.count_many("unreadableEvents", left.count);
        let types = store.inbox().unknown_types().await?;
        let unknown = types.iter().filter(|of| of.source == self.source.as_str()).map(|of| of.count).sum();
        reporter.count_many("unknownEvents", unknown);
        Ok(())
    }

    /// One more.
    pub fn note(&mut self, arrival: &InboxEvent, unusable: &UnusableReason, reporter: &mut Reporter) {
        let (source, seq) = (self.source, arrival.seq);
        match unusable {
            UnusableReason::Unreadable(reason) => {
                tracing::warn!(%source, %reason, seq, "an event that cannot be read: kept as it came");
                self.metrics.webhook_unreadable(source.as_str());
                reporter.count("unreadableEvents");
                self.unreadable += 1;
                self.newest = self.newest.max(Some(arrival.received_at));
            }
            UnusableReason::UnknownType(_) => {
                // Its name is the sender's text, which may be anything: it is on the status page.
                tracing::warn!(%source, seq, "an event of an unknown type: kept as it came, without effect");
                self.metrics.webhook_unknown_type(source.as_str());
                reporter.count("unknownEvents");
            }
        }
    }

    /// What a person must be told, for a day.
    pub fn complaint(&self, now: Timestamp) -> Option<String> {
        let newest = self.newest.filter(|newest| now.duration_since(*newest) < SAID_FOR)?;
        let what = match self.unreadable {
            1 => "1 event could not be read and was kept as it came: it".to_owned(),
            count => format!("{count} events could not be read and were kept as they came: the newest"),
        };
        Some(format!("{what} is of {}. See the status page.", newest.strftime("%Y-%m-%d %H:%M UTC")))
    }
}
