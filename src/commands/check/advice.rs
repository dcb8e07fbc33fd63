//! What to do about a system that does not answer as it should.

use windows_auth::FileError;

use crate::upstream::clarity::{Error, TokenError};
use crate::upstream::{agent_connect, goodays, kustomer};

/// Nobody answers there, or not whom the certificate should name.
const REACH: &str = "Check the address, and that this machine can resolve it, is let through by the firewall and trusts its certificate.";

/// It is there and cannot.
const WAIT: &str = "Nothing is to be changed here; ask those who run it, and try again later.";

/// What to do about an error of Clarity's. Empty where the error says it already.
pub(super) fn about_clarity(error: &Error) -> &'static str {
    match error {
        Error::Unreachable { .. } | Error::Body { .. } => REACH,
        Error::Status { status: 404, .. } => "Check the path in `api_root`; it usually ends in /webapi/api.",
        Error::Status { status: 500.., .. } => WAIT,
        Error::Status { .. } => "Check `api_root` and that this version of Clarity has the Web API.",
        Error::RateLimited { .. } => "Try again later, and see who else asks with this account.",
        Error::MalformedAnswer { .. } => {
            "Check that `api_root` is the Web API, and that no proxy or page answers for it."
        }
        Error::Token { source, .. } => about_token(source),
        _ => "",
    }
}

fn about_token(error: &TokenError) -> &'static str {
    match error {
        TokenError::Unreachable { .. } => REACH,
        TokenError::SignIn(error) => about_sign_in(error),
        TokenError::AccountRefused { .. } => {
            "Switch Windows sign-in on for the token address, or use `auth = \"static\"` with a ready JWT."
        }
        TokenError::Status { status: 500.., .. } => WAIT,
        TokenError::Status { .. } | TokenError::NoToken { .. } => {
            "Check that the address is Clarity's token service; `token_url` names it without asking."
        }
        _ => "",
    }
}

fn about_sign_in(error: &windows_auth::Error) -> &'static str {
    match error {
        windows_auth::Error::UnusableFile { source, .. } => match source {
            FileError::Missing | FileError::NotACache => {
                "`kinit -c` with this file, run as this user, writes a credential cache; `k5start` keeps it fresh."
            }
            FileError::NotAKeytab | FileError::KeyNotFound { .. } => {
                "`ktpass /crypto AES256-SHA1` on a domain controller writes a keytab; `klist -ekt` shows what is in it."
            }
            _ => "",
        },
        windows_auth::Error::NoTicket { .. } => "Check `domain` and `kdc`, and try `kinit` and `kvno` on this machine.",
        windows_auth::Error::TicketRejected { .. } | windows_auth::Error::PasswordRequired { .. } => "",
        error if error.is_account_error() => "",
        _ => "Check the token address and the domain; `auth = \"ntlm\"` leaves Kerberos out.",
    }
}

/// What to do about an error of Goodays'. Empty where the error says it already.
pub(super) fn about_goodays(error: &goodays::CallError) -> &'static str {
    match error {
        goodays::CallError::NotSent(_) | goodays::CallError::NoAnswer(_) => REACH,
        goodays::CallError::Overloaded { .. } | goodays::CallError::ServerError { .. } => WAIT,
        _ => "",
    }
}

/// What to do about an error of Agent Connect's. Empty where the error says it already.
pub(super) fn about_agent_connect(error: &agent_connect::SendError) -> &'static str {
    match error {
        agent_connect::SendError::NotSent(_) | agent_connect::SendError::NoAnswer(_) => REACH,
        agent_connect::SendError::Overloaded { .. } | agent_connect::SendError::ServerError { .. } => WAIT,
        _ => "",
    }
}

/// What to do about an error of Kustomer's. Empty where the error says it already.
pub(super) fn about_kustomer(error: &kustomer::CallError) -> &'static str {
    match error {
        kustomer::CallError::Unreachable(_) | kustomer::CallError::Body(_) => REACH,
        kustomer::CallError::Overloaded { .. } => WAIT,
        kustomer::CallError::Unreadable(_) | kustomer::CallError::NotFound => "Check `[kustomer] api_root`.",
        _ => "",
    }
}
