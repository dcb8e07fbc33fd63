//! Connections against a scripted server.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tokio::sync::Notify;

use super::*;
use crate::{CredentialError, Error, SecretString, Transport};

mod cookies;
mod long_polling;

const PATIENCE: Duration = Duration::from_secs(60);
const LIMIT: usize = 64 * 1024;
const TOKEN: &str = "a+b/c=|,d==";
const NEGOTIATED: &str = r#"{"Url":"/signalr","ConnectionToken":"a+b/c=|,d==","ConnectionId":"88cf",
    "KeepAliveTimeout":20.0,"DisconnectTimeout":30.0,"ConnectionTimeout":110.0,"TryWebSockets":false,
    "ProtocolVersion":"1.5","TransportConnectTimeout":5.0}"#;
const INIT: &str = "data: initialized\n\ndata: {\"C\":\"s-0,1\",\"S\":1,\"M\":[]}\n\n";
const CALL: &str =
    "data: {\"C\":\"d-1|A,2+3\",\"G\":\"g+1/=\",\"M\":[{\"H\":\"Connect\",\"M\":\"onData\",\"A\":[1]}]}\n\n";

/// What happens when a transport is opened.
enum Stage {
    Refuse(u16),
    Say(&'static [&'static str]),
    SayAndClose(&'static [&'static str]),
    Socket(&'static [&'static str]),
    /// The same as `Say`, and these texts once the test cues them.
    SayOnCue(&'static [&'static str], &'static [&'static str]),
    /// A whole answer to a poll.
    Answer(&'static str),
    /// The same, once the test cues it.
    AnswerOnCue(&'static str),
    /// A poll that is held for ever, after these pieces.
    Hold(&'static [&'static str]),
}

#[derive(Debug, Clone)]
struct Seen {
    command: String,
    method: Method,
    form: String,
    query: HashMap<String, String>,
    authorization: Option<String>,
    cookie: Option<String>,
}

#[derive(Clone)]
struct Server {
    redirect: Option<&'static str>,
    negotiated: String,
    stages: Arc<Mutex<VecDeque<Stage>>>,
    cue: Arc<Notify>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server and a connection to it.
    async fn follow(negotiated: &str, stages: Vec<Stage>) -> (Self, Connection, Arc<Bearer>) {
        Self::follow_with(None, negotiated, stages, |_| ()).await
    }

