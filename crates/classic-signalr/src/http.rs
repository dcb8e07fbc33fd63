//! The HTTP clients of a connection, and reading answers in bounded pieces.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use encoding_rs::{Encoding, UTF_8};
use flate2::write::GzDecoder;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::cookie::CookieStore;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use url::{Host, Url};

use super::Error;

/// How long to wait for a TCP and TLS connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a command (`negotiate`, `start`, `ping`, `abort`) may take, its answer included.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// No answer to a command is longer than this, in bytes.
const COMMAND_LIMIT: usize = 256 * 1024;

/// What each gzip member begins with.
const GZIP_MAGIC: u8 = 0x1f;

/// The two clients of a connection.
pub struct Clients {
    /// For requests that are answered at once.
    pub commands: Client,
    /// For answers that never end (server-sent events) or take minutes (long polls).
    pub streams: Client,
}

impl Clients {
    /// Clients on top of what the caller has set up. Redirects are never followed: they would take the bearer token to
    /// a host that was not allowed.
    pub fn new(builder: impl Fn() -> ClientBuilder, cookies: &Arc<dyn CookieStore>) -> Result<Self, reqwest::Error> {
        let builder = || {
            // Answers are decoded by `Gunzip`, piece by piece.
            let headers = [(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))].into_iter().collect();
            builder()
                .default_headers(headers)
                // A malformed header line costs that line and not the answer (RFC 9112, section 5).
                .http1_allow_obsolete_multiline_headers_in_responses(true)
                .http1_allow_spaces_after_header_name_in_responses(true)
                .http1_ignore_invalid_headers_in_responses(true)
                .redirect(Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .cookie_provider(Arc::new(Shared(Arc::clone(cookies))))
        };
        Ok(Self { commands: builder().timeout(COMMAND_TIMEOUT).build()?, streams: builder().build()? })
    }
}

/// A shared store in the form that reqwest takes.
struct Shared(Arc<dyn CookieStore>);

impl CookieStore for Shared {
    fn set_cookies(&self, cookie_headers: &mut dyn Iterator<Item = &HeaderValue>, url: &Url) {
        self.0.set_cookies(cookie_headers, url);
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        self.0.cookies(url)
    }
}

/// Why the body of an answer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
    #[error("the answer is encoded as `{0}`, which was not asked for")]
    UnknownCoding(String),
    #[error("the answer is damaged gzip")]
    DamagedGzip,
    #[error("the answer is an HTML page")]
    Page,
}

/// Sends a request. A status that is no success is an error.
pub async fn send(request: RequestBuilder, command: &'static str, host: &str) -> Result<Response, Error> {
    let answer = request.send().await.map_err(|error| Error::Unreachable {
        command,
        host: host.to_owned(),
        // Its URL contains the connection token.
        source: Box::new(error.without_url()),
    })?;
    let status = answer.status();
    if !status.is_success() {
        return Err(Error::HttpStatus { command, host: host.to_owned(), status: status.as_u16() });
    }
    Ok(answer)
}

/// Reads the answer to a command as UTF-8. An HTML page is an error: a login page or a proxy sent it.
pub async fn read_command(response: Response) -> Result<Vec<u8>, BodyError> {
    let mut pieces = std::pin::pin!(pieces(response, COMMAND_LIMIT)?);
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        body.extend(piece?);
        if body.len() > COMMAND_LIMIT {
            return Err(BodyError::TooLarge { limit: COMMAND_LIMIT });
        }
    }
    // Heeds a byte order mark, also of UTF-16.
    let body = UTF_8.decode(&body).0.into_owned().into_bytes();
    if body.trim_ascii_start().starts_with(b"<") { Err(BodyError::Page) } else { Ok(body) }
}

