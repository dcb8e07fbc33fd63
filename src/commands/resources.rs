//! What several commands open: the configuration, the store, the TLS certificate, a listener, the HTTP client.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use super::error::CommandError;
use crate::config::Config;
use crate::store::{RetentionPeriods, Settings, Store};
use crate::web::tls::Tls;
use base::{Clock, http};

pub(super) fn load_config(path: &Path) -> Result<Config, CommandError> {
    Config::load(Some(path), std::env::vars()).map_err(CommandError::usage)
}

/// Opens the store in the data directory, and creates it if necessary. The store refuses a directory that other users
/// can enter: it holds customers' texts and the admin socket.
pub(super) async fn open_store(config: &Config, clock: Clock) -> Result<Store, CommandError> {
    let (directory, settings) = (config.server.data_dir.clone(), store_settings(config));
    let opened = tokio::task::spawn_blocking(move || Store::open_with(&directory, clock, settings)).await;
    match opened {
        Ok(opened) => opened.map_err(CommandError::runtime),
        Err(error) => Err(CommandError::Runtime(format!("The store could not be opened: {error}."))),
    }
}

fn store_settings(config: &Config) -> Settings {
    Settings {
        min_free: config.store.min_free.0,
        backup_dir: Some(backup_dir(config)),
        backups_kept: config.store.backups_kept,
        retention: RetentionPeriods {
            webhooks: config.privacy.keep_webhooks,
            feedback: config.privacy.keep_feedback,
            sessions: config.privacy.keep_sessions,
            audit: config.privacy.keep_audit,
        },
    }
}

/// The directory of backups.
pub(super) fn backup_dir(config: &Config) -> PathBuf {
    config.store.backup_dir.clone().unwrap_or_else(|| config.server.data_dir.join("backup"))
}

/// Reads the certificate of `[server] tls`, if there is one.
pub(super) fn open_tls(config: &Config, clock: &Clock) -> Result<Option<Tls>, CommandError> {
    let files = config.server.tls.as_ref();
    files.map(|files| Tls::open(files, clock.clone())).transpose().map_err(CommandError::usage)
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::Runtime(format!(
            "Cannot listen on {address} ({error}): choose another address, or stop the program that uses it."
        ))
    })
}

pub(super) fn http_client() -> Result<http::Client, CommandError> {
    http::client().map_err(|error| CommandError::Runtime(format!("TLS cannot be set up: {error}.")))
}
