//! `/display`, where displays log in, and `/displays`, where supervisors pair and revoke them.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use base::secret::{self, ExposeSecret};
use base::{Clock, Secret, network_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::access::{Access, Supervisor, TOO_MANY_ATTEMPTS, Viewer, client_ip, log_refused_sign_in};
use super::api_error::ApiError;
use super::client_ip::ClientAddress;
use super::openapi::{TargetProblems, ViewerProblems};
use super::pages::{self, CurrentUser};
use super::state::{AppState, SiteSettings};
use super::wallboards::Wallboards;
use crate::actions::Displays;
use crate::actions::displays::{
    AttemptKey, ConnectedDisplay, DisplayClient, DisplayStatus, LoginResult, PairingError, PairingStatus, SlotsFull,
    TERM,
};
use crate::domain::Actor;
use crate::store::{DisplayLogin, DisplayLoginOutcome, RefusedRequest, StoreError};

/// `Max-Age` of a display's cookie, the longest that browsers accept. The display's own term counts.
const COOKIE_SECONDS: u64 = 400 * 24 * 3600;

/// After how long a display without a slot polls again, in seconds.
const RETRY_SLOT: u64 = 10;

/// After how long the page about a refused token shows a pairing code instead, in seconds: a display has no user who
/// could do it.
const SHOW_REFUSAL: u64 = 20;

/// `GET /display`: a display without access shows a pairing code, another one goes to its wallboard. The page reloads
/// itself.
pub async fn page(
    State(access): State<Access>,
    State(displays): State<Displays>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Response {
    let cookies = access.cookies();
    let cookie = |name: &'static str| cookies.read(&headers, name);
    if let Some(key) = cookie(cookies.display())
        && let Ok(Some(display)) = displays.by_key(&key).await
    {
        return Redirect::to(&wallboard_path(&display)).into_response();
    }
    match displays.poll_pairing(cookie(cookies.code()).as_ref(), client(address, &headers)).await {
        Ok(PairingStatus::LoggedIn(key, display)) => log_in(&access, &key, &display),
        Ok(PairingStatus::Code(code, ticket)) => {
            let mut answer = show(StatusCode::OK, &pages::PairingState::Code(&code));
            if let Some(cookie) = ticket.and_then(|ticket| cookies.set(cookies.code(), &ticket, None)) {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
            answer
        }
        Ok(PairingStatus::Full(SlotsFull::Network)) => {
            later(StatusCode::TOO_MANY_REQUESTS, "As many displays as may wait at once wait in this network already.")
        }
        Ok(PairingStatus::Full(SlotsFull::All)) => {
            later(StatusCode::SERVICE_UNAVAILABLE, "As many displays as may wait at once wait already.")
        }
        Err(error) => {
            store_error(&error);
            later(StatusCode::SERVICE_UNAVAILABLE, "The server is busy.")
        }
    }
}

/// A page that reloads itself: a display has no user.
fn later(status: StatusCode, why: &str) -> Response {
    let mut answer = show(status, &pages::PairingState::Later { why, seconds: RETRY_SLOT });
    answer.headers_mut().insert(RETRY_AFTER, RETRY_SLOT.into());
    answer
}

/// The form with a token.
#[derive(Deserialize)]
pub struct TokenForm {
    #[serde(deserialize_with = "secret::deserialize")]
    token: Secret,
}

/// `POST /display`: logs in with a token.
pub async fn by_token(
    State(access): State<Access>,
    State(displays): State<Displays>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Result<Response, ApiError> {
    let client = client(address, &headers);
    if let Some(address) = address {
        access.limit().check_address(client_ip(Some(address))).map_err(|wait| {
            log_refused_sign_in(Some(address), "display-token", TOO_MANY_ATTEMPTS);
            ApiError::too_many_requests(wait.as_secs() + 1)
        })?;
    }
    let cookies = access.cookies();
    let current_key = cookies.read(&headers, cookies.display());
    let result = displays.log_in(form.token.expose_secret(), current_key.as_ref(), client).await;
    match result.map_err(|error| store_error(&error))? {
        LoginResult::LoggedIn(key, display) => {
            let actor = Actor::display(&display.id).at(address);
            let target = format!("wallboard {}", display.wallboard);
            access.audit(&actor, "display.connect", &target, json!({"browser": client.browser})).await;
            Ok(log_in(&access, &key, &display))
        }
        LoginResult::AlreadyLoggedIn(display) => Ok(Redirect::to(&wallboard_path(&display)).into_response()),
        LoginResult::Refused(display, outcome) => {
            let target = display.map_or_else(|| "display".to_owned(), |id| format!("display {id}"));
            let after = json!({"why": outcome.as_str(), "browser": client.browser});
            let actor = Actor::unknown(address);
            log_refused_sign_in(address, "display-token", "credentials");
            let reason = "The token is not good for any display here.".to_owned();
            access.record_refused(RefusedRequest { actor, action: "display.refused", target, after, reason });
            let is_others = outcome == DisplayLoginOutcome::OtherBrowser;
            let status = if is_others { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
            let mut answer = show(status, &pages::PairingState::Refused { is_others, seconds: SHOW_REFUSAL });
            if status == StatusCode::UNAUTHORIZED {
                answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Ok(answer)
        }
    }
}

fn client(address: Option<IpAddr>, headers: &HeaderMap) -> DisplayClient {
    let browser = headers.get(USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default();
    DisplayClient { address, browser: browser_kind(browser) }
}

/// The kind of browser of a `User-Agent`, as one of our own words. Most browsers name several others too: the first
/// match in this order counts.
fn browser_kind(user_agent: &str) -> &'static str {
    const KINDS: [(&str, &str); 9] = [
        ("Tizen", "Samsung TV"),
        ("Web0S", "LG TV"),
        ("CrKey", "Chromecast"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    KINDS.iter().find(|(mark, _)| user_agent.contains(mark)).map_or("another browser", |(_, kind)| kind)
}

/// Makes the browser a display of the first wallboard, without a supervisor. In the demo only.
pub(super) async fn become_demo_display(
    access: &Access,
    wallboards: &Wallboards,
    address: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let board = wallboards.names().next().ok_or_else(ApiError::not_found)?;
    let login = async {
        let (token, _) = access.displays().add(&board, "Demo", "the demo", TERM, true).await?;
        access.displays().log_in(token.text().expose_secret(), None, client(address, headers)).await
    };
    let mut answer = match login.await.map_err(|error| store_error(&error))? {
        LoginResult::LoggedIn(key, display) => log_in(access, &key, &display),
        LoginResult::AlreadyLoggedIn(_) | LoginResult::Refused(..) => return Err(ApiError::not_found()),
    };
    // The browser is a display from now on, and no user.
    let cookies = access.cookies();
    access.sign_out(headers).await;
    if let Some(gone) = cookies.delete(cookies.person()) {
        answer.headers_mut().append(SET_COOKIE, gone);
    }
    Ok(answer)
}

/// `GET /displays`: the displays, and the form that pairs one.
pub async fn list_page(State(state): State<AppState>, Supervisor(viewer): Supervisor) -> Result<Response, ApiError> {
    list_with(&state, &viewer, &pages::PairingForm::default()).await
}

/// The same, with a form that was refused and why.
async fn list_with(state: &AppState, viewer: &Viewer, typed: &pages::PairingForm<'_>) -> Result<Response, ApiError> {
    let displays = state.access.displays();
    let boards: Vec<String> = permitted(&state.wallboards, viewer).collect();
    let listed: Vec<DisplayStatus> = visible(displays, &state.wallboards, viewer);
    let uses = displays.logins().await.map_err(|error| store_error(&error))?;
    let SiteSettings { time_zone, demo, .. } = &*state.site;
    let user = CurrentUser::of(viewer, *demo);
    let page = pages::DisplaysPage {
        listed: &listed,
        uses: &uses,
        boards: &boards,
        build: state.hub.build(),
        now: state.clock.now(),
        zone: time_zone,
        typed,
        user: &user,
    };
    pages::displays(&page).map(|html| Html(html).into_response()).map_err(|error| {
        tracing::error!(error = %error, "displays page could not be rendered");
        ApiError::internal()
    })
}

/// Displays whose wallboard the caller may see.
#[utoipa::path(get, path = "/api/v1/displays", extensions(("x-least-role" = json!("supervisor"))), responses(
    (status = 200, description = "The newest first, revoked ones included.", body = DisplayList), ViewerProblems))]
pub async fn list(
    State(displays): State<Displays>,
    State(wallboards): State<Wallboards>,
    State(clock): State<Clock>,
    Supervisor(viewer): Supervisor,
) -> Result<Json<DisplayList>, ApiError> {
    let (now, uses) = (clock.now(), displays.logins().await.map_err(|error| store_error(&error))?);
    let used = |it: &DisplayLogin| DisplayUse {
        at: it.at,
        by: it.credential.as_str(),
        address: it.address.clone(),
        browser: it.browser.clone(),
        outcome: it.outcome.as_str(),
    };
    let line = |it: &DisplayStatus| {
        let display = it.display.clone();
        DisplayLine {
            active: display.is_active(now),
            uses: uses.get(&display.id).into_iter().flatten().map(used).collect(),
            id: display.id,
            board: display.board,
            name: display.name,
            created_by: display.created_by,
            created: display.created,
            expires: display.expires,
            revoked: display.revoked,
            last_seen: display.last_seen,
            sockets: it.sockets,
            bound_to_browser: display.is_bound,
            last_report: it.seen.as_ref().map(|seen| LastReport {
                at: seen.at,
                address: seen.address,
                width: seen.size.0,
                height: seen.size.1,
                build: seen.build.clone(),
                lag_milliseconds: u64::try_from(seen.lag.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    };
    Ok(Json(DisplayList { displays: visible(&displays, &wallboards, &viewer).iter().map(line).collect() }))
}

/// Displays.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Displays)]
pub struct DisplayList {
    /// The newest first.
    displays: Vec<DisplayLine>,
}

/// A display.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Display)]
pub struct DisplayLine {
    /// Its id.
    id: String,
    /// Its wallboard.
    board: String,
    /// Its name, such as its place.
    name: String,
    /// Who paired it.
    created_by: String,
    /// When it was paired.
    created: Timestamp,
    /// When the pairing expires.
    expires: Timestamp,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<Timestamp>,
    /// When it last connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Timestamp>,
    /// Whether it is paired: neither revoked nor expired.
    active: bool,
    /// Its open sockets. More than one: its key is on more than one screen.
    sockets: usize,
    /// Whether its token is valid only for the first browser that used it.
    bound_to_browser: bool,
    /// The last uses of its code or token, the newest first.
    uses: Vec<DisplayUse>,
    /// Its last report since the server started.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_report: Option<LastReport>,
}

/// A use of a display's code or token.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisplayUse {
    /// When.
    at: Timestamp,
    /// `code` or `token`.
    #[schema(pattern = "^(code|token)$")]
    by: &'static str,
    /// The browser's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The kind of browser.
    browser: String,
    /// `accepted`, `already-paired`, `other-browser`, `revoked` or `expired`.
    #[schema(pattern = "^(accepted|already-paired|other-browser|revoked|expired)$")]
    outcome: &'static str,
}

/// A display's report about itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DisplayReport)]
pub struct LastReport {
    /// When.
    at: Timestamp,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The width of its screen in CSS pixels.
    width: u32,
    /// The height of its screen in CSS pixels.
    height: u32,
    /// The build of its page.
    build: String,
    /// How far its page is behind the server, in milliseconds.
    lag_milliseconds: u64,
}

/// The form that pairs a display.
#[derive(Deserialize)]
pub struct PairingRequest {
    code: String,
    board: String,
    #[serde(default)]
    name: String,
}

/// `POST /displays/pair`: pairs the display that shows this code. A refused code comes back with the page.
pub async fn pair(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    Supervisor(viewer): Supervisor,
    Form(form): Form<PairingRequest>,
) -> Result<Response, ApiError> {
    let (access, displays) = (&state.access, state.access.displays());
    if !permitted(&state.wallboards, &viewer).any(|board| board == form.board) {
        return Err(ApiError::not_found().detail("There is no such wallboard."));
    }
    let name = Some(form.name.trim()).filter(|name| !name.is_empty()).unwrap_or(&form.board);
    let name: String = name.chars().take(80).collect();
    let by = viewer.actor();
    let key = viewer.agent().map_or_else(|| AttemptKey::Network(network_of(client_ip(address).0)), AttemptKey::Agent);
    let paired = displays.pair(&form.code, key, (&form.board, &name, &by.to_string())).await;
    let error = match paired.map_err(|error| store_error(&error))? {
        Ok(display) => {
            let after = json!({"board": display.board, "name": display.name});
            access.audit(&by, "display.pair", &format!("display {}", display.id), after).await;
            return Ok(Redirect::to("/displays").into_response());
        }
        Err(error) => error,
    };
    let (status, seconds, trouble) = match error {
        PairingError::UnknownCode => {
            let (action, target) = ("display.wrong-code", "display".to_owned());
            let reason = "No display shows this code.".to_owned();
            access.record_refused(RefusedRequest { actor: by, action, target, after: json!({}), reason });
            let trouble = "No display shows this code. Codes change after ten minutes: look at the display again.";
            (StatusCode::UNPROCESSABLE_ENTITY, None, trouble.to_owned())
        }
        PairingError::Wait(wait) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let unit = if seconds == 1 { "second" } else { "seconds" };
            let trouble = format!(
                "Too many wrong codes. Wait {seconds} {unit}, then type the code that the display shows by then."
            );
            (StatusCode::TOO_MANY_REQUESTS, Some(seconds), trouble)
        }
    };
    let typed = pages::PairingForm { trouble: &trouble, code: &form.code, board: &form.board, name: &form.name };
    let mut answer = list_with(&state, &viewer, &typed).await?;
    *answer.status_mut() = status;
    if let Some(seconds) = seconds {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}

/// `POST /displays/{id}/revoke` and `/reload`, from the page.
pub async fn act_by_form(
    State(access): State<Access>,
    State(displays): State<Displays>,
    State(wallboards): State<Wallboards>,
    Supervisor(viewer): Supervisor,
    Path((id, action)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    act(&access, &displays, &wallboards, &viewer, &id, &action).await?;
    Ok(Redirect::to("/displays").into_response())
}

/// An action on a display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DisplayAction {
    /// Its page is loaded again.
    Reload,
    /// It is disconnected, and its key is no longer valid.
    Revoke,
}

impl DisplayAction {
    fn named(name: &str) -> Option<Self> {
        match name {
            "reload" => Some(Self::Reload),
            "revoke" => Some(Self::Revoke),
            _ => None,
        }
    }
}

/// Makes a display reload its page, or revokes it at once.
#[utoipa::path(post, path = "/api/v1/displays/{id}/{action}", extensions(("x-least-role" = json!("supervisor"))),
    params(("id" = String, Path), ("action" = inline(DisplayAction), Path)),
    responses((status = 204, description = "The display is notified."), TargetProblems, ViewerProblems))]
pub async fn act_by_program(
    State(access): State<Access>,
    State(displays): State<Displays>,
    State(wallboards): State<Wallboards>,
    Supervisor(viewer): Supervisor,
    Path((id, action)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    act(&access, &displays, &wallboards, &viewer, &id, &action).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn act(
    access: &Access,
    displays: &Displays,
    wallboards: &Wallboards,
    viewer: &Viewer,
    id: &str,
    action: &str,
) -> Result<(), ApiError> {
    if !visible(displays, wallboards, viewer).iter().any(|it| it.display.id == id) {
        return Err(ApiError::not_found());
    }
    let (action, done) = match DisplayAction::named(action).ok_or_else(ApiError::not_found)? {
        DisplayAction::Revoke => ("display.revoke", displays.revoke(id).await.map_err(|error| store_error(&error))?),
        DisplayAction::Reload => ("display.reload", displays.reload(id)),
    };
    if !done {
        return Err(ApiError::conflict("This display has been revoked already."));
    }
    access.audit(&viewer.actor(), action, &format!("display {id}"), json!({})).await;
    Ok(())
}

/// The wallboards of which the viewer may see every queue: no supervisor gives a display a wider view than their own.
fn permitted<'a>(wallboards: &'a Wallboards, viewer: &'a Viewer) -> impl Iterator<Item = String> + 'a {
    wallboards.names().filter(|name| wallboards.is_within(name, viewer.permission()))
}

/// The displays whose wallboard the viewer may see completely.
fn visible(displays: &Displays, wallboards: &Wallboards, viewer: &Viewer) -> Vec<DisplayStatus> {
    let mut listed = displays.list();
    listed.retain(|it| wallboards.is_within(&it.display.board, viewer.permission()));
    listed
}

fn log_in(access: &Access, key: &Secret, display: &ConnectedDisplay) -> Response {
    let cookies = access.cookies();
    let mut answer = Redirect::to(&wallboard_path(display)).into_response();
    let set = [cookies.set(cookies.display(), key, Some(COOKIE_SECONDS)), cookies.delete(cookies.code())];
    for cookie in set.into_iter().flatten() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

fn wallboard_path(display: &ConnectedDisplay) -> String {
    format!("/wallboard/{}", display.wallboard)
}

fn show(status: StatusCode, waiting: &pages::PairingState<'_>) -> Response {
    match pages::display(waiting) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "display page could not be rendered");
            ApiError::internal().into_response()
        }
    }
}

fn store_error(error: &StoreError) -> ApiError {
    tracing::error!(error = %error, "displays could not be read or written");
    ApiError::busy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_kind_is_a_word_of_ours() {
        for (said, kind) in [
            (
                "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome",
            ),
            (
                "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
                "Chrome",
            ),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge"),
            ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 Chrome/94.0 Safari/537.36", "Samsung TV"),
            ("Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/94.0 Safari/537.36", "LG TV"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox"),
            ("<script>alert(1)</script>", "another browser"),
            ("", "another browser"),
        ] {
            assert_eq!(browser_kind(said), kind, "{said}");
        }
    }
}
