//! A TLS server with a certificate of any dates and name, by Debian's openssl.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::server::TIMEOUT;

/// The server. Dropping it ends it.
pub struct Tls {
    pub port: u16,
    folder: TempDir,
    _server: Child,
}

impl Tls {
    /// A server whose certificate names `host` and is good between two dates such as `20200101000000Z`.
    pub async fn start(host: &str, from: &str, until: &str) -> Self {
        let folder = TempDir::new().expect("a directory");
        let at = folder.path();
        let settings = format!(
            "[ca]\ndefault_ca = this\n[this]\ndatabase = {0}/index\nnew_certs_dir = {0}\nrand_serial = yes\n\
             default_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n[req]\ndistinguished_name = name\n\
             prompt = no\n[name]\nCN = {host}\n[more]\nsubjectAltName = DNS:{host}\nbasicConstraints = critical, \
                 CA:FALSE\n",
            at.display()
        );
        std::fs::write(at.join("ca.cnf"), settings).expect("a file");
        std::fs::write(at.join("index"), "").expect("a file");
        run(at, "req -new -newkey rsa:2048 -nodes -config ca.cnf -keyout key.pem -out request.pem").await;
        let dates = format!("-startdate {from} -enddate {until}");
        let files = "-keyfile key.pem -in request.pem -out cert.pem";
        run(at, &format!("ca -batch -selfsign -config ca.cnf {files} {dates} -extensions more -notext")).await;
        let mut server = openssl(at, "s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -www");
        let mut server = server.stdout(Stdio::piped()).spawn().expect("openssl is installed");
        let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
        let told = async {
            while let Some(line) = lines.next_line().await.expect("openssl writes text") {
                if let Some(port) = line.strip_prefix("ACCEPT 127.0.0.1:") {
                    return port.trim().parse().expect("a port");
                }
            }
            panic!("openssl ended before it served");
        };
        let port = timeout(TIMEOUT, told).await.expect("openssl serves in time");
        // Whoever writes into a full pipe stands still.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { port, folder, _server: server }
    }

    /// The certificate, for clients that trust it.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

async fn run(folder: &Path, arguments: &str) {
    let output = timeout(TIMEOUT, openssl(folder, arguments).output()).await.expect("an end in time");
    let output = output.expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn openssl(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
