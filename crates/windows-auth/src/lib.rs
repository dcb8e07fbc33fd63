//! A client for Integrated Windows Authentication over HTTP, from any operating system: NTLM, and Negotiate with
//! Kerberos or NTLM inside.
//!
//! An [`Authenticator`] posts a form to a URL as a Windows account. That is what an application needs that exchanges a
//! Windows login for a token of its own. The messages themselves are made by [`sspi`](https://docs.rs/sspi); this crate
//! does the HTTP around them.
//!
//! ```no_run
//! use windows_auth::{Account, Authenticator, Credential, Method};
//!
//! # async fn example(now: jiff::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
//! let account = Account {
//!     username: "svc".into(),
//!     domain: "EXAMPLE".into(),
//!     credential: Credential::Password("hunter2".into()),
//! };
//! let authenticator = Authenticator::new(account, Method::Negotiate, None);
//! let url = "https://intranet.example.com/token".parse()?;
//! let response = authenticator.post_form(&url, &[("grant_type", "windows")], now).await?;
//! println!("{} {}", response.status, String::from_utf8_lossy(&response.body));
//! # Ok(())
//! # }
//! ```
//!
//! # What it speaks
//!
//! - NTLM version 2 ([MS-NLMP]) over HTTP ([MS-NTHT]), and inside SPNEGO ([MS-SPNG]).
//! - Kerberos version 5 ([RFC 4120], [MS-KILE]) inside SPNEGO, as `Negotiate` ([RFC 4559]).
//! - Channel binding to the server's certificate, `tls-server-end-point` ([RFC 5929]), which IIS calls Extended
//!   Protection.
//!
//! NTLM authenticates a *connection* and not a request. Hence each [`Authenticator::post_form`] opens a connection of
//! its own and sends all messages over it, past any proxy.
//!
//! # What proves the account
//!
//! A [`Credential`]: a password, or for Kerberos alone a keytab or a credential cache in MIT's file formats. The files
//! are read anew for each request, because `ktpass`, `kinit` and `k5start` replace them.
//!
//! # Limits
//!
//! - Keys must be AES with SHA-1 (encryption types 17 and 18). sspi knows neither RC4 nor AES with SHA-2.
//! - sspi asks the KDC for a reply that is encrypted with AES-256. If the account has such a key, the keytab must
//!   contain it.
//! - Credential caches of the types `KCM`, `KEYRING` and `DIR` cannot be read; `FILE` can.
//! - The KDC is asked over TCP.
//! - TLS is rustls with the platform's certificate verifier, HTTP is HTTP/1.1.
//!
//! Passwords, tickets and messages are never logged. They are wiped when they are dropped, as far as sspi does so too.
//!
//! [MS-NLMP]: https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/ [MS-NTHT]:
//! https://learn.microsoft.com/openspecs/windows_protocols/ms-ntht/ [MS-SPNG]:
//! https://learn.microsoft.com/openspecs/windows_protocols/ms-spng/ [MS-KILE]:
//! https://learn.microsoft.com/openspecs/windows_protocols/ms-kile/ [RFC 4120]: https://www.rfc-editor.org/rfc/rfc4120
//! [RFC 4559]: https://www.rfc-editor.org/rfc/rfc4559 [RFC 5929]: https://www.rfc-editor.org/rfc/rfc5929

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{DATE, HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use reqwest::cookie::{CookieStore, Jar};
use tokio::time::Instant;
use url::Url;

mod account;
mod cached_ticket;
mod challenge;
mod channel_binding;
mod connection;
mod credential_cache;
mod der;
mod error;
mod initial_credential;
mod kdc;
mod kerberos;
mod keytab;
mod reader;
mod security_context;

pub use account::{Account, Credential};
use challenge::Scheme;
use connection::Connection;
pub use connection::Response;
pub use error::{Error, FileError};
use kdc::Kdc;
pub use secrecy::SecretString;
use security_context::SecurityContext;

/// How long a request may take, with all messages to the server and the KDC.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How many messages to send at most.
const MAX_MESSAGES: usize = 5;

/// The difference between clocks that Kerberos tolerates by default.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Kerberos if the KDC gives a ticket, otherwise NTLM if there is a password.
    Negotiate,
    /// NTLM. No KDC is asked.
    Ntlm,
}