    /// The same, with another answer to the first negotiation and other settings.
    async fn follow_with(
        redirect: Option<&'static str>,
        negotiated: &str,
        stages: Vec<Stage>,
        change: impl FnOnce(&mut Settings),
    ) -> (Self, Connection, Arc<Bearer>) {
        let server = Self {
            redirect,
            negotiated: negotiated.to_owned(),
            stages: Arc::new(Mutex::new(stages.into())),
            cue: Arc::default(),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}/signalr", listener.local_addr().expect("an address"));
        let app = Router::new().route("/signalr/{command}", axum::routing::any(serve)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut settings = Settings::new(base.parse().expect("a URL"), "connect");
        settings.max_frame_bytes = LIMIT;
        change(&mut settings);
        let bearer = Arc::new(Bearer::default());
        let connection =
            Connection::start(settings, Arc::clone(&bearer) as Arc<dyn Credentials>).expect("a connection");
        (server, connection, bearer)
    }

    /// Waits until the server has been asked so often.
    async fn until_seen(&self, command: &str, times: usize) -> Vec<Seen> {
        let asked = async {
            while self.seen(command).len() < times {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "{command} was not asked {times} times");
        self.seen(command)
    }

    fn seen(&self, command: &str) -> Vec<Seen> {
        self.seen.lock().expect("no panic").iter().filter(|seen| seen.command == command).cloned().collect()
    }
}

#[derive(Default)]
struct Bearer {
    refused: Mutex<usize>,
}

impl Credentials for Bearer {
    fn bearer_token(&self) -> BoxFuture<'_, Result<Option<SecretString>, CredentialError>> {
        Box::pin(std::future::ready(Ok(Some(SecretString::from("jwt")))))
    }

    fn rejected(&self, _token: &SecretString) {
        *self.refused.lock().expect("no panic") += 1;
    }
}

async fn serve(
    State(server): State<Server>,
    Path(command): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let method = request.method().clone();
    let (parts, body) = request.into_parts();
    let form = if method == Method::POST {
        axum::body::to_bytes(body, LIMIT).await.unwrap_or_default()
    } else {
        Default::default()
    };
    let form = String::from_utf8_lossy(&form).into_owned();
    let request = Request::from_parts(parts, Body::empty());
    let [authorization, cookie] = ["authorization", "cookie"]
        .map(|name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned));
    let (is_farm, is_known) = (query.contains_key("farm"), cookie.as_deref() == Some("node=a"));
    let seen = Seen { command: command.clone(), method, form, query, authorization, cookie };
    server.seen.lock().expect("no panic").push(seen);
    match command.as_str() {
        "negotiate" if is_farm => ([("set-cookie", "node=a; Path=/; HttpOnly")], server.negotiated).into_response(),
        _ if is_farm && !is_known => StatusCode::BAD_REQUEST.into_response(),
        "negotiate" => match server.redirect.filter(|_| server.seen("negotiate").len() == 1) {
            Some(redirect) => redirect.into_response(),
            None => server.negotiated.into_response(),
        },
        "start" => r#"{"Response":"started"}"#.into_response(),
        "connect" | "reconnect" | "poll" => {
            let stage = server.stages.lock().expect("no panic").pop_front();
            match stage {
                Some(Stage::Say(texts)) => say(texts, false),
                Some(Stage::SayAndClose(texts)) => say(texts, true),
                Some(Stage::Socket(texts)) => socket(texts, request).await,
                Some(Stage::SayOnCue(texts, later)) => {
                    let cue = async move { server.cue.notified().await };
                    let later = stream::once(cue).flat_map(move |()| stream::iter(later));
                    let later = later.map(|text| Ok::<_, std::convert::Infallible>(*text));
                    let texts = stream::iter(texts).map(|text| Ok(*text));
                    let body = Body::from_stream(texts.chain(later).chain(stream::pending()));
                    ([("content-type", "text/event-stream")], body).into_response()
                }
                Some(Stage::Answer(text)) => text.into_response(),
                Some(Stage::AnswerOnCue(text)) => {
                    server.cue.notified().await;
                    text.into_response()
                }
                Some(Stage::Hold(texts)) => say(texts, false),
                Some(Stage::Refuse(status)) => StatusCode::from_u16(status).expect("a status").into_response(),
                None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
        _ => "{}".into_response(),
    }
}

fn say(texts: &'static [&'static str], close: bool) -> Response {
    let texts = stream::iter(texts).map(|text| Ok::<_, std::convert::Infallible>(*text));
    let rest = if close { stream::empty().boxed() } else { stream::pending().boxed() };
    ([("content-type", "text/event-stream")], Body::from_stream(texts.chain(rest))).into_response()
}

async fn socket(texts: &'static [&'static str], request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.expect("an upgrade");
    upgrade.on_upgrade(move |mut socket| async move {
        for text in texts {
            socket.send(Message::text(*text)).await.expect("the client listens");
        }
        // Held until the client leaves.
        while socket.recv().await.is_some_and(|message| message.is_ok()) {}
    })
}

/// The next events up to and including the one that `last` names, as short texts.
async fn story(connection: &mut Connection, last: &str) -> Vec<String> {
    let mut story = Vec::new();
    let told = async {
        while story.last().is_none_or(|event: &String| event != last) {
            story.push(match connection.next().await {
                Event::Connected { transport, .. } => format!("opened over {transport}"),
                Event::Reconnected { .. } => "resumed".to_owned(),
                Event::Call(call) => format!("{call:?}"),
                Event::Slow => "slow".to_owned(),
                Event::Recovered => "steady".to_owned(),
                Event::Lost { reason: Error::KeepAliveTimeout { .. } } => "lost in silence".to_owned(),
                Event::Lost { .. } => "lost".to_owned(),
                Event::Malformed { .. } => "malformed".to_owned(),
                Event::Failed { reason, .. } => format!("failed {}", reason.status().unwrap_or_default()),
            });
        }
    };
    let done = tokio::time::timeout(PATIENCE, told).await;
    assert!(done.is_ok(), "{last} never came; so far {story:?}");
    story
}

