//! Metrics. Their set is data: Clarity has over five hundred, and a site enables its own.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{QueueId, Unclassified};

/// The modality of a contact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modality {
    /// Calls.
    Audio,
    /// Chats.
    InstantMessage,
    /// E-mail and other messages that may wait.
    Message,
    /// Of a metric: counted across all modalities.
    Agnostic,
    /// Another modality, as Clarity names it.
    Other(Arc<str>),
}

impl Modality {
    /// The name in documents.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::InstantMessage => "instantMessage",
            Self::Message => "message",
            Self::Agnostic => "agnostic",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A metric that Callboard itself uses, or any other one under its upstream's name. Two metrics are equal if their
/// names are.
#[derive(Debug, Clone)]
pub enum Metric {
    /// Contacts that wait in a queue.
    Queued,
    /// Contacts that were answered.
    Answered,
    /// Contacts that were abandoned.
    Abandoned,
    /// Contacts that were abandoned within the service level.
    AbandonedBeforeServiceLevel,
    /// Contacts that were abandoned after the service level.
    AbandonedAfterServiceLevel,
    /// Contacts that were offered to an agent and not answered (RONA).
    NotAnswered,
    /// Any other metric.
    Other(Arc<str>),
}

impl Metric {
    /// The metrics that Callboard itself uses.
    pub const KNOWN: [Self; 6] = [
        Self::Queued,
        Self::Answered,
        Self::Abandoned,
        Self::AbandonedBeforeServiceLevel,
        Self::AbandonedAfterServiceLevel,
        Self::NotAnswered,
    ];

    /// The name in documents and in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queuedCount",
            Self::Answered => "answeredCount",
            Self::Abandoned => "abandonedCount",
            Self::AbandonedBeforeServiceLevel => "abandonedBeforeSLACount",
            Self::AbandonedAfterServiceLevel => "abandonedAfterSLACount",
            Self::NotAnswered => "ronaCount",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Metric {
    fn from(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|known| known.as_str() == name);
        known.unwrap_or_else(|| Self::Other(name.into()))
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Metric {}

impl PartialOrd for Metric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Metric {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Borrow<str> for Metric {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of a metric. Not only integers: averages have fractions, and some metrics have several numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(no_recursion)]
pub enum MetricValue {
    /// A count, or a whole number of milliseconds.
    Count(i64),
    /// A number with a fraction.
    Number(f64),
    /// Several numbers under one name, such as total, average and count.
    Parts(BTreeMap<Arc<str>, MetricValue>),
    /// Anything else, shown as Clarity sends it.
    Text(Arc<str>),
}

impl MetricValue {
    /// The number, if it is one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no contact center counts to two to the fifty-third")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number) => Some(*number),
            Self::Parts(_) | Self::Text(_) => None,
        }
    }
}

/// Metrics by modality.
pub type Metrics = BTreeMap<Modality, BTreeMap<Metric, MetricValue>>;

/// The path of a metric: a modality, the name of a metric, and the names of its parts. Without names it is the whole
/// modality.
pub type MetricPath = (Modality, Vec<Arc<str>>);

/// What one message reports of an agent's metrics by queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueMetricsUpdate {
    /// All of them: replaces what was known.
    pub all: Option<BTreeMap<QueueId, Metrics>>,
    /// Added or changed ones.
    pub added: BTreeMap<QueueId, Metrics>,
    /// Metrics of these queues that are removed.
    pub cleared: Vec<(QueueId, MetricPath)>,
    /// Queues whose metrics are removed.
    pub removed: Vec<QueueId>,
    /// What has a shape that we cannot read.
    pub unread: Unclassified,
}
