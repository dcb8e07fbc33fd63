//! Frames as server-sent events: one HTTP answer that never ends.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use secrecy::ExposeSecret;

use super::{Incoming, Target};
use crate::http::{self, BodyError};
use crate::sse::Decoder;
use crate::{Error, address};

/// An open answer.
pub struct Stream {
    chunks: BoxStream<'static, Result<Vec<u8>, BodyError>>,
    decoder: Decoder,
    waiting: VecDeque<Vec<u8>>,
}

/// Asks for the answer and waits for its head.
pub async fn open(client: &reqwest::Client, target: Target, max_frame: usize) -> Result<Stream, Error> {
    let Target { command, address, token, position, .. } = target;
    let address = position.in_query(&address);
    let host = address::host(&address);
    // Compressed, events would sit in somebody's buffer until it is full.
    let mut request = client.get(address).header(ACCEPT, "text/event-stream").header(ACCEPT_ENCODING, "identity");
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
    let chunks = http::pieces(answer, max_frame).map_err(|error| Error::Broken(Box::new(error)))?;
    Ok(Stream { chunks: chunks.boxed(), decoder: Decoder::new(max_frame), waiting: VecDeque::new() })
}

impl Stream {
    /// What came next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        if let Some(data) = self.waiting.pop_front() {
            return Ok(incoming(data));
        }
        match self.chunks.next().await {
            Some(Ok(bytes)) => {
                self.waiting.extend(self.decoder.feed(&bytes)?);
                Ok(self.waiting.pop_front().map_or(Incoming::Life, incoming))
            }
            Some(Err(error)) => Err(Error::Broken(Box::new(error))),
            None => Err(Error::Closed),
        }
    }
}

/// The first event only says that the stream is open.
fn incoming(data: Vec<u8>) -> Incoming {
    if data.eq_ignore_ascii_case(b"initialized") { Incoming::Life } else { Incoming::Frame(data) }
}
