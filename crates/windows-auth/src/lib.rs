//! Windows sign-in over HTTP from any machine: NTLM, and Negotiate with Kerberos or NTLM inside. It knows no vendor: it
//! posts a form to an address and brings the answer of whoever was convinced.
//!
//! An account proves itself by its password; for Kerberos alone also by its key, from a keytab, or by the ticket that
//! `kinit` or `k5start` keeps in a credential cache ([`Credential`]). Both are files in MIT's formats, read anew for each
//! sign-in. Caches of the kinds `KCM`, `KEYRING` and `DIR` cannot be read. Keys must be AES with SHA-1 (18 and 17): the
//! library knows neither RC4 nor AES with SHA-2, and has the domain's reply sealed with AES-256 wherever the account has
//! such a key, which must then be in the keytab.
//!
//! NTLM signs in a *connection*, hence each [`Authenticator::post_form`] has one of its own ([`connection`]), past any proxy.
//! A 401 in the middle is part of it; a 401 after our last message is a refusal. Passwords, tickets and messages are
//! never logged, and wiped when dropped as far as the library does it too.

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

mod binding;
mod cache;
mod claim;
mod connection;
mod credential;
mod der;
mod error;
mod exchange;
mod grant;
mod kdc;
mod keytab;
mod octets;
mod offer;
mod ticket;

use connection::Connection;
pub use connection::Response;
pub use credential::{Account, Credential};
pub use error::{Error, FileError};
use exchange::Exchange;
use kdc::Kdc;
use offer::Scheme;
pub use secrecy::SecretString;

/// How long a sign-in may take, all its messages and the domain included.
const LIMIT: Duration = Duration::from_secs(20);

/// No sign-in has more messages of ours.
const MESSAGES: usize = 5;

/// Kerberos tolerates so much difference between clocks.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Kerberos if the domain gives a ticket, NTLM if it gives none.
    Negotiate,
    /// NTLM, and nobody else is asked.
    Ntlm,
}

