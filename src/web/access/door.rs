//! Signing in and out.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Form, Query, State};
use axum::http::header::{HeaderName, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::viewer::{Viewer, bearer};
use super::{Access, AuthMode};
use crate::actions::sign_in::{ClientInfo, SignIn, SignInError};
use crate::domain::{Actor, Role};
use crate::web::client_ip::ClientIp;
use crate::web::pages;
use crate::web::problem::Problem;
use crate::web::refusals::Refused;
use crate::web::wallboards::Wallboards;
use base::{RateLimit, Secret, secret};

/// How long to wait when Clarity cannot be asked, in seconds.
const COME_BACK: u64 = 5;

/// What the log calls a try that came too soon after others.
pub(super) const TOO_MANY: &str = "too-many-attempts";

/// How much of what a browser calls itself is kept.
const BROWSER_LETTERS: usize = 200;

/// Whom a demo can be entered as.
pub const PLAYED: [Role; 5] = [Role::Supervisor, Role::TeamLead, Role::Agent, Role::Display, Role::Administrator];

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    then: String,
}

/// Who knocks: where from, and with which browser.
pub(super) type Caller = Option<Extension<ClientIp>>;

/// `GET /login`.
pub async fn page(State(access): State<Access>, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Response {
    let is_in = access.signed_in(&headers).await.is_some();
    show_to(is_in, &access, StatusCode::OK, &own(&wanted.then), "", "")
}

/// Name and password, as the form sends them.
#[derive(Deserialize)]
pub struct Credentials {
    username: String,
    #[serde(deserialize_with = "secret::deserialize")]
    password: Secret,
    #[serde(default)]
    then: String,
}

/// `POST /login`: with a Windows name and password. Whoever is in already gets a new key all the same.
pub async fn by_password(
    State(access): State<Access>,
    peer: Caller,
    headers: HeaderMap,
    Form(said): Form<Credentials>,
) -> Response {
    let (then, username) = (own(&said.then), said.username.trim());
    let Some(sign_ins) = access.sign_ins() else { return Redirect::to("/").into_response() };
    if username.is_empty() {
        return show(&access, StatusCode::UNPROCESSABLE_ENTITY, &then, "", "Type your Windows name.");
    }
    let from = origin(peer.map(|Extension(ClientIp(address))| address), &headers);
    let attempt = match access.limit().check(address(peer), username) {
        Ok(attempt) => attempt,
        Err(wait) => {
            let seconds = wait.as_secs() + 1;
            log_refused(from.address, "password", TOO_MANY);
            let trouble = format!("Too many tries. Wait {seconds} seconds.");
            let mut answer = show(&access, StatusCode::TOO_MANY_REQUESTS, &then, username, &trouble);
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            return answer;
        }
    };
    match sign_ins.by_password(username, said.password, from.clone()).await {
        Ok((key, sign_in)) => {
            attempt.succeeded();
            access.admitted(&sign_in, &from, "password").await;
            enter(&access, &headers, &key, &then).await
        }
        Err(error) => {
            if error != SignInError::Refused {
                attempt.forgive();
            }
            access.refused(&from, "password", &error);
            show(&access, problem(&error).status(), &then, username, &error.to_string())
        }
    }
}

/// A token, as an intranet page's form sends it.
#[derive(Deserialize)]
pub struct Token {
    #[serde(deserialize_with = "secret::deserialize")]
    token: Secret,
    #[serde(default)]
    then: String,
}

/// `POST /login/token`: with a Clarity token that somebody has already, from our own pages or from a listed site's.
pub async fn by_token(
    State(access): State<Access>,
    peer: Caller,
    headers: HeaderMap,
    Form(said): Form<Token>,
) -> Response {
    let then = own(&said.then);
    match sign_in(&access, peer, &headers, said.token, "token").await {
        Ok((key, _)) => enter(&access, &headers, &key, &then).await,
        Err(problem) => {
            let mut answer = show(&access, problem.status(), &then, "", problem.user_detail().unwrap_or_default());
            // Its words are the page's; when to come back is for programs, too.
            if let Some(wait) = problem.into_response().headers_mut().remove(RETRY_AFTER) {
                answer.headers_mut().insert(RETRY_AFTER, wait);
            }
            answer
        }
    }
}

/// Whom to be.
#[derive(Deserialize)]
pub struct Part {
    role: String,
    #[serde(default)]
    then: String,
}

/// `POST /login/demo`: as somebody invented. Only where everything is.
pub async fn as_somebody(
    State(access): State<Access>,
    State(boards): State<Wallboards>,
    peer: Caller,
    headers: HeaderMap,
    Form(part): Form<Part>,
) -> Response {
    let AuthMode::Demo(_, players) = access.auth_mode() else { return Problem::not_found().into_response() };
    if Role::named(&part.role) == Some(Role::Display) {
        return super::pairing::as_display(&access, &boards, peer, &headers).await;
    }
    let Some(token) = Role::named(&part.role).and_then(|role| players(role)) else {
        return Problem::not_valid("Nobody plays that here.").into_response();
    };
    match sign_in(&access, peer, &headers, token, "demo").await {
        Ok((key, _)) => enter(&access, &headers, &key, &own(&part.then)).await,
        Err(problem) => problem.into_response(),
    }
}

/// `POST /logout`: ends the sign-in with everything that hangs on it, at once.
pub async fn leave(State(access): State<Access>, peer: Caller, headers: HeaderMap) -> Response {
    let cookies = access.cookies();
    if let Some(sign_in) = access.sign_out(&headers).await {
        let actor = sign_in.actor(peer.map(|Extension(ClientIp(address))| address));
        access.write(&actor, "sign-out", &sign_in.entity(), json!({})).await;
    }
    let mut answer = Redirect::to("/login").into_response();
    if let Some(gone) = cookies.delete(cookies.person()) {
        answer.headers_mut().append(SET_COOKIE, gone);
    }
    // Nothing of what was on the pages stays in the browser.
    let clear = HeaderName::from_static("clear-site-data");
    answer.headers_mut().insert(clear, HeaderValue::from_static("\"cache\", \"storage\""));
    answer
}

/// `POST /api/v1/sign-in`: with `Authorization: Bearer`, or `{"token": …}`. The key is in the answer's cookie.
pub async fn by_program(
    State(access): State<Access>,
    peer: Caller,
    headers: HeaderMap,
    body: Option<Json<ProgramsToken>>,
) -> Result<Response, Problem> {
    let token = bearer(&headers).or_else(|| body.map(|Json(body)| body.token)).ok_or_else(|| {
        Problem::bad_request("Send your Clarity token: Authorization: Bearer followed by it, or {\"token\": \"…\"}.")
    })?;
    let (key, sign_in) = sign_in(&access, peer, &headers, token, "token").await?;
    let role = sign_in.permission().map(|permission| permission.role().as_str());
    let body = Json(json!({"id": sign_in.id(), "agent": sign_in.agent(), "name": sign_in.name(), "role": role}));
    let mut answer = body.into_response();
    give(&access, &mut answer, &key);
    Ok(answer)
}

/// A token as a program sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramsToken {
    #[serde(deserialize_with = "secret::deserialize")]
    token: Secret,
}

