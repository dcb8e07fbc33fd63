//! TLS of our own server, as configured in the TOML file.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::server::TIMEOUT;

fn serve(config: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.args(["serve", "--config", config]).kill_on_drop(true).stdin(Stdio::null());
    command
}

#[tokio::test]
async fn certificate_enables_https_and_a_bad_one_is_explained() {
    let folder = TempDir::new().expect("a directory");
    let at = |name: &str| folder.path().join(name);
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(at("cert.pem"), cert.pem()).expect("a file");
    std::fs::write(at("key.pem"), signing_key.serialize_pem()).expect("a file");
    std::fs::set_permissions(at("key.pem"), std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"https://localhost:{port}\"\ndata_dir = \"{}\"\n\
         tls = {{ certificate_file = \"cert.pem\", key_file = \"key.pem\" }}\n",
        at("data").display()
    );
    std::fs::write(at("callboard.toml"), text).expect("a file");
    let config = at("callboard.toml").display().to_string();

    let mut server = serve(&config).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.expect("a line in time").expect("text").expect("it serves");
    assert!(line.contains(&format!("https://localhost:{port}/")), "{line}");
    let root = reqwest::Certificate::from_pem(cert.pem().as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder().tls_certs_only([root]).build().expect("a client");
    let page = client.get(format!("https://localhost:{port}/login")).send().await.expect("a page");
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
    server.kill().await.expect("it ends");

    std::fs::write(at("cert.pem"), "garbage").expect("a file");
    let output = timeout(TIMEOUT, serve(&config).output()).await.expect("an end in time").expect("the program runs");
    let complaint = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), complaint.trim_end().lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.contains("which holds no certificate in PEM"), "{complaint}");
}
