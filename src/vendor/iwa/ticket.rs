//! Kerberos: what the domain's answer means for the sign-in.

use std::net::IpAddr;

use super::credential::domain;
use super::exchange::Exchange;
use super::kdc::{self, Kdc};
use super::{Error, SignIn};

/// Codes of RFC 4120, 7.5.9, that are about the account.
const CLIENT_REVOKED: u32 = 18;
const KEY_EXPIRED: u32 = 23;
const PREAUTHENTICATION_FAILED: u32 = 24;
const CLOCK_SKEW: u32 = 37;

impl SignIn {
    /// A ticket for the target. `None` if the domain gives none for a reason that is not the account's: then NTLM is
    /// worth a try. If it is the account's, NTLM would be a second wrong password.
    pub(super) async fn ticket(
        &self,
        target: &str,
        binding: Option<&[u8]>,
        kdc: &mut Kdc,
    ) -> Result<Option<(Exchange, Vec<u8>)>, Error> {
        let account = self.credential.account()?;
        let realm = domain(&account).to_owned();
        let Some(address) =
            kdc::address(&realm, self.kdc.as_deref()).filter(|_| !realm.is_empty() && names_host(target))
        else {
            return Ok(None);
        };
        let attempt = match Exchange::kerberos(account, target, binding, address) {
            Ok(mut exchange) => exchange.next(None, kdc).await.map(|ticket| (exchange, ticket)),
            Err(error) => Err(error),
        };
        let error = match attempt {
            Ok(begun) => return Ok(Some(begun)),
            Err(error) => error,
        };
        match kdc.refusal() {
            Some(PREAUTHENTICATION_FAILED) => Err(Error::Refused { host: format!("the domain {realm}"), hint: "" }),
            Some(CLIENT_REVOKED) => Err(Error::AccountBarred { why: "it is locked, disabled or expired" }),
            Some(KEY_EXPIRED) => Err(Error::AccountBarred { why: "its password has expired" }),
            Some(CLOCK_SKEW) => Err(Error::ClockSkew { who: format!("the domain {realm}") }),
            code => {
                tracing::info!(%realm, code, kind = ?error.error_type, "there is no Kerberos ticket; NTLM is used");
                Ok(None)
            }
        }
    }
}

/// Addresses have no service principals.
fn names_host(target: &str) -> bool {
    let host = target.rsplit('/').next().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_for_hosts_with_names() {
        assert!(names_host("HTTP/connect.example.com"));
        assert!(!names_host("HTTP/127.0.0.1") && !names_host("HTTP/[::1]"));
    }
}
