//! The account, and what proves it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sspi::{AuthIdentity, Username, UsernameParts};

use super::Error;

/// A Windows account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name: `user`, `DOMAIN\user` or `user@domain`. With a [`Credential::Cache`] it may be empty: the cache names
    /// its account.
    pub username: String,
    /// Its domain. Ignored if the name contains one.
    pub domain: String,
    /// What proves the account.
    pub credential: Credential,
}

/// What proves an account.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The password, for NTLM and Kerberos.
    Password(SecretString),
    /// A keytab with the account's key, for Kerberos alone.
    Keytab(PathBuf),
    /// A credential cache with a ticket-granting ticket, for Kerberos alone. `kinit` or `k5start` must renew it.
    Cache(PathBuf),
}

impl Credential {
    /// Its kind, for messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Keytab(_) => "keytab",
            Self::Cache(_) => "credential cache",
        }
    }

    /// The file that is read for each request.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Password(_) => None,
            Self::Keytab(path) | Self::Cache(path) => Some(path),
        }
    }
}

impl Account {
    /// The account with this password for sspi, which wipes the password when it drops it.
    pub(super) fn identity(&self, password: &SecretString) -> Result<AuthIdentity, Error> {
        Ok(AuthIdentity { username: self.name()?, password: password.expose_secret().to_owned().into() })
    }

    /// The account's name for sspi.
    pub(super) fn name(&self) -> Result<Username, Error> {
        let Self { username, domain, .. } = self;
        let is_plain = !username.contains(['\\', '@']) && !domain.is_empty();
        let name =
            if is_plain { Username::new_down_level_logon_name(username, domain) } else { Username::parse(username) };
        name.ok().filter(|name| !name.account_name().is_empty()).ok_or(Error::InvalidAccountName)
    }
}

/// The domain in an account's name. Empty if there is none.
pub(super) fn domain(name: &Username) -> &str {
    match name.parts() {
        UsernameParts::UserPrincipalName(parts) => parts.suffix(),
        UsernameParts::DownLevelLogonName(parts) => parts.netbios_domain().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_name_is_read_in_every_form() {
        let spelt = |username: &str, domain: &str| {
            let (username, domain) = (username.to_owned(), domain.to_owned());
            let name = Account { username, domain, credential: Credential::Keytab("k".into()) }.name().ok()?;
            Some((name.account_name().to_owned(), super::domain(&name).to_owned()))
        };
        let known = |domain: &str| Some(("svc".to_owned(), domain.to_owned()));
        assert_eq!(spelt("svc", "EXAMPLE"), known("EXAMPLE"));
        assert_eq!(spelt("EXAMPLE\\svc", ""), known("EXAMPLE"));
        assert_eq!(spelt("svc@example.com", ""), known("example.com"));
        assert_eq!(spelt("svc@example.com", "OTHER"), known("example.com"), "the domain in the name takes precedence");
        assert_eq!(spelt("svc", ""), known(""));
        for unusable in ["", "EXAMPLE\\", "a\\b\\c"] {
            assert_eq!(spelt(unusable, ""), None, "{unusable}");
        }
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let password = SecretString::from("hunter2");
        let credential = Credential::Password(password.clone());
        let account = Account { username: "svc".into(), domain: String::new(), credential };
        assert!(!format!("{account:?} {:?}", account.identity(&password)).contains("hunter2"));
    }
}
