//! How displays come in, and the page of those who let them in.

use std::net::Ipv4Addr;

use axum::Json;
use axum::extract::{Extension, Form, Path, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Access;
use super::codes::{Full, Guesser, NotConfirmed};
use super::displays::{Caller, DisplayStatus, Displays, Entered, Screen, Shown, TERM};
use super::door::{TOO_MANY, log_refused};
use super::viewer::{Supervisor, Viewer};
use crate::domain::Actor;
use crate::store::{DisplayLogin, DisplayLoginOutcome, StoreError};
use crate::web::client_ip::ClientIp;
use crate::web::pages::{self, CurrentUser};
use crate::web::problem::Problem;
use crate::web::refusals::Refused;
use crate::web::serve::network_of;
use crate::web::state::{AppState, SiteSettings};
use crate::web::wallboards::Wallboards;
use base::secret::{self, ExposeSecret};
use base::{Clock, Secret};

/// How long a browser keeps a display's key: as long as browsers keep anything. The display's own term counts.
const KEPT_SECONDS: u64 = 400 * 24 * 3600;

/// How long to wait when the store is busy, in seconds.
const COME_BACK: u64 = 5;

/// How soon a display that found no place asks again, in seconds.
const NO_PLACE: u64 = 10;

/// How long the page of a refused token is shown before it shows a code instead, in seconds: nobody touches a screen on the
/// wall that starts with a token that it may use no longer.
const READ_REFUSAL: u64 = 20;

/// Where a request comes from.
type From = Option<Extension<ClientIp>>;

/// `GET /display`: a display that nobody has let in shows a code; one that has been let in goes to its wallboard. It looks
/// again by itself, whatever it shows.
pub async fn page(
    State(access): State<Access>,
    State(displays): State<Displays>,
    from: From,
    headers: HeaderMap,
) -> Response {
    let cookies = access.cookies();
    let held = |name: &'static str| cookies.read(&headers, name);
    if let Some(key) = held(cookies.display())
        && let Ok(Some(screen)) = displays.of_key(&key).await
    {
        return Redirect::to(&wallboard(&screen)).into_response();
    }
    match displays.show(held(cookies.code()).as_ref(), caller(from, &headers)).await {
        Ok(Shown::In(key, screen)) => enter(&access, &key, &screen),
        Ok(Shown::Code(code, ticket)) => {
            let mut answer = show(StatusCode::OK, &pages::PairingState::Code(&code));
            if let Some(cookie) = ticket.and_then(|ticket| cookies.set(cookies.code(), &ticket, None)) {
                answer.headers_mut().append(SET_COOKIE, cookie);
            }
            answer
        }
        Ok(Shown::Full(Full::Network)) => {
            later(StatusCode::TOO_MANY_REQUESTS, "As many displays as may wait at once wait in this network already.")
        }
        Ok(Shown::Full(Full::All)) => {
            later(StatusCode::SERVICE_UNAVAILABLE, "As many displays as may wait at once wait already.")
        }
        Err(error) => {
            trouble(&error);
            later(StatusCode::SERVICE_UNAVAILABLE, "The server is busy.")
        }
    }
}

/// A page that asks again by itself: nobody touches a screen on the wall.
fn later(status: StatusCode, why: &str) -> Response {
    let mut answer = show(status, &pages::PairingState::Later { why, seconds: NO_PLACE });
    answer.headers_mut().insert(RETRY_AFTER, NO_PLACE.into());
    answer
}

/// A token, as the form or the script of the page sends it.
#[derive(Deserialize)]
pub struct Token {
    #[serde(deserialize_with = "secret::deserialize")]
    token: Secret,
}

/// `POST /display`: comes in by a token.
pub async fn by_token(
    State(access): State<Access>,
    State(displays): State<Displays>,
    from: From,
    headers: HeaderMap,
    Form(said): Form<Token>,
) -> Result<Response, Problem> {
    let caller = caller(from, &headers);
    if let Some(address) = caller.address {
        access.limit().check_address(ClientIp(address)).map_err(|wait| {
            log_refused(Some(address), "display-token", TOO_MANY);
            Problem::too_many(wait.as_secs() + 1)
        })?;
    }
    let cookies = access.cookies();
    let held = cookies.read(&headers, cookies.display());
    let entered = displays.enter(said.token.expose_secret(), held.as_ref(), caller).await;
    match entered.map_err(|error| trouble(&error))? {
        Entered::In(key, screen) => {
            let actor = Actor::display(&screen.id).at(caller.address);
            let board = format!("wallboard {}", screen.board);
            access.write(&actor, "display.connect", &board, json!({"browser": caller.browser})).await;
            Ok(enter(&access, &key, &screen))
        }
        Entered::AlreadyIn(screen) => Ok(Redirect::to(&wallboard(&screen)).into_response()),
        Entered::Refused(display, outcome) => {
            let entity = display.map_or_else(|| "display".to_owned(), |id| format!("display {id}"));
            let after = json!({"why": outcome.as_str(), "browser": caller.browser});
            let actor = Actor::unknown(caller.address);
            log_refused(actor.address, "display-token", "credentials");
            let reason = "The token is not good for any display here.".to_owned();
            access.refuse(Refused { actor, what: "display.refused", entity, after, reason });
            let is_others = outcome == DisplayLoginOutcome::OtherBrowser;
            let status = if is_others { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
            let mut answer = show(status, &pages::PairingState::Refused { is_others, seconds: READ_REFUSAL });
            if status == StatusCode::UNAUTHORIZED {
                answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Ok(answer)
        }
    }
}

fn caller(from: From, headers: &HeaderMap) -> Caller {
    let browser = headers.get(USER_AGENT).and_then(|said| said.to_str().ok()).unwrap_or_default();
    Caller { address: from.map(|Extension(ClientIp(address))| address), browser: browser_kind(browser) }
}

/// What kind of browser calls itself this. Whatever it says, the word is one of ours. Most claim to be several others too:
/// the first that is found counts.
fn browser_kind(said: &str) -> &'static str {
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
    KINDS.iter().find(|(mark, _)| said.contains(mark)).map_or("another browser", |(_, kind)| kind)
}

/// A browser becomes a display of the first wallboard there is, without anybody's word: where everything is invented.
pub(super) async fn as_display(access: &Access, boards: &Wallboards, from: From, headers: &HeaderMap) -> Response {
    let Some(board) = boards.names().next() else { return Problem::not_found().into_response() };
    let entered = async {
        let (token, _) = access.displays().add(&board, "Demo", "the demo", TERM, true).await?;
        access.displays().enter(token.text().expose_secret(), None, caller(from, headers)).await
    };
    let mut answer = match entered.await {
        Ok(Entered::In(key, screen)) => enter(access, &key, &screen),
        Ok(_) => return Problem::not_found().into_response(),
        Err(error) => return trouble(&error).into_response(),
    };
    // Who was somebody here is a screen now.
    let cookies = access.cookies();
    access.sign_out(headers).await;
    if let Some(gone) = cookies.delete(cookies.person()) {
        answer.headers_mut().append(SET_COOKIE, gone);
    }
    answer
}

/// `GET /displays`: the page of those who let displays in.
pub async fn list_page(State(state): State<AppState>, Supervisor(viewer): Supervisor) -> Result<Response, Problem> {
    list_with(&state, &viewer, &pages::PairingForm::default()).await
}

/// The same, with what was typed and why it was not taken.
async fn list_with(state: &AppState, viewer: &Viewer, typed: &pages::PairingForm<'_>) -> Result<Response, Problem> {
    let displays = state.access.displays();
    let boards: Vec<String> = permitted(&state.wallboards, viewer).collect();
    let listed: Vec<DisplayStatus> = theirs(displays, &state.wallboards, viewer);
    let uses = displays.uses().await.map_err(|error| trouble(&error))?;
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
        tracing::error!(error = %error, "the page of displays cannot be rendered");
        Problem::broken()
    })
}

