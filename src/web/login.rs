//! `/login` and the API for signing in and out.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Form, Query, State};
use axum::http::header::{HeaderName, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::access::viewer::bearer;
use super::access::{Access, AuthMode, TOO_MANY_ATTEMPTS, Viewer, client_info, client_ip, log_refused_sign_in, ticket};
use super::api_error::ApiError;
use super::client_ip::ClientAddress;
use super::openapi::{BodyProblems, TargetProblems, ViewerProblems};
use super::wallboards::Wallboards;
use super::{displays, pages};
use crate::actions::sign_in::{SignIn, SignInError};
use crate::domain::{AgentId, Role};
use base::{Secret, secret};

/// The roles that one may sign in as in the demo.
const DEMO_ROLES: [Role; 5] = [Role::Supervisor, Role::TeamLead, Role::Agent, Role::Display, Role::Administrator];

/// The query of `/login`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginQuery {
    /// The page to go to afterwards.
    then: String,
}

/// `GET /login`.
pub async fn page(State(access): State<Access>, headers: HeaderMap, Query(query): Query<LoginQuery>) -> Response {
    let is_signed_in = access.signed_in(&headers).await.is_some();
    render(is_signed_in, &access, StatusCode::OK, &own_path(&query.then), "", "")
}

/// The form with name and password.
#[derive(Deserialize)]
pub struct PasswordForm {
    username: String,
    #[serde(deserialize_with = "secret::deserialize")]
    password: Secret,
    #[serde(default)]
    then: String,
}

/// `POST /login`: signs in with a Windows name and password. A browser that is signed in already gets a new key.
pub async fn by_password(
    State(access): State<Access>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Response {
    let (then, username) = (own_path(&form.then), form.username.trim());
    let Some(sign_ins) = access.sign_ins() else { return Redirect::to("/").into_response() };
    if username.is_empty() {
        return refuse(&access, StatusCode::UNPROCESSABLE_ENTITY, &then, "", "Type your Windows name.");
    }
    let client = client_info(address, &headers);
    let attempt = match access.limit().check(client_ip(address), username) {
        Ok(attempt) => attempt,
        Err(wait) => {
            let seconds = wait.as_secs() + 1;
            log_refused_sign_in(address, "password", TOO_MANY_ATTEMPTS);
            let message = format!("Too many attempts. Wait {seconds} seconds.");
            let mut response = refuse(&access, StatusCode::TOO_MANY_REQUESTS, &then, username, &message);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            return response;
        }
    };
    match sign_ins.by_password(username, form.password, client.clone()).await {
        Ok((key, sign_in)) => {
            attempt.succeeded();
            access.audit_sign_in(&sign_in, &client, "password").await;
            start_session(&access, &headers, &key, &then).await
        }
        Err(error) => {
            if error != SignInError::Refused {
                attempt.forgive();
            }
            access.audit_refused_sign_in(&client, "password", &error);
            refuse(&access, ApiError::from(&error).status(), &then, username, &error.to_string())
        }
    }
}

/// The form with a token, as another site's page may post it.
#[derive(Deserialize)]
pub struct TokenForm {
    #[serde(deserialize_with = "secret::deserialize")]
    token: Secret,
    #[serde(default)]
    then: String,
}

/// `POST /login/token`: signs in with a Clarity token, from our own pages or those of `access.token_origins`.
pub async fn by_token(
    State(access): State<Access>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    let then = own_path(&form.then);
    match sign_in(&access, address, &headers, form.token, "token").await {
        Ok((key, _)) => start_session(&access, &headers, &key, &then).await,
        Err(error) => {
            let mut response = refuse(&access, error.status(), &then, "", error.user_detail().unwrap_or_default());
            // The page shows the text; `Retry-After` is kept for programs.
            if let Some(wait) = error.into_response().headers_mut().remove(RETRY_AFTER) {
                response.headers_mut().insert(RETRY_AFTER, wait);
            }
            response
        }
    }
}

/// The form of the demo.
#[derive(Deserialize)]
pub struct DemoForm {
    role: String,
    #[serde(default)]
    then: String,
}

/// `POST /login/demo`: signs in as an invented user of a role. In the demo only.
pub async fn as_demo_user(
    State(access): State<Access>,
    State(wallboards): State<Wallboards>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Form(form): Form<DemoForm>,
) -> Result<Response, ApiError> {
    let AuthMode::Demo(_, demo_tokens) = access.auth_mode() else { return Err(ApiError::not_found()) };
    let role = Role::named(&form.role);
    if role == Some(Role::Display) {
        return displays::become_demo_display(&access, &wallboards, address, &headers).await;
    }
    let token = role.and_then(|role| demo_tokens(role));
    let token = token.ok_or_else(|| ApiError::unprocessable("The demo has no user of this role."))?;
    let (key, _) = sign_in(&access, address, &headers, token, "demo").await?;
    Ok(start_session(&access, &headers, &key, &own_path(&form.then)).await)
}

/// `POST /logout`: ends the sign-in and everything that depends on it, at once.
pub async fn log_out(
    State(access): State<Access>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Response {
    let cookies = access.cookies();
    if let Some(sign_in) = access.sign_out(&headers).await {
        access.audit(&sign_in.actor(address), "sign-out", &sign_in.entity(), json!({})).await;
    }
    let mut response = Redirect::to("/login").into_response();
    if let Some(cookie) = cookies.delete(cookies.person()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    // Nothing of the pages stays in the browser.
    let clear = HeaderName::from_static("clear-site-data");
    response.headers_mut().insert(clear, HeaderValue::from_static("\"cache\", \"storage\""));
    response
}

/// Signs in with a Clarity token.
///
/// The token is in `Authorization: Bearer`, or in the body. Clarity decides whether it is valid. The caller gets a
/// cookie. A program may as well send the token with each request.
#[utoipa::path(post, path = "/api/v1/sign-in", extensions(("x-least-role" = json!(null))),
    request_body = Option<Token>, responses(
    (status = 200, description = "Signed in; the key is in `Set-Cookie`.", body = SignedIn), BodyProblems,
    TargetProblems, ViewerProblems))]
pub async fn by_program(
    State(access): State<Access>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    body: Option<Json<Token>>,
) -> Result<Response, ApiError> {
    let token = bearer(&headers).or_else(|| body.map(|Json(body)| body.token)).ok_or_else(|| {
        ApiError::bad_request("Send your Clarity token: Authorization: Bearer followed by it, or {\"token\": \"…\"}.")
    })?;
    let (key, sign_in) = sign_in(&access, address, &headers, token, "token").await?;
    let body = SignedIn {
        id: sign_in.id().to_owned(),
        agent: sign_in.agent(),
        name: sign_in.name().to_owned(),
        role: sign_in.permission().map(|permission| permission.role()),
    };
    let mut response = Json(body).into_response();
    set_cookie(&access, &mut response, &key);
    Ok(response)
}

/// The signed-in user.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn {
    /// The id of the sign-in.
    id: String,
    /// Their agent number.
    agent: AgentId,
    /// Their name.
    name: String,
    /// Their role. Absent: the sign-in has just ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
}

