//! Who signs in.

use sspi::{AuthIdentity, Username, UsernameParts};

use super::Error;
use crate::base::Secret;
use crate::base::secret::ExposeSecret;

/// A Windows account.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its name: plain, `DOMAIN\user` or `user@domain`.
    pub username: String,
    /// Its domain, if the name is plain.
    pub domain: String,
    /// Its password.
    pub password: Secret,
}

impl Credential {
    /// The account in the library's words, which wipes the password when it drops it.
    pub(super) fn account(&self) -> Result<AuthIdentity, Error> {
        let Self { username, domain, password } = self;
        let is_plain = !username.contains(['\\', '@']) && !domain.is_empty();
        let username =
            if is_plain { Username::new_down_level_logon_name(username, domain) } else { Username::parse(username) };
        let username = username.map_err(|_| Error::UnusableName)?;
        if username.account_name().is_empty() {
            return Err(Error::UnusableName);
        }
        Ok(AuthIdentity { username, password: password.expose_secret().to_owned().into() })
    }
}

/// The domain that an account's name tells; empty if it tells none.
pub(super) fn domain(account: &AuthIdentity) -> &str {
    match account.username.parts() {
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
            let account = Credential { username, domain, password: Secret::from("p") }.account().ok()?;
            Some((account.username.account_name().to_owned(), super::domain(&account).to_owned()))
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
        let account = Credential { username: "svc".into(), domain: String::new(), password: Secret::from("hunter2") };
        assert!(!format!("{account:?} {:?}", account.account()).contains("hunter2"));
    }
}
