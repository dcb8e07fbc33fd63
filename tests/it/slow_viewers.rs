//! A slow viewer gets fewer and larger patches of the current state; nothing queues up in the kernel, with and without
//! TLS, whether or not the viewer answers pings.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use callboard::config::Tls;
use callboard::domain::{Fact, Health, SourceName, SourceState};
use jiff::Timestamp;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::server::TestServer;
use crate::support::throttled::{ReadBudget, ThrottledStream};
use crate::support::viewer::Viewer;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A server, and how to speak to it.
struct Served {
    server: TestServer,
    tls: Option<TlsConnector>,
    _files: TempDir,
}

impl Served {
    async fn open(encrypted: bool) -> Self {
        let files = TempDir::new().expect("a directory");
        let pair = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let server = TestServer::standalone(|config| {
            if encrypted {
                config.server.tls = Some(written(&files, &pair));
            }
        });
        let server = server.await;
        let tls = encrypted.then(|| trusting(pair.cert.der().clone()));
        Self { server, tls, _files: files }
    }

    async fn viewer(&self, small: bool) -> (Viewer<Box<dyn Stream>>, ReadBudget, u16) {
        let (slow, allowance) = ThrottledStream::connect(self.server.application.address, small).await;
        allowance.allow(usize::MAX);
        let port = slow.port();
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(slow),
            Some(tls) => {
                let name = ServerName::try_from("localhost").expect("a name");
                Box::new(tls.connect(name, slow).await.expect("a handshake"))
            }
        };
        let address = format!("ws://{}/api/v1/live?scope=status", self.server.application.address);
        let (socket, _) = tokio_tungstenite::client_async(address, stream).await.expect("an open socket");
        (Viewer::on(socket, None), allowance, port)
    }

    /// Something changes, and those who read fast have it.
    async fn change(&self, word: &str, neighbor: &mut Viewer<Box<dyn Stream>>) {
        let at: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
        let mut health = Health::new(SourceState::Live, at);
        health.reason = Some(word.into());
        self.server.application.gold.apply(Fact::Source(SourceName::Clarity, health)).await;
        neighbor.until("the change", |state| says(state, word)).await;
    }

    /// How many bytes the server's kernel holds for a client.
    fn unsent(&self, port: u16) -> u64 {
        let ends = [self.server.application.address.port(), port].map(|port| format!("{port:04X}"));
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux tells");
        let of = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let are_ours = (1..=2).all(|end| fields[end].ends_with(&format!(":{}", ends[end - 1])));
            are_ours.then(|| fields[4][..8].to_owned())
        };
        let queue = table.lines().skip(1).find_map(of).expect("the connection is there");
        u64::from_str_radix(&queue, 16).expect("a number")
    }
}

fn says(state: &Value, word: &str) -> bool {
    state["sources"]["clarity"]["reason"] == word
}

fn written(files: &TempDir, CertifiedKey { cert, signing_key }: &CertifiedKey<rcgen::KeyPair>) -> Tls {
    let at = |name: &str| files.path().join(name);
    std::fs::write(at("cert.pem"), cert.pem()).expect("a file");
    std::fs::write(at("key.pem"), signing_key.serialize_pem()).expect("a file");
    std::fs::set_permissions(at("key.pem"), std::fs::Permissions::from_mode(0o600)).expect("a mode");
    Tls { certificate_file: at("cert.pem"), key_file: at("key.pem") }
}

fn trusting(certificate: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

#[tokio::test]
async fn slow_viewer_gets_fewer_patches_and_recent_data() {
    // One that never answers a ping may have as much more unread as its own kernel holds.
    for (encrypted, answers, bound) in [(false, true, 30), (true, true, 30), (false, false, 100)] {
        let what = format!("encrypted: {encrypted}, answers pings: {answers}");
        let served = Served::open(encrypted).await;
        let (mut neighbor, everything, _) = served.viewer(false).await;
        everything.allow(usize::MAX);
        let (mut slow, allowance, _) = served.viewer(true).await;
        if !answers {
            allowance.mute();
        }
        while slow.step().await.expect("a frame") != "beat" {}
        allowance.stop();

        // A patch has about 200 bytes, and the viewer reads 40 while it is made.
        let (rounds, mut worst) = (200, 0);
        for round in 0..rounds {
            served.change(&format!("{round:0>120}"), &mut neighbor).await;
            allowance.allow(40);
            loop {
                tokio::select! {
                    biased;
                    step = slow.step() => {
                        step.unwrap_or_else(|end| panic!("{what}: a viewer that reads was cut in round {round}: \
                            {end:?}"));
                        worst = worst.max(neighbor.version - slow.version);
                    }
                    () = allowance.spent() => break,
                }
            }
        }
        assert!(worst < bound, "{what}: it held data {worst} versions old");
        assert!((5..80).contains(&slow.patches), "{what}: {} patches", slow.patches);
        allowance.allow(usize::MAX);
        slow.until("the last change", |state| says(state, &format!("{:0>120}", rounds - 1))).await;
        assert_eq!((slow.snapshots, &slow.document), (1, &neighbor.document), "{what}");
        served.server.stop().await;
    }
}

#[tokio::test]
async fn stalled_viewer_leaves_little_in_kernel_buffers() {
    for encrypted in [false, true] {
        let served = Served::open(encrypted).await;
        let (mut neighbor, everything, _) = served.viewer(false).await;
        everything.allow(usize::MAX);
        let (mut stuck, allowance, port) = served.viewer(true).await;
        while stuck.step().await.expect("a frame") != "beat" {}
        allowance.stop();
        for round in 0..40 {
            served.change(&format!("{round:0>20000}"), &mut neighbor).await;
        }
        let unsent = served.unsent(port);
        assert!(unsent <= 64 * 1024, "encrypted: {encrypted}: {unsent} bytes");
        allowance.allow(usize::MAX);
        stuck.until("the last change", |state| says(state, &format!("{:0>20000}", 39))).await;
        served.server.stop().await;
    }
}
