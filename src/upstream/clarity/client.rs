//! The REST client: sends requests with a token, and turns answers into values or errors.

use std::path::Path;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use reqwest::header::{ACCEPT, CACHE_CONTROL, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::denial_cache::DenialCache;
use super::error::RefusalReason;
use super::rate_limit::RateLimitPause;
use super::{Credential, Error, Settings, Tokens};
use base::secret::ExposeSecret;
use base::{Clock, CookieJar, Secret, SourceClock, error_response, http, json};

/// The largest body of an error response that is read, in bytes.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// The largest answer, in bytes: two thousand agents with everything are a few megabytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The most characters of ids in an address, so that addresses stay below two thousand characters.
const MAX_IDS_LENGTH: usize = 1500;

/// All characters but the unreserved ones (apis.md B33).
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A client for Clarity with one account. Cheap to clone.
#[derive(Clone)]
pub struct Clarity(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    settings: Settings,
    tokens: Arc<Tokens>,
    cookies: Arc<CookieJar>,
    clock: SourceClock,
    denials: DenialCache,
    rate_limit: RateLimitPause,
}

impl Clarity {
    /// A client with these settings. Nothing is sent yet.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, reqwest::Error> {
        Self::with_secret_file(settings, None, clock)
    }

    /// The same; `secret_file` is where the password or the static token came from, see [`Tokens::reload_secret`].
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn with_secret_file(
        settings: Settings,
        secret_file: Option<&Path>,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = http::client()?;
        let own = settings.api_root.host_str().into_iter();
        let cookies = CookieJar::for_hosts(own.chain(settings.token_hosts.iter().map(String::as_str)));
        let cookies = Arc::new(cookies);
        let tokens = Tokens::new(settings.clone(), http.clone(), Arc::clone(&cookies), clock.clone());
        let tokens = Arc::new(tokens.with_secret_file(secret_file));
        Ok(Self::assemble(http, settings, tokens, cookies, SourceClock::new(clock)))
    }

    /// The same Clarity with another account: tokens and cookies of its own, the same addresses and connections.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        let Inner { http, settings, tokens, cookies, clock, .. } = &*self.0;
        let settings = Settings { credential, ..settings.clone() };
        let cookies = Arc::new(cookies.for_other_identity());
        let tokens = Arc::new(tokens.for_account(settings.clone(), Arc::clone(&cookies)));
        Self::assemble(http.clone(), settings, tokens, cookies, clock.clone())
    }

    fn assemble(
        http: reqwest::Client,
        settings: Settings,
        tokens: Arc<Tokens>,
        cookies: Arc<CookieJar>,
        clock: SourceClock,
    ) -> Self {
        let (denials, rate_limit) = (DenialCache::default(), RateLimitPause::default());
        Self(Arc::new(Inner { http, settings, tokens, cookies, clock, denials, rate_limit }))
    }

    /// The settings of the site.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The tokens of the account, shared by all calls.
    #[must_use]
    pub fn tokens(&self) -> &Arc<Tokens> {
        &self.0.tokens
    }

    /// Clarity's clock, measured by its answers.
    #[must_use]
    pub fn clock(&self) -> &SourceClock {
        &self.0.clock
    }

    /// The cookies of the account, shared by all requests.
    pub(super) fn cookies(&self) -> &Arc<CookieJar> {
        &self.0.cookies
    }

    pub(super) fn denial_cache(&self) -> &DenialCache {
        &self.0.denials
    }

    pub(super) fn url(&self, path: &str, query: &str) -> Url {
        let mut url = self.0.settings.api_root.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }

    /// Sends a call as [`Self::send`] does, and reads the answer.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        call: &'static str,
        method: Method,
        url: Url,
        body: Option<&impl Serialize>,
    ) -> Result<T, Error> {
        let bytes = self.send(call, method, url, body).await?;
        json::read(&bytes).map_err(|error| Error::MalformedAnswer { call, line: error.line(), column: error.column() })
    }

    /// Sends a call; after a 401 that may mean an expired token, once more with another token. Where that does not
    /// help, this address causes no other token for a while (apis.md B3).
    pub(super) async fn send(
        &self,
        call: &'static str,
        method: Method,
        url: Url,
        body: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, Error> {
        let token = self.token(call).await?;
        let answer = self.send_once(call, method.clone(), url.clone(), body, &token).await?;
        if !self.may_be_expired(&answer, &token, &url) {
            if answer.status().is_success() {
                self.denial_cache().remove(url.as_str());
            }
            return self.read(call, answer).await;
        }
        let token = self.token(call).await?;
        let answer = self.send_once(call, method, url.clone(), body, &token).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.denial_cache().insert(url.as_str());
        }
        self.read(call, answer).await
    }

    /// Sends a call that changes something, once, whatever becomes of it (apis.md B27). A token that may have expired
    /// is renewed for the next call.
    pub(super) async fn send_write(
        &self,
        call: &'static str,
        method: Method,
        url: Url,
        body: Option<&impl Serialize>,
    ) -> Result<Option<Value>, Error> {
        let token = self.token(call).await?;
        let answer = self.send_once(call, method, url.clone(), body, &token).await?;
        self.may_be_expired(&answer, &token, &url);
        let answer = self.success(call, answer).await?;
        http::read_receipt(answer, MAX_ANSWER).await.map_err(|source| Error::Body { call, source })
    }

    /// The token for a call, unless a pause that Clarity asked for is not over.
    async fn token(&self, call: &'static str) -> Result<Secret, Error> {
        if let Some(remaining) = self.0.rate_limit.remaining() {
            return Err(Error::RateLimited { call, retry_after: Some(remaining) });
        }
        self.0.tokens.current().await.map_err(|source| Error::Token { call, source })
    }

    fn may_be_expired(&self, answer: &reqwest::Response, token: &Secret, url: &Url) -> bool {
        let challenged = answer.headers().contains_key(WWW_AUTHENTICATE);
        answer.status() == StatusCode::UNAUTHORIZED
            && !self.denial_cache().contains(url.as_str())
            && self.0.tokens.refused(token, challenged)
    }

    async fn send_once(
        &self,
        call: &'static str,
        method: Method,
        url: Url,
        body: Option<&impl Serialize>,
        token: &Secret,
    ) -> Result<reqwest::Response, Error> {
        let host = url.host_str().unwrap_or("(no host)").to_owned();
        let mut request = self.0.http.request(method, url).header(ACCEPT, "application/json");
        // No cache may answer, and none may store a GET that writes (apis.md B27).
        request = request.header(CACHE_CONTROL, "no-store");
        request = request.bearer_auth(token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let asked = self.0.clock.ours();
        let answer = self.0.cookies.send(request).await.inspect(|answer| {
            self.0.clock.observe_response(asked, answer.headers());
        });
        answer.map_err(|error| Error::Unreachable { call, host, source: error.without_url() })
    }

    async fn read(&self, call: &'static str, answer: reqwest::Response) -> Result<Vec<u8>, Error> {
        let answer = self.success(call, answer).await?;
        http::read_text(answer, MAX_ANSWER).await.map_err(|source| Error::Body { call, source })
    }

    /// The answer, if its status is a success.
    async fn success(&self, call: &'static str, answer: reqwest::Response) -> Result<reqwest::Response, Error> {
        match answer.status() {
            StatusCode::UNAUTHORIZED => Err(Error::Denied { call }),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = self.0.rate_limit.pause(error_response::retry_after(answer.headers()));
                Err(Error::RateLimited { call, retry_after: Some(wait) })
            }
            status if !status.is_success() => {
                // The status decides, even if the body breaks off.
                let body = http::read_body(answer, MAX_ERROR_BODY).await.unwrap_or_default();
                Err(Error::Status {
                    call,
                    status: status.as_u16(),
                    reason: error_response::message(&body).map(RefusalReason::new),
                })
            }
            _ => {
                self.0.rate_limit.reset();
                Ok(answer)
            }
        }
    }
}

/// Ids as comma-separated lists, each short enough for an address.
pub(super) fn in_chunks(ids: &[i64]) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for id in ids {
        let id = id.to_string();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + id.len() < MAX_IDS_LENGTH => {
                chunk.push(',');
                chunk.push_str(&id);
            }
            _ => chunks.push(id),
        }
    }
    chunks
}

#[cfg(test)]
mod tests;
