//! `[server] tls`: the certificate with which the server encrypts by itself, where no proxy in front does.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, secret};

/// A certificate and its key, both PEM. Whoever renews them only replaces the files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tls {
    /// The server's certificate, then those that lead to whom clients trust. Relative to the configuration file.
    pub certificate_file: PathBuf,
    /// The certificate's private key, without a passphrase. Relative to the configuration file.
    pub key_file: PathBuf,
}

impl Tls {
    pub(super) fn settle(&mut self, directory: &Path) {
        for path in [&mut self.certificate_file, &mut self.key_file] {
            *path = directory.join(&path);
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        secret::check_file(&self.key_file, "write the certificate's private key into it")
            .map_err(|advice| ConfigError::invalid("server.tls.key_file", advice))
    }
}
