//! `[store]`: how what must survive is looked after.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use super::value::{self, Bytes};

/// How what must survive is looked after.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Store {
    /// How often the database is copied while it is in use. Default one hour.
    #[serde(deserialize_with = "value::text")]
    pub backup_interval: Duration,
    /// How many of these copies stay; 0 makes none. Default 24.
    pub backups_kept: usize,
    /// Where they go. Default `backup` in the data directory.
    pub backup_dir: Option<PathBuf>,
    /// How much must be free on the disk for new webhooks to be taken. Default `64MB`.
    #[serde(deserialize_with = "value::text")]
    pub min_free: Bytes,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            backup_interval: Duration::from_secs(3600),
            backups_kept: 24,
            backup_dir: None,
            min_free: Bytes(64 << 20),
        }
    }
}

impl Store {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        value::check_positive("store.backup_interval", self.backup_interval)
    }
}
