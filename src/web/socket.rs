//! `GET /api/v1/live`: the WebSocket of the live protocol.
//!
//! One task per socket, and never more than one frame in flight: a slow viewer gets fewer and larger patches. In flight
//! is what the viewer has not read, whether it is in our kernel, a proxy or the viewer's own kernel (see `flow`).

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep_until, timeout};
use utoipa::IntoParams;

use super::access::viewer::AuthError;
use super::access::{Identity, Viewer as WebViewer};
use super::api_error::ApiError;
use super::client_ip::ClientIp;
use super::openapi::{Frame as FrameSchema, ParameterProblems, Problem, ViewerProblems};
use super::origin::{log_refused, origin_allowed};
use super::serve::{ConnectionHandle, Tcp};
use super::state::AppState;
use super::wallboards::Wallboards;
use crate::actions::displays::DisplaySocket;
use crate::actions::sign_in::{EndReason, SessionState};
use crate::domain::Permission;
use crate::live::scope::DetailLevel;
use crate::live::viewer::{FrameKind, Resumption};
use crate::live::{Hub, Position, Scope, ViewError, ViewKey, ViewOwner, Viewer};
use base::{Clock, Lifecycle, Metrics, RateLimit};
use flow::Flow;

mod flow;

/// The interval of beats.
const BEAT: Duration = Duration::from_secs(5);

/// How long a reader may take no byte before its place is given up, and how often that is looked at.
const STUCK: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_secs(2);

/// How long a viewer may be silent, pongs included, before the connection counts as lost.
const SILENT: Duration = Duration::from_secs(45);

/// The shortest time between two patches at a desk. Eyes cannot follow more, and many small changes cost one frame.
const DESK_PACE: Duration = Duration::from_millis(50);

/// The same for a wallboard, which is watched less closely and whose browser may be weak.
const WALL_PACE: Duration = Duration::from_millis(250);

/// How many messages a viewer may send between two beats. Viewers have nothing to say but pongs.
const CHATTER: u32 = 100;

/// A viewer's message may have so many bytes.
const INBOUND: usize = 64 * 1024;

/// Restart, overload, slow reader, abuse, no sign-in, no such scope, and too many sockets, as close codes. Below 4500 a
/// page reconnects by itself.
const RESTART: u16 = 1012;
const OVERLOAD: u16 = 1013;
const SLOW: u16 = 4008;
const ABUSE: u16 = 1008;
const SIGN_IN: u16 = 4401;
const NO_SCOPE: u16 = 4403;

const TOO_MANY: u16 = 4429;

/// What RFC 6455 (7.1.5) calls a close without a code, and a connection that ended without a close.
const NO_CODE: u16 = 1005;
const BROKEN: u16 = 1006;

/// The longest part of a scope in the log: the id of a response is external text.
const LOGGED_SCOPE: usize = 80;

/// Lines of the log about sockets. All viewers come back at once after a restart.
static LINES: RateLimit = RateLimit::new(1000, Duration::from_millis(50));

/// The same about refused ones: anonymous clients must not use up the lines of viewers.
static REFUSED_LINES: RateLimit = RateLimit::new(100, Duration::from_millis(500));

/// What is said with the last two of these.
const NO_PAGE: &str = "This list has no such page.";
const TOO_MANY_OPEN: &str = "Too many pages are open.";

/// What a viewer wants, and what it has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// As for `/api/v1/state`.
    scope: Option<String>,
    /// The epoch of the document that the caller has.
    epoch: Option<String>,
    /// The version of the document that the caller has.
    #[param(value_type = Option<u64>)]
    version: Option<String>,
    /// From `/api/v1/live-ticket`, for programs that can send no header.
    ticket: Option<String>,
}

