//! Kerberos: what the domain's answer means for the sign-in.

use std::net::IpAddr;

use jiff::Timestamp;
use sspi::ErrorKind;

use super::claim::Claim;
use super::exchange::Exchange;
use super::kdc::{self, Kdc};
use super::{Authenticator, Credential, Error};

/// Codes of RFC 4120, 7.5.9.
const CLIENT_UNKNOWN: u32 = 6;
const SERVICE_UNKNOWN: u32 = 7;
const ENCRYPTION_UNSUPPORTED: u32 = 14;
const CLIENT_REVOKED: u32 = 18;
const KEY_EXPIRED: u32 = 23;
const PREAUTHENTICATION_FAILED: u32 = 24;
const TICKET_EXPIRED: u32 = 32;
const CLOCK_SKEW: u32 = 37;

impl Authenticator {
    /// A ticket for the target. `None` if the domain gives none for a reason that is not the account's, and there is a
    /// password: then NTLM is worth a try. If it is the account's, NTLM would be a second wrong password.
    pub(super) async fn ticket(
        &self,
        target: &str,
        binding: Option<&[u8]>,
        kdc: &mut Kdc,
        now: Timestamp,
    ) -> Result<Option<(Exchange, Vec<u8>)>, Error> {
        let Claim { credentials, realm, grant } = self.account.claim(now).await?;
        let credential = &self.account.credential;
        let without = |why: String| match credential {
            Credential::Password(_) => {
                tracing::info!(%realm, why, "there is no Kerberos ticket; NTLM is used");
                Ok(None)
            }
            _ => Err(Error::NoTicket { realm: realm.clone(), service: target.to_owned(), why }),
        };
        if !names_host(target) {
            return without("tickets are for hosts with names, not for addresses".to_owned());
        }
        let address = kdc::address(&realm, self.kdc.as_deref()).filter(|_| !realm.is_empty());
        let Some(address) = address else {
            return without("nobody knows which host gives its tickets, so name it as `kdc`".to_owned());
        };
        kdc.hand_out(grant);
        let attempt = match Exchange::kerberos(credentials, target, binding, address, &self.workstation) {
            Ok(mut exchange) => exchange.next(None, kdc).await.map(|ticket| (exchange, ticket)),
            Err(error) => Err(error),
        };
        let error = match attempt {
            Ok(begun) => return Ok(Some(begun)),
            Err(error) => error,
        };
        match (kdc.refusal(), credential) {
            (Some(PREAUTHENTICATION_FAILED), Credential::Keytab(path)) => {
                Err(Error::KeyRejected { realm, path: path.clone() })
            }
            (Some(PREAUTHENTICATION_FAILED), _) => {
                Err(Error::Rejected { host: format!("the domain {realm}"), hint: "" })
            }
            (Some(CLIENT_REVOKED), _) => Err(Error::AccountDisabled { why: "it is locked, disabled or expired" }),
            (Some(KEY_EXPIRED), _) => Err(Error::AccountDisabled { why: "its password has expired" }),
            (Some(CLOCK_SKEW), _) => Err(Error::ClockSkew { who: format!("the domain {realm}") }),
            (code, _) => without(reason(code, error.error_type)),
        }
    }
}

/// Why there is no ticket, as the end of a sentence.
fn reason(code: Option<u32>, kind: ErrorKind) -> String {
    match (code, kind) {
        (Some(CLIENT_UNKNOWN), _) => "it does not know the account".to_owned(),
        (Some(SERVICE_UNKNOWN), _) => "it does not know this service".to_owned(),
        (Some(ENCRYPTION_UNSUPPORTED), _) => "it has no AES keys for it".to_owned(),
        (Some(TICKET_EXPIRED), _) => "the ticket from the credential cache has expired".to_owned(),
        (Some(code), _) => format!("it answered with Kerberos' error {code}"),
        (None, ErrorKind::NoAuthenticatingAuthority) => "it does not answer".to_owned(),
        // The library has the reply sealed with AES-256 wherever the domain can, and a key of AES-128 is too short for it.
        (None, ErrorKind::InvalidParameter) => "its reply needs the account's AES-256 key".to_owned(),
        (None, kind) => format!("its reply makes no sense ({kind:?})"),
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
