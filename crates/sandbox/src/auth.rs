//! Tokens: the 401 challenge, the token endpoint, and the check of each request (apis.md C1 to C6).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{EncodingKey, Header};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::simulation::Simulation;
use base::secret::ExposeSecret;
use base::{Clock, Secret};

/// The only grant type.
const GRANT: &str = "urn:connect.auth:windows";

/// The agent whose token a request without credentials gets.
pub const SERVICE_ACCOUNT: i64 = 1;

/// The caller of a request, by agent id.
#[derive(Debug, Clone, Copy)]
pub struct Caller(pub i64);

/// Issues and checks tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    clock: Clock,
    simulation: Simulation,
    token_url: String,
    client_id: String,
    key: Secret,
    lifetime: Duration,
    issued: Mutex<HashMap<String, (i64, i64)>>,
    issued_count: AtomicU64,
    hidden: Mutex<BTreeSet<i64>>,
    visibility: Mutex<HashMap<i64, Visibility>>,
}

/// How much of the structure an agent may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// The whole structure.
    All,
    /// Their business unit.
    BusinessUnit,
    /// Their team.
    Team,
    /// Nothing; the answer is 404.
    Nothing,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

/// The claims of the document and no others (apis.md C5).
#[derive(Serialize)]
struct Claims<'a> {
    connect_agent_id: String,
    iss: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
}

/// The 401 that names the token endpoint.
#[derive(Debug)]
pub struct Challenge(String);

impl IntoResponse for Challenge {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, self.0)]).into_response()
    }
}

impl Auth {
    /// Signs tokens with `key`; `token_url` is the address of the token endpoint.
    #[must_use]
    pub fn new(
        simulation: Simulation,
        clock: Clock,
        token_url: String,
        client_id: String,
        key: Secret,
        lifetime: Duration,
    ) -> Self {
        let (issued, issued_count, hidden) = (Mutex::default(), AtomicU64::default(), Mutex::default());
        let visibility = Mutex::new(HashMap::from([(SERVICE_ACCOUNT, Visibility::All)]));
        Self(Arc::new(Inner {
            clock,
            simulation,
            token_url,
            client_id,
            key,
            lifetime,
            issued,
            issued_count,
            hidden,
            visibility,
        }))
    }

    /// The agent whose token the request carries, in the header or as `access_token` in the query; browsers can set no
    /// header on a WebSocket (apis.md B11).
    ///
    /// # Errors
    /// The challenge, for a missing, unknown or expired token.
    pub fn authenticate(&self, headers: &HeaderMap, query: &str) -> Result<i64, Challenge> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let in_query = || {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "access_token")
                .map(|(_, token)| token.into_owned())
        };
        let now = self.0.clock.now().as_second();
        let known = bearer.or_else(in_query).and_then(|token| self.0.issued.lock().get(&token).copied());
        match known {
            Some((agent, expires)) if now < expires => Ok(agent),
            _ => Err(Challenge(format!(r#"{},grant_type="{GRANT}""#, self.0.token_url))),
        }
    }

    /// A token of this agent; `None` if it cannot be signed.
    #[must_use]
    pub fn token_for(&self, agent: i64) -> Option<String> {
        let now = self.0.clock.now().as_second();
        let exp = now + self.0.lifetime.as_secs() as i64;
        let claims = Claims {
            connect_agent_id: agent.to_string(),
            iss: &self.0.token_url,
            aud: &self.0.client_id,
            exp,
            nbf: now,
        };
        let token = jsonwebtoken::encode(
            &Header::default(),
            &claims,
            &EncodingKey::from_secret(self.0.key.expose_secret().as_bytes()),
        )
        .ok()?;
        self.0.issued.lock().insert(token.clone(), (agent, exp));
        Some(token)
    }

    /// Number of tokens that the endpoint has issued.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.0.issued_count.load(Ordering::SeqCst)
    }

    /// Hides an agent from every caller while set.
    pub fn hide(&self, agent: i64, hidden: bool) {
        let mut all = self.0.hidden.lock();
        if hidden {
            all.insert(agent)
        } else {
            all.remove(&agent)
        };
    }

    /// Whether none of these agents is hidden.
    #[must_use]
    pub fn permits(&self, agents: &[i64]) -> bool {
        let hidden = self.0.hidden.lock();
        !agents.iter().any(|agent| hidden.contains(agent))
    }

    /// Sets how much of the structure an agent may see.
    pub fn set_visibility(&self, agent: i64, visibility: Visibility) {
        self.0.visibility.lock().insert(agent, visibility);
    }

    /// How much of the structure an agent may see.
    #[must_use]
    pub fn visibility(&self, agent: i64) -> Visibility {
        self.0.visibility.lock().get(&agent).copied().unwrap_or(Visibility::Team)
    }

    /// Expires every token.
    pub fn expire_all(&self) {
        self.0.issued.lock().clear();
    }

    /// The agent with the user name of the `Basic` credentials. This replaces the Windows authentication of a real
    /// site, for tests that need another caller than the service account (apis.md C7).
    fn windows_user(&self, headers: &HeaderMap) -> Option<i64> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Some(SERVICE_ACCOUNT) };
        let credentials = STANDARD.decode(value.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
        let credentials = String::from_utf8(credentials).ok()?;
        let (user, _) = credentials.split_once(':')?;
        let login = user.rsplit('\\').next().unwrap_or(user).to_lowercase();
        self.0
            .simulation
            .read(|center, _| center.agents().values().find(|agent| agent.login() == login).map(|agent| agent.id))
    }
}

#[derive(Deserialize)]
pub struct TokenRequest {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_id: String,
}

/// `POST /webauth/token`.
pub async fn issue(State(auth): State<Auth>, headers: HeaderMap, Form(request): Form<TokenRequest>) -> Response {
    let refuse = |error: &str, description: &str| {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": error, "error_description": description}))).into_response()
    };
    if request.grant_type != GRANT {
        return refuse("unsupported_grant_type", "grant_type is not valid");
    }
    if !request.client_id.eq_ignore_ascii_case(&auth.0.client_id) {
        return refuse("invalid_clientId", "client_id is not valid");
    }
    match auth.windows_user(&headers).and_then(|agent| auth.token_for(agent)) {
        Some(token) => {
            auth.0.issued_count.fetch_add(1, Ordering::SeqCst);
            // One second less than the lifetime, as in the document's sample.
            let expires_in = auth.0.lifetime.as_secs().saturating_sub(1);
            axum::Json(json!({"access_token": token, "token_type": "bearer", "expires_in": expires_in})).into_response()
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
