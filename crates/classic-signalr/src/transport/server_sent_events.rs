//! `serverSentEvents`: one HTTP answer that never ends.

use std::collections::VecDeque;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::Client;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use secrecy::ExposeSecret;

use super::{ConnectRequest, Incoming};
use crate::event_stream::Decoder;
use crate::http::{self, BodyError};
use crate::{Error, endpoint};

/// An open answer.
pub struct Stream {
    chunks: BoxStream<'static, Result<Vec<u8>, BodyError>>,
    decoder: Decoder,
    /// Events that came in the same chunk as an earlier one.
    queue: VecDeque<Vec<u8>>,
}

/// Sends the request and waits for the head of the answer.
pub async fn open(client: &Client, request: ConnectRequest, max_frame_bytes: usize) -> Result<Stream, Error> {
    let ConnectRequest { command, url, token, position, .. } = request;
    let url = position.in_query(&url);
    let host = endpoint::host(&url);
    // A compressing proxy would hold events back until its buffer is full.
    let mut request = client.get(url).header(ACCEPT, "text/event-stream").header(ACCEPT_ENCODING, "identity");
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    let answer = http::send(request, command, &host).await?;
    let chunks = http::pieces(answer, max_frame_bytes).map_err(|error| Error::Broken(Box::new(error)))?;
    Ok(Stream { chunks: chunks.boxed(), decoder: Decoder::new(max_frame_bytes), queue: VecDeque::new() })
}

impl Stream {
    /// What comes next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        if let Some(data) = self.queue.pop_front() {
            return Ok(incoming(data));
        }
        match self.chunks.next().await {
            Some(Ok(bytes)) => {
                self.queue.extend(self.decoder.feed(&bytes)?);
                Ok(self.queue.pop_front().map_or(Incoming::Activity, incoming))
            }
            Some(Err(error)) => Err(Error::Broken(Box::new(error))),
            None => Err(Error::Closed),
        }
    }
}

/// The first event is `initialized` and not a frame.
fn incoming(data: Vec<u8>) -> Incoming {
    if data.eq_ignore_ascii_case(b"initialized") { Incoming::Activity } else { Incoming::Frame(data) }
}
