//! The outgoing HTTP client: no redirects, timeouts, body size limits, tolerant of bad headers.

use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use thiserror::Error;

use super::content_encoding::{DecodeError, Decoder};
use super::dns::Resolver;
pub use super::http_date::{date, parse_date};
use super::{SourceClock, error_response, json, sniff};

pub use reqwest::Client;

/// The timeout of a whole call, answer included, unless the caller streams it.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The `User-Agent` of all requests.
pub const USER_AGENT: &str = concat!("callboard/", env!("CARGO_PKG_VERSION"));

/// Why the body of an answer cannot be used.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is larger than the limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes, after decompression.
        limit: usize,
    },
    /// The connection broke or timed out while the body was read.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
    /// Its `Content-Encoding` cannot be decoded.
    #[error(transparent)]
    Coding(DecodeError),
    /// It is HTML or text instead of JSON: a login page, a captive portal or a proxy sent it.
    #[error("something in between answered instead of the API: it sent {what}")]
    NotTheApi {
        /// What came.
        what: &'static str,
    },
    /// Status 206, a partial answer, which is never requested.
    #[error("it sent a part of an answer (status 206)")]
    Partial,
    /// A success status, but the body reports an error.
    #[error("it holds an error in spite of its status: {}", message.as_deref().unwrap_or("it does not say which"))]
    ErrorInBody {
        /// The message. It is upstream text: shown to people, never logged.
        message: Option<String>,
    },
}

impl From<DecodeError> for BodyError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge { limit } => Self::TooLarge { limit },
            error => Self::Coding(error),
        }
    }
}

/// A client for request and response. It never follows a redirect: an answer must not choose where credentials are
/// sent.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    builder().timeout(CALL_TIMEOUT).build()
}

/// A client for answers that never end (server-sent events) or take minutes (long polling): connecting has a timeout,
/// the answer has none. The reader must watch for silence.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn streaming_client() -> Result<Client, reqwest::Error> {
    builder().build()
}

/// The common settings of both clients.
pub fn builder() -> reqwest::ClientBuilder {
    // `Decoder` decodes every answer: unlike reqwest it reads gzip with several members.
    let headers = [(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))].into_iter().collect();
    reqwest::Client::builder()
        .default_headers(headers)
        // A bad header line costs only that line, as RFC 9112 allows.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .dns_resolver(Resolver::system())
        .user_agent(USER_AGENT)
}

/// Sends a request, and estimates the source's clock from the answer.
///
/// # Errors
/// When there is no answer.
pub async fn send(request: reqwest::RequestBuilder, source: &SourceClock) -> Result<reqwest::Response, reqwest::Error> {
    let asked = source.ours();
    let answer = request.send().await?;
    source.observe_response(asked, answer.headers());
    Ok(answer)
}

/// Reads the whole body, at most `limit` bytes after decompression.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_body(response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut chunks = std::pin::pin!(body_stream(response, limit)?);
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let mut chunk = chunk?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        body.append(&mut chunk);
    }
    Ok(body)
}

/// The decoded body as a stream of chunks, none of them larger than `limit` bytes.
///
/// # Errors
/// When its `Content-Encoding` is not supported.
pub fn body_stream(
    response: Response,
    limit: usize,
) -> Result<impl Stream<Item = Result<Vec<u8>, BodyError>> + Send + 'static, BodyError> {
    let decoder = Decoder::for_headers(response.headers())?;
    let chunks = Box::pin(response.bytes_stream());
    let decoded = stream::try_unfold(Some((chunks, decoder)), move |state| async move {
        let Some((mut chunks, mut decoder)) = state else { return Ok(None) };
        match chunks.next().await {
            Some(Ok(chunk)) => Ok(Some((decoder.feed(&chunk, limit)?, Some((chunks, decoder))))),
            Some(Err(error)) => Err(BodyError::Broken(error.without_url())),
            None => Ok(Some((decoder.finish(limit)?, None))),
        }
    });
    // An empty chunk would look like a keep-alive.
    Ok(decoded.try_filter(|chunk| std::future::ready(!chunk.is_empty())))
}

