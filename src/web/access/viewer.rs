//! The sender of a request, as extractors. A handler that extracts none of these shows nothing of the floor.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use base::Secret;
use tokio::sync::watch;

use super::{Access, AuthMode, client_info};
use crate::actions::SignIn;
use crate::actions::displays::ConnectedDisplay;
use crate::actions::sign_in::{SessionState, SignInError};
use crate::domain::{Actor, AgentId, Permission, Role};
use crate::live::{Scope, ViewKey, ViewOwner};
use crate::web::api_error::ApiError;
use crate::web::client_ip::address_of;
use crate::web::error_pages::wants_html;

/// The sender of a request and their permission.
#[derive(Debug, Clone)]
pub struct Viewer {
    identity: Identity,
    permission: Permission,
    address: Option<IpAddr>,
}

/// Who a viewer is.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Anyone: sign-in is disabled.
    Anonymous,
    /// A user who is signed in.
    User(SignIn),
    /// A display.
    Display(ConnectedDisplay),
}

impl Viewer {
    /// A client where sign-in is disabled.
    #[must_use]
    pub fn anonymous(permission: Permission) -> Self {
        Self { identity: Identity::Anonymous, permission, address: None }
    }

    /// A user. `None` if the sign-in has ended.
    #[must_use]
    pub fn user(sign_in: SignIn) -> Option<Self> {
        let permission = sign_in.permission()?;
        Some(Self { identity: Identity::User(sign_in), permission, address: None })
    }

    /// A display, which sees everything on its wallboard and nothing else.
    #[must_use]
    pub fn display(display: ConnectedDisplay) -> Self {
        let permission = Permission::everything(Role::Display);
        Self { identity: Identity::Display(display), permission, address: None }
    }

    /// Follows the state of the user's sign-in, without a gap from now to the first change.
    #[must_use]
    pub fn follow(&self) -> Option<watch::Receiver<SessionState>> {
        self.sign_in().map(SignIn::follow)
    }

    /// The same viewer with the current permission. `None` if the sign-in has ended.
    #[must_use]
    pub fn now(self) -> Option<Self> {
        match self.identity {
            Identity::User(sign_in) => Some(Self { address: self.address, ..Self::user(sign_in)? }),
            Identity::Anonymous | Identity::Display(_) => Some(self),
        }
    }

    /// The viewer, if they may change something: Clarity must have confirmed them when it was last asked.
    ///
    /// # Errors
    /// 503 while Clarity does not answer, or has just refused them.
    pub fn acting(self) -> Result<Self, ApiError> {
        match self.sign_in() {
            Some(sign_in) if !sign_in.may_act() => Err(ApiError::unconfirmed()),
            _ => Ok(self),
        }
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The user's sign-in.
    #[must_use]
    pub fn sign_in(&self) -> Option<&SignIn> {
        match &self.identity {
            Identity::User(sign_in) => Some(sign_in),
            Identity::Anonymous | Identity::Display(_) => None,
        }
    }

    /// The user's agent.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        self.sign_in().map(SignIn::agent)
    }

    /// What they may see.
    #[must_use]
    pub fn permission(&self) -> &Permission {
        &self.permission
    }

    /// Their role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.permission.role()
    }

    /// Who is charged for open scopes: a user in all of their sign-ins, or a display. `None` where sign-in is
    /// disabled and clients cannot be told apart.
    #[must_use]
    pub fn view_owner(&self) -> Option<ViewOwner> {
        match &self.identity {
            Identity::User(sign_in) => Some(ViewOwner::new(&format!("agent {}", sign_in.agent()))),
            Identity::Display(display) => Some(ViewOwner::new(&format!("display {}", display.id))),
            Identity::Anonymous => None,
        }
    }

    /// A scope with their permission.
    ///
    /// # Errors
    /// 404 for a display and any scope but its own wallboard.
    pub fn view_key(&self, scope: Scope) -> Result<ViewKey, ApiError> {
        match &self.identity {
            Identity::Display(display) if scope.wallboard_name() != Some(&display.wallboard) => {
                Err(ApiError::not_found())
            }
            _ => Ok(ViewKey::new(scope, self.permission.clone())),
        }
    }

    /// The actor of an action, for the audit.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.identity {
            Identity::User(sign_in) => sign_in.actor(self.address),
            Identity::Display(display) => Actor::display(&display.id).at(self.address),
            Identity::Anonymous => Actor::unknown(self.address),
        }
    }

    /// The address that the request came from.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The viewer, if they have at least this role.
    ///
    /// # Errors
    /// 403.
    pub fn at_least(self, role: Role) -> Result<Self, ApiError> {
        if self.role() >= role { Ok(self) } else { Err(ApiError::forbidden()) }
    }
}

