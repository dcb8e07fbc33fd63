//! Legal but unusual HTTP requests to our server (docs/tolerance.md).

use base::Secret;
use base::hmac::Tag;
use callboard::config::Goodays;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::server::{TIMEOUT, TestServer};

const SECRET: &str = "a-secret-agreed-upon";

async fn listening() -> TestServer {
    let root = "http://127.0.0.1:9/v2".parse().expect("an address");
    let goodays = Goodays::new(root, Secret::from("t"), vec![Secret::from(SECRET)]);
    TestServer::standalone(|config| config.goodays = Some(goodays)).await
}

/// Sends these bytes and returns the last answer's status and its head.
async fn raw(server: &TestServer, request: &[u8]) -> (u16, String) {
    let port = server.base.port().expect("a port");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut answer));
    read.await.expect("an answer in time").expect("an answer");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let last = text.rsplit("HTTP/1.1 ").next().expect("an answer").to_owned();
    (last.get(..3).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{text:?}")), last)
}

#[tokio::test]
async fn webhook_in_any_legal_http_form_is_accepted() {
    let server = listening().await;
    let port = server.base.port().expect("a port");
    let host = format!("127.0.0.1:{port}");
    for (number, (line, more, expected)) in [
        ("POST /webhooks/goodays HTTP/1.1", "Content-Type: application/json", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Type: application/json;charset=UTF-8", 204),
        ("POST /webhooks/goodays HTTP/1.1", "CONTENT-TYPE: APPLICATION/JSON ; CHARSET=\"utf-8\"", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Type: text/plain", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Type: application/x-www-form-urlencoded", 204),
        ("POST /webhooks/goodays HTTP/1.1", "X-Nothing:", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: UTF-8", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: utf8", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: ", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: Identity, UTF-8", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: identity\r\nContent-Encoding: ISO-8859-1", 204),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: gzip", 415),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: UTF-8, X-GZIP", 415),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: identity\r\nContent-Encoding: br", 415),
        ("POST /webhooks/goodays HTTP/1.1", "Content-Encoding: deflate", 415),
        ("POST /webhooks/goodays HTTP/1.1", "Expect: 100-continue", 204),
        ("POST http://127.0.0.1/webhooks/goodays HTTP/1.1", "X-Target: absolute", 204),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(r#"{{"event_type":"survey","number":{number}}}"#);
        let tag = Tag::sign(&Secret::from(SECRET), body.as_bytes());
        let request = format!(
            "{line}\r\nhOST: {host}\r\nConnection: close\r\nx-hmac-sha256: {tag}\r\n{more}\r\nContent-Length: \
                {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(raw(&server, request.as_bytes()).await.0, expected, "{line} {more}");
    }
    for name in ["localhost", "LOCALHOST", "localhost.", "LocalHost.:80"] {
        let body = format!(r#"{{"event_type":"survey","name":"{name}"}}"#);
        let tag = Tag::sign(&Secret::from(SECRET), body.as_bytes());
        let request = format!(
            "POST /webhooks/goodays HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\nX-HMAC-SHA256: {tag}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x};a=b\r\n{body}\r\n0\r\nX-After: 1\r\n\r\n",
            body.len()
        );
        assert_eq!(raw(&server, request.as_bytes()).await.0, 204, "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn page_head_request_and_refused_coding_are_honored() {
    let server = listening().await;
    for page in ["/supervisor", "/feedback", "/surveys", "/status", "/wallboard/north", "/audit"] {
        let head = server.http.head(server.at(page)).send().await.expect("an answer");
        assert_eq!(head.status(), 200, "{page}");
        assert!(head.bytes().await.expect("nothing").is_empty(), "{page}");
    }
    let packed = async |accept: &str| {
        let asked = server.http.get(server.at("/status")).header("accept-encoding", accept);
        let answer = asked.send().await.expect("an answer");
        answer.headers().get("content-encoding").is_some_and(|coding| coding == "gzip")
    };
    for (accept, expected) in
        [("gzip", true), ("GZIP;q=0.5", true), ("gzip;q=0", false), ("identity", false), ("", false), ("br", false)]
    {
        assert_eq!(packed(accept).await, expected, "{accept}");
    }
    server.stop().await;
}