/// Decodes a body that was read already and must be JSON.
///
/// # Errors
/// See [`BodyError`].
pub fn decode_json(body: Vec<u8>, headers: &HeaderMap) -> Result<Vec<u8>, BodyError> {
    let (mut decoder, limit) = (Decoder::for_headers(headers)?, body.len().saturating_mul(4).max(1 << 16));
    let mut decoded = decoder.feed(&body, limit)?;
    decoded.append(&mut decoder.finish(limit)?);
    must_be_json(sniff::to_utf8(decoded, headers.get(CONTENT_TYPE)))
}

fn must_be_json(body: Vec<u8>) -> Result<Vec<u8>, BodyError> {
    match sniff::begins_like_json(&body) {
        _ if sniff::is_markup(&body) => Err(BodyError::NotTheApi { what: "an HTML page" }),
        Some(true) => Ok(body),
        Some(false) => Err(BodyError::NotTheApi { what: "a text that is no JSON" }),
        None => Err(BodyError::NotTheApi { what: "nothing" }),
    }
}

/// Reads the body as UTF-8, for answers whose form is not documented or which may be empty. HTML is an error.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_text(response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let kind = response.headers().get(CONTENT_TYPE).cloned();
    let body = sniff::to_utf8(read_body(response, limit).await?, kind.as_ref());
    if sniff::is_markup(&body) { Err(BodyError::NotTheApi { what: "an HTML page" }) } else { Ok(body) }
}

/// Reads a success answer that must tell the outcome of a request: complete JSON that reports no error. `None`: it is
/// empty. Any other body of a success answer says nothing about the request.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_receipt(response: Response, limit: usize) -> Result<Option<Value>, BodyError> {
    if response.status() == StatusCode::PARTIAL_CONTENT {
        return Err(BodyError::Partial);
    }
    let body = read_text(response, limit).await?;
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let receipt = json::read(&body).map_err(|_| BodyError::NotTheApi { what: "a text that is no JSON" })?;
    if error_response::has_error(&receipt) {
        Err(BodyError::ErrorInBody { message: error_response::message(&body) })
    } else {
        Ok(Some(receipt))
    }
}

/// Reads the body of an answer that must be JSON, as UTF-8. It is not parsed yet.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_json(response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    must_be_json(read_text(response, limit).await?)
}

/// A status code for people, with the hint that redirects are not followed.
#[must_use]
pub fn describe_status(status: u16) -> String {
    match status {
        300..=399 => format!("{status}, a redirect, which is not followed: check the address"),
        _ => status.to_string(),
    }
}

