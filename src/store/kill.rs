//! A real process, under a disk that fails and a kernel that kills: what it had acknowledged must be there.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;
use crate::domain::SourceName::Goodays;

/// Where the process under test keeps its data.
const DIRECTORY: &str = "CALLBOARD_TEST_STORE_KILL";

#[tokio::test]
#[ignore = "not a test by itself: the process that the tests below run and kill"]
async fn the_process_under_test() {
    let dir = std::env::var(DIRECTORY).expect("the directory, from the test that runs this");
    let store = Store::open(Path::new(&dir), Clock::system()).expect("a store");
    for round in 0..50 {
        let bodies: Vec<String> = (0..4).map(|copy| format!("{round}-{copy}")).collect();
        let answers = join_all(
            bodies
                .iter()
                .map(|body| store.accept(Arrival { source: Goodays, body: body.clone().into(), headers: Vec::new() })),
        );
        for (body, answer) in bodies.iter().zip(answers.await) {
            match answer {
                Ok(accepted) => println!("\nacknowledged {} {body}", accepted.seq),
                Err(error) => println!("\nrefused {error}"),
            }
        }
    }
}

/// What the process said before its end.
struct Told {
    acknowledged: Vec<(u64, String)>,
    refused: usize,
    end: ExitStatus,
}

/// Runs the process under `strace` with a fault at some system call, then looks whether all it acknowledged is there.
async fn run_with(fault: &str) -> Told {
    let dir = TempDir::new().expect("a directory");
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,pwrite64", "-e", fault])
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--ignored", "--exact", "store::kill::the_process_under_test", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace runs; on Debian: apt-get install strace");
    let mut told = Told { acknowledged: Vec::new(), refused: 0, end: ExitStatus::default() };
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok) {
        told.refused += usize::from(line.starts_with("refused "));
        if let Some((seq, body)) = line.strip_prefix("acknowledged ").and_then(|rest| rest.split_once(' ')) {
            told.acknowledged.push((seq.parse().expect("a number"), body.to_owned()));
        }
    }
    told.end = child.wait().expect("it ended");

    let store = Store::open(dir.path(), Clock::system()).expect("it opens afterwards");
    let kept = store.arrivals_after(Goodays, 0, 10_000).await.expect("read");
    for (seq, body) in &told.acknowledged {
        let found = kept.iter().any(|event| event.seq == *seq && event.body == body.as_bytes());
        assert!(found, "acknowledged event {body} was lost by {fault}");
    }
    let verdict = store.write(|connection| database::setting(connection, "integrity_check")).await;
    assert_eq!(verdict.expect("checked"), "ok", "after {fault}");
    told
}

#[tokio::test]
async fn every_acknowledged_event_survives_a_kill_at_any_sync() {
    let mut acknowledged = 0;
    // The first seven are those of the opening; after them every commit has one.
    for sync in [1, 3, 6, 7, 8, 9, 10, 13, 21, 34, 45] {
        let told = run_with(&format!("inject=fsync,fdatasync:signal=SIGKILL:when={sync}")).await;
        assert!(!told.end.success(), "the process was not killed at sync {sync}");
        acknowledged += told.acknowledged.len();
    }
    assert!(acknowledged > 50, "only {acknowledged} events were acknowledged: this has shown nothing");
}

#[tokio::test]
async fn a_failing_disk_is_never_called_a_success_and_the_store_goes_on_after_it() {
    for fault in [
        "inject=fsync,fdatasync:error=EIO:when=12",
        "inject=fsync,fdatasync:error=EIO:when=20..24",
        "inject=pwrite64:error=ENOSPC:when=100..110",
        "inject=pwrite64:error=EIO:when=150",
    ] {
        let told = run_with(fault).await;
        assert!(told.end.success() && told.refused > 0, "{fault}: {} refused", told.refused);
        assert_eq!(told.acknowledged.last().map(|(_, body)| body.as_str()), Some("49-3"), "{fault}");
    }
}