/// `POST /api/v1/live-ticket`: what opens one socket within ten seconds, as `…/live?ticket=…`.
pub async fn ticket(State(access): State<Access>, viewer: Viewer) -> Result<Response, Problem> {
    let ticket = access.tickets().issue(viewer).ok_or_else(|| Problem::not_now(COME_BACK))?;
    Ok(Json(json!({"ticket": ticket, "seconds": super::ticket::LIFETIME.as_secs()})).into_response())
}

impl Access {
    pub(super) async fn admitted(&self, sign_in: &SignIn, from: &ClientInfo, by: &str) {
        let after = json!({"by": by, "browser": from.browser});
        self.write(&sign_in.actor(from.address), "sign-in", &sign_in.entity(), after).await;
    }

    /// What was typed as a name is at times a password: it is written down nowhere.
    pub(super) fn refused(&self, from: &ClientInfo, by: &'static str, error: &SignInError) {
        log_refused(from.address, by, error.class());
        if matches!(error, SignInError::Refused) {
            let reason = "Clarity does not take these credentials.".to_owned();
            let (actor, after) = (Actor::unknown(from.address), json!({ "by": by }));
            self.refuse(Refused { actor, what: "sign-in.refused", entity: "sign-in".to_owned(), after, reason });
        }
    }
}