/// A Clarity token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The token.
    #[schema(value_type = String)]
    #[serde(deserialize_with = "secret::deserialize")]
    token: Secret,
}

/// A ticket that opens one socket within ten seconds, for programs that can send no header with it.
#[utoipa::path(post, path = "/api/v1/live-ticket", extensions(("x-least-role" = json!("display"))), responses(
    (status = 200, description = "To be sent as `ticket` in the query of `/api/v1/live`, once.", body = Ticket),
    ViewerProblems))]
pub async fn live_ticket(State(access): State<Access>, viewer: Viewer) -> Result<Response, ApiError> {
    let ticket = access.tickets().issue(viewer).ok_or_else(ApiError::busy)?;
    Ok(Json(Ticket { ticket, seconds: ticket::LIFETIME.as_secs() }).into_response())
}

/// A ticket for one socket.
#[derive(Serialize, ToSchema)]
pub struct Ticket {
    /// The ticket.
    ticket: String,
    /// How long it is valid, in seconds.
    seconds: u64,
}

async fn sign_in(
    access: &Access,
    address: Option<IpAddr>,
    headers: &HeaderMap,
    token: Secret,
    by: &'static str,
) -> Result<(Secret, SignIn), ApiError> {
    let sign_ins = access.sign_ins().ok_or_else(|| ApiError::conflict("This server has no sign-in."))?;
    let client = client_info(address, headers);
    // Each sign-in is stored and audited, so those of one valid token are limited too.
    access.limit().check_address(client_ip(address)).map_err(|wait| {
        log_refused_sign_in(address, by, TOO_MANY_ATTEMPTS);
        ApiError::too_many_requests(wait.as_secs() + 1)
    })?;
    match sign_ins.by_token(&token, client.clone(), access.token_attempt(address)).await {
        Ok((key, sign_in)) => {
            access.audit_sign_in(&sign_in, &client, by).await;
            Ok((key, sign_in))
        }
        Err(error) => {
            access.audit_refused_sign_in(&client, by, &error);
            Err(ApiError::from(&error))
        }
    }
}

/// Gives the browser a new key and ends the sign-in of its old one.
async fn start_session(access: &Access, headers: &HeaderMap, key: &Secret, then: &str) -> Response {
    access.sign_out(headers).await;
    let mut response = Redirect::to(then).into_response();
    set_cookie(access, &mut response, key);
    response
}

fn set_cookie(access: &Access, response: &mut Response, key: &Secret) {
    let cookies = access.cookies();
    if let Some(cookie) = cookies.set(cookies.person(), key, None) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// A path of ours, or `/`. Browsers read two slashes, or a backslash, as another host.
fn own_path(then: &str) -> String {
    let is_ours = then.starts_with('/')
        && !then.starts_with("//")
        && !then.starts_with("/login")
        && then.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\');
    if is_ours { then.to_owned() } else { "/".to_owned() }
}

fn refuse(access: &Access, status: StatusCode, then: &str, username: &str, message: &str) -> Response {
    render(false, access, status, then, username, message)
}

fn render(
    is_signed_in: bool,
    access: &Access,
    status: StatusCode,
    then: &str,
    username: &str,
    message: &str,
) -> Response {
    let page = pages::LoginPage {
        is_in: is_signed_in,
        then,
        username,
        trouble: message,
        parts: if matches!(access.auth_mode(), AuthMode::Demo(..)) { &DEMO_ROLES } else { &[] },
        is_shut: matches!(access.auth_mode(), AuthMode::Unavailable),
        is_secure: access.cookies().is_secure(),
    };
    match pages::login(&page) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "sign-in page could not be rendered");
            ApiError::internal().into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_path_refuses_other_hosts() {
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
            assert_eq!(own_path(then), expected, "{then}");
        }
    }
}