/// Authenticates an account, for any number of requests.
#[derive(Clone)]
pub struct Authenticator {
    account: Account,
    method: Method,
    kdc: Option<String>,
    cookies: Arc<dyn CookieStore>,
    user_agent: HeaderValue,
    workstation: String,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("account", &self.account)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Authenticates this account. `kdc` is the host of the key distribution center, with a port if that is not 88.
    /// Without it, `krb5.conf` names the KDC, or else the name of the realm is taken for its host name, as in Active
    /// Directory.
    #[must_use]
    pub fn new(account: Account, method: Method, kdc: Option<String>) -> Self {
        Self {
            account,
            method,
            kdc,
            cookies: Arc::new(Jar::default()),
            user_agent: HeaderValue::from_static(concat!("windows-auth/", env!("CARGO_PKG_VERSION"))),
            workstation: "windows-auth".to_owned(),
        }
    }

    /// Replaces the credential by this password.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.account.credential = Credential::Password(password);
        self
    }

    /// Keeps cookies here.
    #[must_use]
    pub fn with_cookies(self, cookies: Arc<dyn CookieStore>) -> Self {
        Self { cookies, ..self }
    }

    /// Sets the `User-Agent` header.
    #[must_use]
    pub fn with_user_agent(self, user_agent: HeaderValue) -> Self {
        Self { user_agent, ..self }
    }

    /// Sets the client's computer name in messages.
    #[must_use]
    pub fn with_workstation(self, workstation: impl Into<String>) -> Self {
        Self { workstation: workstation.into(), ..self }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Posts a form as this account. `now` is the time of day, by which tickets expire and clock skew is found.
    ///
    /// Returns the answer whatever its status, unless it rejects the account. A server that asks for no authentication
    /// gets the form without one: see [`Response::is_authenticated`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn post_form(&self, url: &Url, form: &[(&str, &str)], now: Timestamp) -> Result<Response, Error> {
        let now = Now { began: Instant::now(), at: now };
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let posting = tokio::time::timeout(TIMEOUT, self.post(url, form.into(), now));
        posting.await.unwrap_or_else(|_| Err(Error::Timeout { host: connection::host(url) }))
    }

    async fn post(&self, url: &Url, form: Bytes, now: Now) -> Result<Response, Error> {
        let mut connection = Connection::open(url, &self.cookies, &self.user_agent).await?;
        let answer = connection.post(None, form.clone()).await?;
        let preferred = if self.method == Method::Negotiate { Scheme::Negotiate } else { Scheme::Ntlm };
        let scheme = challenge::scheme(&answer.headers, preferred);
        let Some(scheme) = scheme.filter(|_| answer.status == StatusCode::UNAUTHORIZED) else { return Ok(answer) };

        let has_binding = connection.channel_binding().is_some();
        match self.authenticate(&mut connection, url, scheme, &form, has_binding, now).await {
            // With a binding sspi sends KERB_AP_OPTIONS_CBT in two bytes instead of four (MS-KILE). Windows may
            // tolerate that, MIT's library rejects the ticket. A ticket without a binding is no weaker than what the
            // server then accepts, and a rejected ticket does not count as a wrong password.
            Err(Error::TicketRejected { .. }) if has_binding => {
                self.authenticate(&mut connection, url, scheme, &form, false, now).await
            }
            outcome => outcome,
        }
    }

    async fn authenticate(
        &self,
        connection: &mut Connection,
        url: &Url,
        scheme: Scheme,
        form: &Bytes,
        uses_binding: bool,
        now: Now,
    ) -> Result<Response, Error> {
        let mut kdc = Kdc::default();
        let host = connection::host(url);
        let service = format!("HTTP/{host}");
        let binding = connection.channel_binding().filter(|_| uses_binding);
        let lacks_binding = url.scheme() == "https" && connection.channel_binding().is_none();
        let (mut context, mut token, is_kerberos) =
            self.first_token(scheme, &service, binding, &host, &mut kdc, now).await?;
        let rejected = |answer: &Response| rejection(&host, &service, answer, is_kerberos, lacks_binding, now.get());
        if !connection.is_open() {
            *connection = Connection::open(url, &self.cookies, &self.user_agent).await?;
        }
        for _ in 0..MAX_MESSAGES {
            let body = if context.sends_form() { form.clone() } else { Bytes::new() };
            let answer = connection.post(Some(authorization(scheme, &token, &host)?), body).await?;
            // The form goes along with the message that proves the account.
            let has_proved = context.sends_form();
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(Response { is_authenticated: has_proved, ..answer });
            }
            let challenge = challenge::token(&answer.headers, scheme).filter(|_| !context.is_complete());
            let Some(challenge) = challenge else {
                return Err(if has_proved { rejected(&answer) } else { Error::NoChallenge { host } });
            };
            token = match context.next(Some(challenge), &mut kdc).await {
                Ok(token) => token,
                // A SPNEGO token in this 401 says that the proof was rejected.
                Err(_) if has_proved => return Err(rejected(&answer)),
                Err(error) => return Err(invalid_message(&host, &error)),
            };
        }
        Err(Error::InvalidMessage { host, kind: "it never ends".to_owned() })
    }

    /// The first token by the best mechanism that is available, and whether it is a Kerberos ticket.
    async fn first_token(
        &self,
        scheme: Scheme,
        service: &str,
        binding: Option<&[u8]>,
        host: &str,
        kdc: &mut Kdc,
        now: Now,
    ) -> Result<(SecurityContext, Vec<u8>, bool), Error> {
        let failed = |error: sspi::Error| invalid_message(host, &error);
        if scheme == Scheme::Negotiate
            && self.method == Method::Negotiate
            && let Some((context, ticket)) = self.kerberos(service, binding, kdc, now.get()).await?
        {
            return Ok((context, ticket, true));
        }
        let Credential::Password(password) = &self.account.credential else {
            return Err(Error::PasswordRequired { host: host.to_owned(), what: self.account.credential.name() });
        };
        let identity = self.account.identity(password)?;
        let mut context = match scheme {
            Scheme::Ntlm => SecurityContext::ntlm(identity, service, binding),
            Scheme::Negotiate => {
                SecurityContext::negotiate_ntlm(identity, service, binding, &self.workstation).map_err(failed)?
            }
        };
        let token = context.next(None, kdc).await.map_err(failed)?;
        Ok((context, token, false))
    }
}