async fn sign_in(
    access: &Access,
    peer: Caller,
    headers: &HeaderMap,
    token: Secret,
    by: &'static str,
) -> Result<(Secret, SignIn), Problem> {
    let sign_ins = access.sign_ins().ok_or_else(|| Problem::conflict("Nobody needs to sign in here."))?;
    let from = origin(peer.map(|Extension(ClientIp(address))| address), headers);
    let peer = address(peer);
    // Each sign-in is kept and audited, also those of one good token.
    access.limit().check_address(peer).map_err(|wait| {
        log_refused(from.address, by, TOO_MANY);
        Problem::too_many(wait.as_secs() + 1)
    })?;
    let may_ask = || access.limit().check_token(peer).map(|counted| || counted.forgive());
    match sign_ins.by_token(&token, from.clone(), may_ask).await {
        Ok((key, sign_in)) => {
            access.admitted(&sign_in, &from, by).await;
            Ok((key, sign_in))
        }
        Err(error) => {
            access.refused(&from, by, &error);
            Err(problem(&error))
        }
    }
}

/// One line of the log for a sign-in that was refused: why, by a word of ours, and never what was shown.
pub(super) fn log_refused(address: Option<IpAddr>, by: &'static str, reason: &'static str) {
    static LINES: RateLimit = RateLimit::new(60, Duration::from_secs(1));
    if let Some(left_out) = LINES.take() {
        let address = address.map(tracing::field::display);
        tracing::info!(by, reason, address, left_out, "sign-in refused");
    }
}

/// What is wrong, for whoever knocks.
pub(super) fn problem(error: &SignInError) -> Problem {
    let said = error.to_string();
    match error {
        SignInError::Refused => Problem::sign_in_needed().detail(said),
        SignInError::Unreachable | SignInError::Full => Problem::not_now(COME_BACK).detail(said),
        SignInError::TooMany(wait) => Problem::too_many(wait.as_secs() + 1).detail(said),
        SignInError::Misconfigured(_) => Problem::conflict(said),
    }
}

/// Somebody is in: a new key, whatever they held before, which is ended.
async fn enter(access: &Access, headers: &HeaderMap, key: &Secret, then: &str) -> Response {
    access.sign_out(headers).await;
    let mut answer = Redirect::to(then).into_response();
    give(access, &mut answer, key);
    answer
}

fn give(access: &Access, answer: &mut Response, key: &Secret) {
    let cookies = access.cookies();
    if let Some(cookie) = cookies.set(cookies.person(), key, None) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Where somebody knocks from. Where no accept loop has been, as in tests of bare routes, from here.
pub(super) fn address(peer: Caller) -> ClientIp {
    peer.map_or(ClientIp(Ipv4Addr::LOCALHOST.into()), |Extension(peer)| peer)
}

pub(super) fn origin(address: Option<IpAddr>, headers: &HeaderMap) -> ClientInfo {
    let browser = headers.get(USER_AGENT).and_then(|said| said.to_str().ok());
    ClientInfo { address, browser: browser.map(|said| said.chars().take(BROWSER_LETTERS).collect()) }
}

/// Where to go: a page of ours and nowhere else. Two slashes, or a backslash, are another host to a browser.
fn own(then: &str) -> String {
    let is_ours = then.starts_with('/')
        && !then.starts_with("//")
        && !then.starts_with("/login")
        && then.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\');
    if is_ours { then.to_owned() } else { "/".to_owned() }
}

fn show(access: &Access, status: StatusCode, then: &str, username: &str, trouble: &str) -> Response {
    show_to(false, access, status, then, username, trouble)
}

fn show_to(is_in: bool, access: &Access, status: StatusCode, then: &str, username: &str, trouble: &str) -> Response {
    let page = pages::LoginPage {
        is_in,
        then,
        username,
        trouble,
        parts: if matches!(access.auth_mode(), AuthMode::Demo(..)) { &PLAYED } else { &[] },
        is_shut: matches!(access.auth_mode(), AuthMode::Unavailable),
        is_secure: access.cookies().is_secure(),
    };
    match pages::login(&page) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "the sign-in page cannot be rendered");
            Problem::broken().into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_after_the_door_is_ours() {
        for (then, expected) in [
            ("/feedback?state=open", "/feedback?state=open"),
            ("/", "/"),
            ("", "/"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("\\/evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("javascript:alert(1)", "/"),
            ("/login?then=/login", "/"),
        ] {
            assert_eq!(own(then), expected, "{then}");
        }
    }
}
