//! Tokens: had once, shared by all callers, renewed before they expire.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::{Credential, Settings};
use crate::base::secret::ExposeSecret;
use crate::base::{Backoff, Clock, Cookies, Secret};
use crate::vendor::iwa::SignIn;

mod challenge;
mod error;
mod fetch;
mod lifetime;

pub use error::TokenError;

/// A token that Clarity refuses this soon after it was made was not refused for its age: making another would be a loop
/// (`apis.md` B3).
const TOO_YOUNG: Duration = Duration::from_secs(30);

/// Failures that a person must mend, or that may lock the account, are repeated no sooner than this, and then after
/// pauses that double (`apis.md` C4).
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody who has a good token waits longer than this for its successor.
const PROMPT: Duration = Duration::from_secs(3);

/// The longest of those pauses.
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);

/// Where tokens come from.
enum Source {
    /// There is one already, made elsewhere.
    Ready(Secret),
    /// The token endpoint makes them for this account.
    Account(SignIn),
}

/// Hands out tokens. However many callers wait, one request is made.
pub struct Tokens {
    http: reqwest::Client,
    cookies: Arc<Cookies>,
    clock: Clock,
    settings: Settings,
    source: Source,
    held: Mutex<Held>,
    flight: tokio::sync::Mutex<()>,
}

struct Held {
    token: Option<Token>,
    found: Option<Url>,
    failure: Option<(TokenError, Instant)>,
    backoff: Backoff,
    patience: Backoff,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    made: Instant,
    renew: Option<Instant>,
    dead: Option<Instant>,
    /// Whether the account had to prove itself for it.
    is_proved: bool,
}

impl Tokens {
    /// Tokens by the site's settings, asked for with `http` and these cookies.
    #[must_use]
    pub fn new(settings: Settings, http: reqwest::Client, cookies: Arc<Cookies>, clock: Clock) -> Self {
        let source = match &settings.credential {
            Credential::Static(token) => Source::Ready(token.clone()),
            Credential::Windows { account, method, kdc } => {
                let sign_in = SignIn::new(account.clone(), *method, kdc.clone(), clock.clone());
                Source::Account(sign_in.with_cookies(Arc::clone(&cookies)))
            }
        };
        let held = Held {
            token: None,
            found: None,
            failure: None,
            backoff: Backoff::new(Duration::from_secs(1), PATIENCE),
            patience: Backoff::new(PATIENCE, LONGEST_PATIENCE),
        };
        Self { http, cookies, clock, settings, source, held: Mutex::new(held), flight: tokio::sync::Mutex::new(()) }
    }

    /// Tokens of another account, had at the same place.
    #[must_use]
    pub fn of_somebody_else(&self, settings: Settings, cookies: Arc<Cookies>) -> Self {
        let other = Self::new(settings, self.http.clone(), cookies, self.clock.clone());
        other.held().found = self.held().found.clone();
        other
    }

    /// A token that is good now. While renewing fails, the old one is handed out until it expires.
    ///
    /// # Errors
    /// See [`TokenError`]. After a failure the same error is repeated, without asking again, until the pause is over.
    pub async fn current(&self) -> Result<Secret, TokenError> {
        let sign_in = match &self.source {
            Source::Ready(token) => return Ok(token.clone()),
            Source::Account(sign_in) => sign_in,
        };
        if let Some(outcome) = self.known() {
            return outcome;
        }
        let _flight = self.flight.lock().await;
        // Whoever had the flight before us may have brought what we want.
        if let Some(outcome) = self.known() {
            return outcome;
        }
        let limit = if self.alive().is_some() { PROMPT } else { Duration::MAX };
        let fetched = tokio::time::timeout(limit, self.fetch(sign_in)).await;
        self.settle(fetched.unwrap_or(Err(TokenError::TooSlow)))
    }

    /// Asks once for a token, by which the account proves to *us* that it knows its password. What was had before does not
    /// count, and no failure is kept: people mistype.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn prove(&self) -> Result<Secret, TokenError> {
        let Source::Account(sign_in) = &self.source else {
            return Err(TokenError::Unproved { host: "a ready token".to_owned() });
        };
        let token = self.fetch(sign_in).await?;
        if !token.is_proved {
            let host = self.settings.api_root.host_str().unwrap_or("(no host)").to_owned();
            return Err(TokenError::Unproved { host });
        }
        Ok(token.secret)
    }

    /// Clarity refused this token, with or without saying where to get another. The next [`Tokens::current`] asks for
    /// another if this one has expired, or if it was challenged and is not so young that its age cannot be the reason.
    /// Returns whether trying again makes sense (`apis.md` B3).
    pub fn refused(&self, token: &Secret, challenged: bool) -> bool {
        if matches!(self.source, Source::Ready(_)) {
            return false;
        }
        let mut held = self.held();
        match &held.token {
            Some(current) if current.secret.expose_secret() == token.expose_secret() => {
                let is_dead = current.dead.is_some_and(|dead| dead <= Instant::now());
                let is_old = is_dead || challenged && current.made.elapsed() >= TOO_YOUNG;
                if is_old {
                    held.token = None;
                }
                is_old
            }
            // Somebody else has noticed already.
            _ => challenged,
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

    /// The token that is not yet dead, renewed or not.
    fn alive(&self) -> Option<Secret> {
        let held = self.held();
        let alive = held.token.as_ref().filter(|token| token.dead.is_none_or(|dead| Instant::now() < dead));
        alive.map(|token| token.secret.clone())
    }

    fn settle(&self, fetched: Result<Token, TokenError>) -> Result<Secret, TokenError> {
        let mut held = self.held();
        match fetched {
            Ok(token) => {
                held.backoff.reset();
                held.patience.reset();
                held.failure = None;
                let secret = token.secret.clone();
                held.token = Some(token);
                Ok(secret)
            }
            Err(error) => {
                let wait = if error.needs_patience() {
                    let least = held.patience.ceiling();
                    least + held.patience.next_wait() / 4
                } else {
                    held.backoff.next_wait()
                };
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

/// The fuzzers' door: no challenge leads to a host that is not allowed.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_challenge(text: &str) {
    if let Ok(Some(url)) = challenge::endpoint(text.lines(), &["floor.example.com"]) {
        assert_eq!((url.host_str(), url.scheme()), (Some("floor.example.com"), "https"));
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
        Tokens::refused(self, token, true);
    }
}

#[cfg(test)]
mod tests;
