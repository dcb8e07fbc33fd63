//! Who signs in, and what proves it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sspi::{AuthIdentity, Username, UsernameParts};

use super::Error;

/// A Windows account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name: plain, `DOMAIN\user` or `user@domain`. May be empty beside a [`Credential::Cache`], which tells it.
    pub username: String,
    /// Its domain, if the name is plain.
    pub domain: String,
    /// What proves that it is us.
    pub credential: Credential,
}

/// What proves that an account is ours.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Its password, which is good for everything.
    Password(SecretString),
    /// The keytab with its key, which is good for Kerberos alone.
    Keytab(PathBuf),
    /// The credential cache with its ticket, which is good for Kerberos alone, and for as long as somebody renews it.
    Cache(PathBuf),
}

impl Credential {
    /// What people call it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Keytab(_) => "keytab",
            Self::Cache(_) => "credential cache",
        }
    }
}

impl Credential {
    /// The file that is read anew for each sign-in.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Password(_) => None,
            Self::Keytab(path) | Self::Cache(path) => Some(path),
        }
    }
}

impl Account {
    /// The account with this password, in the library's words, which wipes it when it drops it.
    pub(super) fn identity(&self, password: &SecretString) -> Result<AuthIdentity, Error> {
        Ok(AuthIdentity { username: self.name()?, password: password.expose_secret().to_owned().into() })
    }

    /// The account's name in the library's words.
    pub(super) fn name(&self) -> Result<Username, Error> {
        let Self { username, domain, .. } = self;
        let is_plain = !username.contains(['\\', '@']) && !domain.is_empty();
        let name =
            if is_plain { Username::new_down_level_logon_name(username, domain) } else { Username::parse(username) };
        name.ok().filter(|name| !name.account_name().is_empty()).ok_or(Error::InvalidAccountName)
    }
}

/// The domain that an account's name tells; empty if it tells none.
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
    fn a_name_is_understood_in_every_spelling() {
        let spelt = |username: &str, domain: &str| {
            let (username, domain) = (username.to_owned(), domain.to_owned());
            let name = Account { username, domain, credential: Credential::Keytab("k".into()) }.name().ok()?;
            Some((name.account_name().to_owned(), super::domain(&name).to_owned()))
        };
        let known = |domain: &str| Some(("svc".to_owned(), domain.to_owned()));
        assert_eq!(spelt("svc", "EXAMPLE"), known("EXAMPLE"));
        assert_eq!(spelt("EXAMPLE\\svc", ""), known("EXAMPLE"));
        assert_eq!(spelt("svc@example.com", ""), known("example.com"));
        assert_eq!(spelt("svc@example.com", "OTHER"), known("example.com"), "the name itself says more");
        assert_eq!(spelt("svc", ""), known(""));
        for unusable in ["", "EXAMPLE\\", "a\\b\\c"] {
            assert_eq!(spelt(unusable, ""), None, "{unusable}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let password = SecretString::from("hunter2");
        let credential = Credential::Password(password.clone());
        let account = Account { username: "svc".into(), domain: String::new(), credential };
        assert!(!format!("{account:?} {:?}", account.identity(&password)).contains("hunter2"));
    }
}
