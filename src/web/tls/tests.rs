use std::path::Path;

use axum::Router;
use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use base::{Lifecycle, Metrics};
use crate::web::serve::{Limits, serve};

/// Somebody whom clients trust, and the folder with what they signed.
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

    /// Writes a pair that is good for localhost, and tells it apart by its serial number.
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

    /// A client that trusts this authority, and has not been here before: whoever comes back resumes what was agreed.
    fn newcomer(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.issuer.pem().as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).tls_info(true).build().unwrap()
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    // Put there whole, as tools that renew do.
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&draft, path).unwrap();
}

fn clock() -> Clock {
    Clock::manual("2026-11-21T09:00:00Z".parse().unwrap())
}

struct House {
    port: u16,
    life: Lifecycle,
    metrics: Metrics,
    store: Store,
    _data: TempDir,
}

impl House {
    async fn open(authority: &Authority, limits: Limits) -> Self {
        let tls = Tls::open(&authority.files(), clock()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (life, metrics) = (Lifecycle::new(), Metrics::new(clock()));
        let data = TempDir::new().unwrap();
        let store = Store::open(data.path(), clock()).unwrap();
        life.spawn_service(tls.clone().watch_files(Duration::from_millis(20), store.clone()));
        let app = Router::new().route("/", get(|| async { "hello" }));
        life.spawn(serve(listener, Some(tls), app, limits, metrics.clone(), life.clone()));
        Self { port, life, metrics, store, _data: data }
    }

    /// What a client got, and the certificate by which.
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
async fn a_renewed_certificate_counts_for_new_connections_and_a_broken_one_for_none() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let house = House::open(&authority, Limits::default()).await;
    let (text, first) = house.ask(&authority.newcomer()).await.unwrap();
    assert_eq!(text, "hello");
    assert!(house.ask(&reqwest::Client::builder().build().unwrap()).await.is_err(), "nobody else trusts it");

    authority.issue((2020, 2090), 2);
    let second = soon(async {
        loop {
            let (_, shown) = house.ask(&authority.newcomer()).await.unwrap();
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
    assert_eq!(house.ask(&authority.newcomer()).await.unwrap().1, second, "the old one goes on");
    // And the next good one is taken again.
    authority.issue((2020, 2090), 4);
    soon(async { while house.ask(&authority.newcomer()).await.unwrap().1 == second {} }).await;
    soon(async {
        loop {
            let entries = house.store.audit().newest(99).await.unwrap();
            let used = entries.iter().filter(|entry| entry.ended.as_ref().unwrap().outcome == "accepted").count();
            assert!(entries.iter().all(|entry| entry.action == "config.certificate"), "{entries:?}");
            if used == 2 {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(house.life.shut_down(Duration::from_secs(30)).await);
}

#[test]
fn what_is_looked_at_again_is_refused_without_being_shown() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let tls = Tls::open(&authority.files(), clock()).unwrap();
    let shown = |tls: &Tls| tls.shown.0.read().unwrap().1;
    let first = shown(&tls);
    assert!(!tls.look().unwrap(), "nothing new");
    authority.issue((2020, 2021), 2);
    assert!(matches!(tls.look(), Err(TlsError::Expired { .. })));
    assert_eq!(shown(&tls), first);
    authority.issue((2020, 2090), 3);
    assert!(tls.look().unwrap());
    assert_ne!(shown(&tls), first);
}

#[test]
fn what_cannot_be_used_is_told_in_a_sentence() {
    let authority = Authority::new();
    let files = authority.files();
    let shown = |path: &Path| path.display().to_string();
    let (certificate, key) = (shown(&files.certificate_file), shown(&files.key_file));
    let complaint = || Tls::open(&files, clock()).unwrap_err().to_string();

    assert_eq!(
        complaint(),
        format!(
            "server.tls.certificate_file names {certificate}, which cannot be read: make it a file that this user may read."
        )
    );
    authority.issue((2020, 2021), 1);
    assert_eq!(
        complaint(),
        format!(
            "server.tls.certificate_file names {certificate}, which was good until 2021-01-01T00:00:00Z only: renew it."
        )
    );
    authority.issue((2030, 2031), 1);
    assert!(complaint().contains("is not good before 2030-01-01T00:00:00Z: check the clock"), "{}", complaint());
    authority.issue((2020, 2090), 1);
    assert!(Tls::open(&files, clock()).is_ok());

    write(&files.key_file, &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    assert!(complaint().contains("is not the key of the certificate"), "{}", complaint());
    write(&files.key_file, "garbage", 0o600);
    assert!(complaint().contains("holds no private key in PEM"), "{}", complaint());
    write(&files.key_file, "garbage", 0o644);
    assert_eq!(
        complaint(),
        format!(
            "server.tls.key_file names {key}, which cannot be used: every user of this machine can reach it: run chmod 600 on it."
        )
    );
    let mangled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for garbage in ["", "garbage", mangled] {
        write(&files.certificate_file, garbage, 0o644);
        write(&files.key_file, "garbage", 0o600);
        assert!(complaint().contains("holds no certificate in PEM"), "{}", complaint());
    }
}

#[tokio::test]
async fn who_does_not_get_on_with_the_handshake_is_shown_out_and_holds_up_nobody() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let house = House::open(&authority, Limits { handshake: Duration::from_millis(200), ..Limits::default() }).await;
    let mut dawdler = TcpStream::connect(("127.0.0.1", house.port)).await.unwrap();
    dawdler.write_all(&[TLS_RECORD, 3, 1]).await.unwrap();
    assert_eq!(soon(house.ask(&authority.newcomer())).await.unwrap().0, "hello");
    assert_eq!(soon(dawdler.read(&mut [0; 8])).await.unwrap_or(0), 0);
    house.counted("slow").await;
    assert!(house.life.shut_down(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn who_types_http_is_told_to_type_https() {
    let authority = Authority::new();
    authority.issue((2020, 2090), 1);
    let house = House::open(&authority, Limits::default()).await;
    let answer = soon(reqwest::get(format!("http://127.0.0.1:{}/", house.port))).await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("begin it with https://"));
    house.counted("no_tls").await;
}

/// What a client of TLS sends first.
const TLS_RECORD: u8 = 22;
