//! `[[thresholds]]`: when a value becomes a warning, and when it is over.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::value::{self, Written};
use super::{ConfigError, names};

/// The levels of one value. The server alone computes them.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Threshold {
    /// The value, such as `queue.longestWait`. Must be given.
    pub on: String,
    /// Where a warning begins. This or `critical` must be given.
    #[serde(default)]
    pub warn: Option<Limit>,
    /// Where it becomes critical.
    #[serde(default)]
    pub critical: Option<Limit>,
    /// How long the value must stay beyond a limit before it counts (`for` in the file). Default 5 s.
    #[serde(default = "held_for", rename = "for", deserialize_with = "value::text")]
    pub held_for: Duration,
    /// Where it is over. Default: the limit of the mildest level.
    #[serde(default)]
    pub clear_at: Option<Limit>,
    /// How long the value must be good again before it is over. Default 30 s.
    #[serde(default = "clear_after", deserialize_with = "value::text")]
    pub clear_after: Duration,
    /// A ratio of fewer cases than this has no level. Default 0.
    #[serde(default)]
    pub min_samples: u32,
}

/// A limit, in the unit of its value.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Limit {
    /// A count, or a share in percent.
    Number(f64),
    /// A time.
    Duration(Duration),
}

impl Threshold {
    /// Whether more is worse, as for waits; otherwise less is, as for service levels. The limits say so themselves.
    #[must_use]
    pub fn more_is_worse(&self) -> bool {
        match (self.warn, self.critical, self.clear_at) {
            (Some(warn), Some(critical), _) => warn <= critical,
            (Some(only), None, Some(clear)) | (None, Some(only), Some(clear)) => clear <= only,
            _ => true,
        }
    }

    pub(super) fn check(&self, place: usize, before: &[Self]) -> Result<(), ConfigError> {
        let wrong = |name: &str, advice: &str| Err(ConfigError::invalid(format!("thresholds[{place}]{name}"), advice));
        if before.iter().any(|other| other.on == self.on) {
            return wrong(".on", "names a value that has a threshold already: put both into one section");
        }
        let Some(mildest) = self.warn.or(self.critical) else {
            return wrong("", "needs warn or critical: add one of them");
        };
        let given = [self.warn, self.critical, self.clear_at];
        if given.iter().flatten().any(|limit| limit.is_duration() != mildest.is_duration()) {
            return wrong("", "mixes durations and numbers: write all its limits in the same unit");
        }
        if self.warn.is_some() && self.warn == self.critical {
            return wrong(".critical", "equals warn: move one of them, or leave one out");
        }
        if let Some(clear) = self.clear_at {
            match self.more_is_worse() {
                true if clear > mildest => return wrong(".clear_at", "must not be above warn: lower it"),
                false if clear < mildest => return wrong(".clear_at", "must not be below warn: raise it"),
                _ => {}
            }
        }
        names::check_value(&format!("thresholds[{place}].on"), &self.on)
    }
}

impl Limit {
    fn is_duration(self) -> bool {
        matches!(self, Self::Duration(_))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor)
    }
}

struct LimitVisitor;

impl Visitor<'_> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, or a duration such as \"30s\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Limit, E> {
        Ok(Limit::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Limit, E> {
        match number.is_finite() {
            true => Ok(Limit::Number(number)),
            false => Err(E::invalid_value(serde::de::Unexpected::Float(number), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
        Duration::read(text).map(Limit::Duration).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

fn held_for() -> Duration {
    Duration::from_secs(5)
}

fn clear_after() -> Duration {
    Duration::from_secs(30)
}
