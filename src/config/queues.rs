//! `[[queues]]`: what Clarity does not tell about its queues.

use serde::Deserialize;

use super::{ConfigError, OpeningHours, value};

/// What is known here about one queue, matched by its number or else by its name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    /// The number in Clarity. This or `name` must be given.
    pub id: Option<i64>,
    /// The name in Clarity.
    pub name: Option<String>,
    /// What has been promised to callers. Default: none, and no service level is shown.
    pub service_level: Option<ServiceLevel>,
    /// When contacts are taken, in the server's zone, such as `Mon-Fri 08:00-20:00, Sat 09:00-13:00`. Default: none, and
    /// Clarity's word on it counts alone.
    #[serde(deserialize_with = "value::optional")]
    pub opening_hours: Option<OpeningHours>,
}

/// A promise to callers.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct ServiceLevel {
    /// The wait that is still good, in seconds. Must be given.
    pub seconds: u32,
    /// The share of callers who should wait no longer, in percent. Default 80.
    #[serde(default = "target")]
    pub target: f64,
    /// Callers who hang up within so many seconds do not count. Default 5.
    #[serde(default = "short_abandon_seconds")]
    pub short_abandon_seconds: u32,
    /// How the share is computed. Default `event`.
    #[serde(default)]
    pub formula: Formula,
}

/// The formulas of the service level. Each is answered in time, divided by:
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// Answered in time, and everybody who has waited too long, even if they still wait.
    #[default]
    Event,
    /// Everybody answered, and everybody who gave up after the time.
    After,
    /// Everybody answered, and everybody who gave up.
    Strict,
    /// The same as `strict`, with those who gave up in time counted as good.
    Positive,
}

/// A queue named in another section.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(untagged, expecting = "must be a queue's number or its name in quotes")]
pub enum QueueRef {
    /// By its number in Clarity.
    Id(i64),
    /// By its name.
    Name(String),
}

impl Queue {
    pub(super) fn check(&self, place: usize, before: &[Self]) -> Result<(), ConfigError> {
        let key = |name: &str| format!("queues[{place}].{name}");
        match (self.id, &self.name) {
            (None, None) => {
                return Err(ConfigError::invalid(format!("queues[{place}]"), "needs an id or a name: add one of them"));
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
