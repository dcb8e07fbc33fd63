//! TLS for a server without a reverse proxy in front. The certificate's files are watched, so that renewing it takes no
//! restart.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::RwLock;
use serde_json::json;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{CertificateError, Error as RustlsError, RootCertStore, ServerConfig, crypto};
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use crate::config;
use crate::domain::Actor;
use crate::store::{NewAuditEntry, Store};
use base::Clock;
use base::private_file::{self, PrivateFileError};

/// How often the certificate's files are checked for a change.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// How many bytes of each file are read.
const LIMIT: u64 = 1024 * 1024;

/// Why a certificate and its key are not used, as a sentence for the operator.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificate's file is not readable.
    #[error("server.tls.certificate_file names {path}, which cannot be read: make it a file that this user may \
        read.", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The certificate's file holds no certificate.
    #[error("server.tls.certificate_file names {path}, which holds no certificate in PEM: write the server's own \
        there, followed by the intermediate certificates.", path = path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The key's file cannot be read, or is not private.
    #[error("server.tls.key_file names {path}, which cannot be used: {unfit}.", path = path.display())]
    UnfitKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        unfit: PrivateFileError,
    },
    /// The key's file holds no key.
    #[error("server.tls.key_file names {path}, which holds no private key in PEM that can be used: write the \
        certificate's own there, without a passphrase.", path = path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// The key is not the certificate's.
    #[error("server.tls.key_file names {path}, which is not the key of the certificate: name the two that belong \
        together.", path = path.display())]
    KeyMismatch {
        /// The file of the key.
        path: PathBuf,
    },
    /// The certificate has expired.
    #[error("server.tls.certificate_file names {path}, which was good until {until} only: renew \
        it.", path = path.display())]
    Expired {
        /// The file of the certificate.
        path: PathBuf,
        /// Its last moment.
        until: Timestamp,
    },
    /// The certificate is not valid yet.
    #[error("server.tls.certificate_file names {path}, which is not good before {from}: check the clock of this \
        machine, or wait.", path = path.display())]
    NotYetValid {
        /// The file of the certificate.
        path: PathBuf,
        /// Its first moment.
        from: Timestamp,
    },
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up.")]
    Library(#[source] RustlsError),
}

/// Encrypts connections. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    files: config::Tls,
    clock: Clock,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn open(files: &config::Tls, clock: Clock) -> Result<Self, TlsError> {
        let pair = Pair::read(files)?;
        let key = pair.certified_key(files, clock.now())?;
        let current = Arc::new(Current(RwLock::new((Arc::new(key), pair.fingerprint()))));
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Library)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(server)), current, files: files.clone(), clock })
    }

    /// The server side of a handshake. It has no time limit: the caller sets one.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// Checks the files forever. A new certificate is used for new connections; one that cannot be used is logged once,
    /// and the old one stays in use. Both are in the audit.
    pub async fn watch_files(self, every: Duration, store: Store) {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refused = None;
        loop {
            tick.tick().await;
            let this = self.clone();
            let reloaded = tokio::task::spawn_blocking(move || this.reload()).await;
            let error = match reloaded {
                Ok(Ok(is_new)) => {
                    if is_new {
                        tracing::info!("certificate reloaded for new connections");
                        audit(&store, None).await;
                    }
                    None
                }
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => continue,
            };
            if let Some(why) = error.as_ref().filter(|why| refused.as_ref() != Some(*why)) {
                tracing::warn!(why, "new certificate refused, the old one stays in use");
                audit(&store, Some(why.clone())).await;
            }
            refused = error;
        }
    }

    /// Takes the files' current contents into use. Whether they are new.
    fn reload(&self) -> Result<bool, TlsError> {
        let pair = Pair::read(&self.files)?;
        let fingerprint = pair.fingerprint();
        if self.current.0.read().1 == fingerprint {
            return Ok(false);
        }
        let key = pair.certified_key(&self.files, self.clock.now())?;
        *self.current.0.write() = (Arc::new(key), fingerprint);
        Ok(true)
    }
}

/// The certificate in use, and the fingerprint of its files.
struct Current(RwLock<(Arc<CertifiedKey>, [u8; 32])>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().0))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

/// The contents of both files.
struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pair {
    fn read(files: &config::Tls) -> Result<Self, TlsError> {
        let path = || files.certificate_file.clone();
        let certificate = std::fs::File::open(&files.certificate_file)
            .and_then(|file| {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut io::Read::take(file, LIMIT), &mut bytes).map(|_| bytes)
            })
            .map_err(|source| TlsError::Unreadable { path: path(), source })?;
        let key = private_file::read(&files.key_file, LIMIT)
            .map_err(|unfit| TlsError::UnfitKey { path: files.key_file.clone(), unfit })?;
        Ok(Self { certificate, key })
    }

    fn fingerprint(&self) -> [u8; 32] {
        Sha256::new().chain_update(Sha256::digest(&self.certificate)).chain_update(&self.key).finalize().into()
    }

    /// The certificate with its key, if it is valid now.
    fn certified_key(&self, files: &config::Tls, now: Timestamp) -> Result<CertifiedKey, TlsError> {
        let path = || files.certificate_file.clone();
        let no_certificate = || TlsError::NoCertificate { path: path() };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(no_certificate)?;
        check_dates(&chain, now).map_err(|error| match error {
            CertificateError::ExpiredContext { not_after, .. } => {
                TlsError::Expired { path: path(), until: timestamp(not_after) }
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                TlsError::NotYetValid { path: path(), from: timestamp(not_before) }
            }
            _ => no_certificate(),
        })?;
        let no_key = |_| TlsError::NoKey { path: files.key_file.clone() };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(no_key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            RustlsError::InconsistentKeys(_) => TlsError::KeyMismatch { path: files.key_file.clone() },
            RustlsError::InvalidCertificate(_) => no_certificate(),
            _ => TlsError::NoKey { path: files.key_file.clone() },
        })
    }
}

/// Checks a certificate's form and dates as clients will. Trust and the host name are the clients' own affair.
fn check_dates(chain: &[CertificateDer<'static>], now: Timestamp) -> Result<(), CertificateError> {
    let (Some(own), Some(last)) = (chain.first(), chain.last()) else { return Err(CertificateError::BadEncoding) };
    let mut roots = RootCertStore::empty();
    roots.add(last.clone()).map_err(|_| CertificateError::BadEncoding)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|_| CertificateError::BadEncoding)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let name = ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
    match verifier.verify_server_cert(own, &chain[1..], &name, &[], now) {
        Err(RustlsError::InvalidCertificate(
            error @ (CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYetContext { .. }
            | CertificateError::BadEncoding),
        )) => Err(error),
        _ => Ok(()),
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(crypto::aws_lc_rs::default_provider())
}

/// Writes to the audit that a new certificate is in use, or why it was refused.
async fn audit(store: &Store, refused: Option<String>) {
    let (actor, what, entity) = (Actor::system(), "config.certificate", "certificate".to_owned());
    let written = match refused {
        None => store.audit().record(&actor, what, &entity, json!({})).await,
        Some(why) => {
            let entry = NewAuditEntry { actor, action: what, target: entity, before: json!({}), after: json!({}) };
            store.audit().record_refused(entry, why).await
        }
    };
    if let Err(error) = written {
        tracing::error!(error = %error, "certificate change could not be written to the audit");
    }
}

#[cfg(test)]
mod tests;
