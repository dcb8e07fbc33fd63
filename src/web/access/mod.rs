//! Who is let in, and as what.
//!
//! - [`viewer`]: whoever asks, as handlers receive them: [`Viewer`], and those who must be something to the house.
//! - [`cookie`]: how browsers carry their key.
//! - [`displays`]: screens on the wall, and [`pairing`], how they come in; [`codes`]: those that wait.
//! - [`door`]: signing in and out; [`sign_ins`]: the list of sign-ins.
//! - [`ticket`]: how a program opens a socket without a cookie.

pub mod codes;
pub mod cookie;
pub mod displays;
pub mod door;
pub mod pairing;
pub mod sign_ins;
pub mod ticket;
pub mod viewer;

use std::sync::Arc;

pub use cookie::Cookies;
pub use displays::Displays;
pub use ticket::Tickets;
pub use viewer::{Administrator, Supervisor, TeamLead, Viewer, Who};

use axum::http::HeaderMap;

use crate::actions::sign_in::EndReason;
use crate::actions::{SignIn, SignIns};
use crate::domain::{Actor, Role};
use crate::store::Store;
use crate::web::limits::SignInLimit;
use crate::web::refusals::{RefusalAudit, Refused};
use base::Secret;

/// How this house is entered. Cheap to clone.
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

/// The ways in.
pub enum AuthMode {
    /// Whoever reaches the server may see and do everything.
    Disabled,
    /// With what Clarity knows people by.
    Clarity(SignIns),
    /// The same, and in a demo as whoever one likes.
    Demo(SignIns, DemoTokens),
    /// There is a door and nobody who could open it.
    Unavailable,
}

/// Clarity tokens of people who are invented, by what they are to the house.
pub type DemoTokens = Arc<dyn Fn(Role) -> Option<Secret> + Send + Sync>;

impl Access {
    /// A house with this auth_mode, whose browsers carry keys in these cookies, and whose audit is in this store.
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

    /// The ways in.
    #[must_use]
    pub fn auth_mode(&self) -> &AuthMode {
        &self.0.auth_mode
    }

    /// Where people are let in. `None`: nobody is, or everybody.
    #[must_use]
    pub fn sign_ins(&self) -> Option<&SignIns> {
        match self.auth_mode() {
            AuthMode::Clarity(sign_ins) | AuthMode::Demo(sign_ins, _) => Some(sign_ins),
            AuthMode::Disabled | AuthMode::Unavailable => None,
        }
    }

    /// Whose cookie a browser sends, if they are in.
    #[must_use]
    pub async fn signed_in(&self, headers: &HeaderMap) -> Option<SignIn> {
        let key = self.cookies().read(headers, self.cookies().person())?;
        self.sign_ins()?.of_key(&key).await
    }

    /// Ends the sign-in whose cookie a browser sends, for good, if there is one.
    pub(super) async fn sign_out(&self, headers: &HeaderMap) -> Option<SignIn> {
        let sign_in = self.signed_in(headers).await?;
        self.sign_ins()?.end_for_good(&sign_in, EndReason::SignedOut).await;
        Some(sign_in)
    }

    /// How browsers carry their key.
    #[must_use]
    pub fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// How often somebody may try to come in.
    #[must_use]
    pub(super) fn limit(&self) -> &SignInLimit {
        &self.0.limit
    }

    /// Where the audit is.
    #[must_use]
    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The screens on the wall.
    #[must_use]
    pub fn displays(&self) -> &Displays {
        &self.0.displays
    }

    /// Writes to the audit what somebody did here. Whoever signs in must not be kept out by a full disk, so what cannot be
    /// written there goes to the log.
    pub(super) async fn write(&self, actor: &Actor, what: &'static str, entity: &str, after: serde_json::Value) {
        tracing::info!(who = %actor, address = actor.address.map(tracing::field::display), what, entity, "access");
        if let Err(error) = self.0.store.audit().record(actor, what, entity, after).await {
            tracing::error!(error = %error, who = %actor, what, entity, "this could not be written to the audit");
        }
    }

    /// Has the audit told what was refused. It takes no time, whatever comes of it.
    pub(super) fn refuse(&self, refused: Refused) {
        self.0.refusals.tell(refused);
    }

    /// How programs open a socket.
    #[must_use]
    pub fn tickets(&self) -> &Tickets {
        &self.0.tickets
    }
}

impl std::fmt::Debug for AuthMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Disabled => "Disabled",
            Self::Clarity(_) => "Clarity",
            Self::Demo(..) => "Demo",
            Self::Unavailable => "Unavailable",
        })
    }
}
