//! Errors of token requests.

use std::sync::Arc;

use thiserror::Error;

use base::http::{self, BodyError};

/// A failed token request. Repeated to later calls, hence cheap to clone.
#[derive(Debug, Clone, Error)]
pub enum TokenError {
    /// The host did not answer.
    #[error("{host} could not be reached to sign in")]
    Unreachable {
        /// The host.
        host: String,
        /// The cause.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The renewal took too long while the old token was still valid.
    #[error("the sign-in took too long")]
    TooSlow,
    /// The API did not name the token endpoint.
    #[error("{host} did not say where to sign in (it answered {status} without a usable challenge); set `token_url`")]
    NoChallenge {
        /// The host.
        host: String,
        /// What it answered.
        status: u16,
    },
    /// The challenge names a host that must not get our credentials.
    #[error("the sign-in address on {host} is not used: it must be https, and its host listed in `token_hosts`")]
    Untrusted {
        /// The host.
        host: String,
    },
    /// The Windows sign-in failed.
    #[error("the Windows sign-in failed")]
    SignIn(#[source] Arc<windows_auth::Error>),
    /// The endpoint refuses without offering a Windows sign-in.
    #[error("{host} refuses to give a token and offers no Windows sign-in (Negotiate or NTLM)")]
    AccountRefused {
        /// The host.
        host: String,
    },
    /// The endpoint gives tokens without authentication, so a token proves no identity.
    #[error("{host} gives tokens without asking for a Windows sign-in, so a token from it proves no identity")]
    NotAuthenticated {
        /// The host.
        host: String,
    },
    /// The client id is wrong (apis.md C4).
    #[error("Clarity does not know this `client_id`; look it up on the admin site's API Management page")]
    InvalidClientId,
    /// The endpoint authenticated the account and refuses a token (RFC 6749, section 5.2).
    #[error("{host} refused the account (`invalid_grant`): check its name, domain and password")]
    InvalidGrant {
        /// The host.
        host: String,
    },
    /// Any other answer.
    #[error("{host} answered {} when asked for a token", http::describe_status(*status))]
    Status {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer does not come from a token endpoint.
    #[error("what {host} answered when asked for a token cannot be used")]
    NotTheApi {
        /// The host.
        host: String,
        /// What came instead.
        #[source]
        source: Arc<BodyError>,
    },
    /// The answer holds no token.
    #[error("{host} answered without a token")]
    NoToken {
        /// The host.
        host: String,
    },
}

impl TokenError {
    /// Whether credentials were sent and refused: sending them often locks the account. Other errors may be retried
    /// soon.
    #[must_use]
    pub fn refuses_credentials(&self) -> bool {
        match self {
            Self::SignIn(error) => error.is_rejection(),
            Self::InvalidGrant { .. } => true,
            _ => false,
        }
    }

    /// Whether the account's name or password is wrong, or the account is disabled.
    #[must_use]
    pub fn refuses_account(&self) -> bool {
        matches!(self, Self::SignIn(error) if error.is_account_error()) || matches!(self, Self::InvalidGrant { .. })
    }
}
