//! The commands below `/webapi/signalr` (signalr.md sections 1 to 6).

use std::convert::Infallible;
use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Form, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::outgoing::{Outgoing, PollChunk};
use super::{Hub, SignalrFaults, token};
use crate::auth::{Auth, Challenge};

/// State of the handlers.
#[derive(Clone)]
struct ApiState {
    hub: Hub,
    auth: Auth,
}

/// The routes, relative to the SignalR path.
pub fn router(hub: Hub, auth: Auth) -> Router {
    let state = ApiState { hub, auth };
    Router::new()
        .route("/negotiate", get(negotiate))
        .route("/connect", get(connect).post(connect))
        .route("/reconnect", get(reconnect).post(reconnect))
        .route("/poll", get(reconnect).post(reconnect))
        .route("/start", get(start).post(start))
        .route("/send", post(send))
        .route("/abort", post(abort))
        .route("/ping", get(async || axum::Json(json!({"Response": "pong"}))))
        .layer(from_fn_with_state(state.clone(), apply_faults))
        .with_state(state)
}

async fn apply_faults(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let SignalrFaults { unavailable, delay, .. } = *state.hub.faults();
    tokio::time::sleep(delay).await;
    if unavailable { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { next.run(request).await }
}

/// Only the transport webSockets upgrades the request.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// The query of every command but negotiate and ping.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConnectionQuery {
    transport: String,
    connection_token: String,
    message_id: Option<String>,
    groups_token: Option<String>,
}

/// Why a command is refused.
enum Refusal {
    Unauthenticated(Challenge),
    Plain(StatusCode, &'static str),
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated(challenge) => challenge.into_response(),
            Refusal::Plain(status, why) => (status, why).into_response(),
        }
    }
}

impl ApiState {
    fn user(&self, headers: &HeaderMap, query: &str) -> Result<i64, Refusal> {
        self.auth.authenticate(headers, query).map_err(Refusal::Unauthenticated)
    }

    /// The connection that a command is about; it must belong to the caller.
    fn connection(&self, headers: &HeaderMap, query: &str) -> Result<(String, ConnectionQuery), Refusal> {
        let user = self.user(headers, query)?;
        let refuse = |status: StatusCode, why: &'static str| Err(Refusal::Plain(status, why));
        let Ok(call) = serde_json::from_value::<ConnectionQuery>(query_object(query)) else {
            return refuse(StatusCode::BAD_REQUEST, "The query cannot be read.");
        };
        if ["connectionToken", "messageId", "groupsToken"].iter().any(|name| token::is_unencoded(query, name)) {
            return refuse(StatusCode::BAD_REQUEST, "The ConnectionId is in the incorrect format.");
        }
        let connections = self.hub.0.connections.lock();
        match connections.iter().find(|(_, connection)| connection.has_token(&call.connection_token)) {
            None => refuse(StatusCode::BAD_REQUEST, "The ConnectionId is in the incorrect format."),
            Some((_, connection)) if connection.user() != user => {
                refuse(StatusCode::FORBIDDEN, "Unrecognized user identity. The user identity cannot change.")
            }
            Some((id, _)) => Ok((id.clone(), call)),
        }
    }
}

fn query_object(query: &str) -> Value {
    url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), Value::from(value))).collect()
}

async fn negotiate(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let query = query.unwrap_or_default();
    let user = state.user(&headers, &query)?;
    if let Some(status) = state.hub.faults().negotiation {
        return Err((status, "The sandbox was asked to refuse.").into_response());
    }
    if let Some(url) = state.hub.faults().redirect.clone() {
        return Ok(axum::Json(json!({"ProtocolVersion": "2.0", "RedirectUrl": url})).into_response());
    }
    let (id, token) = state.hub.open(user);
    let times = state.hub.0.timeouts;
    // Protocol versions are clamped to 1.2..=1.5 (signalr.md 2).
    let wanted =
        query_object(&query)["clientProtocol"].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.5);
    let answer = json!({
        "Url": "/webapi/signalr",
        "ConnectionToken": token,
        "ConnectionId": id,
        "KeepAliveTimeout": times.keep_alive_timeout.as_secs_f64(),
        "DisconnectTimeout": times.disconnect.as_secs_f64(),
        "ConnectionTimeout": times.connection.as_secs_f64(),
        "TryWebSockets": !state.hub.faults().disabled_transports.contains("webSockets"),
        "ProtocolVersion": format!("{:.1}", wanted.clamp(1.2, 1.5)),
        "TransportConnectTimeout": times.transport_connect.as_secs_f64(),
        "LongPollDelay": times.poll_delay.as_secs_f64(),
    });
    Ok(axum::Json(answer).into_response())
}

