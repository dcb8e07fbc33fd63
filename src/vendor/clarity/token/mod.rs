//! Tokens: had once, shared by all callers, renewed before they expire.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::{Credential, Settings};
use crate::base::secret::ExposeSecret;
use crate::base::{Backoff, Clock, Secret};

mod challenge;
mod error;
mod fetch;
mod lifetime;

pub use error::TokenError;

/// A token that Clarity refuses this soon after it was made was not refused for its age: making another would be a loop
/// (`apis.md` B3).
const TOO_YOUNG: Duration = Duration::from_secs(30);

/// Failures that a person must mend, or that may lock the account, are repeated this seldom (`apis.md` C4).
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands out tokens. However many callers wait, one request is made.
pub struct Tokens {
    http: reqwest::Client,
    clock: Clock,
    settings: Settings,
    held: Mutex<Held>,
    flight: tokio::sync::Mutex<()>,
}

struct Held {
    token: Option<Token>,
    found: Option<Url>,
    failure: Option<(TokenError, Instant)>,
    backoff: Backoff,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    made: Instant,
    renew: Option<Instant>,
    dead: Option<Instant>,
}

impl Tokens {
    /// Tokens by the site's settings, asked for with `http`.
    #[must_use]
    pub fn new(settings: Settings, http: reqwest::Client, clock: Clock) -> Self {
        let backoff = Backoff::new(Duration::from_secs(1), PATIENCE);
        let held = Held { token: None, found: None, failure: None, backoff };
        Self { http, clock, settings, held: Mutex::new(held), flight: tokio::sync::Mutex::new(()) }
    }

    /// A token that is good now. While renewing fails, the old one is handed out until it expires.
    ///
    /// # Errors
    /// See [`TokenError`]. After a failure the same error is repeated, without asking again, until the pause is over.
    pub async fn current(&self) -> Result<Secret, TokenError> {
        if let Credential::Static(token) = &self.settings.credential {
            return Ok(token.clone());
        }
        if let Some(outcome) = self.known() {
            return outcome;
        }
        let _flight = self.flight.lock().await;
        // Whoever had the flight before us may have brought what we want.
        if let Some(outcome) = self.known() {
            return outcome;
        }
        let fetched = self.fetch().await;
        self.settle(fetched)
    }

    /// Clarity refused this token. The next [`Tokens::current`] asks for another, unless this one is so young that
    /// its age cannot be the reason. Returns whether trying again makes sense.
    pub fn refused(&self, token: &Secret) -> bool {
        if matches!(self.settings.credential, Credential::Static(_)) {
            return false;
        }
        let mut held = self.held();
        match &held.token {
            Some(current) if current.secret.expose_secret() == token.expose_secret() => {
                let is_old = current.made.elapsed() >= TOO_YOUNG;
                if is_old {
                    held.token = None;
                }
                is_old
            }
            // Somebody else has noticed already.
            _ => true,
        }
    }

    /// What can be answered without asking: a fresh token, or the failure that still holds.
    fn known(&self) -> Option<Result<Secret, TokenError>> {
        let held = self.held();
        let now = Instant::now();
        let alive = held.token.as_ref().filter(|token| token.dead.is_none_or(|dead| now < dead));
        let paused = held.failure.as_ref().filter(|(_, until)| now < *until);
        match (alive, paused) {
            (Some(token), _) if token.renew.is_none_or(|renew| now < renew) => Some(Ok(token.secret.clone())),
            (Some(token), Some(_)) => Some(Ok(token.secret.clone())),
            (None, Some((error, _))) => Some(Err(error.clone())),
            _ => None,
        }
    }

    fn settle(&self, fetched: Result<Token, TokenError>) -> Result<Secret, TokenError> {
        let mut held = self.held();
        match fetched {
            Ok(token) => {
                held.backoff.reset();
                held.failure = None;
                let secret = token.secret.clone();
                held.token = Some(token);
                Ok(secret)
            }
            Err(error) => {
                let wait = held.backoff.next_wait();
                let wait = if error.needs_patience() { PATIENCE + wait } else { wait };
                let now = Instant::now();
                held.failure = Some((error.clone(), now + wait));
                // The address may have moved.
                held.found = None;
                let alive = held.token.as_ref().filter(|token| token.dead.is_none_or(|dead| now < dead));
                alive.map(|token| token.secret.clone()).ok_or(error)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clarity's tokens serve its SignalR endpoint too (`apis.md` B11).
impl crate::vendor::signalr::Credentials for Tokens {
    fn bearer(
        &self,
    ) -> futures_util::future::BoxFuture<'_, Result<Option<Secret>, crate::vendor::signalr::CredentialError>> {
        Box::pin(async { self.current().await.map(Some).map_err(Into::into) })
    }

    fn refused(&self, token: &Secret) {
        Tokens::refused(self, token);
    }
}

#[cfg(test)]
mod tests;