/// The actor of a request, as an extension that the extractor of [`Viewer`] fills in for the middleware that audits
/// refusals.
#[derive(Debug, Clone, Default)]
pub struct RequestActor(Arc<OnceLock<Actor>>);

impl RequestActor {
    fn set(&self, actor: Actor) {
        // A handler may extract its viewer twice, which yields the same.
        let _ = self.0.set(actor);
    }

    /// The actor, if the request was authenticated.
    #[must_use]
    pub fn get(&self) -> Option<Actor> {
        self.0.get().cloned()
    }
}

/// Marks the redirect of a browser to the sign-in page: a refusal, although its status is 303.
#[derive(Debug, Clone, Copy)]
pub struct RedirectedToLogin;

/// Why an extractor refuses a request.
#[derive(Debug)]
pub enum AuthError {
    /// A browser without a sign-in loads a page: it is redirected to this path.
    Login(String),
    /// Any other request.
    Api(Box<ApiError>),
}

impl From<ApiError> for AuthError {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Login(_) => Self::unauthorized(),
            AuthError::Api(error) => *error,
        }
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        match self {
            Self::Login(path) => {
                let mut response = Redirect::to(&path).into_response();
                response.extensions_mut().insert(RedirectedToLogin);
                response
            }
            Self::Api(error) => error.into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer
where
    Access: FromRef<S>,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let access = Access::from_ref(state);
        match authenticate(&access, parts).await? {
            Some(viewer) => {
                let viewer = Self { address: address_of(&parts.extensions), ..viewer };
                if let Some(actor) = parts.extensions.get::<RequestActor>() {
                    actor.set(viewer.actor());
                }
                Ok(viewer)
            }
            None if parts.method == Method::GET && wants_html(&parts.headers) => {
                // A display cannot type a password.
                if parts.uri.path().starts_with("/wallboard/") {
                    return Err(AuthError::Login("/display".to_owned()));
                }
                let then = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("then", then).finish();
                Err(AuthError::Login(if then == "/" { "/login".to_owned() } else { format!("/login?{query}") }))
            }
            None => Err(ApiError::unauthorized().into()),
        }
    }
}

async fn authenticate(access: &Access, parts: &Parts) -> Result<Option<Viewer>, ApiError> {
    let headers = &parts.headers;
    if matches!(access.auth_mode(), AuthMode::Disabled) {
        return Ok(Some(Viewer::anonymous(Permission::everything(Role::Administrator))));
    }
    // A token is sent on purpose and a cookie with every request: the token wins.
    if let (Some(token), Some(sign_ins)) = (bearer(headers), access.sign_ins()) {
        let client = client_info(address_of(&parts.extensions), headers);
        let may_ask = access.token_attempt(client.address);
        return match sign_ins.for_bearer_token(&token, client.clone(), may_ask).await {
            Ok(sign_in) => {
                if sign_in.is_first_use() {
                    access.audit_sign_in(&sign_in, &client, "bearer").await;
                }
                Ok(Viewer::user(sign_in))
            }
            Err(error) => {
                access.audit_refused_sign_in(&client, "bearer", &error);
                if matches!(error, SignInError::Refused) { Ok(None) } else { Err(ApiError::from(&error)) }
            }
        };
    }
    let user = access.signed_in(headers).await.and_then(Viewer::user);
    if user.is_some() {
        return Ok(user);
    }
    let cookies = access.cookies();
    let Some(key) = cookies.read(headers, cookies.display()) else { return Ok(None) };
    match access.displays().by_key(&key).await {
        Ok(display) => Ok(display.map(Viewer::display)),
        Err(error) => {
            tracing::error!(error = %error, "displays could not be read");
            Err(ApiError::busy())
        }
    }
}

/// The bearer token of a request.
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
            type Rejection = AuthError;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
                let viewer = Viewer::from_request_parts(parts, state).await?.at_least(Role::$name)?;
                Ok(Self(if parts.method.is_safe() { viewer } else { viewer.acting()? }))
            }
        }
    )+};
}

at_least! {
    /// A user of any role, but no display.
    Agent,
    /// A viewer with at least the role of a team lead.
    TeamLead,
    /// A viewer with at least the role of a supervisor.
    Supervisor,
    /// A viewer with the role of an administrator.
    Administrator,
}