/// The body in decoded pieces as they come. None of them is empty, or larger than `limit`.
pub fn pieces(
    response: Response,
    limit: usize,
) -> Result<impl Stream<Item = Result<Vec<u8>, BodyError>> + Send + 'static, BodyError> {
    let gunzip = Gunzip::for_headers(response.headers())?;
    let chunks = Box::pin(response.bytes_stream());
    let pieces = stream::try_unfold(Some((chunks, gunzip)), move |state| async move {
        let Some((mut chunks, mut gunzip)) = state else { return Ok(None) };
        match chunks.next().await {
            Some(Ok(chunk)) => {
                let piece = match &mut gunzip {
                    Some(gunzip) => gunzip.feed(&chunk, limit)?,
                    None => chunk.to_vec(),
                };
                if piece.len() > limit {
                    return Err(BodyError::TooLarge { limit });
                }
                Ok(Some((piece, Some((chunks, gunzip)))))
            }
            Some(Err(error)) => Err(BodyError::Broken(error.without_url())),
            None => Ok(Some((gunzip.map_or(Ok(Vec::new()), |mut gunzip| gunzip.finish())?, None))),
        }
    });
    // A piece without a byte would look like a sign of life.
    Ok(pieces.try_filter(|piece| std::future::ready(!piece.is_empty())))
}

/// Decodes gzip in pieces: one or more members (RFC 1952, section 2.2). Padding behind the last one is ignored, as gzip
/// itself does.
#[derive(Default)]
struct Gunzip {
    member: Option<GzDecoder<Vec<u8>>>,
    /// Whether a member has ended.
    has_member: bool,
    /// Whether the last member has ended and padding has begun.
    is_over: bool,
}

impl Gunzip {
    /// `None` when the answer is not encoded. Some servers confuse charsets with codings.
    fn for_headers(headers: &HeaderMap) -> Result<Option<Self>, BodyError> {
        let mut gunzip = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for coding in String::from_utf8_lossy(value.as_bytes()).split(',').map(str::trim) {
                let is = |name: &str| coding.eq_ignore_ascii_case(name);
                if gunzip.is_none() && (is("gzip") || is("x-gzip")) {
                    gunzip = Some(Self::default());
                } else if !(coding.is_empty() || is("identity") || Encoding::for_label(coding.as_bytes()).is_some()) {
                    let name = coding.chars().filter(|letter| !letter.is_control()).take(40).collect();
                    return Err(BodyError::UnknownCoding(name));
                }
            }
        }
        Ok(gunzip)
    }

    fn feed(&mut self, mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut out = Vec::new();
        while !bytes.is_empty() && !self.is_over {
            if self.member.is_none() {
                if self.has_member {
                    bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
                }
                match bytes.first() {
                    None => break,
                    Some(&GZIP_MAGIC) => {}
                    Some(_) if self.has_member => {
                        self.is_over = true;
                        break;
                    }
                    Some(_) => return Err(BodyError::DamagedGzip),
                }
            }
            let member = self.member.get_or_insert_with(|| GzDecoder::new(Vec::new()));
            let taken = member.write(bytes).map_err(|_| BodyError::DamagedGzip)?;
            if taken == 0 {
                self.has_member = true;
                out.extend(self.finish()?);
            } else {
                member.flush().map_err(|_| BodyError::DamagedGzip)?;
                out.append(member.get_mut());
                bytes = &bytes[taken..];
            }
            if out.len() > limit {
                return Err(BodyError::TooLarge { limit });
            }
        }
        Ok(out)
    }

    /// The rest of the member at hand.
    fn finish(&mut self) -> Result<Vec<u8>, BodyError> {
        let Some(mut member) = self.member.take() else { return Ok(Vec::new()) };
        member.try_finish().map_err(|_| BodyError::DamagedGzip)?;
        Ok(std::mem::take(member.get_mut()))
    }
}

/// Whether two names are of the same host: without case, and with or without the root's dot.
pub fn is_same_host(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

/// Whether a URL leads to this machine, the one case in which credentials may travel without encryption.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
