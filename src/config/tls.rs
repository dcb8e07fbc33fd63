//! `[server] tls`: the certificate of the server, where no proxy in front terminates TLS.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::ConfigError;
use super::secret;

/// A certificate and its key, both PEM. Renewed files are read again without a restart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tls {
    /// The certificate chain, the server's certificate first. Relative to the configuration file.
    pub certificate_file: PathBuf,
    /// The certificate's private key, without a passphrase. Relative to the configuration file.
    pub key_file: PathBuf,
}

impl Tls {
    pub(super) fn resolve(&mut self, directory: &Path) {
        for path in [&mut self.certificate_file, &mut self.key_file] {
            *path = directory.join(&path);
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        secret::check_file(&self.key_file, "write the certificate's private key into it")
            .map_err(|advice| ConfigError::invalid("server.tls.key_file", advice))
    }
}
