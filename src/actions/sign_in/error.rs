//! Why a login is refused.

use std::time::Duration;

use thiserror::Error;

use crate::upstream::clarity::{Error as ClarityError, TokenError};

/// Why a login is refused. It does not help to guess.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignInError {
    /// The name, the password or the token is wrong, or Clarity knows no such agent.
    #[error("Clarity does not let you in. Check the name and the password: they are those of Windows.")]
    Refused,
    /// Clarity could not be asked.
    #[error("Clarity cannot be asked who you are just now. Try again in a moment.")]
    Unreachable,
    /// What is configured cannot work.
    #[error("Signing in does not work here as it is configured: {0}.")]
    Misconfigured(String),
    /// Too many unknown tokens came from the address. How long to wait.
    #[error("Too many tokens that are not known here came from your address. Wait {} seconds.", .0.as_secs() + 1)]
    TooMany(Duration),
    /// Too many are in.
    #[error("Too many people are signed in. Try again in a few minutes.")]
    Full,
}

impl SignInError {
    /// In one word, for the log.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Refused => "credentials",
            Self::Unreachable => "unreachable",
            Self::Misconfigured(_) => "misconfigured",
            Self::TooMany(_) => "too-many-attempts",
            Self::Full => "full",
        }
    }

    pub(super) fn of_token(error: &TokenError) -> Self {
        match error {
            error if error.refuses_account() => Self::Refused,
            TokenError::AccountRefused { .. } => Self::Refused,
            TokenError::NotAuthenticated { .. } | TokenError::InvalidClientId | TokenError::Untrusted { .. } => {
                Self::Misconfigured(error.to_string())
            }
            error => {
                tracing::warn!(error = %error, "a user could not sign in");
                Self::Unreachable
            }
        }
    }

    pub(super) fn of(error: &ClarityError) -> Self {
        match error {
            // Clarity has not checked the token yet.
            ClarityError::Status { status: 408 | 425 | 429, .. } => Self::Unreachable,
            // Whether the token is refused, or there is no agent behind it (`apis.md` C12).
            ClarityError::Denied { .. } | ClarityError::Status { status: 400..=499, .. } => Self::Refused,
            ClarityError::Token { source, .. } => Self::of_token(source),
            error => {
                tracing::warn!(error = %error, "Clarity could not be asked about a user");
                Self::Unreachable
            }
        }
    }
}
