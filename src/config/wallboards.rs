//! `[[wallboards]]`: pages for wall displays.

use std::time::Duration;

use serde::Deserialize;

use super::error::ConfigError;
use super::queues::QueueRef;
use super::{names, value};

/// One wallboard, at `/wallboard/{name}`.
#[derive(Debug, Clone, Deserialize)]
pub struct Wallboard {
    /// The name in its URL. Required.
    pub name: String,
    /// The queues that it shows, by id or name. Default: all.
    #[serde(default)]
    pub queues: Vec<QueueRef>,
    /// The tiles in their order: names of [`names::TILES`], or `metric.` and a custom metric of the site. Default
    /// `queuedCount`, `longestWait`, `serviceLevel`, `agentsAvailable`, `csatToday`.
    #[serde(default = "tiles")]
    pub tiles: Vec<String>,
    /// How long each page stays when not everything fits on the screen; at least 8 s. Default 20 s.
    #[serde(default = "rotate", deserialize_with = "value::text")]
    pub rotate: Duration,
    /// The distance in meters from which it must be legible. Default 5.
    #[serde(default = "viewing_distance", deserialize_with = "value::meters")]
    pub viewing_distance: f32,
    /// Light on dark or dark on light. Default `dark`.
    #[serde(default)]
    pub theme: Theme,
}

/// The colors of a wallboard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

impl Wallboard {
    /// A wallboard of this name, with the defaults of all other keys.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            queues: Vec::new(),
            tiles: tiles(),
            rotate: rotate(),
            viewing_distance: viewing_distance(),
            theme: Theme::default(),
        }
    }

    pub(super) fn check(&self, index: usize, before: &[Self]) -> Result<(), ConfigError> {
        let wrong = |name: &str, advice: &str| Err(ConfigError::invalid(format!("wallboards[{index}].{name}"), advice));
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            return wrong("name", "must consist of letters, digits, - and _, because it is part of a URL");
        }
        if before.iter().any(|other| other.name == self.name) {
            return wrong("name", "is that of an earlier wallboard: give each its own");
        }
        if self.tiles.is_empty() {
            return wrong("tiles", "must list at least one tile: leave it out for the default ones");
        }
        for (tile, name) in self.tiles.iter().enumerate() {
            names::check_tile(&format!("wallboards[{index}].tiles[{tile}]"), name)?;
        }
        if self.rotate < Duration::from_secs(8) {
            return wrong("rotate", "must be at least \"8s\", so that people can read the screen");
        }
        Ok(())
    }
}

fn tiles() -> Vec<String> {
    ["queuedCount", "longestWait", "serviceLevel", "agentsAvailable", "csatToday"].map(str::to_owned).to_vec()
}

fn rotate() -> Duration {
    Duration::from_secs(20)
}

fn viewing_distance() -> f32 {
    5.0
}