/// A WebSocket on which the state of a scope is kept up to date.
///
/// The server sends text frames, each a `Frame`. With `epoch` and `version` of what the caller has, the first frame is
/// one patch that covers the gap, or a snapshot if that is no longer possible. The server closes with 1012 when it
/// restarts, 1013 when it is overloaded, 4401 when a sign-in is needed, 4403 when the scope is gone, 4429 when one user
/// or one sign-in has too many open sockets: reconnect after a random wait, without an end. `Origin`, when sent, must
/// be the server's own.
// A client that must sign in first, or has too many sockets, gets a close code: no page can read the status of an
// upgrade that was refused.
#[utoipa::path(get, path = "/api/v1/live", params(Wanted), extensions(("x-least-role" = json!("display"))), responses(
    (status = 101, description = "The socket is open. The content describes its text frames.", body = FrameSchema),
    (status = 426, description = "The request is no upgrade.", body = Problem,
    content_type = "application/problem+json"),
    ParameterProblems, ViewerProblems))]
pub async fn live(
    State(state): State<AppState>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    web_viewer: Result<WebViewer, AuthError>,
    peer: Option<Extension<ClientIp>>,
    connection: Option<Extension<ConnectionHandle>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let address = peer.map(|Extension(ClientIp(address))| address);
    if !origin_allowed(&headers, &state.site.origin) {
        log_refused(address, "foreign-origin");
        return Err(ApiError::foreign_origin());
    }
    let (boards, access) = (state.wallboards.clone(), state.access.clone());
    let web_viewer = match &wanted.ticket {
        Some(ticket) => access.tickets().redeem(ticket).ok_or_else(|| ApiError::unauthorized().into()),
        None => web_viewer,
    };
    let web_viewer = match web_viewer {
        Ok(web_viewer) => web_viewer,
        // A temporary failure is no refusal: a program reads the status, and a page reconnects by itself.
        Err(AuthError::Api(problem)) if problem.status() != StatusCode::UNAUTHORIZED => return Err(*problem),
        Err(_) => return Ok(turn_away(upgrade, address, SIGN_IN, "Sign in first.")),
    };
    // Followed before it is asked what they may see: whatever changes after that is noticed.
    let followed = web_viewer.follow();
    let Some(web_viewer) = web_viewer.now() else {
        return Ok(turn_away(upgrade, address, SIGN_IN, "Sign in first."));
    };
    let place = match web_viewer.identity() {
        Identity::User(sign_in) => match sign_in.connection_permit() {
            Some(place) => Some(place),
            None => return Ok(turn_away(upgrade, address, TOO_MANY, TOO_MANY_OPEN)),
        },
        Identity::Anonymous | Identity::Display(_) => None,
    };
    let display = match web_viewer.identity() {
        Identity::Display(connected) => {
            Some(access.displays().open_socket(&connected.id, address).ok_or_else(ApiError::unauthorized)?)
        }
        Identity::Anonymous | Identity::User(_) => None,
    };
    let scope = boards.parse(wanted.scope.as_deref().unwrap_or("all"), web_viewer.permission())?;
    let version = wanted.version.and_then(|version| version.parse().ok());
    let position = wanted.epoch.zip(version).map(|(epoch, version)| Position { epoch, version });

    // tungstenite's own defaults would cost 128 KiB a viewer. What may wait to be written must hold one frame, and one
    // frame is all that ever waits.
    let upgrade = upgrade
        .read_buffer_size(4 * 1024)
        .write_buffer_size(1024)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(INBOUND)
        .max_frame_size(INBOUND);
    let view_owner = web_viewer.view_owner();
    let viewer = match state.hub.attach(&web_viewer.view_key(scope.clone())?, position.as_ref(), view_owner.as_ref()) {
        Ok(viewer) => viewer,
        // A page whose list has become shorter comes back: it must know that it need not hurry.
        Err(ViewError::NoSuchPage { .. }) => {
            return Ok(turn_away(upgrade, address, NO_SCOPE, NO_PAGE));
        }
        Err(ViewError::OwnerLimit { .. }) => {
            return Ok(turn_away(upgrade, address, TOO_MANY, TOO_MANY_OPEN));
        }
        Err(refused) => return Err(ApiError::view_refused(refused)),
    };
    match viewer.resumption {
        Resumption::New => {}
        Resumption::Resumed => state.metrics.client_resync("resumed"),
        Resumption::Unknown => state.metrics.client_resync("unknown"),
    }
    let pace = if scope.detail_level() == DetailLevel::Wallboard { WALL_PACE } else { DESK_PACE };
    let page = scope.kind();
    let tcp = connection.map(|Extension(handle)| handle.tcp());
    let boards = (scope.detail_level() == DetailLevel::Wallboard).then_some(boards);
    let standing = followed.or_else(|| display.as_ref().map(|it| it.session.clone()));
    let entry = LogEntry::new(&web_viewer, address, &scope);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let (hub, metrics) = (state.hub.clone(), state.metrics.clone());
        let (clock, life) = (state.clock.clone(), state.life.clone());
        let tracked = life.clone();
        tracked.spawn_isolated(async move {
            let (_present, _place) = (metrics.viewer(page), place);
            tcp.iter().for_each(Tcp::limit_unsent);
            let flow = Flow::new(tcp);
            let opened = entry.opened();
            let line = Line {
                socket,
                flow,
                hub,
                scope,
                viewer,
                view_owner,
                standing,
                display,
                pace,
                boards,
                clock,
                metrics,
                life,
            };
            opened.closed(line.run().await);
        });
    }))
}

