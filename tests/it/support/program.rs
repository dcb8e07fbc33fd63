//! The program itself, in a process of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use url::Url;

use super::server::TIMEOUT;

/// The program, to be given arguments.
pub fn callboard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Writes a configuration and says where.
pub fn write(folder: &TempDir, text: &str) -> String {
    let path = folder.path().join("callboard.toml");
    write_to(&path, text);
    path.to_str().expect("a plain path").to_owned()
}

/// Writes a configuration that may hold secrets.
pub fn write_to(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

/// A server that can be killed.
pub struct ServerProcess {
    pub base: Url,
    pub process: Child,
    /// Kept open, because the program would fail to write into a closed pipe.
    _says: Lines<BufReader<ChildStdout>>,
}

impl ServerProcess {
    /// Serves on a free port, with these sections and with what earlier ones have left in the folder.
    pub async fn start(folder: &TempDir, sections: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let data = folder.path().join("data");
        let server = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"{}\"\n[access]\nsign_in = \"none\"\n",
            data.display()
        );
        let path = write(folder, &(server + sections));
        let mut process = callboard()
            .args(["serve", "--config", &path])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        timeout(TIMEOUT, lines.next_line()).await.expect("a line in time").expect("text").expect("it serves");
        Self { base: format!("http://127.0.0.1:{port}").parse().expect("an address"), process, _says: lines }
    }

    /// Ends it as the kernel would.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("it ends");
    }

    /// Sends it a signal, such as `-STOP`.
    pub async fn signal(&self, name: &str) {
        let id = self.process.id().expect("it runs").to_string();
        assert!(Command::new("kill").args([name, &id]).status().await.expect("kill runs").success());
    }
}