/// Authenticates an account, for any number of requests. Cheap to clone.
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
    /// Authenticates this account. `kdc` is the host of the key distribution center, with a port if it is not 88; without
    /// it, the machine's `krb5.conf` says which, and then the realm's own name.
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

    /// With another password.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.account.credential = Credential::Password(password);
        self
    }

    /// With these cookies.
    #[must_use]
    pub fn with_cookies(self, cookies: Arc<dyn CookieStore>) -> Self {
        Self { cookies, ..self }
    }

    /// With this `User-Agent` header.
    #[must_use]
    pub fn with_user_agent(self, user_agent: HeaderValue) -> Self {
        Self { user_agent, ..self }
    }

    /// With this name of the client's computer in NTLM and Kerberos messages.
    #[must_use]
    pub fn with_workstation(self, workstation: impl Into<String>) -> Self {
        Self { workstation: workstation.into(), ..self }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Posts a form as this account. A server that asks for no Windows sign-in gets the form all the same, and its answer
    /// is returned whatever its status: only a refusal of the account itself is an error. See
    /// [`Response::is_authenticated`].
    ///
    /// `now` is the time of day, by which tickets expire and the server's clock is judged.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn post_form(&self, address: &Url, form: &[(&str, &str)], now: Timestamp) -> Result<Response, Error> {
        let now = Now { began: Instant::now(), at: now };
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let signing_in = tokio::time::timeout(LIMIT, self.converse(address, form.into(), now));
        signing_in.await.unwrap_or_else(|_| Err(Error::Timeout { host: connection::host(address) }))
    }

    async fn converse(&self, address: &Url, form: Bytes, now: Now) -> Result<Response, Error> {
        let mut connection = Connection::open(address, &self.cookies, &self.user_agent).await?;
        let answer = connection.post(None, form.clone()).await?;
        let preferred = if self.method == Method::Negotiate { Scheme::Negotiate } else { Scheme::Ntlm };
        let scheme = offer::scheme(&answer.headers, preferred);
        let Some(scheme) = scheme.filter(|_| answer.status == StatusCode::UNAUTHORIZED) else { return Ok(answer) };

        let is_bound = connection.binding().is_some();
        match self.attempt(&mut connection, address, scheme, &form, is_bound, now).await {
            // The library writes the flag that goes with a binding in two bytes where MS-KILE has four, which Windows may
            // overlook and MIT's library does not. An unbound ticket is no weaker than what the server asks for, and a
            // ticket refused is no password refused.
            Err(Error::TicketRejected { .. }) if is_bound => {
                self.attempt(&mut connection, address, scheme, &form, false, now).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(
        &self,
        connection: &mut Connection,
        address: &Url,
        scheme: Scheme,
        form: &Bytes,
        is_bound: bool,
        now: Now,
    ) -> Result<Response, Error> {
        let mut kdc = Kdc::default();
        let host = connection::host(address);
        let target = format!("HTTP/{host}");
        let binding = connection.binding().filter(|_| is_bound);
        let is_unbindable = address.scheme() == "https" && connection.binding().is_none();
        let (mut exchange, mut ours, is_ticket) = self.begin(scheme, &target, binding, &host, &mut kdc, now).await?;
        let refused = |answer: &Response| refused(&host, &target, answer, is_ticket, is_unbindable, now.get());
        if !connection.is_open() {
            *connection = Connection::open(address, &self.cookies, &self.user_agent).await?;
        }
        for _ in 0..MESSAGES {
            let sent = if exchange.sends_form() { form.clone() } else { Bytes::new() };
            let answer = connection.post(Some(header(scheme, &ours, &host)?), sent).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(Response { is_authenticated: exchange.sends_form(), ..answer });
            }
            let proved = exchange.sends_form();
            let theirs = offer::message(&answer.headers, scheme).filter(|_| !exchange.is_over());
            let Some(theirs) = theirs else {
                // Before our proof was sent nothing can have been wrong with it.
                return Err(if proved { refused(&answer) } else { Error::NoChallenge { host } });
            };
            ours = match exchange.next(Some(theirs), &mut kdc).await {
                Ok(ours) => ours,
                // What comes with a 401 after the proof is a refusal in SPNEGO's words.
                Err(_) if proved => return Err(refused(&answer)),
                Err(error) => return Err(unintelligible(&host, &error)),
            };
        }
        Err(Error::InvalidMessage { host, kind: "it never ends".to_owned() })
    }

    /// The first message, by the best means there is, and whether it is a ticket.
    async fn begin(
        &self,
        scheme: Scheme,
        target: &str,
        binding: Option<&[u8]>,
        host: &str,
        kdc: &mut Kdc,
        now: Now,
    ) -> Result<(Exchange, Vec<u8>, bool), Error> {
        let failed = |error: sspi::Error| unintelligible(host, &error);
        if scheme == Scheme::Negotiate
            && self.method == Method::Negotiate
            && let Some((exchange, ticket)) = self.ticket(target, binding, kdc, now.get()).await?
        {
            return Ok((exchange, ticket, true));
        }
        let Credential::Password(password) = &self.account.credential else {
            return Err(Error::PasswordRequired { host: host.to_owned(), what: self.account.credential.name() });
        };
        let account = self.account.identity(password)?;
        let mut exchange = match scheme {
            Scheme::Ntlm => Exchange::ntlm(account, target, binding),
            Scheme::Negotiate => {
                Exchange::ntlm_negotiated(account, target, binding, &self.workstation).map_err(failed)?
            }
        };
        let first = exchange.next(None, kdc).await.map_err(failed)?;
        Ok((exchange, first, false))
    }
}

/// What a 401 means after the account has proved itself.
fn refused(
    host: &str,
    service: &str,
    answer: &Response,
    is_ticket: bool,
    is_unbindable: bool,
    now: Timestamp,
) -> Error {
    let (host, service) = (host.to_owned(), service.to_owned());
    let hint = if is_unbindable {
        "; if the site demands Extended Protection, its certificate must be signed by way of SHA-2"
    } else {
        ""
    };
    if !is_ticket {
        return Error::Rejected { host, hint };
    }
    match date(&answer.headers).map(|date| date.duration_since(now).abs()) {
        Some(apart) if apart > SKEW => Error::ClockSkew { who: host },
        _ => Error::TicketRejected { host, service, hint },
    }
}

/// When the server says it answered (RFC 9110, section 6.6.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(date.trim()).ok()?).ok()
}

/// The time of day, from the caller's at the beginning.
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

fn header(scheme: Scheme, message: &[u8], host: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::try_from(format!("{} {}", scheme.name(), STANDARD.encode(message)));
    value.map_err(|_| Error::InvalidMessage { host: host.to_owned(), kind: "no header".to_owned() })
}

fn unintelligible(host: &str, error: &sspi::Error) -> Error {
    Error::InvalidMessage { host: host.to_owned(), kind: format!("{:?}", error.error_type) }
}

#[cfg(test)]
mod tests;
