//! `longPolling`: one request after the other. Each is held until there is something to send, and the next one tells
//! the server the position.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::{ConnectRequest, Incoming};
use crate::bearer_source::BearerSource;
use crate::frame::Frame;
use crate::http::{self, BodyError};
use crate::position::Position;
use crate::{DEFAULT_MAX_FRAME_BYTES, Error, SecretString, endpoint};

/// How long `reconnect` waits for the head of its answer before it counts as open: a server without news may hold the
/// request for minutes and send nothing.
const RECONNECT_GRACE: Duration = Duration::from_secs(1);

/// The longest pause between two polls that a server can ask for. A longer one could outlast the connection on the
/// server.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// The pause after an answer that came at once and was empty, for servers that do not hold polls.
const MIN_DELAY: Duration = Duration::from_millis(250);

/// The polls of one connection.
pub struct Polls {
    client: Client,
    max_frame_bytes: usize,
    poll_url: Url,
    bearer: BearerSource,
    poll_delay: Duration,
    position: Position,
    state: State,
}

/// The state of the current poll. All that waits is in here, so that [`Polls::next`] is cancel-safe.
enum State {
    /// The next poll is sent at this time.
    Waiting(Instant),
    Sent(Sent),
    Reading(Answer),
}

/// A request without an answer yet.
struct Sent {
    answer: BoxFuture<'static, Result<Answer, Error>>,
    /// Whether this is the second request, with another token, after a 401.
    is_retry: bool,
}

/// An answer that is being read.
struct Answer {
    chunks: BoxStream<'static, Result<Vec<u8>, Error>>,
    body: Vec<u8>,
    sent_at: Instant,
}

/// Sends the first request: `connect`, or `reconnect` with the position.
pub async fn open(client: &Client, request: ConnectRequest, max_frame_bytes: usize) -> Result<Polls, Error> {
    let ConnectRequest { command, url, poll_url, token, bearer, position, poll_delay } = request;
    let (url, form) = position.in_query_or_form(&url);
    let mut answer = send(client.clone(), command, url, form, token).boxed();
    let state = if command == "connect" {
        State::Reading(answer.await?)
    } else {
        match timeout(RECONNECT_GRACE, &mut answer).await {
            Ok(answer) => State::Reading(answer?),
            Err(_) => State::Sent(Sent { answer, is_retry: true }),
        }
    };
    Ok(Polls { client: client.clone(), max_frame_bytes, poll_url, bearer, poll_delay, position, state })
}

impl Polls {
    /// What comes next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        loop {
            match &mut self.state {
                State::Waiting(until) => {
                    sleep_until(*until).await;
                    self.poll(false);
                }
                State::Sent(sent) => match (&mut sent.answer).await {
                    Ok(answer) => self.state = State::Reading(answer),
                    Err(error) if error.status() == Some(401) && !sent.is_retry && self.bearer.is_renewable() => {
                        // The token has expired since the last poll.
                        self.poll(true);
                    }
                    Err(error) => return Err(error),
                },
                State::Reading(answer) => match answer.chunks.next().await {
                    Some(chunk) => {
                        let chunk = chunk?;
                        if answer.body.len() + chunk.len() > self.max_frame_bytes {
                            return Err(Error::FrameTooLarge { limit: self.max_frame_bytes });
                        }
                        // While it holds a poll, the server writes blanks as keep-alives.
                        let is_keep_alive = chunk.iter().all(u8::is_ascii_whitespace) && answer.body.is_empty();
                        if !is_keep_alive {
                            answer.body.extend_from_slice(&chunk);
                        }
                        return Ok(if is_keep_alive { Incoming::KeepAlive } else { Incoming::Activity });
                    }
                    None => {
                        let body = std::mem::take(&mut answer.body);
                        let was_held = answer.sent_at.elapsed() > MIN_DELAY;
                        let delay = if was_held { self.poll_delay } else { self.poll_delay.max(MIN_DELAY) };
                        self.state = State::Waiting(Instant::now() + delay);
                        if body.is_empty() {
                            continue;
                        }
                        return Ok(Incoming::Frame(body));
                    }
                },
            }
        }
    }

    /// Takes over the position from a frame, and decides when to poll again.
    pub fn acknowledge(&mut self, frame: &Frame) {
        self.position.update(frame);
        if let State::Waiting(until) = &mut self.state {
            if !frame.calls.is_empty() || frame.is_init {
                *until = Instant::now();
            } else if let Some(delay) = frame.poll_delay.filter(|delay| !delay.is_zero()) {
                *until = Instant::now() + delay.min(MAX_DELAY);
            }
        }
    }

    fn poll(&mut self, is_retry: bool) {
        let (url, form) = self.position.in_query_or_form(&self.poll_url);
        let (client, bearer) = (self.client.clone(), self.bearer.clone());
        let answer = async move { bearer.send(|token| send(client, "poll", url, form, token)).await };
        self.state = State::Sent(Sent { answer: answer.boxed(), is_retry });
    }
}

async fn send(
    client: Client,
    command: &'static str,
    url: Url,
    form: String,
    token: Option<Arc<SecretString>>,
) -> Result<Answer, Error> {
    let host = endpoint::host(&url);
    let sent_at = Instant::now();
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
    let mut request = client.post(url).header(CONTENT_TYPE, form_type).body(form);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let answer = http::send(request, command, &host).await?;
    let broken = |error: BodyError| Error::Broken(Box::new(error));
    let chunks = http::pieces(answer, DEFAULT_MAX_FRAME_BYTES).map_err(broken)?.map(move |chunk| chunk.map_err(broken));
    Ok(Answer { chunks: chunks.boxed(), body: Vec::new(), sent_at })
}
