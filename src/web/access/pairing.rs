//! How displays come in, and the page of those who let them in.

use axum::Json;
use axum::extract::{Extension, Form, Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Access;
use super::displays::{Code, Displays, Listed, Screen, Shown, TERM};
use super::door::{TOO_MANY, log_refused};
use super::viewer::{Supervisor, Viewer};
use crate::base::secret::ExposeSecret;
use crate::base::{Clock, Secret};
use crate::domain::Actor;
use crate::store::StoreError;
use crate::web::boards::Boards;
use crate::web::pages::{self, Reader};
use crate::web::peer::Peer;
use crate::web::problem::Problem;
use crate::web::refusals::Refused;
use crate::web::state::{AppState, House};

/// How long a browser keeps a display's key: as long as browsers keep anything. The display's own term counts.
const KEPT_SECONDS: u64 = 400 * 24 * 3600;

/// How long to wait when the store is busy, in seconds.
const COME_BACK: u64 = 5;

/// `GET /display`: a display that nobody has let in shows a code; one that has been let in goes to its wallboard. It looks
/// again by itself.
pub async fn page(State(access): State<Access>, State(displays): State<Displays>, headers: HeaderMap) -> Response {
    let cookies = access.cookies();
    let held = |name: &'static str| cookies.read(&headers, name);
    if let Some(key) = held(cookies.display())
        && let Ok(Some(screen)) = displays.of_key(&key).await
    {
        return Redirect::to(&wallboard(&screen)).into_response();
    }
    let shown = match held(cookies.code()) {
        Some(ticket) => displays.look(ticket.expose_secret()).await,
        None => Ok(Shown::Gone),
    };
    match shown {
        Ok(Shown::In(key, screen)) => enter(&access, &key, &screen),
        Ok(Shown::Waits(code)) => show(&code),
        Ok(Shown::Gone) => match displays.show_code() {
            Some(Code { code, ticket }) => {
                let mut answer = show(&code);
                if let Some(cookie) = cookies.give(cookies.code(), &Secret::from(ticket), None) {
                    answer.headers_mut().append(SET_COOKIE, cookie);
                }
                answer
            }
            None => Problem::not_now(COME_BACK).into_response(),
        },
        Err(error) => trouble(&error).into_response(),
    }
}

/// A token, as the form or the script of the page sends it.
#[derive(Deserialize)]
pub struct Token {
    token: Secret,
}

/// `POST /display`: comes in by a token.
pub async fn by_token(
    State(access): State<Access>,
    State(displays): State<Displays>,
    peer: Option<Extension<Peer>>,
    Form(said): Form<Token>,
) -> Result<Response, Problem> {
    if let Some(Extension(peer)) = peer {
        access.limit().check_address(peer).map_err(|wait| {
            log_refused(Some(peer.0), "display-token", TOO_MANY);
            Problem::too_many(wait.as_secs() + 1)
        })?;
    }
    match displays.enter(said.token.expose_secret()).await.map_err(|error| trouble(&error))? {
        Some((key, screen)) => {
            let actor = Actor::display(&screen.id).at(peer.map(|Extension(Peer(address))| address));
            access.write(&actor, "display.enter", &format!("wallboard {}", screen.board), json!({})).await;
            Ok(enter(&access, &key, &screen))
        }
        None => {
            let (actor, after) = (Actor::unknown(peer.map(|Extension(Peer(address))| address)), json!({}));
            log_refused(actor.address, "display-token", "credentials");
            let reason = "The token is not good for any display.".to_owned();
            access.refuse(Refused { actor, what: "display.refused", entity: "display".to_owned(), after, reason });
            Err(Problem::sign_in_needed().detail("This token is not, or no longer, good for any display."))
        }
    }
}

/// A browser becomes a display of the first wallboard there is, without anybody's word: where everything is invented.
pub(super) async fn as_display(access: &Access, boards: &Boards, headers: &HeaderMap) -> Response {
    let Some(board) = boards.names().next() else { return Problem::not_found().into_response() };
    let entered = async {
        let (token, _) = access.displays().add(&board, "Demo", "the demo", TERM).await?;
        access.displays().enter(token.text().expose_secret()).await
    };
    let mut answer = match entered.await {
        Ok(Some((key, screen))) => enter(access, &key, &screen),
        Ok(None) => return Problem::not_found().into_response(),
        Err(error) => return trouble(&error).into_response(),
    };
    // Who was somebody here is a screen now.
    let cookies = access.cookies();
    access.sign_out(headers).await;
    if let Some(gone) = cookies.take(cookies.person()) {
        answer.headers_mut().append(SET_COOKIE, gone);
    }
    answer
}

/// `GET /displays`: the page of those who let displays in.
pub async fn list_page(
    State(state): State<AppState>,
    State(displays): State<Displays>,
    Supervisor(viewer): Supervisor,
) -> Result<Response, Problem> {
    let boards: Vec<String> = permitted(&state.boards, &viewer).collect();
    let listed: Vec<Listed> = theirs(&displays, &state.boards, &viewer);
    let House { time_zone, demo, .. } = &*state.house;
    let reader = Reader::of(&viewer, *demo);
    let html = pages::displays(&listed, &boards, state.hub.build(), state.clock.now(), time_zone, &reader);
    html.map(|html| Html(html).into_response()).map_err(|error| {
        tracing::error!(error = %error, "the page of displays cannot be rendered");
        Problem::broken()
    })
}

/// `GET /api/v1/displays`.
pub async fn list(
    State(displays): State<Displays>,
    State(boards): State<Boards>,
    State(clock): State<Clock>,
    Supervisor(viewer): Supervisor,
) -> Json<Value> {
    let now = clock.now();
    let line = |it: &Listed| {
        let display = &it.display;
        let mut line = json!({
            "id": display.id, "board": display.board, "name": display.name, "madeBy": display.made_by,
            "created": display.created, "expires": display.expires, "revoked": display.revoked, "lastSeen": display.used,
            "in": display.is_in(now), "sockets": it.sockets,
        });
        if let Some(seen) = &it.seen {
            line["seen"] = json!({
                "at": seen.at, "address": seen.address, "width": seen.size.0, "height": seen.size.1, "build": seen.build,
                "lagMilliseconds": u64::try_from(seen.lag.as_millis()).unwrap_or(u64::MAX),
            });
        }
        line
    };
    Json(json!({ "displays": theirs(&displays, &boards, &viewer).iter().map(line).collect::<Vec<_>>() }))
}

/// Which display, and what it is to show.
#[derive(Deserialize)]
pub struct Confirmation {
    code: String,
    board: String,
    #[serde(default)]
    name: String,
}

/// `POST /displays/confirm`: lets the display in that shows this code.
pub async fn confirm(
    State(access): State<Access>,
    State(displays): State<Displays>,
    State(boards): State<Boards>,
    Supervisor(viewer): Supervisor,
    Form(said): Form<Confirmation>,
) -> Result<Response, Problem> {
    if !permitted(&boards, &viewer).any(|board| board == said.board) {
        return Err(Problem::not_found().detail("There is no such wallboard."));
    }
    let name = Some(said.name.trim()).filter(|name| !name.is_empty()).unwrap_or(&said.board);
    let name: String = name.chars().take(80).collect();
    let by = viewer.actor();
    let confirmed =
        displays.confirm(&said.code, &said.board, &name, &by.to_string()).await.map_err(|error| trouble(&error))?;
    let display = confirmed.ok_or_else(|| {
        Problem::not_valid("No display shows this code. Codes change after ten minutes: look at the display again.")
    })?;
    let after = json!({"board": display.board, "name": display.name});
    access.write(&by, "display.confirm", &format!("display {}", display.id), after).await;
    Ok(Redirect::to("/displays").into_response())
}

/// `POST /displays/{id}/revoke` and `/reload`, from the page.
pub async fn act_by_form(
    State(access): State<Access>,
    State(displays): State<Displays>,
    State(boards): State<Boards>,
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
    State(boards): State<Boards>,
    Supervisor(viewer): Supervisor,
    Path((id, deed)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    act(&access, &displays, &boards, &viewer, &id, &deed).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn act(
    access: &Access,
    displays: &Displays,
    boards: &Boards,
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
fn permitted<'a>(boards: &'a Boards, viewer: &'a Viewer) -> impl Iterator<Item = String> + 'a {
    boards.names().filter(|name| boards.is_within(name, viewer.permission()))
}

fn theirs(displays: &Displays, boards: &Boards, viewer: &Viewer) -> Vec<Listed> {
    let mut listed = displays.list();
    listed.retain(|it| boards.is_within(&it.display.board, viewer.permission()));
    listed
}

fn enter(access: &Access, key: &Secret, screen: &Screen) -> Response {
    let cookies = access.cookies();
    let mut answer = Redirect::to(&wallboard(screen)).into_response();
    let given = [cookies.give(cookies.display(), key, Some(KEPT_SECONDS)), cookies.take(cookies.code())];
    for cookie in given.into_iter().flatten() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

fn wallboard(screen: &Screen) -> String {
    format!("/wallboard/{}", screen.board)
}

fn show(code: &str) -> Response {
    match pages::display(code) {
        Ok(html) => Html(html).into_response(),
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
