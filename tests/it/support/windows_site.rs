//! A site behind Integrated Windows Authentication with Clarity's token service: the domain and the web server of the
//! tests of `windows-auth`.

#[path = "../../../crates/windows-auth/tests/support/windows_domain.rs"]
mod windows_domain;

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use windows_domain::WindowsDomain;
pub use windows_domain::{BY_KERBEROS, BY_NTLM, DOMAIN, PASSWORD, Site, USER};

pub const CLIENT_ID: &str = "0224C392-3845-4AC0-B1A0-D63706181BA7";

/// The site. Dropping it ends it and its domain.
pub struct WindowsSite {
    /// What the token service issues; `None`: a JWT of its own.
    pub token: Arc<Mutex<Option<String>>>,
    signed_in: Arc<Mutex<Vec<String>>>,
    domain: WindowsDomain,
}

impl WindowsSite {
    pub async fn start(kind: Site) -> Self {
        let (signed_in, token) = (Arc::default(), Arc::default());
        let service = serve_tokens(Arc::clone(&signed_in), Arc::clone(&token)).await;
        Self { domain: WindowsDomain::start(kind, service).await, signed_in, token }
    }

    /// The accounts that reached the token service, in order.
    pub fn signed_in(&self) -> Vec<String> {
        self.signed_in.lock().expect("no panic").clone()
    }
}

impl Deref for WindowsSite {
    type Target = WindowsDomain;

    fn deref(&self) -> &WindowsDomain {
        &self.domain
    }
}

type Shared = (Arc<Mutex<Vec<String>>>, Arc<Mutex<Option<String>>>);

/// Clarity's token service (apis.md C3 to C5). Returns its port.
async fn serve_tokens(signed_in: Arc<Mutex<Vec<String>>>, token: Arc<Mutex<Option<String>>>) -> u16 {
    async fn issue(
        State((signed_in, token)): State<Shared>,
        headers: HeaderMap,
        Form(form): Form<Vec<(String, String)>>,
    ) -> Response {
        let who = headers.get("x-signed-in").and_then(|who| who.to_str().ok()).unwrap_or_default();
        signed_in.lock().expect("no panic").push(who.to_owned());
        let field = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_str());
        let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
        if field("grant_type") != Some("urn:connect.auth:windows") {
            return refuse("unsupported_grant_type");
        }
        if field("client_id") != Some(CLIENT_ID) {
            return refuse("invalid_clientId");
        }
        let given = token.lock().expect("no panic").clone();
        let token = given.unwrap_or_else(|| {
            let claims =
                json!({"connect_agent_id": "5", "iss": "site", "aud": CLIENT_ID, "exp": 4_102_444_800_u64, "nbf": 0});
            let key = jsonwebtoken::EncodingKey::from_secret(b"a key that is shared by the whole site");
            jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token")
        });
        Json(json!({"access_token": token, "token_type": "bearer", "expires_in": 599})).into_response()
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = Router::new().route("/webauth/token", post(issue)).with_state((signed_in, token));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}
