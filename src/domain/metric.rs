//! Counted and measured values. The set of metrics is data: a site has over five hundred and enables its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{QueueId, Unclassified};

/// The kind of contact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modality {
    /// Calls.
    Audio,
    /// Chats.
    InstantMessage,
    /// E-mail and other messages that may wait.
    Message,
    /// Of a metric: counted across all kinds.
    Agnostic,
    /// One that nobody here has a word for.
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

/// What one metric says. Never integer-only: averages have fractions, and some metrics come as several numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetricValue {
    /// A count, or a whole number of milliseconds.
    Count(i64),
    /// A measure.
    Number(f64),
    /// Several numbers under one name, such as total, average and count.
    Parts(BTreeMap<Arc<str>, MetricValue>),
    /// Something else, shown as it came.
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

/// Metrics by kind of contact and name.
pub type Metrics = BTreeMap<Modality, BTreeMap<Arc<str>, MetricValue>>;

/// A place among metrics: a kind of contact, and the names below it. Without names it is the whole kind.
pub type MetricPath = (Modality, Vec<Arc<str>>);

/// What one message said about an agent's metrics by queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueMetricsUpdate {
    /// All there are: replaces what was known.
    pub all: Option<BTreeMap<QueueId, Metrics>>,
    /// New or changed ones.
    pub added: BTreeMap<QueueId, Metrics>,
    /// Metrics of these that are there no longer.
    pub cleared: Vec<(QueueId, MetricPath)>,
    /// Queues of which there are none any more.
    pub removed: Vec<QueueId>,
    /// What was said in a shape that nobody here understands.
    pub unread: Unclassified,
}
