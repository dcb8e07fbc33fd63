//! One HTTP connection: NTLM authenticates a connection, so there is no pool and no proxy.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, SET_COOKIE, USER_AGENT,
};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::cookie::CookieStore;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, crypto};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::{Error, channel_binding};

/// How long connecting may take, and then the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// No answer is longer than this, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// An open connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    url: Url,
    host: String,
    channel_binding: Option<Vec<u8>>,
    cookies: Arc<dyn CookieStore>,
    user_agent: HeaderValue,
    _driver: AbortOnDropHandle<()>,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Whether the account has proved itself for it. A server that asks for no authentication answers everyone, so
    /// check this before you take an answer as proof of a password.
    pub is_authenticated: bool,
}

impl Connection {
    /// Connects, with TLS for `https`.
    pub async fn open(url: &Url, cookies: &Arc<dyn CookieStore>, user_agent: &HeaderValue) -> Result<Self, Error> {
        let host = host(url);
        let unreachable = |source| Error::Unreachable { host: host.clone(), source };
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((name.as_str(), port)));
        let stream = connecting.await.map_err(|_| Error::Timeout { host: host.clone() })?.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        if url.scheme() != "https" {
            return Self::over(stream, url, None, cookies, user_agent).await;
        }
        let name = ServerName::try_from(name).map_err(|error| unreachable(std::io::Error::other(error)))?;
        let handshake = TlsConnector::from(Arc::new(tls()?)).connect(name, stream);
        let handshake = tokio::time::timeout(CONNECT_TIMEOUT, handshake);
        let stream = handshake.await.map_err(|_| Error::Timeout { host: host.clone() })?.map_err(unreachable)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let binding = certificate.and_then(|certificate| channel_binding::to_certificate(certificate));
        Self::over(stream, url, binding, cookies, user_agent).await
    }

    async fn over<S>(
        stream: S,
        url: &Url,
        binding: Option<Vec<u8>>,
        cookies: &Arc<dyn CookieStore>,
        user_agent: &HeaderValue,
    ) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let host = host(url);
        let shaken = http1::Builder::new()
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = shaken.map_err(|source| Error::InvalidHttp { host: host.clone(), source })?;
        let driver = tokio::spawn(async move {
            // The request that waits for an answer gets the error.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            url: url.clone(),
            host,
            channel_binding: binding,
            cookies: Arc::clone(cookies),
            user_agent: user_agent.clone(),
            _driver: AbortOnDropHandle::new(driver),
        })
    }

    /// The binding to the server's certificate. `None` without TLS, or if none is defined for the certificate.
    pub fn channel_binding(&self) -> Option<&[u8]> {
        self.channel_binding.as_deref()
    }

    /// Whether the server has not closed it, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Posts a form and reads the whole answer.
    pub async fn post(&mut self, authorization: Option<HeaderValue>, form: Bytes) -> Result<Response, Error> {
        let broken = |source| Error::InvalidHttp { host: self.host.clone(), source };
        if self.sender.ready().await.is_err() {
            return Err(Error::ConnectionClosed { host: self.host.clone() });
        }
        let request = self.request(authorization, form).map_err(|error| Error::Unreachable {
            host: self.host.clone(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidInput, error),
        })?;
        let answer = self.sender.send_request(request).await.map_err(|error| {
            // The server may close the connection while the request is written.
            if error.is_canceled() || error.is_incomplete_message() {
                Error::ConnectionClosed { host: self.host.clone() }
            } else {
                broken(error)
            }
        })?;
        let (head, body) = answer.into_parts();
        self.cookies.set_cookies(&mut head.headers.get_all(SET_COOKIE).iter(), &self.url);
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| match error.downcast() {
            Ok(source) => broken(*source),
            Err(_) => Error::ResponseTooLarge { host: self.host.clone(), limit: MAX_ANSWER_BYTES },
        })?;
        Ok(Response { status: head.status, headers: head.headers, body: body.to_bytes(), is_authenticated: false })
    }

    fn request(
        &self,
        authorization: Option<HeaderValue>,
        form: Bytes,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let host = match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        };
        let mut request = Request::post(&self.url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(HOST, host)
            .header(USER_AGENT, &self.user_agent)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CONTENT_LENGTH, form.len());
        if let Some(mut authorization) = authorization {
            authorization.set_sensitive(true);
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(mut cookies) = self.cookies.cookies(&self.url) {
            cookies.set_sensitive(true);
            request = request.header(COOKIE, cookies);
        }
        request.body(Full::new(form))
    }
}

/// The host of a URL, for messages.
pub fn host(url: &Url) -> String {
    url.host_str().unwrap_or("(no host)").to_owned()
}

/// TLS that trusts what this machine trusts. HTTP/1.1 alone, because NTLM cannot be used over HTTP/2.
fn tls() -> Result<ClientConfig, Error> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config =
        builder.and_then(BuilderVerifierExt::with_platform_verifier).map_err(Error::Tls)?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
