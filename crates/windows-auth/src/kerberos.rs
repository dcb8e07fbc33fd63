//! Kerberos: gets a ticket, and finds out what an error of the KDC means.

use std::net::IpAddr;

use jiff::Timestamp;
use sspi::ErrorKind;

use super::initial_credential::InitialCredential;
use super::kdc::{self, Kdc};
use super::security_context::SecurityContext;
use super::{Authenticator, Credential, Error};

/// Error codes (RFC 4120, 7.5.9).
const CLIENT_UNKNOWN: u32 = 6;
const SERVICE_UNKNOWN: u32 = 7;
const ENCRYPTION_UNSUPPORTED: u32 = 14;
const CLIENT_REVOKED: u32 = 18;
const KEY_EXPIRED: u32 = 23;
const PREAUTHENTICATION_FAILED: u32 = 24;
const TICKET_EXPIRED: u32 = 32;
const CLOCK_SKEW: u32 = 37;

impl Authenticator {
    /// A context with a ticket for the service. `None`: there is no ticket for a reason other than the account, and
    /// there is a password, so NTLM may work. If the reason is the account, NTLM would be a second attempt with a wrong
    /// password.
    pub(super) async fn kerberos(
        &self,
        service: &str,
        binding: Option<&[u8]>,
        kdc: &mut Kdc,
        now: Timestamp,
    ) -> Result<Option<(SecurityContext, Vec<u8>)>, Error> {
        let InitialCredential { buffers, realm, cached } = self.account.initial_credential(now).await?;
        let credential = &self.account.credential;
        let fall_back = |why: String| match credential {
            Credential::Password(_) => {
                tracing::info!(%realm, why, "no Kerberos ticket; using NTLM");
                Ok(None)
            }
            _ => Err(Error::NoTicket { realm: realm.clone(), service: service.to_owned(), why }),
        };
        if !names_host(service) {
            return fall_back("tickets are for hosts with names, not for addresses".to_owned());
        }
        let url = kdc::url(&realm, self.kdc.as_deref()).filter(|_| !realm.is_empty());
        let Some(url) = url else {
            return fall_back("its KDC is unknown, so configure it as `kdc`".to_owned());
        };
        kdc.use_cached(cached);
        let attempt = match SecurityContext::kerberos(buffers, service, binding, url, &self.workstation) {
            Ok(mut context) => context.next(None, kdc).await.map(|ticket| (context, ticket)),
            Err(error) => Err(error),
        };
        let error = match attempt {
            Ok(begun) => return Ok(Some(begun)),
            Err(error) => error,
        };
        match (kdc.error_code(), credential) {
            (Some(PREAUTHENTICATION_FAILED), Credential::Keytab(path)) => {
                Err(Error::KeyRejected { realm, path: path.clone() })
            }
            (Some(PREAUTHENTICATION_FAILED), _) => {
                Err(Error::Rejected { host: format!("the domain {realm}"), hint: "" })
            }
            (Some(CLIENT_REVOKED), _) => Err(Error::AccountDisabled { why: "it is locked, disabled or expired" }),
            (Some(KEY_EXPIRED), _) => Err(Error::AccountDisabled { why: "its password has expired" }),
            (Some(CLOCK_SKEW), _) => Err(Error::ClockSkew { who: format!("the domain {realm}") }),
            (code, _) => fall_back(reason(code, error.error_type)),
        }
    }
}

/// Why there is no ticket. Completes a sentence about the realm.
fn reason(code: Option<u32>, kind: ErrorKind) -> String {
    match (code, kind) {
        (Some(CLIENT_UNKNOWN), _) => "it does not know the account".to_owned(),
        (Some(SERVICE_UNKNOWN), _) => "it does not know this service".to_owned(),
        (Some(ENCRYPTION_UNSUPPORTED), _) => "it has no AES keys for it".to_owned(),
        (Some(TICKET_EXPIRED), _) => "the ticket from the credential cache has expired".to_owned(),
        (Some(code), _) => format!("it answered with Kerberos' error {code}"),
        (None, ErrorKind::NoAuthenticatingAuthority) => "it does not answer".to_owned(),
        // sspi asks for a reply that is encrypted with AES-256, for which a key of AES-128 is too short.
        (None, ErrorKind::InvalidParameter) => "its reply needs the account's AES-256 key".to_owned(),
        (None, kind) => format!("its reply is invalid ({kind:?})"),
    }
}

/// There are no service principals for IP addresses.
fn names_host(service: &str) -> bool {
    let host = service.rsplit('/').next().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_for_host_names_only() {
        assert!(names_host("HTTP/connect.example.com"));
        assert!(!names_host("HTTP/127.0.0.1") && !names_host("HTTP/[::1]"));
    }
}
