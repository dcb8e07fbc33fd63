//! Frames one request at a time: each is answered when there is news, and the next one says what has arrived
//! (`signalr.md` section 6).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::{Incoming, Target};
use crate::bearer::Bearer;
use crate::frame::Frame;
use crate::http::{self, BodyError};
use crate::position::Position;
use crate::{DEFAULT_MAX_FRAME_BYTES, Error, address};

/// How long a resumed connection waits for the beginning of its first answer before it counts as open: the server may
/// have nothing to say for minutes, and says not even that.
const GRACE: Duration = Duration::from_secs(1);

/// The longest pause between two polls that a server can ask for: longer, and it would forget us meanwhile.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// The pause after an answer that came at once and held nothing, so that a server which does not hold polls is not asked
/// without end.
const PAUSE: Duration = Duration::from_millis(250);

/// The requests of one connection, one at a time.
pub struct Polls {
    client: reqwest::Client,
    max_frame: usize,
    poll: Url,
    bearer: Bearer,
    delay: Duration,
    position: Position,
    state: State,
}

/// Where the request in hand is. Everything that waits lives in here, so that a dropped wait loses nothing.
enum State {
    Resting(Instant),
    Asked(Asked),
    Answering(Answer),
}

/// A request on its way, and whether another token has been tried for it.
struct Asked {
    answer: BoxFuture<'static, Result<Answer, Error>>,
    renewed: bool,
}

/// An answer being read.
struct Answer {
    chunks: BoxStream<'static, Result<Vec<u8>, Error>>,
    body: Vec<u8>,
    asked: Instant,
}

/// Sends the first request: `connect`, or `reconnect` with the position.
pub async fn open(client: &reqwest::Client, target: Target, max_frame: usize) -> Result<Polls, Error> {
    let Target { command, address, poll, token, bearer, position, delay } = target;
    let (at, form) = position.in_query_or_form(&address);
    let mut answer = send(client.clone(), command, at, form, token).boxed();
    let state = if command == "connect" {
        State::Answering(answer.await?)
    } else {
        match timeout(GRACE, &mut answer).await {
            Ok(answer) => State::Answering(answer?),
            Err(_) => State::Asked(Asked { answer, renewed: true }),
        }
    };
    Ok(Polls { client: client.clone(), max_frame, poll, bearer, delay, position, state })
}

impl Polls {
    /// What came next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        loop {
            match &mut self.state {
                State::Resting(until) => {
                    sleep_until(*until).await;
                    self.ask(false);
                }
                State::Asked(asked) => match (&mut asked.answer).await {
                    Ok(answer) => self.state = State::Answering(answer),
                    Err(error) if error.status() == Some(401) && !asked.renewed && self.bearer.is_renewable() => {
                        // The token has run out since the last poll; the credentials know.
                        self.ask(true);
                    }
                    Err(error) => return Err(error),
                },
                State::Answering(answer) => match answer.chunks.next().await {
                    Some(chunk) => {
                        let chunk = chunk?;
                        if answer.body.len() + chunk.len() > self.max_frame {
                            return Err(Error::FrameTooLarge { limit: self.max_frame });
                        }
                        // Blanks are the keep-alives of a request that is being held.
                        let blank = chunk.iter().all(u8::is_ascii_whitespace) && answer.body.is_empty();
                        if !blank {
                            answer.body.extend_from_slice(&chunk);
                        }
                        return Ok(if blank { Incoming::Beat } else { Incoming::Life });
                    }
                    None => {
                        let body = std::mem::take(&mut answer.body);
                        let held = answer.asked.elapsed() > PAUSE;
                        self.state = State::Resting(Instant::now() + if held { self.delay } else { self.pause() });
                        if body.is_empty() {
                            continue;
                        }
                        return Ok(Incoming::Frame(body));
                    }
                },
            }
        }
    }

    /// Keeps what a frame says about the stream, for the next poll, and when that is to be.
    pub fn heed(&mut self, frame: &Frame) {
        self.position.remember(frame);
        if let State::Resting(until) = &mut self.state {
            if !frame.calls.is_empty() || frame.init {
                *until = Instant::now();
            } else if let Some(delay) = frame.delay.filter(|delay| !delay.is_zero()) {
                *until = Instant::now() + delay.min(LONGEST_DELAY);
            }
        }
    }

    fn pause(&self) -> Duration {
        self.delay.max(PAUSE)
    }

    fn ask(&mut self, renewed: bool) {
        let (at, form) = self.position.in_query_or_form(&self.poll);
        let (client, bearer) = (self.client.clone(), self.bearer.clone());
        let answer = async move { bearer.show(|token| send(client, "poll", at, form, token)).await };
        self.state = State::Asked(Asked { answer: answer.boxed(), renewed });
    }
}

async fn send(
    client: reqwest::Client,
    command: &'static str,
    at: Url,
    form: String,
    token: Option<Arc<SecretString>>,
) -> Result<Answer, Error> {
    let host = address::host(&at);
    let asked = Instant::now();
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
    let mut request = client.post(at).header(CONTENT_TYPE, form_type).body(form);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let answer = request.send().await.map_err(|error| Error::Unreachable {
        command,
        host: host.clone(),
        source: Box::new(error.without_url()),
    })?;
    if !answer.status().is_success() {
        return Err(Error::HttpStatus { command, host, status: answer.status().as_u16() });
    }
    let broken = |error: BodyError| Error::Broken(Box::new(error));
    let chunks = http::pieces(answer, DEFAULT_MAX_FRAME_BYTES).map_err(broken)?.map(move |chunk| chunk.map_err(broken));
    Ok(Answer { chunks: chunks.boxed(), body: Vec::new(), asked })
}
