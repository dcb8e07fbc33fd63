//! Checks of `[clarity]`, and the values that follow from other keys.

use std::path::Path;

use super::clarity::{Auth, Clarity};
use super::error::ConfigError;
use super::{secret, value};
use base::secret::ExposeSecret;

/// In bytes. A shorter HS256 key can be guessed (RFC 8725, section 3.5).
const MIN_JWT_KEY: usize = 32;

impl Clarity {
    /// Fills in what follows from other keys. Relative paths start at `directory`, as those of secret files do.
    pub(super) fn resolve(&mut self, directory: &Path, password_file: Option<&str>, token_file: Option<&str>) {
        let secret_file = if self.auth == Auth::Static { token_file } else { password_file };
        self.secret_file = secret_file.map(|path| directory.join(path));
        for path in [&mut self.keytab, &mut self.credential_cache].into_iter().flatten() {
            *path = directory.join(&path);
        }
        if self.token_hosts.is_empty() {
            self.token_hosts.extend(self.api_root.host_str().map(str::to_owned));
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        value::check_credential_address("clarity.api_root", &self.api_root)?;
        if let Some(url) = &self.token_url {
            value::check_credential_address("clarity.token_url", url)?;
        }
        if self.token_hosts.iter().any(|host| host.contains('/') || host.is_empty()) {
            return invalid("token_hosts", "must list bare host names such as \"connect.example.com\"");
        }
        if self.auth == Auth::Static {
            if self.token.is_none() {
                return invalid("token", "is missing: auth = \"static\" needs a ready JWT in token or token_file");
            }
        } else if self.client_id.is_empty() {
            return invalid("client_id", "is missing: copy it from API Management on Clarity's admin site");
        } else {
            self.check_service_account()?;
        }
        if self.username.contains(['\\', '@']) && !self.domain.is_empty() {
            return invalid("domain", "must be left out: username names a domain already");
        }
        if self.kdc.contains('/') {
            return invalid("kdc", "must be a bare host, with a port if it is not 88, such as \"dc1.example.com\"");
        }
        if let Some(key) = &self.jwt_key {
            if key.expose_secret().len() < MIN_JWT_KEY {
                return invalid("jwt_key", "is too short for HS256: ask the site for the whole key, at least 32 bytes");
            }
            if self.jwt_issuer.is_empty() {
                return invalid("jwt_issuer", "is missing: copy it from the `iss` of one of the site's tokens");
            }
        }
        if !self.signalr_path.starts_with('/') {
            return invalid("signalr_path", "must begin with /");
        }
        if self.hub.is_empty() {
            return invalid("hub", "must not be empty: leave it out for \"connect\"");
        }
        if self.transports.is_empty() {
            return invalid("transports", "must name at least one transport: leave it out for all of them");
        }
        value::check_positive("clarity.poll_interval", self.poll_interval)
    }

    /// The service account must have exactly one credential.
    fn check_service_account(&self) -> Result<(), ConfigError> {
        if self.username.is_empty() && self.credential_cache.is_none() {
            return invalid("username", "is missing: write the name of the service account");
        }
        let credentials = [
            ("password", self.password.is_some()),
            ("keytab", self.keytab.is_some()),
            ("credential_cache", self.credential_cache.is_some()),
        ];
        let mut given = credentials.into_iter().filter_map(|(key, is_given)| is_given.then_some(key));
        let Some(credential) = given.next() else {
            let advice = "is missing: write the service account's password into a password_file, or name a keytab or a \
                          credential_cache";
            return invalid("password", advice);
        };
        if let Some(other) = given.next() {
            return invalid(other, &format!("is given beside clarity.{credential}: keep one of the two"));
        }
        if self.auth == Auth::Ntlm && credential != "password" {
            return invalid(credential, "is for Kerberos alone: auth = \"ntlm\" needs a password");
        }
        // A credential cache may appear later and expire; a keytab is a permanent file.
        match &self.keytab {
            Some(path) => secret::check_file(path, "ask the domain's administrators to export it, with AES keys")
                .map_err(|advice| ConfigError::invalid("clarity.keytab", advice)),
            None => Ok(()),
        }
    }
}

fn invalid(key: &str, advice: &str) -> Result<(), ConfigError> {
    Err(ConfigError::invalid(format!("clarity.{key}"), advice))
}
