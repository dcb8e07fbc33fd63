//! The real program on a full or failing disk: no 2xx for an event that is not on disk, pages all the while, and
//! recovery without a restart.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use base::Secret;
use base::hmac::Tag;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

use crate::support::server::TIMEOUT;
use crate::support::viewer::Viewer;

/// The program, served from a directory, perhaps with a fault under it.
struct Program {
    child: Child,
    base: Url,
    http: reqwest::Client,
}

impl Program {
    async fn start(data: &Path, fault: Option<&str>) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let config = data.with_extension("toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"{}\"\n[access]\nsign_in \
                = \"none\"\n[store]\nbackups_kept = 0\nmin_free = \"4MB\"\n\
             [goodays]\napi_root = \"http://127.0.0.1:9/v2\"\napi_token = \"t\"\nhmac_secrets = [\"agreed\"]\n",
            data.display()
        );
        crate::support::program::write_to(&config, &text);
        let program = env!("CARGO_BIN_EXE_callboard");
        let mut command = match fault {
            None => Command::new(program),
            Some(fault) => {
                let mut command = Command::new("strace");
                // As a grandchild, so that the program itself is our child, to be killed and waited for.
                command.args(["-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"]);
                command.args(["-e", "trace=fsync,fdatasync,pwrite64", "-e", fault, program]);
                command
            }
        };
        let mut child = command
            .args(["serve", "--config", config.to_str().expect("a plain path")])
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        timeout(TIMEOUT, lines.next_line()).await.expect("a line in time").expect("text").expect("it serves");
        let http = reqwest::Client::builder().build().expect("a client");
        Self { child, base: format!("http://127.0.0.1:{port}").parse().expect("an address"), http }
    }

    /// Sends an event. `None` without an answer.
    async fn send(&self, id: &str) -> Option<(StatusCode, Option<u64>)> {
        let body = json!({"event_type": "response", "response": {"id": id}}).to_string();
        let signature = Tag::sign(&Secret::from("agreed"), body.as_bytes()).to_string();
        let address = self.base.join("/webhooks/goodays").expect("an address");
        let answer = self.http.post(address).header("X-HMAC-SHA256", signature).body(body).send().await.ok()?;
        let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        Some((answer.status(), wait))
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.base.join(path).expect("an address")).send().await.expect("an answer")
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    async fn ended(mut self) -> ExitStatus {
        timeout(TIMEOUT, self.child.wait()).await.expect("an end in time").expect("an exit code")
    }

    /// Waits until all of these are on the page.
    async fn shows(&self, ids: &[String]) {
        let mut viewer = Viewer::connect(&self.base, "feedback", None).await;
        viewer.until("what was acknowledged", |state| ids.iter().all(|id| state["feedback"].get(id).is_some())).await;
    }
}

/// Sends events until one is refused and then one is taken again; what was acknowledged is there in the next life.
async fn through_a_fault(fault: &str) {
    let folder = TempDir::new().expect("a directory");
    let data = folder.path().join("data");
    let program = Program::start(&data, Some(fault)).await;
    let (mut taken, mut refused) = (Vec::new(), 0);
    for number in 0..400 {
        let id = format!("event-{number}");
        match program.send(&id).await.expect("an answer") {
            (StatusCode::NO_CONTENT, _) => taken.push(id),
            (StatusCode::SERVICE_UNAVAILABLE, Some(_)) => refused += 1,
            other => panic!("{fault}: {other:?}"),
        }
        if refused > 0 && taken.last() == Some(&format!("event-{number}")) && number > 60 {
            break;
        }
        assert_eq!(program.get("/feedback").await.status(), 200, "pages are there all the while");
    }
    assert!(refused > 0 && !taken.is_empty(), "{fault}: {refused} refused");
    program.shows(&taken).await;
    program.kill().await;
    // What was acknowledged is on the disk and not only in the memory of a process.
    Program::start(&data, None).await.shows(&taken).await;
}

#[tokio::test]
async fn failed_sync_answers_503_and_the_next_event_is_stored() {
    through_a_fault("inject=fsync,fdatasync:error=EIO:when=26..27").await;
}

#[tokio::test]
async fn full_disk_answers_503_until_space_is_free() {
    through_a_fault("inject=pwrite64:error=ENOSPC:when=300..310").await;
}

#[tokio::test]
async fn persistent_disk_failure_exits_nonzero_and_loses_nothing() {
    let folder = TempDir::new().expect("a directory");
    let data = folder.path().join("data");
    let program = Program::start(&data, Some("inject=fsync,fdatasync:error=EIO:when=25+")).await;
    let (mut taken, mut refused) = (Vec::new(), 0);
    for number in 0..400 {
        let id = format!("event-{number}");
        match program.send(&id).await {
            Some((StatusCode::NO_CONTENT, _)) => taken.push(id),
            Some((StatusCode::SERVICE_UNAVAILABLE, _)) => refused += 1,
            Some(other) => panic!("{other:?}"),
            None => break,
        }
    }
    assert!(!taken.is_empty() && refused > 0);
    let end = program.ended().await;
    assert_eq!(end.code(), Some(1), "whoever supervises it starts it again");
    Program::start(&data, None).await.shows(&taken).await;
}

/// A disk of a few megabytes, if this machine lets us mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    async fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m,mode=0700", "none"])
            .arg(&at)
            .stderr(Stdio::null())
            .status()
            .await;
        mounted.is_ok_and(|it| it.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the program that uses it may be on its way out.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn nearly_full_disk_refuses_events_and_recovers() {
    let folder = TempDir::new().expect("a directory");
    let Some(disk) = SmallDisk::mount(folder.path().join("data")).await else {
        // `store::tests` tries the same with a disk that only says so.
        println!("only root can mount a small disk: not tried here");
        return;
    };
    let program = Program::start(&disk.0, None).await;
    assert_eq!(program.send("before").await, Some((StatusCode::NO_CONTENT, None)));
    let ready = program.get("/readyz").await;
    assert_eq!(ready.status(), 200, "{}", ready.text().await.expect("a text"));

    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0; 9 << 20]).expect("room for this");
    assert_eq!(program.send("refused").await, Some((StatusCode::SERVICE_UNAVAILABLE, Some(60))));
    let ready = program.get("/readyz").await;
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.expect("JSON");
    assert!(ready["reason"].as_str().is_some_and(|why| why.contains("MB free and the store wants 4")), "{ready}");
    program.shows(&["before".to_owned()]).await;
    // And on the page, for people who read no `/readyz`.
    let mut status = Viewer::connect(&program.base, "status", None).await;
    status.until("the full disk", |state| state["server"]["disk"]["state"] == "down").await;
    let page = program.get("/status").await.text().await.expect("a page");
    for words in ["Disk full: new feedback is refused. ", "refuses new events"] {
        assert!(page.contains(words), "{words} is not in {page}");
    }

    std::fs::remove_file(&ballast).expect("removed");
    assert_eq!(program.send("refused").await, Some((StatusCode::NO_CONTENT, None)));
    assert_eq!(program.get("/readyz").await.status(), 200);
    status.until("room", |state| state["server"]["disk"]["state"] == "live").await;
    assert!(status.document["server"]["disk"].get("reason").is_none());
    program.shows(&["before".to_owned(), "refused".to_owned()]).await;
}
