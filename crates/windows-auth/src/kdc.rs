//! Requests to the key distribution center (KDC).

use std::io;
use std::time::Duration;

use sspi::{ErrorKind, NetworkProtocol, NetworkRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::cached_ticket::CachedTicket;
use super::der;

/// How long a request may take, with connecting.
const TIMEOUT: Duration = Duration::from_secs(4);

/// No reply is longer than this, in bytes.
const MAX_REPLY_BYTES: u32 = 256 * 1024;

/// The URL of a realm's KDC: as configured, or from `krb5.conf`, or the host with the name of the realm, which in
/// Active Directory resolves to the domain controllers.
pub fn url(realm: &str, configured: Option<&str>) -> Option<Url> {
    if let Some(configured) = configured {
        return format!("tcp://{configured}").parse().ok();
    }
    let by_realm = || realm.contains('.').then(|| format!("tcp://{}:88", realm.to_lowercase()).parse().ok()).flatten();
    sspi::detect_kdc_url(&realm.to_uppercase()).or_else(by_realm)
}

/// Sends requests to the KDC, except for a ticket-granting ticket from a credential cache, and remembers errors.
#[derive(Default)]
pub struct Kdc {
    error_code: Option<u32>,
    cached: Option<CachedTicket>,
}

impl Kdc {
    /// The code of the last reply, if that was a `KRB-ERROR` (RFC 4120, 7.5.9).
    pub fn error_code(&self) -> Option<u32> {
        self.error_code
    }

    /// Answers requests for a ticket-granting ticket with this one from now on.
    pub fn use_cached(&mut self, ticket: Option<CachedTicket>) {
        self.cached = ticket;
    }

    /// Sends a request.
    ///
    /// # Errors
    /// `NoAuthenticatingAuthority` when no reply comes.
    pub async fn send(&mut self, request: &NetworkRequest) -> sspi::Result<Vec<u8>> {
        self.error_code = None;
        if let Some(answer) = self.cached.as_mut().and_then(|ticket| ticket.answer(&request.data)) {
            return Ok(answer);
        }
        let failed = |why: String| sspi::Error::new(ErrorKind::NoAuthenticatingAuthority, why);
        if request.protocol != NetworkProtocol::Tcp {
            return Err(failed("only TCP is supported".to_owned()));
        }
        let reply = timeout(TIMEOUT, exchange(request)).await.map_err(|_| failed("no answer in time".to_owned()))?;
        let reply = reply.map_err(|error| failed(error.to_string()))?;
        self.error_code = reply.get(4..).and_then(krb_error_code);
        Ok(reply)
    }
}

/// Over TCP, request and reply begin with their length (RFC 4120, 7.2.2).
async fn exchange(request: &NetworkRequest) -> io::Result<Vec<u8>> {
    let host = request.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, request.url.port().unwrap_or(88))).await?;
    stream.write_all(&request.data).await?;
    let length = stream.read_u32().await?;
    if length > MAX_REPLY_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
    }
    let mut reply = length.to_be_bytes().to_vec();
    stream.take(length.into()).read_to_end(&mut reply).await?;
    if u32::try_from(reply.len() - 4) != Ok(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(reply)
}

/// The code in a `KRB-ERROR`: `[APPLICATION 30] SEQUENCE { .. error-code [6] INTEGER .. }`.
fn krb_error_code(reply: &[u8]) -> Option<u32> {
    const KRB_ERROR: u8 = 0x7e;
    const ERROR_CODE: u8 = 0xa6;
    const INTEGER: u8 = 0x02;
    let fields = der::content(der::SEQUENCE, der::content(KRB_ERROR, reply)?)?;
    let (_, code) = der::each(fields).find(|(tag, _)| *tag == ERROR_CODE)?;
    let code = der::content(INTEGER, code).filter(|code| code.len() <= 4)?;
    Some(code.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn krb_error_code_is_read() {
        let error = [0x7e, 12, 0x30, 10, 0xa0, 3, 2, 1, 5, 0xa6, 3, 2, 1, 24];
        assert_eq!(krb_error_code(&error), Some(24));
        assert_eq!(krb_error_code(&[0x6b, 2, 0x30, 0]), None, "an AS-REP is no error");
    }

    #[test]
    fn kdc_is_the_realm_unless_configured() {
        let url = |realm, configured| super::url(realm, configured).map(|url| url.to_string());
        assert_eq!(url("X", Some("dc1.example.com")).as_deref(), Some("tcp://dc1.example.com"));
        assert_eq!(url("X", Some("127.0.0.1:8888")).as_deref(), Some("tcp://127.0.0.1:8888"));
        assert_eq!(url("Unheard-Of.Example.Com", None).as_deref(), Some("tcp://unheard-of.example.com:88"));
        assert_eq!(url("UNHEARDOF", None), None, "a NetBIOS name is not a host");
    }

    proptest! {
        #[test]
        fn any_reply_does_not_panic(bytes: Vec<u8>) {
            let _ = krb_error_code(&bytes);
        }
    }
}
