//! Tokens: requested once, shared by all calls, renewed before they expire.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use reqwest::header::HeaderValue;
use tokio::time::Instant;
use url::Url;
use windows_auth::Authenticator;

use super::{Credential, Settings};
use base::http::USER_AGENT;
use base::secret::ExposeSecret;
use base::{Backoff, Clock, CookieJar, Secret};

mod challenge;
mod error;
mod fetch;
mod lifetime;
mod lockout;
mod secret_file;

use lockout::LockoutGuard;
use secret_file::SecretFile;

pub use error::TokenError;

/// A token that Clarity refuses this soon after it was made has not expired: requesting another would be a loop
/// (apis.md B3).
const TOO_YOUNG: Duration = Duration::from_secs(30);

/// The longest pause after a failure that locks no account. Together with the pauses of those who ask, what has been
/// mended on the other side is used within a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a call waits for a renewal while the old token is valid.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Where tokens come from.
#[derive(Clone)]
enum Source {
    /// A token made elsewhere.
    Ready(Secret),
    /// The token endpoint, with this account.
    Account(Authenticator),
}

/// Hands out tokens. Concurrent calls share one request.
pub struct Tokens {
    http: reqwest::Client,
    cookies: Arc<CookieJar>,
    clock: Clock,
    settings: Settings,
    source: Mutex<Source>,
    watched: Option<SecretFile>,
    held: Mutex<TokenState>,
    requesting: tokio::sync::Mutex<()>,
}

struct TokenState {
    token: Option<Token>,
    /// The token service, where a challenge named it.
    token_url: Option<Url>,
    failure: Option<Failure>,
    backoff: Backoff,
    lockout: LockoutGuard,
}

/// The last failure, which is repeated until the pause is over.
struct Failure {
    error: TokenError,
    until: Instant,
    /// The same instant as wall-clock time, for display.
    next_try: Timestamp,
}

/// An attempt that an administrator asked for, but that may lock the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credentials were tried as often as is safe: one more wrong try may lock the account")]
pub struct LockoutRisk {
    /// How long to wait.
    pub left: Duration,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    received_at: Instant,
    renew_at: Option<Instant>,
    expires_at: Option<Instant>,
    /// Whether the endpoint authenticated the account for it.
    is_authenticated: bool,
}

impl Tokens {
    /// Tokens by the site's settings, asked for with `http` and these cookies.
    #[must_use]
    pub fn new(settings: Settings, http: reqwest::Client, cookies: Arc<CookieJar>, clock: Clock) -> Self {
        let source = match &settings.credential {
            Credential::Static(token) => Source::Ready(token.clone()),
            Credential::Windows { account, method, kdc } => {
                let authenticator = Authenticator::new(account.clone(), *method, kdc.clone())
                    .with_user_agent(HeaderValue::from_static(USER_AGENT))
                    .with_workstation("callboard")
                    .with_cookies(Arc::clone(&cookies) as _);
                Source::Account(authenticator)
            }
        };
        let held = TokenState {
            token: None,
            token_url: None,
            failure: None,
            backoff: Backoff::new(Duration::from_secs(1), LONGEST_PAUSE),
            lockout: LockoutGuard::default(),
        };
        let watched = match &settings.credential {
            Credential::Windows { account, .. } => account.credential.file().map(SecretFile::new),
            Credential::Static(_) => None,
        };
        let source = Mutex::new(source);
        Self {
            http,
            cookies,
            clock,
            settings,
            source,
            watched,
            held: Mutex::new(held),
            requesting: tokio::sync::Mutex::new(()),
        }
    }

    /// Watches the file from which the password or the static token came.
    #[must_use]
    pub fn with_secret_file(mut self, secret_file: Option<&Path>) -> Self {
        self.watched = self.watched.or_else(|| secret_file.map(SecretFile::new));
        self
    }

