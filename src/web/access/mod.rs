//! Authentication: who sends a request, and what they may see and do.
//!
//! - [`viewer`]: the extractors [`Viewer`], [`TeamLead`], [`Supervisor`] and [`Administrator`].
//! - [`cookie`]: the browsers' cookies.
//! - [`ticket`]: one-time tickets for sockets.

pub mod cookie;
pub mod ticket;
pub mod viewer;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

pub use cookie::Cookies;
pub use ticket::Tickets;
pub use viewer::{Administrator, Identity, Supervisor, TeamLead, Viewer};

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use base::{RateLimit, Secret};
use serde_json::json;

use super::api_error::ApiError;
use super::client_ip::ClientIp;
use super::limits::SignInLimit;
use crate::actions::sign_in::{ClientInfo, EndReason, SignInError};
use crate::actions::{Displays, SignIn, SignIns};
use crate::domain::{Actor, Role};
use crate::store::{RefusalAudit, RefusedRequest, Store};

/// The reason of a sign-in that was refused because of a rate limit, in the log.
pub(super) const TOO_MANY_ATTEMPTS: &str = "too-many-attempts";

/// How many characters of `User-Agent` are kept.
const MAX_BROWSER_CHARS: usize = 200;

/// Authentication of requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    auth_mode: AuthMode,
    cookies: Cookies,
    tickets: Tickets,
    limit: SignInLimit,
    displays: Displays,
    store: Store,
    refusals: RefusalAudit,
}

/// How users sign in (`access.sign_in`).
pub enum AuthMode {
    /// They do not: every client is an administrator.
    Disabled,
    /// With their Clarity password or token.
    Clarity(SignIns),
    /// The same, and in the demo as an invented user of any role.
    Demo(SignIns, DemoTokens),
    /// They must, and cannot: Clarity is not configured.
    Unavailable,
}

/// Clarity tokens of the demo's invented users, by role.
pub type DemoTokens = Arc<dyn Fn(Role) -> Option<Secret> + Send + Sync>;

impl Access {
    /// Authentication in this mode.
    #[must_use]
    pub fn new(
        auth_mode: AuthMode,
        cookies: Cookies,
        displays: Displays,
        store: Store,
        refusals: RefusalAudit,
    ) -> Self {
        Self(Arc::new(Inner {
            auth_mode,
            cookies,
            tickets: Tickets::default(),
            limit: SignInLimit::default(),
            displays,
            store,
            refusals,
        }))
    }

    /// How users sign in.
    #[must_use]
    pub fn auth_mode(&self) -> &AuthMode {
        &self.0.auth_mode
    }

    /// The users' sign-ins. `None`: users do not or cannot sign in.
    #[must_use]
    pub fn sign_ins(&self) -> Option<&SignIns> {
        match self.auth_mode() {
            AuthMode::Clarity(sign_ins) | AuthMode::Demo(sign_ins, _) => Some(sign_ins),
            AuthMode::Disabled | AuthMode::Unavailable => None,
        }
    }

    /// The sign-in of a browser's cookie, if it is active.
    #[must_use]
    pub async fn signed_in(&self, headers: &HeaderMap) -> Option<SignIn> {
        let key = self.cookies().read(headers, self.cookies().person())?;
        self.sign_ins()?.of_key(&key).await
    }

    /// Ends the sign-in of a browser's cookie, if there is one.
    pub(super) async fn sign_out(&self, headers: &HeaderMap) -> Option<SignIn> {
        let sign_in = self.signed_in(headers).await?;
        self.sign_ins()?.end_for_good(&sign_in, EndReason::SignedOut).await;
        Some(sign_in)
    }

    /// The cookies.
    #[must_use]
    pub fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// The limits of sign-in attempts.
    #[must_use]
    pub(super) fn limit(&self) -> &SignInLimit {
        &self.0.limit
    }

    /// The store, for the audit.
    #[must_use]
    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The displays.
    #[must_use]
    pub fn displays(&self) -> &Displays {
        &self.0.displays
    }

