//! The REST side of Clarity.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use reqwest::header::{ACCEPT, CACHE_CONTROL, DATE, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::Said;
use super::{Credential, Error, Settings, Tokens};
use crate::base::secret::ExposeSecret;
use crate::base::{Clock, Secret, http, refusal};

/// No refusal has more to say than this.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// No answer is larger than this: two thousand agents with everything are a few megabytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// Addresses stay below two thousand characters; this much of them may be ids.
const IDS_LIMIT: usize = 1500;

/// Everything but the unreserved characters (`apis.md` B33).
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Clarity, as the service account sees it. Cheap to clone.
#[derive(Clone)]
pub struct Clarity(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    settings: Settings,
    tokens: Arc<Tokens>,
    clock: Clock,
    ahead_milliseconds: AtomicI64,
}

impl Clarity {
    /// A client by the site's settings. Nothing is sent yet.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, reqwest::Error> {
        let http = http::client()?;
        let tokens = Arc::new(Tokens::new(settings.clone(), http.clone(), clock.clone()));
        Ok(Self(Arc::new(Inner { http, settings, tokens, clock, ahead_milliseconds: AtomicI64::new(0) })))
    }

    /// The same Clarity, as somebody else sees it: connections are shared, tokens are not.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        let settings = Settings { credential, ..self.0.settings.clone() };
        let (http, clock) = (self.0.http.clone(), self.0.clock.clone());
        let tokens = Arc::new(Tokens::new(settings.clone(), http.clone(), clock.clone()));
        let ahead_milliseconds = AtomicI64::new(self.0.ahead_milliseconds.load(Ordering::Relaxed));
        Self(Arc::new(Inner { http, settings, tokens, clock, ahead_milliseconds }))
    }

    /// How far Clarity's clock is ahead of ours, by its latest answer (`apis.md` B97).
    #[must_use]
    pub fn clock_difference(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.ahead_milliseconds.load(Ordering::Relaxed))
    }

    /// What the site says.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The tokens that all calls share.
    #[must_use]
    pub fn tokens(&self) -> &Arc<Tokens> {
        &self.0.tokens
    }

    pub(super) fn at(&self, path: &str, query: &str) -> Url {
        let mut at = self.0.settings.api_root.clone();
        at.set_path(&format!("{}{path}", at.path().trim_end_matches('/')));
        at.set_query(Some(query).filter(|query| !query.is_empty()));
        at
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        call: &'static str,
        method: Method,
        at: Url,
        body: Option<&impl Serialize>,
    ) -> Result<T, Error> {
        let bytes = self.send(call, method, at, body).await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Unintelligible {
            call,
            line: error.line(),
            column: error.column(),
        })
    }

    /// Sends a call; after a 401 that may mean an expired token, once more with another one and no oftener
    /// (`apis.md` B3).
    pub(super) async fn send(
        &self,
        call: &'static str,
        method: Method,
        at: Url,
        body: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, Error> {
        let token = self.token(call).await?;
        let answer = self.send_once(call, method.clone(), at.clone(), body, &token).await?;
        if !self.may_be_expired(&answer, &token) {
            return read(call, answer).await;
        }
        let token = self.token(call).await?;
        read(call, self.send_once(call, method, at, body, &token).await?).await
    }

    /// Sends a call that changes something: once, whatever becomes of it (`apis.md` B27). A token that may have
    /// expired is renewed for whoever calls next.
    pub(super) async fn tell(
        &self,
        call: &'static str,
        method: Method,
        at: Url,
        body: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, Error> {
        let token = self.token(call).await?;
        let answer = self.send_once(call, method, at, body, &token).await?;
        self.may_be_expired(&answer, &token);
        read(call, answer).await
    }

    async fn token(&self, call: &'static str) -> Result<Secret, Error> {
        self.0.tokens.current().await.map_err(|source| Error::Token { call, source })
    }

    fn may_be_expired(&self, answer: &reqwest::Response, token: &Secret) -> bool {
        let challenged = answer.headers().contains_key(WWW_AUTHENTICATE);
        answer.status() == StatusCode::UNAUTHORIZED && challenged && self.0.tokens.refused(token)
    }

    async fn send_once(
        &self,
        call: &'static str,
        method: Method,
        at: Url,
        body: Option<&impl Serialize>,
        token: &Secret,
    ) -> Result<reqwest::Response, Error> {
        let host = at.host_str().unwrap_or("(no host)").to_owned();
        let mut request = self.0.http.request(method, at).header(ACCEPT, "application/json");
        // No cache may answer for Clarity, and none may keep a GET that writes (`apis.md` B27).
        request = request.header(CACHE_CONTROL, "no-store");
        request = request.bearer_auth(token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|error| Error::Unreachable { call, host, source: error.without_url() })?;
        if let Some(date) = date_of(&answer) {
            let ahead = date.as_millisecond() - self.0.clock.now().as_millisecond();
            self.0.ahead_milliseconds.store(ahead, Ordering::Relaxed);
        }
        Ok(answer)
    }
}

async fn read(call: &'static str, answer: reqwest::Response) -> Result<Vec<u8>, Error> {
    match answer.status() {
        StatusCode::UNAUTHORIZED => Err(Error::Denied { call }),
        StatusCode::TOO_MANY_REQUESTS => {
            Err(Error::TooMany { call, retry_after: refusal::retry_after(answer.headers()) })
        }
        status if !status.is_success() => {
            // The status has arrived, and it decides; a body that breaks off after it says nothing more.
            let body = http::read_body(answer, REFUSAL_LIMIT).await.unwrap_or_default();
            Err(Error::Status { call, status: status.as_u16(), said: refusal::reason(&body).map(Said::new) })
        }
        _ => http::read_body(answer, ANSWER_LIMIT).await.map_err(|source| Error::Body { call, source }),
    }
}

/// When the server says it answered.
pub(super) fn date_of(answer: &reqwest::Response) -> Option<Timestamp> {
    let text = answer.headers().get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

/// Ids as comma-separated texts, none of them too long for an address.
pub(super) fn in_chunks(ids: &[i64]) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for id in ids {
        let id = id.to_string();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + id.len() < IDS_LIMIT => {
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