#[tokio::test]
async fn next_transport_gets_the_same_connection_token() {
    let offer = NEGOTIATED.replace("false", "true");
    let (server, mut connection, _) = Server::follow(&offer, vec![Stage::Refuse(500), Stage::Say(&[INIT])]).await;
    assert_eq!(story(&mut connection, "opened over serverSentEvents").await.len(), 1);
    let connects = server.seen("connect");
    let of = |name: &str| connects.iter().map(|seen| seen.query[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("transport"), ["webSockets", "serverSentEvents"]);
    assert_eq!(of("connectionToken"), [TOKEN, TOKEN]);
    assert_eq!(of("connectionData")[0], r#"[{"name":"connect"}]"#);
    assert_eq!(server.seen("start").len(), 1);
    assert!(
        server.seen.lock().expect("no panic").iter().all(|seen| seen.authorization.as_deref() == Some("Bearer jwt"))
    );
}

#[tokio::test]
async fn web_socket_delivers_calls_in_order() {
    const FRAMES: &[&str] = &[
        r#"{"C":"1","M":[{"H":"c","M":"early","A":[]}]}"#,
        r#"{"C":"2","S":1,"M":[]}"#,
        "{}",
        r#"{"C":"3","M":[{"H":"c","M":"one","A":[]},{"H":"c","M":"two","A":[1,2]}]}"#,
    ];
    let offer = NEGOTIATED.replace("false", "true");
    let (_, mut connection, _) = Server::follow(&offer, vec![Stage::Socket(FRAMES)]).await;
    assert_eq!(
        story(&mut connection, "c.two(#2)").await,
        ["opened over webSockets", "c.early(#0)", "c.one(#0)", "c.two(#2)"]
    );
}

#[tokio::test]
async fn reconnect_resumes_at_the_cursor() {
    let stages = vec![Stage::SayAndClose(&[INIT, CALL]), Stage::Refuse(503), Stage::Say(&[CALL])];
    let (server, mut connection, _) = Server::follow(NEGOTIATED, stages).await;
    let told = story(&mut connection, "resumed").await;
    assert_eq!(told, ["opened over serverSentEvents", "Connect.onData(#1)", "lost", "failed 503", "resumed"]);
    story(&mut connection, "Connect.onData(#1)").await;
    let again = &server.seen("reconnect")[1].query;
    assert_eq!((again["messageId"].as_str(), again["groupsToken"].as_str()), ("d-1|A,2+3", "g+1/="));
    assert_eq!(again["connectionToken"], TOKEN);
    assert_eq!(server.seen("negotiate").len(), 1);
}

#[tokio::test]
async fn forgotten_connection_is_negotiated_anew() {
    for status in [400, 401, 403, 404] {
        let stages = vec![Stage::SayAndClose(&[INIT]), Stage::Refuse(status), Stage::Say(&[INIT])];
        let (server, mut connection, bearer) = Server::follow(NEGOTIATED, stages).await;
        story(&mut connection, &format!("failed {status}")).await;
        story(&mut connection, "opened over serverSentEvents").await;
        assert_eq!(server.seen("negotiate").len(), 2);
        assert_eq!(*bearer.refused.lock().expect("no panic"), usize::from(status == 401));
    }
}

#[tokio::test]
async fn server_that_asks_for_a_reconnect_gets_one() {
    let stages = vec![Stage::Say(&[INIT, "data: {\"T\":1}\n\n"]), Stage::Say(&[])];
    let (_, mut connection, _) = Server::follow(NEGOTIATED, stages).await;
    assert_eq!(story(&mut connection, "resumed").await, ["opened over serverSentEvents", "lost", "resumed"]);
}

#[tokio::test]
async fn second_malformed_frame_in_a_row_ends_the_connection() {
    let stages = vec![Stage::Say(&[INIT, "data: {\"C\n\n", CALL, "data: ?\n\ndata: ?\n\n"]), Stage::Say(&[INIT])];
    let (_, mut connection, _) = Server::follow(NEGOTIATED, stages).await;
    let told = story(&mut connection, "lost").await;
    assert_eq!(told[1..], ["malformed", "Connect.onData(#1)", "malformed", "lost"]);
    // The same cursor would bring the same frames again: a new connection begins.
    assert_eq!(story(&mut connection, "opened over serverSentEvents").await, ["opened over serverSentEvents"]);
}

#[tokio::test]
async fn silence_for_the_keep_alive_timeout_loses_the_transport() {
    let offer = NEGOTIATED.replace("20.0", "0.3");
    let (_, mut connection, _) = Server::follow(&offer, vec![Stage::Say(&[INIT])]).await;
    let told = story(&mut connection, "lost in silence").await;
    assert_eq!(told.first().map(String::as_str), Some("opened over serverSentEvents"));
}

/// U4: silent, and then active again on the same transport.
#[tokio::test]
async fn slow_server_recovers_on_the_same_transport() {
    let offer = NEGOTIATED.replace("20.0", "3.0");
    let stages = vec![Stage::SayOnCue(&[INIT], &["data: {}\n\n"])];
    let (server, mut connection, _) = Server::follow(&offer, stages).await;
    assert_eq!(story(&mut connection, "slow").await, ["opened over serverSentEvents", "slow"]);
    server.cue.notify_one();
    assert_eq!(story(&mut connection, "steady").await, ["steady"]);
}

/// A client that was away for longer than the server remembers negotiates anew, and does not reconnect forever (U5).
#[tokio::test]
async fn disconnect_timeout_starts_a_new_connection() {
    let offer = NEGOTIATED.replace("20.0", "0.2").replace("30.0", "0.2");
    let mut stages = vec![Stage::SayAndClose(&[INIT])];
    stages.extend((0..3).map(|_| Stage::Refuse(503)));
    // As long as it refuses the old connection with 503, only time can tell that it is over.
    let (server, mut connection, _) = Server::follow(&offer, stages).await;
    story(&mut connection, "lost").await;
    server.until_seen("negotiate", 2).await;
    assert!(server.seen("reconnect").len() <= 3);
    let tokens: Vec<_> = server.seen("abort").iter().map(|seen| seen.query["connectionToken"].clone()).collect();
    assert_eq!(tokens.first().map(String::as_str), Some(TOKEN), "the old one is given up");
}

#[tokio::test]
async fn ping_has_the_bearer_token_and_no_connection_token() {
    let hurry = |settings: &mut Settings| settings.ping_interval = Duration::from_millis(20);
    let (server, mut connection, _) = Server::follow_with(None, NEGOTIATED, vec![Stage::Say(&[INIT])], hurry).await;
    story(&mut connection, "opened over serverSentEvents").await;
    let pings = server.until_seen("ping", 2).await;
    assert!(pings.iter().all(|seen| seen.query.is_empty() && seen.authorization.as_deref() == Some("Bearer jwt")));
}

#[tokio::test]
async fn redirect_loop_ends_after_five_redirects() {
    let circle = r#"{"ProtocolVersion":"2.0","RedirectUrl":"/signalr"}"#;
    let (server, mut connection, _) = Server::follow(circle, Vec::new()).await;
    let Event::Failed { reason, wait } = connection.next().await else { panic!("another event") };
    assert!(matches!(reason, Error::TooManyRedirects) && wait >= Duration::from_secs(30), "{reason}");
    assert_eq!(server.seen("negotiate").len(), 6);
}

#[tokio::test]
async fn redirect_to_a_foreign_host_is_not_followed() {
    let away = r#"{"ProtocolVersion":"2.0","RedirectUrl":"https://evil.example.net/signalr","AccessToken":"x"}"#;
    let (server, mut connection, _) = Server::follow(away, Vec::new()).await;
    let Event::Failed { reason, .. } = connection.next().await else { panic!("another event") };
    assert!(matches!(&reason, Error::RedirectNotAllowed { host } if host == "evil.example.net"), "{reason}");
    assert_eq!(server.seen("negotiate").len(), 1);
}

#[tokio::test]
async fn protocol_version_of_the_server_is_used() {
    let older = NEGOTIATED.replace(r#""ProtocolVersion":"1.5""#, r#""ProtocolVersion":"1.3""#);
    let (server, mut connection, _) = Server::follow(&older, vec![Stage::Say(&[INIT])]).await;
    story(&mut connection, "opened over serverSentEvents").await;
    assert_eq!(server.seen("negotiate")[0].query["clientProtocol"], "1.5");
    assert_eq!(server.seen("connect")[0].query["clientProtocol"], "1.3");
    assert!(server.seen("start").is_empty(), "it came with 1.4");
}

#[tokio::test]
async fn close_sends_abort() {
    let (server, mut connection, _) = Server::follow(NEGOTIATED, vec![Stage::Say(&[INIT])]).await;
    story(&mut connection, "opened over serverSentEvents").await;
    connection.close().await;
    assert_eq!(server.seen("abort")[0].query["connectionToken"], TOKEN);
}

#[tokio::test]
async fn aspnet_core_signalr_is_refused() {
    let (server, mut connection, _) =
        Server::follow(r#"{"connectionId":"x","availableTransports":[]}"#, Vec::new()).await;
    let Event::Failed { reason, wait } = connection.next().await else { panic!("another event") };
    assert!(matches!(reason, Error::AspNetCore { .. }) && wait >= Duration::from_secs(30), "{reason}");
    assert!(server.seen("connect").is_empty());
}

#[tokio::test]
async fn redirect_replaces_token_and_query() {
    let redirect = r#"{"ProtocolVersion":"2.0","RedirectUrl":"/signalr?site=2","AccessToken":"other"}"#;
    let (server, mut connection, _) =
        Server::follow_with(Some(redirect), NEGOTIATED, vec![Stage::Say(&[INIT])], |_| ()).await;
    story(&mut connection, "opened over serverSentEvents").await;
    for seen in [&server.seen("negotiate")[1], &server.seen("connect")[0], &server.seen("start")[0]] {
        assert_eq!((seen.query["site"].as_str(), seen.authorization.as_deref()), ("2", Some("Bearer other")));
    }
}

#[tokio::test]
async fn too_large_frame_starts_a_new_connection() {
    let large = format!("data: {}\n\n", " ".repeat(LIMIT));
    let said: &'static [&'static str] = Box::leak(Box::new([INIT, &*large.leak()]));
    let stages = vec![Stage::Say(said), Stage::Say(&[INIT])];
    let (server, mut connection, _) = Server::follow(NEGOTIATED, stages).await;
    story(&mut connection, "lost").await;
    story(&mut connection, "opened over serverSentEvents").await;
    assert_eq!((server.seen("negotiate").len(), server.seen("reconnect").len()), (2, 0));
}
