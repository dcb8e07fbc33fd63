//! `[[thresholds]]`: warning and critical levels of metrics, with hysteresis.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::error::ConfigError;
use super::names;
use super::value::{self, FromText};

/// The levels of one metric. Only the server computes them.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Threshold {
    /// The metric, such as `queue.longestWait`. Required.
    pub on: String,
    /// The limit of a warning. This or `critical` is required.
    #[serde(default)]
    pub warn: Option<Limit>,
    /// The limit of the critical level.
    #[serde(default)]
    pub critical: Option<Limit>,
    /// How long the metric must stay beyond a limit before the level changes (`for` in the file). Default 5 s.
    #[serde(default = "held_for", rename = "for", deserialize_with = "value::text")]
    pub held_for: Duration,
    /// The limit at which the level clears. Default: that of the mildest level.
    #[serde(default)]
    pub clear_at: Option<Limit>,
    /// How long the metric must be back before the level clears. Default 30 s.
    #[serde(default = "clear_after", deserialize_with = "value::text")]
    pub clear_after: Duration,
    /// A ratio of fewer samples has no level. Default 0.
    #[serde(default)]
    pub min_samples: u32,
}

/// A limit, in the unit of its metric.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Limit {
    /// A count, or a percentage.
    Number(f64),
    /// A duration.
    Duration(Duration),
}

impl Threshold {
    /// Whether higher is worse, as for waits, or lower, as for service levels. The order of the limits decides.
    #[must_use]
    pub fn is_higher_worse(&self) -> bool {
        match (self.warn, self.critical, self.clear_at) {
            (Some(warn), Some(critical), _) => warn <= critical,
            (Some(only), None, Some(clear)) | (None, Some(only), Some(clear)) => clear <= only,
            _ => true,
        }
    }

    pub(super) fn check(&self, index: usize, before: &[Self]) -> Result<(), ConfigError> {
        let wrong = |name: &str, advice: &str| Err(ConfigError::invalid(format!("thresholds[{index}]{name}"), advice));
        if before.iter().any(|other| other.on == self.on) {
            return wrong(".on", "names a metric that has a threshold already: put both into one section");
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
            match self.is_higher_worse() {
                true if clear > mildest => return wrong(".clear_at", "must not be above warn: lower it"),
                false if clear < mildest => return wrong(".clear_at", "must not be below warn: raise it"),
                _ => {}
            }
        }
        names::check_value(&format!("thresholds[{index}].on"), &self.on)
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
        Duration::from_text(text)
            .map(Limit::Duration)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

fn held_for() -> Duration {
    Duration::from_secs(5)
}

fn clear_after() -> Duration {
    Duration::from_secs(30)
}