    /// The tickets for sockets.
    #[must_use]
    pub fn tickets(&self) -> &Tickets {
        &self.0.tickets
    }

    /// Writes an action to the audit. A full disk must not keep users from signing in: an entry that cannot be written
    /// goes to the log.
    pub(super) async fn audit(&self, actor: &Actor, action: &'static str, target: &str, after: serde_json::Value) {
        tracing::info!(who = %actor, address = actor.address.map(tracing::field::display), action, target, "access");
        if let Err(error) = self.0.store.audit().record(actor, action, target, after).await {
            tracing::error!(error = %error, who = %actor, action, target, "audit entry could not be written");
        }
    }

    /// Queues a refused request for the audit, without waiting.
    pub(super) fn record_refused(&self, refused: RefusedRequest) {
        self.0.refusals.record(refused);
    }

    /// Audits a sign-in. `by`: `password`, `token`, `bearer` or `demo`.
    pub(super) async fn audit_sign_in(&self, sign_in: &SignIn, client: &ClientInfo, by: &str) {
        let after = json!({"by": by, "browser": client.browser});
        self.audit(&sign_in.actor(client.address), "sign-in", &sign_in.entity(), after).await;
    }

    /// Logs and audits a refused sign-in, without the name: users type their password there at times.
    pub(super) fn audit_refused_sign_in(&self, client: &ClientInfo, by: &'static str, error: &SignInError) {
        log_refused_sign_in(client.address, by, error.class());
        if matches!(error, SignInError::Refused) {
            let reason = "Clarity does not take these credentials.".to_owned();
            let (actor, after) = (Actor::unknown(client.address), json!({ "by": by }));
            let target = "sign-in".to_owned();
            self.record_refused(RefusedRequest { actor, action: "sign-in.refused", target, after, reason });
        }
    }

    /// Counts a request to Clarity about an unknown token, when it is called. What it returns takes the count back
    /// where Clarity accepts the token.
    pub(super) fn token_attempt(
        &self,
        address: Option<IpAddr>,
    ) -> impl FnOnce() -> Result<Box<dyn FnOnce() + Send>, Duration> + Send + '_ {
        move || {
            let attempt = self.limit().check_token(client_ip(address))?;
            Ok(Box::new(move || attempt.forgive()))
        }
    }
}

/// The address that limits count. Without an accept loop, as in tests of a bare router, it is loopback.
pub(super) fn client_ip(address: Option<IpAddr>) -> ClientIp {
    ClientIp(address.unwrap_or(Ipv4Addr::LOCALHOST.into()))
}

/// The address and browser of a client, as a sign-in keeps them.
pub(super) fn client_info(address: Option<IpAddr>, headers: &HeaderMap) -> ClientInfo {
    let browser = headers.get(USER_AGENT).and_then(|name| name.to_str().ok());
    ClientInfo { address, browser: browser.map(|name| name.chars().take(MAX_BROWSER_CHARS).collect()) }
}

/// Logs a refused sign-in with a reason from our own list, never with the credentials.
pub(super) fn log_refused_sign_in(address: Option<IpAddr>, by: &'static str, reason: &'static str) {
    static LINES: RateLimit = RateLimit::new(60, Duration::from_secs(1));
    if let Some(left_out) = LINES.take() {
        let address = address.map(tracing::field::display);
        tracing::info!(by, reason, address, left_out, "sign-in refused");
    }
}

impl From<&SignInError> for ApiError {
    fn from(error: &SignInError) -> Self {
        let detail = error.to_string();
        match error {
            SignInError::Refused => Self::unauthorized().detail(detail),
            SignInError::Unreachable | SignInError::Full => Self::busy().detail(detail),
            SignInError::TooMany(wait) => Self::too_many_requests(wait.as_secs() + 1).detail(detail),
            SignInError::Misconfigured(_) => Self::conflict(detail),
        }
    }
}

impl fmt::Debug for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "Disabled",
            Self::Clarity(_) => "Clarity",
            Self::Demo(..) => "Demo",
            Self::Unavailable => "Unavailable",
        })
    }
}