    /// Looks whether there is another password, keytab, ticket or ready token in the file where it came from. If so, it
    /// is used at once, as far as that is safe for the account.
    pub async fn reload_secret(&self) -> bool {
        let Some(watched) = &self.watched else { return false };
        let Some(bytes) = watched.news().await else { return false };
        // A keytab and a ticket are read for each sign-in; a password and a token were read once.
        let is_read_each_time = matches!(&self.settings.credential,
            Credential::Windows { account, .. } if account.credential.file().is_some());
        if !is_read_each_time {
            let Some(secret) = secret_file::secret(&bytes) else { return false };
            let mut source = self.source.lock();
            *source = match source.clone() {
                Source::Ready(_) => Source::Ready(secret),
                Source::Account(sign_in) => Source::Account(sign_in.with_password(secret)),
            };
        }
        let mut held = self.held();
        held.lockout.credentials_changed();
        // However often the file changes, the account is not tried more often than is safe.
        let (now, left) = (Instant::now(), held.lockout.left_for_others(Instant::now()));
        match (left, &mut held.failure) {
            (Some(left), Some(failure)) => {
                failure.until = now + left;
                failure.next_try = self.clock.now().saturating_add(left).unwrap_or(Timestamp::MAX);
            }
            (_, failure) => *failure = None,
        }
        true
    }

    /// When refused credentials are tried next by themselves. `None`: none were refused.
    #[must_use]
    pub fn next_try(&self) -> Option<Timestamp> {
        let held = self.held();
        held.failure.as_ref().filter(|failure| failure.error.refuses_credentials()).map(|failure| failure.next_try)
    }

    /// Whether the pause after a failure is not over.
    #[must_use]
    pub fn is_backing_off(&self) -> bool {
        self.held().failure.as_ref().is_some_and(|failure| Instant::now() < failure.until)
    }

    /// Tries now, because an administrator asked for it.
    ///
    /// # Errors
    /// When one more try may lock the account. Whether the try succeeded is the inner result.
    pub async fn retry_now(&self) -> Result<Result<Secret, TokenError>, LockoutRisk> {
        {
            let mut held = self.held();
            if let Some(left) = held.lockout.left(Instant::now()) {
                return Err(LockoutRisk { left });
            }
            held.failure = None;
        }
        Ok(self.current().await)
    }

    fn source(&self) -> Source {
        self.source.lock().clone()
    }

    /// Tokens of another account, from the same endpoint.
    #[must_use]
    pub fn for_account(&self, settings: Settings, cookies: Arc<CookieJar>) -> Self {
        let other = Self::new(settings, self.http.clone(), cookies, self.clock.clone());
        other.held().token_url = self.held().token_url.clone();
        other
    }

    /// A token that is good now. While renewing fails, the old one is handed out until it expires.
    ///
    /// # Errors
    /// See [`TokenError`]. After a failure the same error is repeated, without asking again, until the pause is over.
    pub async fn current(&self) -> Result<Secret, TokenError> {
        if let Source::Ready(token) = self.source() {
            return Ok(token);
        }
        if let Some(outcome) = self.cached() {
            return outcome;
        }
        let _flight = self.requesting.lock().await;
        // The call that held the lock may have requested a token.
        if let Some(outcome) = self.cached() {
            return outcome;
        }
        // Read only now: it may have been replaced meanwhile.
        let Source::Account(sign_in) = self.source() else { return Err(TokenError::TooSlow) };
        let limit = if self.valid().is_some() { RENEWAL_TIMEOUT } else { Duration::MAX };
        let fetched = tokio::time::timeout(limit, self.fetch(&sign_in)).await;
        self.settle(fetched.unwrap_or(Err(TokenError::TooSlow)))
    }

