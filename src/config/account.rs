//! Clarity's service account, and what proves that it is ours.

use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Auth, Clarity, ConfigError, secret};

impl Clarity {
    /// There is an account, and exactly one proof of it.
    pub(super) fn check_account(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, advice: &str| Err(ConfigError::invalid(format!("clarity.{key}"), advice));
        if self.username.is_empty() && self.credential_cache.is_none() {
            return wrong("username", "is missing: write the name of the service account");
        }
        let proofs = [
            ("password", self.password.is_some()),
            ("keytab", self.keytab.is_some()),
            ("credential_cache", self.credential_cache.is_some()),
        ];
        let mut given = proofs.into_iter().filter_map(|(key, is_given)| is_given.then_some(key));
        let Some(proof) = given.next() else {
            let advice = "is missing: write the service account's password into a password_file, or name a keytab or a \
                          credential_cache";
            return wrong("password", advice);
        };
        if let Some(other) = given.next() {
            return wrong(other, &format!("stands beside clarity.{proof}: keep one of the two"));
        }
        if self.auth == Auth::Ntlm && proof != "password" {
            return wrong(proof, "is for Kerberos alone: auth = \"ntlm\" needs a password");
        }
        // A cache may come later, and go; whoever made a keytab left it there for good.
        match &self.keytab {
            Some(path) => secret::check_file(path, "have whoever runs the domain export it, with AES keys")
                .map_err(|advice| ConfigError::invalid("clarity.keytab", advice)),
            None => Ok(()),
        }
    }
}

/// A path, or none. Kerberos' own tools write before it of what kind it is, such as `FILE:/tmp/krb5cc_1000` or `KCM:1000`.
pub(super) fn kerberos_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match text.split_once(':') {
        Some(("FILE", path)) => Ok(Some(path.into())),
        // A drive of Windows has one letter.
        Some((kind, _)) if kind.len() > 1 && kind.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            let advice =
                "must be a file, because nothing else can be read: `kinit -c` writes a cache, `ktutil` a keytab";
            Err(D::Error::custom(advice))
        }
        _ => Ok(Some(text.into())),
    }
}
