//! Frames over a socket: one text message each.

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

use super::{Incoming, Target};
use crate::{Error, address};

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    max_frame: usize,
}

/// Opens a socket. The upgrade carries the bearer token like every other request.
pub async fn open(target: Target, max_frame: usize, cookies: &dyn CookieStore) -> Result<Socket, Error> {
    let Target { command, address, token, position, .. } = target;
    let address = position.in_query(&address);
    let host = address::host(&address);
    let unreachable = |source| Error::Unreachable { command, host: host.clone(), source };
    let mut request =
        address::socket(address.clone()).as_str().into_client_request().map_err(|error| unreachable(plain(error)))?;
    if let Some(token) = token {
        let text = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        let mut value = HeaderValue::from_str(&text).map_err(|error| unreachable(Box::new(error)))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    if let Some(mut header) = cookies.cookies(&address) {
        header.set_sensitive(true);
        request.headers_mut().insert(COOKIE, header);
    }
    // We hardly write, and there is one of us: the defaults of 128 KiB each way would be waste.
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(1024)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(Some(max_frame))
        .max_frame_size(Some(max_frame));
    match connect_async_with_config(request, Some(config), true).await {
        Ok((stream, answer)) => {
            cookies.set_cookies(&mut answer.headers().get_all(SET_COOKIE).iter(), &address);
            Ok(Socket { stream, max_frame })
        }
        Err(SocketError::Http(answer)) => {
            cookies.set_cookies(&mut answer.headers().get_all(SET_COOKIE).iter(), &address);
            Err(Error::HttpStatus { command, host, status: answer.status().as_u16() })
        }
        Err(error) => Err(unreachable(plain(error))),
    }
}

impl Socket {
    /// What came next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Error> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Frame(text.as_bytes().to_vec())),
            Some(Ok(Message::Close(_))) | None => Err(Error::Closed),
            Some(Ok(_)) => Ok(Incoming::Life),
            Some(Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed)) => Err(Error::Closed),
            Some(Err(SocketError::Capacity(_))) => Err(Error::FrameTooLarge { limit: self.max_frame }),
            Some(Err(error)) => Err(Error::Broken(plain(error))),
        }
    }
}

/// Some of the library's errors quote the address, whose query holds tokens: only those that cannot are kept.
fn plain(error: SocketError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        SocketError::Io(error) => Box::new(error),
        SocketError::Tls(error) => Box::new(error),
        SocketError::Protocol(error) => Box::new(error),
        SocketError::Utf8(_) => "a text message is not UTF-8".into(),
        _ => "the socket could not be used".into(),
    }
}
