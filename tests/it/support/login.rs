//! A signed-in user: the cookie and the requests with it.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response};
use sandbox::Sandbox;
use serde_json::{Value, json};

use super::server::TestServer;
use super::viewer::{Position, Viewer};

/// The agent of the sandbox for each role, by id.
pub const ADMINISTRATOR: i64 = 1;
pub const SUPERVISOR: i64 = 2;
pub const TEAM_LEAD: i64 = 3;
pub const AGENT: i64 = 4;

/// A signed-in user.
pub struct SignedIn<'a> {
    server: &'a TestServer,
    pub cookie: String,
}

impl<'a> SignedIn<'a> {
    /// An agent of the sandbox, by their own token, as an intranet page would bring it.
    pub async fn as_agent(server: &'a TestServer, sandbox: &Sandbox, agent: i64) -> Self {
        let token = sandbox.control().token_for(agent).expect("an agent");
        let form = [("token", token.as_str())];
        let answer = server.http.post(server.at("/login/token")).form(&form).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &"/".parse().expect("a header")));
        Self { server, cookie: cookie(&answer) }
    }

    /// The user with this cookie.
    pub fn with_cookie(server: &'a TestServer, cookie: String) -> Self {
        Self { server, cookie }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let origin = self.server.base.as_str().trim_end_matches('/');
        self.server.http.request(method, self.server.at(path)).header(COOKIE, &self.cookie).header("origin", origin)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    /// A page, as a browser asks for it.
    pub async fn page(&self, path: &str) -> Response {
        self.request(Method::GET, path).header("accept", "text/html").send().await.expect("an answer")
    }

    pub async fn text(&self, path: &str) -> String {
        self.page(path).await.text().await.expect("a text")
    }

    pub async fn state(&self, scope: &str) -> Value {
        let answer = self.get(&format!("/api/v1/state?scope={scope}")).await;
        assert_eq!(answer.status(), 200, "{scope}");
        answer.json::<Value>().await.expect("JSON")["state"].take()
    }

    pub async fn watch(&self, scope: &str, held: Option<Position>) -> Viewer {
        let origin = self.server.base.as_str().trim_end_matches('/');
        Viewer::connect_with(&self.server.base, scope, held, &[("cookie", &self.cookie), ("origin", origin)]).await
    }
}

/// The cookie that an answer gives, as a browser sends it back.
pub fn cookie(answer: &Response) -> String {
    let given = answer.headers()[SET_COOKIE].to_str().expect("a text");
    given.split(';').next().expect("a pair").to_owned()
}

/// A valid body for each route.
pub fn body(path: &str) -> Value {
    match path.rsplit('/').next().unwrap_or_default() {
        "status" => json!({"status": "available"}),
        "suspend" => json!({"suspended": false}),
        "recording" => json!({"recording": false}),
        "notes" => json!({"note": "x"}),
        "disposition" => json!({"disposition": 1}),
        "extra-items" => json!({"name": "x", "value": "y"}),
        _ => json!({}),
    }
}
