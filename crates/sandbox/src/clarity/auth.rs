//! Tokens: the challenge, the endpoint that issues them, and the check on each request (`apis.md` C1 to C6).

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use base::secret::ExposeSecret;
use base::{Clock, Secret};
use crate::floor::{Floor, lock};

/// The one grant type there is.
const GRANT: &str = "urn:connect.auth:windows";

/// The agent whose token everybody gets who does not say who they are.
pub const SERVICE_ACCOUNT: i64 = 1;

/// Who calls: the id of an agent.
#[derive(Debug, Clone, Copy)]
pub struct Caller(pub i64);

/// Issues tokens and knows them again. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    clock: Clock,
    floor: Floor,
    token_url: String,
    client_id: String,
    key: Secret,
    lifetime: Duration,
    issued: Mutex<HashMap<String, (i64, i64)>>,
    asked: AtomicU64,
    forbidden: Mutex<BTreeSet<i64>>,
    sees: Mutex<HashMap<i64, Sees>>,
}

/// What of the structure somebody is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// All of it.
    Everything,
    /// Their business unit.
    Unit,
    /// Their team.
    Team,
    /// Not even themself: the answer is 404.
    Nothing,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

/// The document's claims and no others (`apis.md` C5).
#[derive(Serialize)]
struct Claims<'a> {
    connect_agent_id: String,
    iss: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
}

/// The 401 that says where tokens are to be had.
#[derive(Debug)]
pub struct Challenge(String);

impl IntoResponse for Challenge {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, self.0)]).into_response()
    }
}

impl Gate {
    /// A gate that signs with `key` and issues tokens at `token_url`.
    #[must_use]
    pub fn new(
        floor: Floor,
        clock: Clock,
        token_url: String,
        client_id: String,
        key: Secret,
        lifetime: Duration,
    ) -> Self {
        let (issued, asked, forbidden) = (Mutex::default(), AtomicU64::default(), Mutex::default());
        let sees = Mutex::new(HashMap::from([(SERVICE_ACCOUNT, Sees::Everything)]));
        Self(Arc::new(Inner { clock, floor, token_url, client_id, key, lifetime, issued, asked, forbidden, sees }))
    }

    /// Whose token the request carries: in the header, or as `access_token` in the query, as browsers' sockets must (`apis.md` B11).
    ///
    /// # Errors
    /// The challenge, when there is no token or when it is not, or no longer, valid.
    pub fn admit(&self, headers: &HeaderMap, query: &str) -> Result<i64, Challenge> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let in_query = || {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "access_token")
                .map(|(_, token)| token.into_owned())
        };
        let now = self.0.clock.now().as_second();
        let known = bearer.or_else(in_query).and_then(|token| lock(&self.0.issued).get(&token).copied());
        match known {
            Some((agent, expires)) if now < expires => Ok(agent),
            _ => Err(Challenge(format!(r#"{},grant_type="{GRANT}""#, self.0.token_url))),
        }
    }

    /// A token of this agent. None if it cannot be signed.
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
        lock(&self.0.issued).insert(token.clone(), (agent, exp));
        Some(token)
    }

    /// How many tokens were asked for and issued.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Lets nobody see this agent, or everybody again.
    pub fn forbid(&self, agent: i64, forbidden: bool) {
        let mut all = lock(&self.0.forbidden);
        if forbidden {
            all.insert(agent)
        } else {
            all.remove(&agent)
        };
    }

    /// Whether all of these may be seen.
    #[must_use]
    pub fn permits(&self, agents: &[i64]) -> bool {
        let forbidden = lock(&self.0.forbidden);
        !agents.iter().any(|agent| forbidden.contains(agent))
    }

    /// Shows somebody this much of the structure from now on. Whoever is not named is shown their team.
    pub fn show(&self, agent: i64, sees: Sees) {
        lock(&self.0.sees).insert(agent, sees);
    }

    /// How much of the structure somebody is shown.
    #[must_use]
    pub fn sees(&self, agent: i64) -> Sees {
        lock(&self.0.sees).get(&agent).copied().unwrap_or(Sees::Team)
    }

    /// Ends the life of every token.
    pub fn expire_all(&self) {
        lock(&self.0.issued).clear();
    }

    /// Whose Windows login this is, the part before the colon of `Basic` credentials: stands in for Windows sign-in, for
    /// tests that need somebody else than the service account (`apis.md` C7).
    fn windows_user(&self, headers: &HeaderMap) -> Option<i64> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Some(SERVICE_ACCOUNT) };
        let credentials = STANDARD.decode(value.to_str().ok()?.strip_prefix("Basic ")?).ok()?;
        let credentials = String::from_utf8(credentials).ok()?;
        let (user, _) = credentials.split_once(':')?;
        let login = user.rsplit('\\').next().unwrap_or(user).to_lowercase();
        self.0.floor.read(|world, _| world.agents().values().find(|agent| agent.login() == login).map(|agent| agent.id))
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
pub async fn issue(State(gate): State<Gate>, headers: HeaderMap, Form(request): Form<TokenRequest>) -> Response {
    let refuse = |error: &str, description: &str| {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": error, "error_description": description}))).into_response()
    };
    if request.grant_type != GRANT {
        return refuse("unsupported_grant_type", "grant_type is not valid");
    }
    if !request.client_id.eq_ignore_ascii_case(&gate.0.client_id) {
        return refuse("invalid_clientId", "client_id is not valid");
    }
    match gate.windows_user(&headers).and_then(|agent| gate.token_for(agent)) {
        Some(token) => {
            gate.0.asked.fetch_add(1, Ordering::SeqCst);
            // One second less than the token lives, as in the document's sample.
            let expires_in = gate.0.lifetime.as_secs().saturating_sub(1);
            axum::Json(json!({"access_token": token, "token_type": "bearer", "expires_in": expires_in})).into_response()
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