/// `GET /api/v1/displays`.
pub async fn list(
    State(displays): State<Displays>,
    State(boards): State<Wallboards>,
    State(clock): State<Clock>,
    Supervisor(viewer): Supervisor,
) -> Result<Json<Value>, Problem> {
    let (now, uses) = (clock.now(), displays.uses().await.map_err(|error| trouble(&error))?);
    let used = |it: &DisplayLogin| json!({"at": it.at, "by": it.credential.as_str(), "address": it.address, "browser": it.browser, "outcome": it.outcome.as_str()});
    let line = |it: &DisplayStatus| {
        let display = &it.display;
        let mut line = json!({
            "id": display.id, "board": display.board, "name": display.name, "createdBy": display.created_by,
            "created": display.created, "expires": display.expires, "revoked": display.revoked, "lastSeen": display.last_seen,
            "active": display.is_active(now), "sockets": it.sockets, "boundToBrowser": display.is_bound,
            "uses": uses.get(&display.id).into_iter().flatten().map(used).collect::<Vec<_>>(),
        });
        if let Some(seen) = &it.seen {
            line["lastReport"] = json!({
                "at": seen.at, "address": seen.address, "width": seen.size.0, "height": seen.size.1, "build": seen.build,
                "lagMilliseconds": u64::try_from(seen.lag.as_millis()).unwrap_or(u64::MAX),
            });
        }
        line
    };
    Ok(Json(json!({ "displays": theirs(&displays, &boards, &viewer).iter().map(line).collect::<Vec<_>>() })))
}

/// Which display, and what it is to show.
#[derive(Deserialize)]
pub struct Confirmation {
    code: String,
    board: String,
    #[serde(default)]
    name: String,
}

