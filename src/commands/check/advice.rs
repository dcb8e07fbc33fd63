//! Advice for `callboard check`: what to do about an error of an upstream system.

use windows_auth::FileError;

use crate::upstream::clarity::{Error, TokenError};
use crate::upstream::{agent_connect, goodays, kustomer};

/// No answer, or a certificate that is not trusted.
const UNREACHABLE: &str = "Check the address, and that this machine can resolve it, is let through by the firewall and \
    trusts its certificate.";

/// A failure on the other side.
const SERVER_ERROR: &str = "The fault is on the other side; ask its administrators, and try again later.";

/// Advice about an error of Clarity. Empty where the error says it already.
pub(super) fn about_clarity(error: &Error) -> &'static str {
    match error {
        Error::Unreachable { .. } | Error::Body { .. } => UNREACHABLE,
        Error::Status { status: 404, .. } => "Check the path in `api_root`; it usually ends in /webapi/api.",
        Error::Status { status: 500.., .. } => SERVER_ERROR,
        Error::Status { .. } => "Check `api_root` and that this version of Clarity has the Web API.",
        Error::RateLimited { .. } => "Try again later, and find out what else uses this account.",
        Error::MalformedAnswer { .. } => {
            "Check that `api_root` is the Web API, and that no proxy or login page answers instead."
        }
        Error::Token { source, .. } => about_token(source),
        _ => "",
    }
}

fn about_token(error: &TokenError) -> &'static str {
    match error {
        TokenError::Unreachable { .. } => UNREACHABLE,
        TokenError::SignIn(error) => about_windows_auth(error),
        TokenError::AccountRefused { .. } => {
            "Switch Windows sign-in on for the token address, or use `auth = \"static\"` with a ready JWT."
        }
        TokenError::Status { status: 500.., .. } => SERVER_ERROR,
        TokenError::Status { .. } | TokenError::NoToken { .. } => {
            "Check that the address is Clarity's token service; `token_url` sets it without discovery."
        }
        _ => "",
    }
}

fn about_windows_auth(error: &windows_auth::Error) -> &'static str {
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
        _ => "Check the token address and the domain; `auth = \"ntlm\"` does without Kerberos.",
    }
}

/// Advice about an error of Goodays. Empty where the error says it already.
pub(super) fn about_goodays(error: &goodays::CallError) -> &'static str {
    match error {
        goodays::CallError::NotSent(_) | goodays::CallError::NoAnswer(_) => UNREACHABLE,
        goodays::CallError::Overloaded { .. } | goodays::CallError::ServerError { .. } => SERVER_ERROR,
        _ => "",
    }
}

/// Advice about an error of Agent Connect. Empty where the error says it already.
pub(super) fn about_agent_connect(error: &agent_connect::SendError) -> &'static str {
    match error {
        agent_connect::SendError::NotSent(_) | agent_connect::SendError::NoAnswer(_) => UNREACHABLE,
        agent_connect::SendError::Overloaded { .. } | agent_connect::SendError::ServerError { .. } => SERVER_ERROR,
        _ => "",
    }
}

/// Advice about an error of Kustomer. Empty where the error says it already.
pub(super) fn about_kustomer(error: &kustomer::CallError) -> &'static str {
    match error {
        kustomer::CallError::Unreachable(_) | kustomer::CallError::Body(_) => UNREACHABLE,
        kustomer::CallError::Overloaded { .. } => SERVER_ERROR,
        kustomer::CallError::Unreadable(_) | kustomer::CallError::NotFound => "Check `[kustomer] api_root`.",
        _ => "",
    }
}