async fn connect(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Response> {
    let (id, call) = state.connection(&headers, &query.unwrap_or_default())?;
    transport(&state, &id, &call, None, upgrade).await
}

async fn reconnect(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Upgrade,
    body: Bytes,
) -> Result<Response, Response> {
    // A poll can send its cursor and groups token as a form, which keeps the URL short (signalr.md 6).
    let form = std::str::from_utf8(&body).unwrap_or_default();
    let query = format!("{}&{form}", query.unwrap_or_default());
    let (id, call) = state.connection(&headers, &query)?;
    if let Some(found) = state.hub.0.connections.lock().get_mut(&id) {
        found.verify_groups(call.groups_token.as_deref());
    }
    let message_id = call.message_id.clone().unwrap_or_default();
    transport(&state, &id, &call, Some(&message_id), upgrade).await
}

async fn transport(
    state: &ApiState,
    id: &str,
    call: &ConnectionQuery,
    message_id: Option<&str>,
    upgrade: Upgrade,
) -> Result<Response, Response> {
    let bad = |why: &'static str| (StatusCode::BAD_REQUEST, why).into_response();
    if state.hub.faults().disabled_transports.contains(&call.transport) {
        return Err(StatusCode::NOT_FOUND.into_response());
    }
    let outgoing = Outgoing::new(&state.hub, id, message_id).ok_or_else(|| bad("The message id cannot be read."))?;
    match (call.transport.as_str(), upgrade) {
        ("webSockets", Ok(upgrade)) => Ok(upgrade.on_upgrade(move |socket| serve_socket(socket, outgoing))),
        ("webSockets", Err(_)) => Err(bad("This is not a WebSocket request.")),
        ("serverSentEvents", _) => Ok(server_sent_events(outgoing)),
        ("longPolling", _) => {
            let answer = long_polling(outgoing, Instant::now() + state.hub.0.timeouts.connection).await;
            answer.ok_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
        }
        _ => Err(bad("Unknown transport.")),
    }
}

async fn serve_socket(mut socket: WebSocket, mut outgoing: Outgoing) {
    loop {
        let text = tokio::select! {
            text = outgoing.next() => text,
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Text(call))) => Some(answer(&call)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            },
        };
        // Dropping the socket closes the TCP connection without a close frame, as a broken link does.
        let Some(text) = text else { return };
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
    }
}

fn server_sent_events(outgoing: Outgoing) -> Response {
    let events = unfold((outgoing, true), |(mut outgoing, first)| async move {
        let data = if first { "initialized".to_owned() } else { outgoing.next().await? };
        Some((Ok::<_, Infallible>(format!("data: {data}\r\n\r\n")), (outgoing, false)))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream; charset=UTF-8"), (header::CACHE_CONTROL, "no-cache")],
        Body::from_stream(events),
    )
        .into_response()
}

/// The answer to a poll: blanks until a frame ends it. Its headers are sent with the first chunk.
async fn long_polling(mut outgoing: Outgoing, deadline: Instant) -> Option<Response> {
    let first = outgoing.poll(deadline).await?;
    let pieces = unfold(Some((outgoing, Some(first))), move |rest| async move {
        let (mut outgoing, first) = rest?;
        let piece = match first {
            Some(piece) => Some(piece),
            None => outgoing.poll(deadline).await,
        };
        Some(match piece {
            Some(PollChunk::KeepAlive) => (Ok(" ".to_owned()), Some((outgoing, None))),
            Some(PollChunk::Frame(frame)) => (Ok(frame), None),
            // A truncated answer, as from a broken link.
            None => (Err(io::Error::from(io::ErrorKind::ConnectionReset)), None),
        })
    });
    let kind = [(header::CONTENT_TYPE, "application/json; charset=UTF-8")];
    Some((kind, Body::from_stream(pieces)).into_response())
}

async fn start(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let (id, _) = state.connection(&headers, &query.unwrap_or_default())?;
    if let Some(found) = state.hub.0.connections.lock().get_mut(&id) {
        found.start();
    }
    Ok(axum::Json(json!({"Response": "started"})).into_response())
}

#[derive(Deserialize)]
struct Sent {
    data: String,
}

async fn send(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, Response> {
    state.connection(&headers, &query.unwrap_or_default())?;
    Ok(([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], answer(&sent.data)).into_response())
}

/// The hub has no methods; this is the original's answer to a call of an unknown one.
fn answer(call: &str) -> String {
    let call: Value = serde_json::from_str(call).unwrap_or_default();
    let method = call["M"].as_str().unwrap_or_default();
    json!({"I": call["I"], "E": format!("'{method}' method could not be resolved.")}).to_string()
}

async fn abort(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<StatusCode, Response> {
    let (id, _) = state.connection(&headers, &query.unwrap_or_default())?;
    state.hub.0.connections.lock().remove(&id);
    Ok(StatusCode::OK)
}
