//! `webSockets`: one text message for each frame.

use futures_util::StreamExt;
use reqwest::cookie::CookieStore;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use zeroize::Zeroizing;

use super::{ConnectRequest, Incoming};
use crate::{Error, endpoint};

/// An open WebSocket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    max_frame_bytes: usize,
}

/// Opens a WebSocket. The upgrade request has the bearer token in its `Authorization` header, like all others.
pub async fn open(request: ConnectRequest, max_frame_bytes: usize, cookies: &dyn CookieStore) -> Result<Socket, Error> {
    let ConnectRequest { command, url, token, position, .. } = request;
    let url = position.in_query(&url);
    let host = endpoint::host(&url);
    let unreachable = |source| Error::Unreachable { command, host: host.clone(), source };
    let websocket = endpoint::websocket(url.clone());
    let mut request = websocket.as_str().into_client_request().map_err(|error| unreachable(without_url(error)))?;
    if let Some(token) = token {
        let text = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        let mut value = HeaderValue::from_str(&text).map_err(|error| unreachable(Box::new(error)))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    if let Some(mut header) = cookies.cookies(&url) {
        header.set_sensitive(true);
        request.headers_mut().insert(COOKIE, header);
    }
    // This client sends next to nothing, so the default buffers of 128 KiB each are too large.
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(1024)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(Some(max_frame_bytes))
        .max_frame_size(Some(max_frame_bytes));
    let store = |headers: &reqwest::header::HeaderMap| {
        cookies.set_cookies(&mut headers.get_all(SET_COOKIE).iter(), &url);
    };
    match connect_async_with_config(request, Some(config), true).await {
        Ok((stream, answer)) => {
            store(answer.headers());
            Ok(Socket { stream, max_frame_bytes })
        }
        Err(SocketError::Http(answer)) => {
            store(answer.headers());
            Err(Error::HttpStatus { command, host, status: answer.status().as_u16() })
        }
        Err(error) => Err(unreachable(without_url(error))),
    }
}

impl Socket {
    /// What comes next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Frame(text.as_bytes().to_vec())),
            Some(Ok(Message::Close(_))) | None => Err(Error::Closed),
            Some(Ok(_)) => Ok(Incoming::Activity),
            Some(Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed)) => Err(Error::Closed),
            Some(Err(SocketError::Capacity(_))) => Err(Error::FrameTooLarge { limit: self.max_frame_bytes }),
            Some(Err(error)) => Err(Error::Broken(without_url(error))),
        }
    }
}

/// Some of tungstenite's errors quote the URL, which contains tokens. Only those that cannot are kept as they are.
fn without_url(error: SocketError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        SocketError::Io(error) => Box::new(error),
        SocketError::Tls(error) => Box::new(error),
        SocketError::Protocol(error) => Box::new(error),
        SocketError::Utf8(_) => "a text message is not UTF-8".into(),
        _ => "the WebSocket could not be used".into(),
    }
}
