//! `[[queues]]`: service levels and opening hours of queues, which Clarity does not report.

use serde::Deserialize;

use super::error::ConfigError;
use super::opening_hours::OpeningHours;
use super::value;

/// Settings of one queue, matched by its id or else by its name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// The id in Clarity. This or `name` is required.
    pub id: Option<i64>,
    /// The name in Clarity.
    pub name: Option<String>,
    /// The service level. Default: none, and none is shown.
    pub service_level: Option<ServiceLevel>,
    /// The opening hours in the server's time zone, such as `Mon-Fri 08:00-20:00, Sat 09:00-13:00`. Default: none, only
    /// Clarity says whether the queue is open.
    #[serde(deserialize_with = "value::optional")]
    pub opening_hours: Option<OpeningHours>,
}

/// A service level: the share of callers answered within a time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct ServiceLevel {
    /// The longest wait that is within the service level, in seconds. Required.
    pub seconds: u32,
    /// The target share in percent. Default 80.
    #[serde(default = "target")]
    pub target: f64,
    /// Short abandons, in seconds: callers who hang up sooner do not count. Default 5.
    #[serde(default = "short_abandon_seconds")]
    pub short_abandon_seconds: u32,
    /// The formula of the share. Default `event`.
    #[serde(default)]
    pub formula: Formula,
}

/// A formula of the service level: calls answered within the time, divided by those that the variant names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// Answered within the time, and all that waited longer, even if they are still waiting.
    #[default]
    Event,
    /// All answered, and those abandoned after the time.
    After,
    /// All answered and all abandoned.
    Strict,
    /// All answered and all abandoned; calls abandoned within the time count as answered in time.
    Positive,
}

/// A reference to a queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(untagged, expecting = "must be a queue's number or its name in quotes")]
pub enum QueueRef {
    /// By its id in Clarity.
    Id(i64),
    /// By its name.
    Name(String),
}

impl Queue {
    pub(super) fn check(&self, index: usize, before: &[Self]) -> Result<(), ConfigError> {
        let key = |name: &str| format!("queues[{index}].{name}");
        match (self.id, &self.name) {
            (None, None) => {
                return Err(ConfigError::invalid(format!("queues[{index}]"), "needs an id or a name: add one of them"));
            }
            (Some(id), _) if before.iter().any(|other| other.id == Some(id)) => {
                return Err(ConfigError::invalid(key("id"), "is that of an earlier queue: put both into one section"));
            }
            (_, Some(name)) if before.iter().any(|other| other.name.as_ref() == Some(name)) => {
                return Err(ConfigError::invalid(
                    key("name"),
                    "is that of an earlier queue: put both into one section",
                ));
            }
            _ => {}
        }
        let Some(level) = &self.service_level else { return Ok(()) };
        if !(level.target > 0.0 && level.target <= 100.0) {
            return Err(ConfigError::invalid(key("service_level.target"), "must be a share in percent such as 80"));
        }
        if level.seconds == 0 {
            return Err(ConfigError::invalid(key("service_level.seconds"), "must be at least 1"));
        }
        Ok(())
    }
}

fn target() -> f64 {
    80.0
}

fn short_abandon_seconds() -> u32 {
    5
}
