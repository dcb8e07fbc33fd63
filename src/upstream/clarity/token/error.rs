//! Why there is no token.

use std::sync::Arc;

use thiserror::Error;

use base::http::{self, BodyError};

/// What went wrong. Kept and repeated to later callers, hence cheap to clone.
#[derive(Debug, Clone, Error)]
pub enum TokenError {
    /// Nobody answered.
    #[error("{host} could not be reached to sign in")]
    Unreachable {
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// A renewal took too long while the old token was still good.
    #[error("the sign-in took too long")]
    TooSlow,
    /// The API did not say where tokens are made.
    #[error("{host} did not say where to sign in (it answered {status} without a usable challenge); set `token_url`")]
    NoChallenge {
        /// Who.
        host: String,
        /// What it answered.
        status: u16,
    },
    /// The challenge names a place where our credentials must not go.
    #[error("the sign-in address on {host} is not used: it must be https, and its host listed in `token_hosts`")]
    Untrusted {
        /// Which host.
        host: String,
    },
    /// The Windows sign-in failed.
    #[error("the Windows sign-in failed")]
    SignIn(#[source] Arc<windows_auth::Error>),
    /// The endpoint refuses whoever asks, and offers no Windows sign-in that could help.
    #[error("{host} refuses to give a token and offers no Windows sign-in (Negotiate or NTLM)")]
    AccountRefused {
        /// Who.
        host: String,
    },
    /// The endpoint gives tokens without asking who it is: it proves nothing of anybody.
    #[error("{host} gives tokens without asking for a Windows sign-in, so it cannot say who somebody is")]
    NotAuthenticated {
        /// Who.
        host: String,
    },
    /// The client id is wrong (apis.md C4).
    #[error("Clarity does not know this `client_id`; look it up on the admin site's API Management page")]
    InvalidClientId,
    /// The endpoint knows who it is and gives them no token (RFC 6749, section 5.2).
    #[error("{host} refused the account (`invalid_grant`): check its name, domain and password")]
    InvalidGrant {
        /// Who.
        host: String,
    },
    /// Any other answer.
    #[error("{host} answered {} when asked for a token", http::describe_status(*status))]
    Status {
        /// Who.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It is no answer of a token endpoint.
    #[error("what {host} answered when asked for a token cannot be used")]
    NotTheApi {
        /// Who.
        host: String,
        /// What came instead.
        #[source]
        source: Arc<BodyError>,
    },
    /// The answer holds no token.
    #[error("{host} answered without a token")]
    NoToken {
        /// Who.
        host: String,
    },
}

impl TokenError {
    /// Whether credentials were shown and refused: showing them often locks the account. Everything else may be asked
    /// again soon.
    #[must_use]
    pub fn refuses_credentials(&self) -> bool {
        match self {
            Self::SignIn(error) => error.is_rejection(),
            Self::InvalidGrant { .. } => true,
            _ => false,
        }
    }

    /// Whether the account's name or password is wrong, or the account is barred.
    #[must_use]
    pub fn refuses_account(&self) -> bool {
        matches!(self, Self::SignIn(error) if error.is_account_error()) || matches!(self, Self::InvalidGrant { .. })
    }
}
