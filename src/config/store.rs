//! `[store]`: backups of the database and its disk space.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::error::ConfigError;
use super::value::{self, Bytes};

/// Backups and disk space.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Store {
    /// How often the database is backed up, while in use. Default one hour.
    #[serde(deserialize_with = "value::text")]
    pub backup_interval: Duration,
    /// How many backups are kept; 0 disables them. Default 24.
    pub backups_kept: usize,
    /// The directory of backups. Default `backup` in the data directory.
    pub backup_dir: Option<PathBuf>,
    /// The free disk space below which webhooks are refused. Default `64MB`.
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