struct Line {
    socket: WebSocket,
    flow: Flow,
    hub: Hub,
    scope: Scope,
    viewer: Viewer,
    /// Who watches, as far as their scopes are counted.
    view_owner: Option<ViewOwner>,
    /// The session state of the viewer, if there is a sign-in.
    standing: Option<watch::Receiver<SessionState>>,
    /// The display that watches, if one does.
    display: Option<DisplaySocket>,
    pace: Duration,
    /// Where a wallboard's queues are found, if it is one.
    boards: Option<Wallboards>,
    clock: Clock,
    metrics: Metrics,
    life: Lifecycle,
}

/// Why a line ends.
enum End {
    /// The viewer has gone, or the link has: with this close code.
    Gone(u16),
    /// We end it, and say why.
    Close(u16, &'static str),
}

impl Line {
    /// The close code with which it ended, on either side.
    async fn run(mut self) -> u16 {
        match self.talk().await {
            End::Close(code, reason) => {
                // Best effort: a reader that is stuck will not take this either.
                close(self.socket, code, reason).await;
                code
            }
            End::Gone(code) => code,
        }
    }

    async fn talk(&mut self) -> End {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (began, mut chatter) = (Instant::now(), 0);
        let mut not_before = Instant::now();
        let (mut beats, mut owes_beat) = (0_u32, false);
        loop {
            let life = self.life.clone();
            let step = tokio::select! {
                // A socket that always has something to send must still notice a stop and its viewer.
                biased;
                () = life.stopping() => return End::Close(RESTART, "The server is restarting."),
                // Before any frame: no viewer gets a byte of what they may no longer see.
                standing = changed(&mut self.standing) => match standing {
                    SessionState::Active(permission) => self.reattach(permission),
                    SessionState::Ended(_) => return End::Close(SIGN_IN, "Sign in again."),
                },
                received = self.socket.recv() => match received {
                    Some(Ok(Message::Close(frame))) => return End::Gone(frame.map_or(NO_CODE, |frame| frame.code)),
                    Some(Err(_)) | None => return End::Gone(BROKEN),
                    Some(Ok(message)) => {
                        if let (Some(display), Message::Text(text)) = (&self.display, &message) {
                            store_report(display, text).await;
                        }
                        self.flow.received();
                        let is_answer = matches!(&message, Message::Pong(said) if self.flow.is_answer(said));
                        chatter += u32::from(!is_answer);
                        if chatter > CHATTER {
                            return End::Close(ABUSE, "Too many messages.");
                        }
                        // What was written after that question may still be unread.
                        self.ask(false).await
                    }
                },
                () = wanted_anew(&mut self.display) => {
                    self.write(Message::Text(Utf8Bytes::from_static(r#"{"type":"reload"}"#))).await
                }
                _ = beat.tick(), if beats > 0 => {
                    if self.display.as_ref().is_some_and(DisplaySocket::has_expired) {
                        return End::Close(SIGN_IN, "The time of this display is over.");
                    }
                    if self.flow.is_silent(began, SILENT) {
                        return End::Gone(BROKEN);
                    }
                    // A board may name queues that Clarity had not named when the viewer came.
                    if self.boards.as_ref().is_some_and(|boards| boards.queues_changed(&self.scope)) {
                        return End::Close(RESTART, "The board shows other queues now.");
                    }
                    chatter = 0;
                    beats += 1;
                    owes_beat = true;
                    // Keeps proxies from cutting an idle connection, and detects a lost one.
                    self.ask(beats.is_multiple_of(4)).await
                }
                // Beats do not pile up before a slow reader either, and come after the snapshot that a document begins
                // with.
                () = self.flow.drained(), if owes_beat && self.viewer.holds_something() && self.flow.is_open() => {
                    owes_beat = false;
                    self.beat().await
                }
                () = ready(&self.flow, &mut self.viewer, not_before), if self.flow.is_open() => {
                    not_before = Instant::now() + self.pace;
                    self.send_frame().await
                }
                // The first beat has the server's time for a viewer that is up to date already.
                () = std::future::ready(()), if beats == 0 => {
                    (beats, owes_beat) = (1, true);
                    beat.reset();
                    Ok(())
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// The user's permission changed: from now on this is another document, which begins with a snapshot.
    fn reattach(&mut self, permission: Permission) -> Result<(), End> {
        let view_key = ViewKey::new(self.scope.clone(), permission);
        self.viewer = self.hub.attach(&view_key, None, self.view_owner.as_ref()).map_err(|refused| match refused {
            ViewError::OwnerLimit { .. } => End::Close(TOO_MANY, TOO_MANY_OPEN),
            ViewError::TooManyViews => End::Close(OVERLOAD, "Too much is being watched."),
            ViewError::NoSuchPage { .. } => End::Close(NO_SCOPE, NO_PAGE),
        })?;
        Ok(())
    }

    async fn send_frame(&mut self) -> Result<(), End> {
        let Some(frame) = self.viewer.frame() else { return Ok(()) };
        let bytes = frame.text.len();
        // What we encoded ourselves is UTF-8.
        let text = Utf8Bytes::try_from(frame.text).map_err(|_| End::Close(1011, "The frame is not text."))?;
        self.write(Message::Text(text)).await?;
        self.ask(false).await?;
        if let FrameKind::Patch { versions } = frame.kind {
            let seconds = frame.received.map_or(0.0, |at| at.elapsed().as_secs_f64());
            self.metrics.patch_written(bytes, seconds);
            self.metrics.viewer_coalesced(versions.saturating_sub(1) as u64);
        }
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), End> {
        let beat = self.viewer.beat(self.clock.now());
        self.write(Message::Text(beat.into())).await?;
        self.ask(false).await
    }

    /// Asks the viewer how far it has read, if that is due or must be known.
    async fn ask(&mut self, is_due: bool) -> Result<(), End> {
        match self.flow.question(is_due) {
            Some(question) => self.write(Message::Ping(question)).await,
            None => Ok(()),
        }
    }

    /// Writes for as long as the viewer takes what is written, which may be minutes.
    async fn write(&mut self, message: Message) -> Result<(), End> {
        let (began, bytes) = (Instant::now(), size_of(&message));
        let mut sending = pin!(self.socket.send(message));
        let mut look = interval_at(began + LOOK, LOOK);
        loop {
            tokio::select! {
                biased;
                sent = sending.as_mut() => {
                    self.flow.wrote(bytes);
                    return sent.map_err(|_| End::Gone(BROKEN));
                }
                () = self.life.stopping() => return Err(End::Close(RESTART, "The server is restarting.")),
                standing = changed(&mut self.standing) => return Err(match standing {
                    SessionState::Active(_) => End::Close(RESTART, "What you may see has changed."),
                    SessionState::Ended(_) => End::Close(SIGN_IN, "Sign in again."),
                }),
                _ = look.tick() => {
                    if self.flow.is_silent(began, STUCK) {
                        return Err(End::Close(SLOW, "The viewer does not read."));
                    }
                }
            }
        }
    }
}

fn size_of(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// Resolves when the viewer's session state changes; never without a sign-in.
async fn changed(standing: &mut Option<watch::Receiver<SessionState>>) -> SessionState {
    let Some(standing) = standing else { return std::future::pending().await };
    match standing.changed().await {
        Ok(()) => standing.borrow_and_update().clone(),
        // The task that keeps the sign-in is gone, and with it the sign-in.
        Err(_) => SessionState::Ended(EndReason::SignedOut),
    }
}

/// Resolves when a display is to load its page anew.
async fn wanted_anew(display: &mut Option<DisplaySocket>) {
    if let Some(display) = display
        && display.reload.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// A display's report about itself. Any other text from a viewer counts as a pong.
#[derive(Deserialize)]
struct DisplayReport {
    /// The server's time in the newest beat that the display received.
    received: Timestamp,
    width: u32,
    height: u32,
    build: String,
}

async fn store_report(display: &DisplaySocket, text: &str) {
    if let Ok(DisplayReport { received, width, height, build }) = serde_json::from_str(text) {
        display.report(received, (width, height), &build).await;
    }
}

/// What the log says of a socket.
struct LogEntry {
    address: Option<IpAddr>,
    sign_in: Option<String>,
    display: Option<String>,
    scope: String,
    began: Instant,
}

impl LogEntry {
    fn new(web_viewer: &WebViewer, address: Option<IpAddr>, scope: &Scope) -> Self {
        let (sign_in, display) = match web_viewer.identity() {
            Identity::User(sign_in) => (Some(sign_in.id().to_owned()), None),
            Identity::Display(connected) => (None, Some(connected.id.clone())),
            Identity::Anonymous => (None, None),
        };
        let scope = scope.to_string().chars().take(LOGGED_SCOPE).collect();
        Self { address, sign_in, display, scope, began: Instant::now() }
    }

    fn opened(self) -> Self {
        if let Some(left_out) = LINES.take() {
            let Self { address, sign_in, display: by, scope, .. } = &self;
            let address = address.map(tracing::field::display);
            tracing::info!(address, sign_in, display = by, scope, left_out, "socket opened");
        }
        self
    }

    fn closed(self, code: u16) {
        if let Some(left_out) = LINES.take() {
            let Self { address, sign_in, display: by, scope, began } = self;
            let (address, seconds) = (address.map(tracing::field::display), began.elapsed().as_secs());
            tracing::info!(address, sign_in, display = by, scope, code, seconds, left_out, "socket closed");
        }
    }
}

/// A socket that is closed as soon as it is open.
fn turn_away(upgrade: WebSocketUpgrade, address: Option<IpAddr>, code: u16, reason: &'static str) -> Response {
    if let Some(left_out) = REFUSED_LINES.take() {
        tracing::info!(address = address.map(tracing::field::display), code, left_out, "socket refused");
    }
    upgrade.on_upgrade(move |socket| close(socket, code, reason))
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) {
    let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
    let _ = timeout(Duration::from_secs(1), socket.send(close)).await;
}

/// Resolves when there is something to send and the time has come to send it.
async fn ready(flow: &Flow, viewer: &mut Viewer, not_before: Instant) {
    viewer.ready().await;
    flow.drained().await;
    // Even a timer that has run out already takes a turn of the clock, and a first frame has nothing to wait for.
    if Instant::now() < not_before {
        sleep_until(not_before).await;
    }
}