/// Whether two host names are equal, ignoring case and the root's dot.
#[must_use]
pub fn same_host(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

/// Whether a URL names this machine, the only place to which credentials may go unencrypted.
#[must_use]
pub fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use tower_http::compression::CompressionLayer;

    use super::*;

    /// In bytes, decoded from a few kilobytes.
    const ZEROS: usize = 200 << 20;

    async fn bomb() -> String {
        let zeros = || async {
            let chunks = std::iter::repeat_n(Bytes::from_static(&[0; 1 << 16]), ZEROS >> 16);
            Body::from_stream(futures_util::stream::iter(chunks.map(Ok::<_, std::convert::Infallible>)))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/", listener.local_addr().expect("an address"));
        let app = Router::new().route("/", get(zeros)).layer(CompressionLayer::new());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    #[tokio::test]
    async fn gzip_bomb_is_refused_at_the_limit() {
        let answer = client().expect("a client").get(bomb().await).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-encoding"], "gzip", "it was compressed");
        assert!(matches!(read_body(answer, 1 << 20).await, Err(BodyError::TooLarge { limit: 1_048_576 })));
    }

    #[test]
    fn loopback_is_recognised() {
        let loopback = |text: &str| is_loopback(&text.parse().expect("a URL"));
        assert!(loopback("http://127.0.0.1:9/x"));
        assert!(loopback("http://[::1]/"));
        assert!(loopback("http://localhost/"));
        assert!(!loopback("http://localhost.example.com/"));
        assert!(!loopback("http://10.0.0.1/"));
    }

    /// A server that answers one request with these bytes and closes the connection.
    async fn peer(answer: Vec<u8>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let byte = tokio::io::AsyncReadExt::read_u8(&mut stream).await.expect("a request");
                asked.push(byte);
            }
            tokio::io::AsyncWriteExt::write_all(&mut stream, &answer).await.expect("an answer");
        });
        address
    }

    async fn read(head: &str, body: &[u8]) -> Result<Vec<u8>, BodyError> {
        let answer = [head.replace('\n', "\r\n").as_bytes(), b"\r\n", body].concat();
        let answer = client().expect("a client").get(peer(answer).await).send().await.expect("an answer");
        read_json(answer, 1 << 16).await
    }

    #[tokio::test]
    async fn answers_are_read_in_every_form_that_http_allows() {
        const OK: &str = "HTTP/1.1 200 OK\n";
        let plain = b"{\"a\":\"\xc3\xa9\"}".as_slice();
        let utf16: Vec<u8> = "\u{feff}{\"a\":\"é\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bare: Vec<u8> = "{\"a\":\"é\"}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let latin = b"{\"a\":\"\xe9\"}".as_slice();
        let marked = [b"\xef\xbb\xbf", plain].concat();
        let chunked =
            [b"4\r\n", &plain[..4], b"\r\n6;x=\"y\"\r\n", &plain[4..], b"\r\n0\r\nX-After: 1\r\n\r\n"].concat();
        for (what, head, body) in [
            ("to the end of the connection", OK.to_owned(), plain),
            ("with a length", format!("{OK}content-LENGTH:10\n"), plain),
            ("in chunks with extensions and trailers", format!("{OK}Transfer-Encoding: Chunked\n"), chunked.as_slice()),
            ("by HTTP/1.0", "HTTP/1.0 200 OK\n".to_owned(), plain),
            ("without a reason", "HTTP/1.1 200 \n".to_owned(), plain),
            ("with an unusual success", "HTTP/1.1 203 Fine\n".to_owned(), plain),
            ("after 103", format!("HTTP/1.1 103 Early Hints\nLink: x\n\n{OK}"), plain),
            ("after 100", format!("HTTP/1.1 100 Continue\n\n{OK}"), plain),
            ("without a type", OK.to_owned(), plain),
            ("as text", format!("{OK}Content-Type: text/plain\n"), plain),
            ("as HTML that is JSON", format!("{OK}Content-Type: text/html\n"), plain),
            ("with a charset", format!("{OK}Content-Type: application/json;charset=\"UTF-8\"\n"), plain),
            ("with a charset in capitals", format!("{OK}CONTENT-TYPE:APPLICATION/JSON ; CHARSET=Utf8\n"), plain),
            ("with a wrong charset", format!("{OK}Content-Type: application/json; charset=iso-8859-1\n"), plain),
            ("in Latin 1, as it says", format!("{OK}Content-Type: application/json; charset=ISO-8859-1\n"), latin),
            ("with a charset in quotes", format!("{OK}Content-Type: text/json; charset=\"ISO-8859-1\"\n"), latin),
            ("with a folded charset", format!("{OK}Content-Type: text/json;\n charset=ISO-8859-1\n"), latin),
            ("with a blank before its colon", format!("{OK}Content-Type : text/json;charset=ISO-8859-1\n"), latin),
            ("with a byte order mark", OK.to_owned(), marked.as_slice()),
            ("in UTF-16 with a mark", OK.to_owned(), utf16.as_slice()),
            ("in UTF-16 without a mark", OK.to_owned(), bare.as_slice()),
            ("with a folded header", format!("{OK}X-Long: a\n  b\n"), plain),
            ("with a bad header line", format!("{OK}X Bad\u{7f}: a\nno colon at all\n"), plain),
            ("with a blank before the colon", format!("{OK}X-Blank : a\n"), plain),
            ("with an empty header", format!("{OK}X-Empty:\nContent-Encoding: \n"), plain),
            ("with the same length twice", format!("{OK}Content-Length: 10\nContent-Length: 10\n"), plain),
        ] {
            let body = read(&head, body).await;
            assert_eq!(body.as_deref().ok(), Some(plain), "{what}: {body:?}");
        }
    }

    #[tokio::test]
    async fn answers_that_are_no_json_are_errors_with_a_reason() {
        const OK: &str = "HTTP/1.1 200 OK\n";
        for (head, body, said) in [
            (OK, "<!DOCTYPE html><title>Sign in</title>", "an HTML page"),
            (OK, "\n  <html>", "an HTML page"),
            (OK, "\u{feff}<?xml version=\"1.0\"?>", "an HTML page"),
            (OK, "Service unavailable", "no JSON"),
            (OK, "", "nothing"),
            (OK, " \r\n", "nothing"),
            ("HTTP/1.1 204 No Content\n", "", "nothing"),
            ("HTTP/1.1 205 Reset Content\nContent-Length: 0\n", "", "nothing"),
            ("HTTP/1.1 304 Not Modified\n", "", "nothing"),
            ("HTTP/1.1 200 OK\nContent-Encoding: br\n", "x", "`br`"),
            ("HTTP/1.1 200 OK\nContent-Length: 100\n", "{}", "broke off"),
            ("HTTP/1.1 200 OK\nContent-Encoding: gzip\n", "{}", "damaged"),
        ] {
            let error = read(head, body.as_bytes()).await.expect_err(body).to_string();
            assert!(error.contains(said), "{body:?}: {error}");
        }
        assert!(describe_status(302).contains("not followed") && describe_status(503) == "503");
    }

    #[tokio::test]
    async fn receipt_is_complete_json_without_an_error() {
        const OK: &str = "HTTP/1.1 200 OK\n";
        let receipt = async |head: &str, body: &[u8]| {
            let answer = [head.replace('\n', "\r\n").as_bytes(), b"\r\n", body].concat();
            let answer = client().expect("a client").get(peer(answer).await).send().await.expect("an answer");
            read_receipt(answer, 1 << 16).await
        };
        for body in [
            r#"{"id":1}"#,
            r#"{"error":null,"errors":[]}"#,
            r#"{"error":false,"errors":{}}"#,
            r#"{"error":""}"#,
            r#"{"data":{"error":"x"}}"#,
            "[]",
        ] {
            let read = receipt(OK, body.as_bytes()).await;
            assert_eq!(read.expect(body), serde_json::from_str::<Value>(body).ok(), "{body}");
        }
        assert_eq!(receipt("HTTP/1.1 204 No Content\n", b"").await.expect("empty"), None);
        let half = b"\x1f\x8b\x08\0\0\0\0\0\0\xff";
        for (head, body, said) in [
            (OK, r#"{"error":"rate limited","code":429}"#.as_bytes(), "rate limited"),
            (OK, br#"{"errors":[{"title":"Employee not found"}]}"#, "Employee not found"),
            (OK, br#"{"Error":{"code":7}}"#, "in spite of its status"),
            (OK, b"{\"id\":", "no JSON"),
            (OK, b"OK", "no JSON"),
            (OK, b"<html>", "an HTML page"),
            ("HTTP/1.1 206 Partial Content\n", b"{}", "206"),
            ("HTTP/1.1 200 OK\nContent-Length: 100\n", b"{}", "broke off"),
            ("HTTP/1.1 200 OK\nContent-Encoding: br\n", b"{}", "`br`"),
            ("HTTP/1.1 200 OK\nContent-Encoding: gzip\n", half, "breaks off"),
        ] {
            let error = receipt(head, body).await.expect_err(said).to_string();
            assert!(error.contains(said), "{head} {body:?}: {error}");
        }
    }

    #[test]
    fn dates_are_parsed_in_each_of_the_three_forms() {
        let expected = "1994-11-06T08:49:37Z".parse().ok();
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
        for text in ["", "soon", "1994-11-06", "Sun, 31 Feb 1994 08:49:37 GMT"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert!(same_host("Floor.Example.com.", "floor.example.com") && !same_host("a.example.com", "example.com"));
    }
}
