//! Whoever asks, as handlers receive them. A handler that names none of these types shows nothing of the floor.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::sync::watch;

use super::displays::{Displays, Screen};
use super::{Access, AuthMode, door};
use crate::actions::SignIn;
use crate::actions::sign_in::{SessionState, SignInError};
use crate::domain::{Actor, AgentId, Permission, Role};
use crate::live::{Scope, ViewKey, ViewOwner};
use crate::web::client_ip::{ClientIp, address_of};
use crate::web::present::wants_html;
use crate::web::problem::Problem;
use crate::web::refusals::Caller;
use crate::web::state::AppState;
use base::Secret;

/// How long to wait when the store is busy, in seconds.
const COME_BACK: u64 = 5;

/// Whoever asks, and what they may see.
#[derive(Debug, Clone)]
pub struct Viewer {
    who: Who,
    permission: Permission,
    address: Option<IpAddr>,
}

/// Who somebody is.
#[derive(Debug, Clone)]
pub enum Who {
    /// Nobody asked: whoever reaches this house is let in.
    Anybody,
    /// Somebody who is signed in.
    Person(SignIn),
    /// A screen on the wall.
    Display(Screen),
}

impl Viewer {
    /// Whoever reaches a house without a door.
    #[must_use]
    pub fn anybody(permission: Permission) -> Self {
        Self { who: Who::Anybody, permission, address: None }
    }

    /// Somebody who is signed in. `None`: they are out by now.
    #[must_use]
    pub fn person(sign_in: SignIn) -> Option<Self> {
        let permission = sign_in.permission()?;
        Some(Self { who: Who::Person(sign_in), permission, address: None })
    }

    /// How they stand from now on: nothing is missed between this and the first change.
    #[must_use]
    pub fn follow(&self) -> Option<watch::Receiver<SessionState>> {
        self.sign_in().map(SignIn::follow)
    }

    /// The same viewer with what they may see now. `None`: they are out by now.
    #[must_use]
    pub fn now(self) -> Option<Self> {
        match self.who {
            Who::Person(sign_in) => Some(Self { address: self.address, ..Self::person(sign_in)? }),
            Who::Anybody | Who::Display(_) => Some(self),
        }
    }

    /// Somebody who changes something: Clarity must have said who they are when it was last asked.
    ///
    /// # Errors
    /// 503 while it does not answer, or has just refused them.
    pub fn acting(self) -> Result<Self, Problem> {
        match self.sign_in() {
            Some(sign_in) if !sign_in.may_act() => Err(Problem::unconfirmed()),
            _ => Ok(self),
        }
    }

    /// A screen on the wall: everything that its wallboard shows, and nothing else.
    #[must_use]
    pub fn display(screen: Screen) -> Self {
        Self { who: Who::Display(screen), permission: Permission::everything(Role::Display), address: None }
    }

    /// Who it is.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Their sign-in, if they needed one.
    #[must_use]
    pub fn sign_in(&self) -> Option<&SignIn> {
        match &self.who {
            Who::Person(sign_in) => Some(sign_in),
            Who::Anybody | Who::Display(_) => None,
        }
    }

    /// Which agent they are, if that is known.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        self.sign_in().map(SignIn::agent)
    }

    /// Whom and what they may see.
    #[must_use]
    pub fn permission(&self) -> &Permission {
        &self.permission
    }

    /// What they are to the house.
    #[must_use]
    pub fn role(&self) -> Role {
        self.permission.role()
    }

    /// Who they are, as far as their scopes are counted: a person with all of their sign-ins is one. Where nobody signs in
    /// nobody can be told apart.
    #[must_use]
    pub fn view_owner(&self) -> Option<ViewOwner> {
        match &self.who {
            Who::Person(sign_in) => Some(ViewOwner::new(&format!("agent {}", sign_in.agent()))),
            Who::Display(screen) => Some(ViewOwner::new(&format!("display {}", screen.id))),
            Who::Anybody => None,
        }
    }

    /// A scope, as far as they may see it.
    ///
    /// # Errors
    /// 404 for a display that looks at anything but its own wallboard.
    pub fn view_key(&self, scope: Scope) -> Result<ViewKey, Problem> {
        match &self.who {
            Who::Display(screen) if scope.wallboard_name() != Some(&screen.board) => Err(Problem::not_found()),
            _ => Ok(ViewKey::new(scope, self.permission.clone())),
        }
    }

    /// Who acts, for the audit.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::Person(sign_in) => sign_in.actor(self.address),
            Who::Display(screen) => Actor::display(&screen.id).at(self.address),
            Who::Anybody => Actor::unknown(self.address),
        }
    }

    /// The address that they ask from, if it is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// # Errors
    /// 403 for whoever is less.
    pub fn at_least(self, role: Role) -> Result<Self, Problem> {
        if self.role() >= role { Ok(self) } else { Err(Problem::not_allowed()) }
    }
}

