//! Asking the domain for tickets.

use std::io;
use std::time::Duration;

use sspi::{ErrorKind, NetworkProtocol, NetworkRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::der;
use super::grant::Grant;

/// How long one question may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(4);

/// No ticket is longer.
const REPLY_LIMIT: u32 = 256 * 1024;

/// Where a realm gives tickets: as configured; else as the machine's `krb5.conf` says; else the host of the realm's own
/// name, under which every domain controller of Active Directory can be found.
pub fn address(realm: &str, configured: Option<&str>) -> Option<Url> {
    if let Some(configured) = configured {
        return format!("tcp://{configured}").parse().ok();
    }
    let by_realm = || realm.contains('.').then(|| format!("tcp://{}:88", realm.to_lowercase()).parse().ok()).flatten();
    sspi::detect_kdc_url(&realm.to_uppercase()).or_else(by_realm)
}

/// Carries questions to the domain, except for what has been granted already, and remembers why it refused.
#[derive(Default)]
pub struct Kdc {
    refusal: Option<u32>,
    grant: Option<Grant>,
}

impl Kdc {
    /// The code of the last `KRB-ERROR` (RFC 4120, 7.5.9), if the last reply was one.
    pub fn refusal(&self) -> Option<u32> {
        self.refusal
    }

    /// Answers the question for the first ticket with this one from now on.
    pub fn hand_out(&mut self, grant: Option<Grant>) {
        self.grant = grant;
    }

    /// Asks one question.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn ask(&mut self, question: &NetworkRequest) -> sspi::Result<Vec<u8>> {
        self.refusal = None;
        if let Some(answer) = self.grant.as_mut().and_then(|grant| grant.answer(&question.data)) {
            return Ok(answer);
        }
        let nobody = |why: String| sspi::Error::new(ErrorKind::NoAuthenticatingAuthority, why);
        if question.protocol != NetworkProtocol::Tcp {
            return Err(nobody("only TCP is spoken to the domain".to_owned()));
        }
        let reply = timeout(TIMEOUT, exchange(question)).await.map_err(|_| nobody("no answer in time".to_owned()))?;
        let reply = reply.map_err(|error| nobody(error.to_string()))?;
        self.refusal = reply.get(4..).and_then(refusal);
        Ok(reply)
    }
}

/// Question and answer alike are preceded by their length.
async fn exchange(question: &NetworkRequest) -> io::Result<Vec<u8>> {
    let host = question.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, question.url.port().unwrap_or(88))).await?;
    stream.write_all(&question.data).await?;
    let length = stream.read_u32().await?;
    if length > REPLY_LIMIT {
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
fn refusal(reply: &[u8]) -> Option<u32> {
    const KRB_ERROR: u8 = 0x7e;
    const ERROR_CODE: u8 = 0xa6;
    const INTEGER: u8 = 0x02;
    let fields = der::content(der::SEQUENCE, der::content(KRB_ERROR, reply)?)?;
    let (_, code) = der::each(fields).find(|(tag, _)| *tag == ERROR_CODE)?;
    let code = der::content(INTEGER, code).filter(|code| code.len() <= 4)?;
    Some(code.iter().fold(0, |sum, digit| sum << 8 | u32::from(*digit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_code_of_a_refusal_is_read() {
        let refused = [0x7e, 12, 0x30, 10, 0xa0, 3, 2, 1, 5, 0xa6, 3, 2, 1, 24];
        assert_eq!(refusal(&refused), Some(24));
        assert_eq!(refusal(&[0x6b, 2, 0x30, 0]), None, "a ticket is no refusal");
    }

    #[test]
    fn the_realm_names_its_own_controllers_where_nothing_else_does() {
        let url = |realm, configured| address(realm, configured).map(|url| url.to_string());
        assert_eq!(url("X", Some("dc1.example.com")).as_deref(), Some("tcp://dc1.example.com"));
        assert_eq!(url("X", Some("127.0.0.1:8888")).as_deref(), Some("tcp://127.0.0.1:8888"));
        assert_eq!(url("Unheard-Of.Example.Com", None).as_deref(), Some("tcp://unheard-of.example.com:88"));
        assert_eq!(url("UNHEARDOF", None), None, "a NetBIOS name is no host");
    }

    proptest! {
        #[test]
        fn hostile_replies_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = refusal(&bytes);
        }
    }
}