/// What a 401 means that answers the proof.
fn rejection(
    host: &str,
    service: &str,
    answer: &Response,
    is_kerberos: bool,
    lacks_binding: bool,
    now: Timestamp,
) -> Error {
    let (host, service) = (host.to_owned(), service.to_owned());
    let hint = if lacks_binding {
        "; if the site demands Extended Protection, its certificate must be signed by way of SHA-2"
    } else {
        ""
    };
    if !is_kerberos {
        return Error::Rejected { host, hint };
    }
    match date(&answer.headers).map(|date| date.duration_since(now).abs()) {
        Some(skew) if skew > MAX_CLOCK_SKEW => Error::ClockSkew { who: host },
        _ => Error::TicketRejected { host, service, hint },
    }
}

/// When the server says it answered (RFC 9110, 6.6.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(date.trim()).ok()?).ok()
}

/// The `Authorization` header with a token.
fn authorization(scheme: Scheme, token: &[u8], host: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::try_from(format!("{} {}", scheme.name(), STANDARD.encode(token)));
    value.map_err(|_| Error::InvalidMessage { host: host.to_owned(), kind: "no header".to_owned() })
}

fn invalid_message(host: &str, error: &sspi::Error) -> Error {
    Error::InvalidMessage { host: host.to_owned(), kind: format!("{:?}", error.error_type) }
}

/// The time of day, counted from what the caller said it was when the request began.
#[derive(Debug, Clone, Copy)]
struct Now {
    began: Instant,
    at: Timestamp,
}

impl Now {
    fn get(self) -> Timestamp {
        self.at.saturating_add(self.began.elapsed()).unwrap_or(self.at)
    }
}

#[cfg(test)]
mod tests;