/// Marks the answer to a browser that must sign in first: a refusal, although its status says otherwise.
#[derive(Debug, Clone, Copy)]
pub struct SentToSignIn;

/// Nobody, or not enough.
#[derive(Debug)]
pub enum Refusal {
    /// A person in front of a browser, who is shown the way.
    SignIn(String),
    /// Everybody else.
    Problem(Box<Problem>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Box<Problem>> for Refusal {
    fn from(problem: Box<Problem>) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(to) => {
                let mut response = Redirect::to(&to).into_response();
                response.extensions_mut().insert(SentToSignIn);
                response
            }
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer
where
    Access: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let access = Access::from_ref(state);
        match known(&access, parts).await? {
            Some(viewer) => {
                let viewer = Self { address: address_of(&parts.extensions), ..viewer };
                if let Some(caller) = parts.extensions.get::<Caller>() {
                    caller.is(viewer.actor());
                }
                Ok(viewer)
            }
            None if parts.method == Method::GET && wants_html(&parts.headers) => {
                // Nobody types a password into a screen on the wall.
                if parts.uri.path().starts_with("/wallboard/") {
                    return Err(Refusal::SignIn("/display".to_owned()));
                }
                let then = parts.uri.path_and_query().map_or("/", |asked| asked.as_str());
                let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("then", then).finish();
                Err(Refusal::SignIn(if then == "/" { "/login".to_owned() } else { format!("/login?{query}") }))
            }
            None => Err(Problem::sign_in_needed().into()),
        }
    }
}

/// Whoever sends this request.
async fn known(access: &Access, parts: &Parts) -> Result<Option<Viewer>, Refusal> {
    let headers = &parts.headers;
    if matches!(access.auth_mode(), AuthMode::Disabled) {
        return Ok(Some(Viewer::anybody(Permission::everything(Role::Administrator))));
    }
    // A token that was sent on purpose counts before a cookie that is sent always.
    if let (Some(token), Some(sign_ins)) = (bearer(headers), access.sign_ins()) {
        let from = door::origin(address_of(&parts.extensions), headers);
        let peer = ClientIp(from.address.unwrap_or(Ipv4Addr::LOCALHOST.into()));
        let may_ask = || access.limit().check_token(peer).map(|counted| || counted.forgive());
        return match sign_ins.for_bearer_token(&token, from.clone(), may_ask).await {
            Ok(sign_in) => {
                if sign_in.is_first_use() {
                    access.admitted(&sign_in, &from, "bearer").await;
                }
                Ok(Viewer::person(sign_in))
            }
            Err(error) => {
                access.refused(&from, "bearer", &error);
                if matches!(error, SignInError::Refused) { Ok(None) } else { Err(door::problem(&error).into()) }
            }
        };
    }
    let cookies = access.cookies();
    let person = access.signed_in(headers).await.and_then(Viewer::person);
    if person.is_some() {
        return Ok(person);
    }
    let Some(key) = cookies.read(headers, cookies.display()) else { return Ok(None) };
    match access.displays().of_key(&key).await {
        Ok(screen) => Ok(screen.map(Viewer::display)),
        Err(error) => {
            tracing::error!(error = %error, "the displays cannot be read");
            Err(Problem::not_now(COME_BACK).into())
        }
    }
}

/// The token that a request carries in its header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then(|| Secret::from(token.to_owned()))
}

macro_rules! at_least {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Viewer);

        impl<S: Send + Sync> FromRequestParts<S> for $name
        where
            Access: FromRef<S>,
        {
            type Rejection = Refusal;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
                let viewer = Viewer::from_request_parts(parts, state).await?.at_least(Role::$name)?;
                Ok(Self(if parts.method.is_safe() { viewer } else { viewer.acting()? }))
            }
        }
    )+};
}

at_least! {
    /// A person, and no display.
    Agent,
    /// Somebody who leads agents, or is more.
    TeamLead,
    /// Somebody who keeps the floor, or is more.
    Supervisor,
    /// Somebody who keeps the house.
    Administrator,
}

impl FromRef<AppState> for Displays {
    fn from_ref(state: &AppState) -> Self {
        state.access.displays().clone()
    }
}

/// What every handler of the floor's may ask the state for.
impl FromRef<AppState> for Access {
    fn from_ref(state: &AppState) -> Self {
        state.access.clone()
    }
}
