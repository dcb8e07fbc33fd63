use std::path::Path;

use axum::Router;
use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::web::serve::{Limits, serve};
use base::{Lifecycle, Metrics};

/// A certificate authority, and the folder with the server's certificate and key.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of these tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, folder: TempDir::new().unwrap() }
    }

    fn files(&self) -> config::Tls {
        let at = |name| self.folder.path().join(name);
        config::Tls { certificate_file: at("cert.pem"), key_file: at("key.pem") }
    }

    /// Writes a certificate for localhost with this serial number, and its key.
    fn issue(&self, years: (i32, i32), serial: u64) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params.serial_number = Some(serial.into());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = self.files();
        write(&files.key_file, &key.serialize_pem(), 0o600);
        write(&files.certificate_file, &certificate.pem(), 0o644);
    }

    /// A client that trusts this authority. A new one each time, because an old one would resume its TLS session.
    fn new_client(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.issuer.pem().as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).tls_info(true).build().unwrap()
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    // Renamed into place, as renewal tools do.
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&draft, path).unwrap();
}

fn clock() -> Clock {
    Clock::manual("2026-11-21T09:00:00Z".parse().unwrap())
}

struct Server {
    port: u16,
    life: Lifecycle,
    metrics: Metrics,
    store: Store,
    _data: TempDir,
}

impl Server {
    async fn open(authority: &Authority, limits: Limits) -> Self {
        let tls = Tls::open(&authority.files(), clock()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (life, metrics) = (Lifecycle::new(), Metrics::new(clock()));
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let data = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let store = Store::open(data.path(), clock()).unwrap();
        life.spawn_service(tls.clone().watch_files(Duration::from_millis(20), store.clone()));
        let app = Router::new().route("/", get(|| async { "hello" }));
        life.spawn(serve(listener, Some(tls), app, limits, metrics.clone(), life.clone()));
        Self { port, life, metrics, store, _data: data }
    }

    /// The answer's text and the certificate that the server showed.
    async fn ask(&self, client: &reqwest::Client) -> Result<(String, Vec<u8>), reqwest::Error> {
        let answer = client.get(format!("https://localhost:{}/", self.port)).send().await?;
        assert_eq!(answer.version(), reqwest::Version::HTTP_11);
        let shown = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap().peer_certificate().unwrap().to_vec();
        Ok((answer.text().await?, shown))
    }

    async fn counted(&self, result: &str) {
        let line = format!("callboard_connections_total{{result=\"{result}\"}} 1");
        soon(async {
            while !self.metrics.render().contains(&line) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

async fn soon<T>(event: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), event).await.expect("it happens in time")
}

#[tokio::test]
async fn renewed_certificate_is_used_and_a_broken_one_is_not() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let server = Server::open(&authority, Limits::default()).await;
    let (text, first) = server.ask(&authority.new_client()).await.unwrap();
    assert_eq!(text, "hello");
    assert!(server.ask(&reqwest::Client::builder().build().unwrap()).await.is_err(), "no other client trusts it");

    authority.issue((2020, 2090), 2);
    let second = soon(async {
        loop {
            let (_, shown) = server.ask(&authority.new_client()).await.unwrap();
            if shown != first {
                break shown;
            }
        }
    })
    .await;

    for spoil in ["not a certificate", ""] {
        write(&authority.files().certificate_file, spoil, 0o644);
        assert!(Tls::open(&authority.files(), clock()).is_err());
    }
    authority.issue((2020, 2021), 3);
    assert!(Tls::open(&authority.files(), clock()).is_err());
    assert_eq!(server.ask(&authority.new_client()).await.unwrap().1, second, "the old one stays in use");
    // The next valid one is used again.
    authority.issue((2020, 2090), 4);
    soon(async { while server.ask(&authority.new_client()).await.unwrap().1 == second {} }).await;
    soon(async {
        loop {
            let entries = server.store.audit().newest(99).await.unwrap();
            let used = entries.iter().filter(|entry| entry.ended.as_ref().unwrap().outcome == "accepted").count();
            assert!(entries.iter().all(|entry| entry.action == "config.certificate"), "{entries:?}");
            if used == 2 {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(server.life.shut_down(Duration::from_secs(30)).await);
}

#[test]
fn reload_refuses_an_expired_certificate() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let tls = Tls::open(&authority.files(), clock()).unwrap();
    let fingerprint = |tls: &Tls| tls.current.0.read().1;
    let first = fingerprint(&tls);
    assert!(!tls.reload().unwrap(), "nothing new");
    authority.issue((2020, 2021), 2);
    assert!(matches!(tls.reload(), Err(TlsError::Expired { .. })));
    assert_eq!(fingerprint(&tls), first);
    authority.issue((2020, 2090), 3);
    assert!(tls.reload().unwrap());
    assert_ne!(fingerprint(&tls), first);
}

#[test]
fn unusable_files_are_explained_in_a_sentence() {
    let authority = Authority::new();
    let files = authority.files();
    let shown = |path: &Path| path.display().to_string();
    let (certificate, key) = (shown(&files.certificate_file), shown(&files.key_file));
    let error = || Tls::open(&files, clock()).unwrap_err().to_string();

    assert_eq!(
        error(),
        format!(
            "server.tls.certificate_file names {certificate}, which cannot be read: make it a file that this user may \
                read."
        )
    );
    authority.issue((2020, 2021), 1);
    assert_eq!(
        error(),
        format!(
            "server.tls.certificate_file names {certificate}, which was good until 2021-01-01T00:00:00Z only: renew it."
        )
    );
    authority.issue((2030, 2031), 1);
    assert!(error().contains("is not good before 2030-01-01T00:00:00Z: check the clock"), "{}", error());
    authority.issue((2020, 2090), 1);
    assert!(Tls::open(&files, clock()).is_ok());

    write(&files.key_file, &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    assert!(error().contains("is not the key of the certificate"), "{}", error());
    write(&files.key_file, "garbage", 0o600);
    assert!(error().contains("holds no private key in PEM"), "{}", error());
    write(&files.key_file, "garbage", 0o644);
    assert_eq!(
        error(),
        format!(
            "server.tls.key_file names {key}, which cannot be used: every user of this machine can reach it: run \
                chmod 600 on it."
        )
    );
    let mangled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for garbage in ["", "garbage", mangled] {
        write(&files.certificate_file, garbage, 0o644);
        write(&files.key_file, "garbage", 0o600);
        assert!(error().contains("holds no certificate in PEM"), "{}", error());
    }
}

#[tokio::test]
async fn stalled_handshake_times_out_and_delays_no_other_client() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let server = Server::open(&authority, Limits { handshake: Duration::from_millis(200), ..Limits::default() }).await;
    let mut stalled = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    stalled.write_all(&[TLS_RECORD, 3, 1]).await.unwrap();
    assert_eq!(soon(server.ask(&authority.new_client())).await.unwrap().0, "hello");
    assert_eq!(soon(stalled.read(&mut [0; 8])).await.unwrap_or(0), 0);
    server.counted("slow").await;
    assert!(server.life.shut_down(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn plain_http_is_answered_with_a_hint_to_https() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let server = Server::open(&authority, Limits::default()).await;
    let answer = soon(reqwest::get(format!("http://127.0.0.1:{}/", server.port))).await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("begin it with https://"));
    server.counted("no_tls").await;
}

/// What a client of TLS sends first.
const TLS_RECORD: u8 = 22;