/// `POST /displays/pair`: lets the display in that shows this code. A code that is not taken comes back with the page.
pub async fn confirm(
    State(state): State<AppState>,
    from: From,
    Supervisor(viewer): Supervisor,
    Form(said): Form<Confirmation>,
) -> Result<Response, Problem> {
    let (access, displays) = (&state.access, state.access.displays());
    if !permitted(&state.wallboards, &viewer).any(|board| board == said.board) {
        return Err(Problem::not_found().detail("There is no such wallboard."));
    }
    let name = Some(said.name.trim()).filter(|name| !name.is_empty()).unwrap_or(&said.board);
    let name: String = name.chars().take(80).collect();
    let by = viewer.actor();
    let guesser = viewer.agent().map_or_else(
        || {
            Guesser::Network(network_of(
                from.map_or(Ipv4Addr::LOCALHOST.into(), |Extension(ClientIp(address))| address),
            ))
        },
        Guesser::Agent,
    );
    let confirmed = displays.confirm(&said.code, guesser, (&said.board, &name, &by.to_string())).await;
    let why = match confirmed.map_err(|error| trouble(&error))? {
        Ok(display) => {
            let after = json!({"board": display.board, "name": display.name});
            access.write(&by, "display.pair", &format!("display {}", display.id), after).await;
            return Ok(Redirect::to("/displays").into_response());
        }
        Err(why) => why,
    };
    let (status, seconds, trouble) = match why {
        NotConfirmed::Wrong => {
            let (what, entity) = ("display.wrong-code", "display".to_owned());
            let reason = "No display shows this code.".to_owned();
            access.refuse(Refused { actor: by, what, entity, after: json!({}), reason });
            let trouble = "No display shows this code. Codes change after ten minutes: look at the display again.";
            (StatusCode::UNPROCESSABLE_ENTITY, None, trouble.to_owned())
        }
        NotConfirmed::Wait(wait) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let unit = if seconds == 1 { "second" } else { "seconds" };
            let trouble = format!(
                "Too many wrong codes. Wait {seconds} {unit}, then type the code that the display shows by then."
            );
            (StatusCode::TOO_MANY_REQUESTS, Some(seconds), trouble)
        }
    };
    let typed = pages::PairingForm { trouble: &trouble, code: &said.code, board: &said.board, name: &said.name };
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
    State(boards): State<Wallboards>,
    Supervisor(viewer): Supervisor,
    Path((id, deed)): Path<(String, String)>,
) -> Result<Response, Problem> {
    act(&access, &displays, &boards, &viewer, &id, &deed).await?;
    Ok(Redirect::to("/displays").into_response())
}

/// `POST /api/v1/displays/{id}/revoke` and `/reload`.
pub async fn act_by_program(
    State(access): State<Access>,
    State(displays): State<Displays>,
    State(boards): State<Wallboards>,
    Supervisor(viewer): Supervisor,
    Path((id, deed)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    act(&access, &displays, &boards, &viewer, &id, &deed).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn act(
    access: &Access,
    displays: &Displays,
    boards: &Wallboards,
    viewer: &Viewer,
    id: &str,
    deed: &str,
) -> Result<(), Problem> {
    if !theirs(displays, boards, viewer).iter().any(|listed| listed.display.id == id) {
        return Err(Problem::not_found());
    }
    let (what, done) = match deed {
        "revoke" => ("display.revoke", displays.revoke(id).await.map_err(|error| trouble(&error))?),
        "reload" => ("display.reload", displays.reload(id)),
        _ => return Err(Problem::not_found()),
    };
    if !done {
        return Err(Problem::conflict("This display has been shut out already."));
    }
    access.write(&viewer.actor(), what, &format!("display {id}"), json!({})).await;
    Ok(())
}

/// The wallboards of which somebody may see every queue: nobody lets a display see what they may not see themself.
fn permitted<'a>(boards: &'a Wallboards, viewer: &'a Viewer) -> impl Iterator<Item = String> + 'a {
    boards.names().filter(|name| boards.is_within(name, viewer.permission()))
}

fn theirs(displays: &Displays, boards: &Wallboards, viewer: &Viewer) -> Vec<DisplayStatus> {
    let mut listed = displays.list();
    listed.retain(|it| boards.is_within(&it.display.board, viewer.permission()));
    listed
}

fn enter(access: &Access, key: &Secret, screen: &Screen) -> Response {
    let cookies = access.cookies();
    let mut answer = Redirect::to(&wallboard(screen)).into_response();
    let given = [cookies.set(cookies.display(), key, Some(KEPT_SECONDS)), cookies.delete(cookies.code())];
    for cookie in given.into_iter().flatten() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

fn wallboard(screen: &Screen) -> String {
    format!("/wallboard/{}", screen.board)
}

fn show(status: StatusCode, waiting: &pages::PairingState<'_>) -> Response {
    match pages::display(waiting) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "the page of a display cannot be rendered");
            Problem::broken().into_response()
        }
    }
}

fn trouble(error: &StoreError) -> Problem {
    tracing::error!(error = %error, "the displays cannot be read or written");
    Problem::not_now(COME_BACK)
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
