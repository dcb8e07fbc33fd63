//! Windows sign-in over HTTP from any machine: NTLM, and Negotiate with Kerberos or NTLM inside. It knows no vendor: it
//! posts a form to an address and brings the answer of whoever was convinced.
//!
//! An account proves itself by its password; for Kerberos alone also by its key, from a keytab, or by the ticket that
//! `kinit` or `k5start` keeps in a credential cache ([`Proof`]). Both are files in MIT's formats, read anew for each
//! sign-in. Caches of the kinds `KCM`, `KEYRING` and `DIR` cannot be read. Keys must be AES with SHA-1 (18 and 17): the
//! library knows neither RC4 nor AES with SHA-2, and has the domain's reply sealed with AES-256 wherever the account has
//! such a key, which must then be in the keytab.
//!
//! NTLM signs in a *connection*, hence each [`SignIn::post_form`] has one of its own ([`connection`]), past any proxy.
//! A 401 in the middle is part of it; a 401 after our last message is a refusal. Passwords, tickets and messages are
//! never logged, and wiped when dropped as far as the library does it too.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use jiff::SignedDuration;
use url::Url;

use crate::base::{Clock, Cookies, Secret, http};

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
pub use connection::Reply as Answer;
pub use credential::{Credential, Proof};
pub use error::{Error, Fault};
use exchange::Exchange;
use kdc::Kdc;
use offer::Scheme;

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

/// Signs an account in, as often as wanted.
#[derive(Debug, Clone)]
pub struct SignIn {
    credential: Credential,
    method: Method,
    kdc: Option<String>,
    clock: Clock,
    cookies: Arc<Cookies>,
}

impl SignIn {
    /// Signs this account in. `kdc` is the host that gives Kerberos tickets, with a port if it is not 88; without it,
    /// the machine's `krb5.conf` is asked, and then the domain's own name.
    #[must_use]
    pub fn new(credential: Credential, method: Method, kdc: Option<String>, clock: Clock) -> Self {
        Self { credential, method, kdc, clock, cookies: Arc::default() }
    }

    /// With another password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.credential.proof = Proof::Password(password);
        self
    }

    /// The password, if that is what proves the account.
    #[cfg(test)]
    pub(crate) fn password(&self) -> Option<&Secret> {
        match &self.credential.proof {
            Proof::Password(password) => Some(password),
            Proof::Keytab(_) | Proof::Cache(_) => None,
        }
    }

    /// With the cookies of its requests.
    #[must_use]
    pub fn with_cookies(self, cookies: Arc<Cookies>) -> Self {
        Self { cookies, ..self }
    }

    /// Posts a form as this account. A server that asks for no Windows sign-in gets the form all the same, and its answer
    /// is returned whatever its status: only a refusal of the account itself is an error. Whether the account was asked to
    /// prove itself is in the answer: whoever lets somebody in by it must look.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn post_form(&self, address: &Url, form: &[(&str, &str)]) -> Result<Answer, Error> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let signing_in = tokio::time::timeout(LIMIT, self.converse(address, form.into()));
        signing_in.await.unwrap_or_else(|_| Err(Error::TooSlow { host: connection::host(address) }))
    }

    async fn converse(&self, address: &Url, form: Bytes) -> Result<Answer, Error> {
        let mut connection = Connection::open(address, &self.cookies).await?;
        let answer = connection.post(None, form.clone()).await?;
        let preferred = if self.method == Method::Negotiate { Scheme::Negotiate } else { Scheme::Ntlm };
        let scheme = offer::scheme(&answer.headers, preferred);
        let Some(scheme) = scheme.filter(|_| answer.status == StatusCode::UNAUTHORIZED) else { return Ok(answer) };

        let is_bound = connection.binding().is_some();
        match self.attempt(&mut connection, address, scheme, &form, is_bound).await {
            // The library writes the flag that goes with a binding in two bytes where MS-KILE has four, which Windows may
            // overlook and MIT's library does not. An unbound ticket is no weaker than what the server asks for, and a
            // ticket refused is no password refused.
            Err(Error::TicketRefused { .. }) if is_bound => {
                self.attempt(&mut connection, address, scheme, &form, false).await
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
    ) -> Result<Answer, Error> {
        let mut kdc = Kdc::default();
        let host = connection::host(address);
        let target = format!("HTTP/{host}");
        let binding = connection.binding().filter(|_| is_bound);
        let is_unbindable = address.scheme() == "https" && connection.binding().is_none();
        let (mut exchange, mut ours, is_ticket) = self.begin(scheme, &target, binding, &host, &mut kdc).await?;
        let refused = |answer: &Answer| self.refused(&host, &target, answer, is_ticket, is_unbindable);
        if !connection.is_open() {
            *connection = Connection::open(address, &self.cookies).await?;
        }
        for _ in 0..MESSAGES {
            let sent = if exchange.sends_form() { form.clone() } else { Bytes::new() };
            let answer = connection.post(Some(header(scheme, &ours, &host)?), sent).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(Answer { is_proved: exchange.sends_form(), ..answer });
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
        Err(Error::Unintelligible { host, kind: "it never ends".to_owned() })
    }

    /// The first message, by the best means there is, and whether it is a ticket.
    async fn begin(
        &self,
        scheme: Scheme,
        target: &str,
        binding: Option<&[u8]>,
        host: &str,
        kdc: &mut Kdc,
    ) -> Result<(Exchange, Vec<u8>, bool), Error> {
        let failed = |error: sspi::Error| unintelligible(host, &error);
        if scheme == Scheme::Negotiate
            && self.method == Method::Negotiate
            && let Some((exchange, ticket)) = self.ticket(target, binding, kdc).await?
        {
            return Ok((exchange, ticket, true));
        }
        let Proof::Password(password) = &self.credential.proof else {
            return Err(Error::NeedsPassword { host: host.to_owned(), what: self.credential.proof.name() });
        };
        let account = self.credential.account(password)?;
        let mut exchange = match scheme {
            Scheme::Ntlm => Exchange::ntlm(account, target, binding),
            Scheme::Negotiate => Exchange::ntlm_negotiated(account, target, binding).map_err(failed)?,
        };
        let first = exchange.next(None, kdc).await.map_err(failed)?;
        Ok((exchange, first, false))
    }

    /// What a 401 means after all has been said.
    fn refused(&self, host: &str, service: &str, answer: &Answer, is_ticket: bool, is_unbindable: bool) -> Error {
        let (host, service) = (host.to_owned(), service.to_owned());
        let hint = if is_unbindable {
            "; if the site demands Extended Protection, its certificate must be signed by way of SHA-2"
        } else {
            ""
        };
        if !is_ticket {
            return Error::Refused { host, hint };
        }
        match http::date(&answer.headers).map(|date| date.duration_since(self.clock.now()).abs()) {
            Some(apart) if apart > SKEW => Error::ClockSkew { who: host },
            _ => Error::TicketRefused { host, service, hint },
        }
    }
}

fn header(scheme: Scheme, message: &[u8], host: &str) -> Result<HeaderValue, Error> {
    let value = HeaderValue::try_from(format!("{} {}", scheme.name(), STANDARD.encode(message)));
    value.map_err(|_| Error::Unintelligible { host: host.to_owned(), kind: "no header".to_owned() })
}

fn unintelligible(host: &str, error: &sspi::Error) -> Error {
    Error::Unintelligible { host: host.to_owned(), kind: format!("{:?}", error.error_type) }
}

#[cfg(test)]
mod tests;
