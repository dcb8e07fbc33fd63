//! Windows sign-in over HTTP from any machine: NTLM, and Negotiate with Kerberos or NTLM inside. It knows no vendor: it
//! posts a form to an address and brings the answer of whoever was convinced.
//!
//! NTLM signs in a *connection*, hence each [`SignIn::post_form`] has one of its own ([`connection`]), past any proxy.
//! A 401 in the middle is part of it; a 401 after our last message is a refusal. Passwords, tickets and messages are
//! never logged, and wiped when dropped as far as the library does it too.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{DATE, HeaderValue};
use jiff::SignedDuration;
use sspi::{AuthIdentity, Username, UsernameParts};
use url::Url;

use crate::base::secret::ExposeSecret;
use crate::base::{Clock, Secret};

mod binding;
mod connection;
mod der;
mod error;
mod exchange;
mod kdc;
mod offer;

use connection::Connection;
pub use connection::Reply as Answer;
pub use error::Error;
use exchange::Exchange;
use kdc::Kdc;
use offer::Scheme;

/// How long a sign-in may take, all its messages and the domain included.
const LIMIT: Duration = Duration::from_secs(20);

/// No sign-in has more messages of ours.
const MESSAGES: usize = 5;

/// Kerberos tolerates so much difference between clocks.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A Windows account.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its name: plain, `DOMAIN\user` or `user@domain`.
    pub username: String,
    /// Its domain, if the name is plain.
    pub domain: String,
    /// Its password.
    pub password: Secret,
}

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
}

impl SignIn {
    /// Signs this account in. `kdc` is the host that gives Kerberos tickets, with a port if it is not 88; without it,
    /// the machine's `krb5.conf` is asked, and then the domain's own name.
    #[must_use]
    pub fn new(credential: Credential, method: Method, kdc: Option<String>, clock: Clock) -> Self {
        Self { credential, method, kdc, clock }
    }

    /// Posts a form as this account. A server that asks for no Windows sign-in gets the form all the same, and its answer
    /// is returned whatever its status: only a refusal of the account itself is an error.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn post_form(&self, address: &Url, form: &[(&str, &str)]) -> Result<Answer, Error> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let signing_in = tokio::time::timeout(LIMIT, self.converse(address, form.into()));
        signing_in.await.unwrap_or_else(|_| Err(Error::TooSlow { host: connection::host(address) }))
    }

    async fn converse(&self, address: &Url, form: Bytes) -> Result<Answer, Error> {
        let mut connection = Connection::open(address).await?;
        let mut answer = connection.post(None, form.clone()).await?;
        let preferred = if self.method == Method::Negotiate { Scheme::Negotiate } else { Scheme::Ntlm };
        let scheme = offer::scheme(&answer.headers, preferred);
        let Some(scheme) = scheme.filter(|_| answer.status == StatusCode::UNAUTHORIZED) else { return Ok(answer) };

        let mut kdc = Kdc::default();
        let host = connection::host(address);
        let target = format!("HTTP/{host}");
        let (mut exchange, mut ours, is_kerberos) =
            self.begin(scheme, &target, connection.binding(), &host, &mut kdc).await?;
        if !connection.is_open() {
            connection = Connection::open(address).await?;
        }
        for _ in 0..MESSAGES {
            let sent = if exchange.sends_form() { form.clone() } else { Bytes::new() };
            answer = connection.post(Some(header(scheme, &ours, &host)?), sent).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let theirs = offer::message(&answer.headers, scheme).filter(|_| !exchange.is_over());
            let Some(theirs) = theirs else { break };
            let proved = exchange.sends_form();
            ours = match exchange.next(Some(theirs), &mut kdc).await {
                Ok(ours) => ours,
                // What comes with a 401 after the proof is a refusal in SPNEGO's words.
                Err(_) if proved => break,
                Err(error) => return Err(unintelligible(&host, &error)),
            };
        }
        Err(self.refused(host, target, &answer, is_kerberos, connection.binding().is_some() || !is_tls(address)))
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
        if scheme == Scheme::Negotiate && self.method == Method::Negotiate {
            if let Some((exchange, ticket)) = self.kerberos(target, binding, kdc).await? {
                return Ok((exchange, ticket, true));
            }
        }
        let mut exchange = match scheme {
            Scheme::Ntlm => Exchange::ntlm(self.account()?, target, binding),
            Scheme::Negotiate => Exchange::ntlm_negotiated(self.account()?, target, binding).map_err(failed)?,
        };
        let first = exchange.next(None, kdc).await.map_err(failed)?;
        Ok((exchange, first, false))
    }

    /// A ticket for the target. `None` if the domain gives none for a reason that is not the account's: then NTLM is
    /// worth a try. If it is the account's, a second try would count as a second wrong password.
    async fn kerberos(
        &self,
        target: &str,
        binding: Option<&[u8]>,
        kdc: &mut Kdc,
    ) -> Result<Option<(Exchange, Vec<u8>)>, Error> {
        let account = self.account()?;
        let realm = match account.username.parts() {
            UsernameParts::UserPrincipalName(parts) => parts.suffix(),
            UsernameParts::DownLevelLogonName(parts) => parts.netbios_domain().unwrap_or_default(),
        };
        let is_address = target
            .rsplit('/')
            .next()
            .is_some_and(|host| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok());
        let Some(address) = kdc::address(realm, self.kdc.as_deref()).filter(|_| !realm.is_empty() && !is_address)
        else {
            return Ok(None);
        };
        let realm = realm.to_owned();
        let attempt = match Exchange::kerberos(account, target, binding, address) {
            Ok(mut exchange) => exchange.next(None, kdc).await.map(|ticket| (exchange, ticket)),
            Err(error) => Err(error),
        };
        let error = match attempt {
            Ok(begun) => return Ok(Some(begun)),
            Err(error) => error,
        };
        // The codes of RFC 4120, 7.5.9.
        match kdc.refusal() {
            Some(24) => Err(Error::Refused { host: format!("the domain {realm}"), hint: "" }),
            Some(18) => Err(Error::AccountBarred { why: "it is locked, disabled or expired" }),
            Some(23) => Err(Error::AccountBarred { why: "its password has expired" }),
            Some(37) => Err(Error::ClockSkew { who: format!("the domain {realm}") }),
            code => {
                tracing::info!(%realm, code, kind = ?error.error_type, "no Kerberos ticket; NTLM is used");
                Ok(None)
            }
        }
    }

    fn account(&self) -> Result<AuthIdentity, Error> {
        let Credential { username, domain, password } = &self.credential;
        let is_plain = !username.contains(['\\', '@']) && !domain.is_empty();
        let username =
            if is_plain { Username::new_down_level_logon_name(username, domain) } else { Username::parse(username) };
        let username = username.map_err(|_| Error::UnusableName)?;
        if username.account_name().is_empty() {
            return Err(Error::UnusableName);
        }
        Ok(AuthIdentity { username, password: password.expose_secret().to_owned().into() })
    }

    fn refused(&self, host: String, service: String, answer: &Answer, is_kerberos: bool, is_bound: bool) -> Error {
        let hint = if is_bound {
            ""
        } else {
            "; if the site demands Extended Protection, its certificate must be signed with SHA-2"
        };
        if !is_kerberos {
            return Error::Refused { host, hint };
        }
        let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        match date.map(|date| date.timestamp().duration_since(self.clock.now()).abs()) {
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

fn is_tls(address: &Url) -> bool {
    address.scheme() == "https"
}
