//! The outgoing HTTP client: no redirects, every wait bounded, every body capped.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use thiserror::Error;

use super::resolve::Resolver;

pub use reqwest::Client;

/// How long a whole call may take, answer included, unless the caller streams it.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why an answer could not be read.
#[derive(Debug, Error)]
pub enum BodyError {
    /// The answer is larger than anything the endpoint should send.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes were allowed, after decompression.
        limit: usize,
    },
    /// The connection broke or ran out of time while the answer was being read.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
}

/// A client for calls that are answered and over. It never follows a redirect: a vendor's answer does not get to choose
/// where our credentials go.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    builder().timeout(CALL_TIMEOUT).build()
}

/// A client for answers that never end (server-sent events) or take minutes (long polls): the connection has a time
/// limit, the answer has none. Whoever reads it watches for silence.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn streaming_client() -> Result<Client, reqwest::Error> {
    builder().build()
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .dns_resolver(Resolver::system())
        .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
}

/// Reads an answer to its end, or gives up once it has more than `limit` bytes after decompression.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_body(response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    gather(response.bytes_stream(), limit).await
}

/// What a few bytes unpack to is never held as a whole, and never unpacked beyond the limit.
async fn gather(
    mut chunks: impl Stream<Item = Result<Bytes, reqwest::Error>> + Unpin,
    limit: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| BodyError::Broken(error.without_url()))?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether an address is plain HTTP to this very machine, the one case in which unencrypted credentials are allowed.
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
    use axum::body::Body;
    use axum::routing::get;
    use tower_http::compression::CompressionLayer;

    use super::*;

    /// How much a few kilobytes on the wire want to become.
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
    async fn an_answer_that_unpacks_to_far_more_than_it_was_is_given_up_at_the_limit() {
        let address = bomb().await;
        let ask = async || client().expect("a client").get(&address).send().await.expect("an answer");
        let limit = 1 << 20;
        let packed = builder().no_gzip().build().expect("a client").get(&address).header("accept-encoding", "gzip");
        let packed = packed.send().await;
        assert_eq!(packed.expect("an answer").headers()["content-encoding"], "gzip", "the test would see it");

        let mut unpacked = 0;
        let chunks = ask().await.bytes_stream().inspect(|chunk| unpacked += chunk.as_ref().map_or(0, Bytes::len));
        let given_up = gather(chunks, limit).await;
        assert!(
            matches!(given_up, Err(BodyError::TooLarge { limit: 1_048_576 })),
            "{:?}",
            given_up.map(|all| all.len())
        );
        assert!((limit..2 * limit).contains(&unpacked), "{unpacked} bytes were unpacked");
        assert!(matches!(read_body(ask().await, limit).await, Err(BodyError::TooLarge { .. })));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| is_loopback(&text.parse().expect("a URL"));
        assert!(loopback("http://127.0.0.1:9/x"));
        assert!(loopback("http://[::1]/"));
        assert!(loopback("http://localhost/"));
        assert!(!loopback("http://localhost.example.com/"));
        assert!(!loopback("http://10.0.0.1/"));
    }
}