    /// Asks once for a token, by which the account proves to *us* that it knows its password. What was had before does
    /// not count, and no failure is kept: people mistype.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn authenticate(&self) -> Result<Secret, TokenError> {
        let Source::Account(sign_in) = self.source() else {
            return Err(TokenError::NotAuthenticated { host: "a ready token".to_owned() });
        };
        let token = self.fetch(&sign_in).await?;
        if !token.is_authenticated {
            let host = self.settings.api_root.host_str().unwrap_or("(no host)").to_owned();
            return Err(TokenError::NotAuthenticated { host });
        }
        Ok(token.secret)
    }

    /// Clarity refused this token, with or without saying where to get another. The next [`Tokens::current`] asks for
    /// another if this one has expired, or if it was challenged and is not so young that its age cannot be the reason.
    /// Returns whether trying again makes sense (apis.md B3).
    pub fn refused(&self, token: &Secret, challenged: bool) -> bool {
        if matches!(self.source(), Source::Ready(_)) {
            return false;
        }
        let mut held = self.held();
        match &held.token {
            Some(current) if current.secret.expose_secret() == token.expose_secret() => {
                let is_expired = current.expires_at.is_some_and(|at| at <= Instant::now());
                let is_old = is_expired || challenged && current.received_at.elapsed() >= TOO_YOUNG;
                if is_old {
                    held.token = None;
                }
                is_old
            }
            // Another call has noticed it already.
            _ => challenged,
        }
    }

    /// The answer without a request: a fresh token, or the failure whose pause is not over.
    fn cached(&self) -> Option<Result<Secret, TokenError>> {
        let held = self.held();
        let now = Instant::now();
        let valid = held.token.as_ref().filter(|token| token.expires_at.is_none_or(|at| now < at));
        let paused = held.failure.as_ref().filter(|failure| now < failure.until);
        match (valid, paused) {
            (Some(token), _) if token.renew_at.is_none_or(|at| now < at) => Some(Ok(token.secret.clone())),
            (Some(token), Some(_)) => Some(Ok(token.secret.clone())),
            (None, Some(failure)) => Some(Err(failure.error.clone())),
            _ => None,
        }
    }

    /// The token that has not expired, renewed or not.
    fn valid(&self) -> Option<Secret> {
        let held = self.held();
        let valid = held.token.as_ref().filter(|token| token.expires_at.is_none_or(|at| Instant::now() < at));
        valid.map(|token| token.secret.clone())
    }

    fn settle(&self, fetched: Result<Token, TokenError>) -> Result<Secret, TokenError> {
        let mut held = self.held();
        match fetched {
            Ok(token) => {
                held.backoff.reset();
                held.lockout.forget();
                held.failure = None;
                let secret = token.secret.clone();
                held.token = Some(token);
                Ok(secret)
            }
            Err(error) => {
                let now = Instant::now();
                let wait = if error.refuses_credentials() { held.lockout.note(now) } else { held.backoff.next_wait() };
                let next_try = self.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
                held.failure = Some(Failure { error: error.clone(), until: now + wait, next_try });
                // The address may have moved.
                held.token_url = None;
                let valid = held.token.as_ref().filter(|token| token.expires_at.is_none_or(|at| now < at));
                valid.map(|token| token.secret.clone()).ok_or(error)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, TokenState> {
        self.held.lock()
    }
}

/// For the fuzzer: no challenge leads to a host that is not allowed.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub fn fuzz_challenge(text: &str) {
    if let Ok(Some(url)) = challenge::endpoint(text.lines(), &["floor.example.com"]) {
        let host = url.host_str().map(|host| host.trim_end_matches('.'));
        assert_eq!((host, url.scheme()), (Some("floor.example.com"), "https"));
    }
}

/// Clarity's tokens serve its SignalR endpoint too (`apis.md` B11).
impl classic_signalr::Credentials for Tokens {
    fn bearer_token(
        &self,
    ) -> futures_util::future::BoxFuture<'_, Result<Option<Secret>, classic_signalr::CredentialError>> {
        Box::pin(async { self.current().await.map(Some).map_err(Into::into) })
    }

    fn rejected(&self, token: &Secret) {
        Tokens::refused(self, token, true);
    }
}

#[cfg(test)]
mod tests;
